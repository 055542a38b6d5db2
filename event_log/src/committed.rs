//! What a command led to, or why it led to nothing.

use cqrs_es::Aggregate;

use super::append::AppendError;
use super::stream::LoadError;
use crate::{Position, Sequence};

/// What a command led to.
#[derive(Clone, Debug)]
pub struct Committed<A: Aggregate> {
    /// The aggregate after it.
    pub aggregate: A,
    /// What happened; empty when there was nothing to do.
    pub events: Vec<A::Event>,
    /// Where the last event lies in the log, if anything happened.
    pub position: Option<Position>,
    pub sequence: Sequence,
}

#[derive(Debug, thiserror::Error)]
pub enum CommandError<E: std::error::Error> {
    /// A rule said no. Shown to the caller.
    #[error(transparent)]
    Refused(E),
    #[error("too many others change the same thing at the same moment")]
    Contended,
    #[error("the event log is busy")]
    Busy,
    #[error("the event log cannot be reached: {0}")]
    Unavailable(String),
    /// A stream cannot be read, or what was decided cannot be written as it is.
    #[error("{stream}: {reason}")]
    Broken { stream: String, reason: String },
}

impl<E: std::error::Error> From<AppendError> for CommandError<E> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict => Self::Contended,
            AppendError::Busy => Self::Busy,
            AppendError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

impl<E: std::error::Error> From<LoadError> for CommandError<E> {
    fn from(error: LoadError) -> Self {
        let reason = error.to_string();
        match error {
            LoadError::Sql(_) => Self::Unavailable(reason),
            LoadError::OtherLog { .. } => Self::Broken { stream: "the event log".to_owned(), reason },
            LoadError::Unreadable { aggregate_type, aggregate_id, .. } => {
                Self::Broken { stream: format!("{aggregate_type}/{aggregate_id}"), reason }
            }
        }
    }
}
