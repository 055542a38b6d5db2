//! What the sandboxes have in common: a server in memory whose calls can be counted, held, and made to fail on demand.
//!
//! A sandbox is a [`Server`] of its own [`Protocol`], with endpoints beside the control API that all of them have.

mod bearer_token;
mod control_api;
mod control_error;
mod fault;
mod hold;
mod operation;
mod server;
mod tally;

use std::fmt::Debug;
use std::io;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Serialize;
use serde::de::DeserializeOwned;
use strum::IntoEnumIterator;

pub(crate) use bearer_token::BearerToken;
pub use control_error::ControlError;
pub use fault::FaultScript;
pub use hold::{HoldPoint, HoldReport};
pub use operation::On;
pub(crate) use server::Interrupted;
pub use server::Server;
pub use tally::{CallCount, Stage};

/// What one sandbox has and another has not.
pub trait Protocol: Sized + 'static {
    /// The names by which calls are counted, held and made to fail.
    type Operation: Copy + Ord + Debug + IntoEnumIterator + Serialize + DeserializeOwned + Send + Sync;
    /// What can be made to go wrong.
    type Fault: Copy + Debug + Serialize + DeserializeOwned + Send + Sync;
    /// Everything there is in this sandbox.
    type World: Send;

    const MAX_BODY_BYTES: usize;

    /// How long a fault makes a call or its effect wait, if it says so.
    fn delay_ms(fault: Self::Fault) -> Option<u64>;
}

/// A body that fails before its first byte makes the server close the connection with nothing sent.
pub(crate) fn dropped_connection() -> Response {
    let failure = io::Error::new(io::ErrorKind::ConnectionAborted, "scripted");
    Body::from_stream(stream::once(std::future::ready(Err::<Bytes, _>(failure)))).into_response()
}
