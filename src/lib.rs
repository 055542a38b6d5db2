//! How the domain and its views meet the world: stores, people, Cortex Cloud and databases.

pub mod clock;
pub mod cortex;
pub mod sandbox;
