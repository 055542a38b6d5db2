//! Why a process manager could not handle an event, and whether that is because of the event.

use crate::app::erasure::ErasureError;
use event_log::{CommandError, LoadError};

/// Why something could not be done. What it says may be kept and shown: it names streams, rules and codes of databases, and
/// nothing of what an event says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// A database is away, full or overloaded. It is waited for.
    #[error("a database cannot be reached: {0}")]
    Unavailable(String),
    /// What is needed of a view is not in it yet. It is waited for.
    #[error("a view is too far behind")]
    ViewBehind,
    /// Another server is away, or refuses at the moment. It is left alone for a while: the event is parked.
    #[error("{0}")]
    OfServer(String),
    /// The same try fails again where everything works: an event for which that is so is parked.
    #[error("{0}")]
    OfEvent(String),
}

impl From<&LoadError> for Failure {
    fn from(error: &LoadError) -> Self {
        match error {
            LoadError::Sql(error) => error.into(),
            LoadError::OtherLog { .. } => Self::Unavailable("it is another event log".to_owned()),
            // The reason may quote the event.
            LoadError::Unreadable { aggregate_type, aggregate_id, sequence, .. } => {
                Self::OfEvent(format!("event {sequence} of {aggregate_type}/{aggregate_id} cannot be read"))
            }
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        Self::from(&error)
    }
}

impl From<&sqlx::Error> for Failure {
    fn from(error: &sqlx::Error) -> Self {
        if let sqlx::Error::Database(refused) = error {
            let code = refused.code().unwrap_or_default();
            let said = format!("a statement was refused with code {code}");
            return if is_about_values(&code) { Self::OfEvent(said) } else { Self::Unavailable(said) };
        }
        if matches!(error, sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Encode(_)) {
            return Self::OfEvent("a row of a database cannot be read or written as it is".to_owned());
        }
        // In words of our own: what a database says may quote what was stored.
        let said = if matches!(error, sqlx::Error::PoolTimedOut) {
            "no connection was free in time"
        } else if matches!(error, sqlx::Error::Io(_)) {
            "the connection was lost, or nothing came back in time"
        } else {
            "it does not answer as it should"
        };
        Self::Unavailable(said.to_owned())
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::from(&error)
    }
}

/// Whether a code says that a value is the matter (Postgres: classes 22 and 23; SQLite: a constraint, a mismatch), rather
/// than the database, its disk or its tables.
fn is_about_values(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(number) if code.len() != 5 => matches!(number & 0xff, 19 | 20),
        Ok(_) | Err(_) => code.len() == 5 && (code.starts_with("22") || code.starts_with("23")),
    }
}

impl<E: std::error::Error> From<CommandError<E>> for Failure {
    fn from(error: CommandError<E>) -> Self {
        match error {
            CommandError::Refused(refusal) => Self::OfEvent(format!("a command was refused: {refusal}")),
            CommandError::Contended => Self::Unavailable("others change the same stream at the same moment".to_owned()),
            CommandError::Busy => Self::Unavailable("the event log has more to write than it may hold".to_owned()),
            CommandError::Unavailable(_) => Self::Unavailable("a command could not be stored".to_owned()),
            CommandError::Broken { stream, .. } => Self::OfEvent(format!("{stream} cannot be read")),
        }
    }
}

impl From<ErasureError> for Failure {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Sql(error) => error.into(),
            ErasureError::ViewsBehind => Self::ViewBehind,
            ErasureError::Log(error) => error.into(),
            ErasureError::Delivery(error) => error.into(),
            ErasureError::Notice(error) => error.into(),
            ErasureError::Publication(error) => error.into(),
            ErasureError::Operation(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_never_quotes_what_an_event_says() {
        let unreadable = LoadError::Unreadable {
            aggregate_type: "delivery".to_owned(),
            aggregate_id: "1".to_owned(),
            sequence: event_log::Sequence(2),
            reason: "invalid type: string \"vera@example.org\"".to_owned(),
        };
        let expected = Failure::OfEvent("event 2 of delivery/1 cannot be read".to_owned());
        assert_eq!(Failure::from(&unreadable), expected);
        let broken = CommandError::<std::fmt::Error>::from(unreadable);
        assert_eq!(Failure::from(broken), Failure::OfEvent("delivery/1 cannot be read".to_owned()));
    }

    #[test]
    fn a_value_is_distinguished_from_a_database_that_is_away() {
        for code in ["22021", "23505", "19", "2067", "20"] {
            assert!(is_about_values(code), "{code}");
        }
        for code in ["57P01", "53100", "42P01", "25006", "5", "10", "13", "8", "1", ""] {
            assert!(!is_about_values(code), "{code}");
        }
    }
}
