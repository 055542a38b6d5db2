//! How webhooks are signed: those that stores send (`providers`) and those that subscribers get (`commerce`).
//!
//! One place for both, so that what is sent is verified by the code that would refuse it.

mod signature;
pub mod standard_webhooks;

pub use signature::{Code, Encoding, Scheme, SignatureRefusal, code, is_signed};
