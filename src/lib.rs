//! How the domain and its views meet the world: stores, people, Cortex Cloud and databases.

pub mod clock;
pub mod cortex;
pub mod event_log;
pub mod metrics;
pub mod sandbox;
pub mod vault;
