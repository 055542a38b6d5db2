//! Where the wrapped data keys of streams lie: by the position of the stream's first event, so that fresh streams fill
//! one page after the other.

use cqrs_es::Aggregate;
use projections::database::Sql;
use sqlx::FromRow;

use super::stream::{LoadError, unreadable};
use super::{EventLog, seal};
use crate::vault::DataKey;

/// The wrapped data key of the stream of an event `e`, as a column. A look-up for each event and not a join: planned
/// while the log was small, Postgres would read the whole log for a join.
pub(super) const OF_EVENT: &str = "(SELECT k.wrapped FROM events b JOIN data_keys k ON k.stream = b.position \
     WHERE b.aggregate_type = e.aggregate_type AND b.aggregate_id = e.aggregate_id AND b.sequence = 1) AS wrapped";

/// The data key of one stream, wrapped; without its end, which names the stream's type and id.
const OF_STREAM: &str = "SELECT k.wrapped FROM events b JOIN data_keys k ON k.stream = b.position \
     WHERE b.sequence = 1 AND b.aggregate_type = ";

#[derive(FromRow)]
struct Wrapped {
    wrapped: Vec<u8>,
}

impl EventLog {
    /// The wrapped data key of a stream; nothing where nothing in it was private, or where it was erased.
    pub async fn wrapped_data_key(&self, aggregate_type: &str, id: &str) -> sqlx::Result<Option<Vec<u8>>> {
        let sql = Sql::new(OF_STREAM).bind(aggregate_type).push(" AND b.aggregate_id = ").bind(id);
        Ok(self.database.fetch_optional::<Wrapped>(sql).await?.map(|row| row.wrapped))
    }

    pub(super) fn unwrapped<A: Aggregate>(
        &self,
        id: &str,
        wrapped: Option<&[u8]>,
    ) -> Result<Option<DataKey>, LoadError> {
        let key = wrapped.map(|wrapped| self.vault.unwrap(&seal::place(A::TYPE, id), wrapped)).transpose();
        key.map_err(|error| unreadable(A::TYPE, id, 0, error))
    }
}
