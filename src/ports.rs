//! The services of others that this one calls, each in its own words.

mod address;
pub mod cortex;
pub mod mail;
pub mod outbound;
mod response;
pub mod stores;
