//! Bundles: part of a log in one file, with what it takes to check it without the log. docs/audit.md describes the
//! format.

pub mod export;
mod line;
mod read;
mod stream;
pub mod verify;

pub use export::{Exported, Request, export};
pub use stream::StreamName;
pub use verify::{Bundle, Problem, verify_bundle};
