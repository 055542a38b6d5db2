//! The services of others that this one calls, each in its own words.

mod address;
pub mod cortex;
mod response;
pub mod stores;
