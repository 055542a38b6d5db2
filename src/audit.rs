//! Proof that the log is what it was: the chains of all streams, signed checkpoints over everything in order, and
//! bundles that others can check. The formats are described in docs/audit.md.

pub mod bundle;
mod chains;
pub mod checkpoint;
pub mod key;
pub mod merkle;
mod range;
pub mod signer;
pub mod verify;
mod walk;

pub use walk::Broken;
