//! The one place where new ids are made.

use uuid::Uuid;

/// A new id; later ones sort after earlier ones, which keeps indexes compact.
#[expect(clippy::disallowed_methods, reason = "this is the edge at which ids come in")]
pub fn fresh() -> Uuid {
    Uuid::now_v7()
}
