//! What the service calls: Cortex Cloud, and the stores' own APIs.

pub mod cortex;
