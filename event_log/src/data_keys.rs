//! The data keys of streams, each found by its id: events name the key that sealed them. Ids rise with time, so that the
//! keys of fresh streams fill one page of the table after the other.

use std::collections::{HashMap, HashSet};

use sqlx::FromRow;
use storage::{Database, Sql};
use uuid::Uuid;

use super::EventLog;
use super::stream::{LoadError, unreadable};
use crate::vault::{CannotOpen, DataKey};
use crate::{Sequence, ids};

/// Keys that one statement asks for.
const KEYS_AT_A_TIME: usize = 500;

/// A data key as it is stored: sealed by the master key.
#[derive(Clone, Debug, FromRow)]
pub struct WrappedDataKey {
    pub id: Uuid,
    pub wrapped: Vec<u8>,
}

/// A data key and the id that events name it by.
#[derive(Clone, Debug)]
pub struct IdentifiedKey {
    pub id: Uuid,
    pub key: DataKey,
}

/// The data keys of some events. What was erased is not among them.
#[derive(Clone, Debug, Default)]
pub struct DataKeys(HashMap<Uuid, Result<DataKey, CannotOpen>>);

impl DataKeys {
    /// The key of this id; none where there is none, or it was erased.
    ///
    /// # Errors
    /// Where it was wrapped by a master key that is not here, or changed.
    pub fn get(&self, id: Option<Uuid>) -> Result<Option<&DataKey>, CannotOpen> {
        let found = id.and_then(|id| self.0.get(&id));
        found.map(|key| key.as_ref().map_err(|error| *error)).transpose()
    }

    pub(super) fn identified(&self, id: Option<Uuid>) -> Result<Option<IdentifiedKey>, CannotOpen> {
        Ok(self.get(id)?.zip(id).map(|(key, id)| IdentifiedKey { id, key: key.clone() }))
    }
}

/// The data key of an event, in the same statement: it is on its way once less.
pub(super) const WRAPPED_COLUMN: &str = "(SELECT wrapped FROM data_keys WHERE data_keys.id = data_key_id) AS wrapped";

/// What a data key is bound to, so that one cannot be put in the place of another.
pub fn associated_data(id: Uuid) -> String {
    format!("data key {id}")
}

impl EventLog {
    /// A new data key, with the form in which it is stored.
    pub(super) fn new_data_key(&self) -> (IdentifiedKey, WrappedDataKey) {
        let id = ids::fresh_at(self.clock.now());
        let (key, wrapped) = self.vault.new_data_key(&associated_data(id));
        (IdentifiedKey { id, key }, WrappedDataKey { id, wrapped })
    }

    /// What seals a stream's private values now. None where it has none, or they were erased.
    pub async fn data_key_of_stream(&self, aggregate_type: &str, id: &str) -> Result<Option<IdentifiedKey>, LoadError> {
        #[derive(FromRow)]
        struct KeyId {
            data_key_id: Uuid,
        }
        let sql = Sql::new("SELECT data_key_id FROM events WHERE aggregate_type = ")
            .bind(aggregate_type)
            .push(" AND aggregate_id = ")
            .bind(id)
            .push(" AND data_key_id IS NOT NULL ORDER BY sequence DESC LIMIT 1");
        let Some(KeyId { data_key_id }) = self.database.fetch_optional(sql).await? else { return Ok(None) };
        let keys = self.data_keys([data_key_id]).await?;
        let unwrapped = keys.identified(Some(data_key_id));
        unwrapped.map_err(|error| unreadable(aggregate_type, id, Sequence::START, error))
    }

    /// The data keys of these ids, as far as they were not erased.
    pub async fn data_keys(&self, ids: impl IntoIterator<Item = Uuid>) -> sqlx::Result<DataKeys> {
        let ids: Vec<Uuid> = ids.into_iter().collect::<HashSet<_>>().into_iter().collect();
        let mut keys = HashMap::with_capacity(ids.len());
        for some in ids.chunks(KEYS_AT_A_TIME) {
            // One argument, so that the statement is prepared once and not for each number of keys.
            let some: Vec<_> = some.iter().map(|id| id.simple().to_string()).collect();
            let some = serde_json::Value::from(some).to_string();
            let sql = Sql::new("SELECT id, wrapped FROM data_keys WHERE id ");
            let sql = match self.database {
                Database::Sqlite(_) => sql.push("IN (SELECT unhex(value) FROM json_each(").bind(some).push("))"),
                // An array and not a subquery, of which Postgres expects so many rows that it may join with the whole table.
                Database::Postgres(_) => sql
                    .push("= ANY(ARRAY(SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST(")
                    .bind(some)
                    .push(" AS json))))"),
            };
            for WrappedDataKey { id, wrapped } in self.database.fetch_all(sql).await? {
                keys.insert(id, self.unwrapped(id, &wrapped));
            }
        }
        Ok(DataKeys(keys))
    }

    /// The data keys of events that were read with them.
    pub(super) fn keys_beside<'k>(&self, events: impl Iterator<Item = (Option<Uuid>, Option<&'k [u8]>)>) -> DataKeys {
        let mut keys = HashMap::new();
        for (id, wrapped) in events.filter_map(|(id, wrapped)| id.zip(wrapped)) {
            keys.entry(id).or_insert_with(|| self.unwrapped(id, wrapped));
        }
        DataKeys(keys)
    }

    fn unwrapped(&self, id: Uuid, wrapped: &[u8]) -> Result<DataKey, CannotOpen> {
        self.vault.unwrap(&associated_data(id), wrapped)
    }
}
