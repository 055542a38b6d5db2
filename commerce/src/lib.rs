//! What subscribers get: the payload of every commerce event, one schema for each, and how a notification is written and
//! signed.
//!
//! Nothing here does I/O. To add a type of event: its name and publisher in `domain::commerce::CommerceEventType`, its line in
//! `payload.rs`, its words in `description.rs`, its object in `profile/cloud_elements.rs`; the compiler names each of them.
//! Then `CLOUD_BRIDGE_UPDATE_EVENTS=1 cargo test -p cloud-bridge-commerce` writes its documents in `docs/events`.

mod check;
mod description;
mod event;
#[cfg(feature = "filter")]
mod filter;
pub mod payload;
mod personal;
pub mod profile;
pub mod reported;
mod schema;
mod secret;
mod text;

pub use check::{Invalid, MAX_DATA_BYTES, check};
pub use description::{Description, description};
pub use domain::commerce::{CommerceEventType, Currency, Money, Publisher};
pub use event::Event;
#[cfg(feature = "filter")]
pub use filter::{Filter, InvalidFilter};
pub use payload::Payload;
pub use personal::Personal;
pub use profile::{Attempt, CustomHeaders, Endpoint, Message, Profile, Raw, Request, SignatureRefusal, verify};
pub use schema::{sample, schema};
pub use secret::{InvalidSecret, Secret, Secrets};
pub use text::{Text, TextList};
