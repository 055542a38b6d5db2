//! The one place where new ids are made.

use chrono::{DateTime, Utc};
use uuid::{NoContext, Timestamp, Uuid};

/// A new id; later ones sort after earlier ones, which keeps indexes compact.
#[expect(clippy::disallowed_methods, reason = "this is the edge at which ids come in")]
pub fn fresh() -> Uuid {
    Uuid::now_v7()
}

/// A new id that sorts by this moment, which can be read from it again.
pub fn fresh_at(moment: DateTime<Utc>) -> Uuid {
    let seconds = u64::try_from(moment.timestamp()).unwrap_or(0);
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, moment.timestamp_subsec_nanos()))
}
