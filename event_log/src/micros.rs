//! A moment as rows hold it.

use chrono::{DateTime, Utc};
use storage::Argument;

/// A moment in microseconds since 1970, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// After every moment.
    pub const MAX: Self = Self(i64::MAX);

    /// None for what lies outside of the calendar: no moment that was recorded does.
    pub fn moment(self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp_micros(self.0)
    }
}

impl From<DateTime<Utc>> for Micros {
    fn from(moment: DateTime<Utc>) -> Self {
        Self(moment.timestamp_micros())
    }
}

impl From<Micros> for Argument {
    fn from(micros: Micros) -> Self {
        micros.0.into()
    }
}
