//! Events of many streams, each by its number in its stream, read together.

use serde_json::Value;
use storage::{Database, Sql};
use uuid::Uuid;

use super::EventLog;
use super::data_keys::{DataKeys, WRAPPED_COLUMN};
use super::packed;
use super::recorded::Recorded;
use super::row::{Keyed, WholeEvent};
use super::seal;
use super::stream::{LoadError, STORED_COLUMNS, unreadable};
use crate::Sequence;

/// Whether raw bodies are read with the events that they came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bodies {
    Read,
    LeftOut,
}

/// An event with the raw body that came with it. The body is none where it came with none, was erased, or was left out.
pub type WithBody = (Recorded, Option<Vec<u8>>);

impl EventLog {
    /// The events of streams of one kind that have these numbers there, as far as there are any, in no order. None may be
    /// named twice.
    pub async fn find(
        &self,
        aggregate_type: &str,
        events: &[(Uuid, Sequence)],
        bodies: Bodies,
    ) -> Result<Vec<WithBody>, LoadError> {
        if events.is_empty() {
            return Ok(vec![]);
        }
        let (stored, keys) = self.whole_events(aggregate_type, events, bodies == Bodies::Read).await?;
        let found = stored.into_iter().map(|WholeEvent { event, body }| {
            let (id, sequence) = (event.aggregate_id.clone(), event.sequence);
            let bad = |error| unreadable(aggregate_type, &id, sequence, error);
            let key = keys.get(event.data_key_id).map_err(bad)?;
            let open = |body: Vec<u8>| Some(seal::open_body(&body, key?, &seal::associated_data(aggregate_type, &id)));
            let body = body.and_then(open).transpose().map_err(bad)?;
            Ok((self.recorded(event, &keys)?, body))
        });
        found.collect()
    }

    async fn whole_events(
        &self,
        aggregate_type: &str,
        events: &[(Uuid, Sequence)],
        with_bodies: bool,
    ) -> sqlx::Result<(Vec<WholeEvent>, DataKeys)> {
        // One argument, so that the statement is prepared once and not for each number of events.
        let named =
            events.iter().map(|(id, sequence)| Value::from(vec![id.to_string().into(), Value::from(sequence.0)]));
        let named = named.collect::<Value>().to_string();
        match self.database {
            Database::Sqlite(_) => {
                let sql = Sql::new(format!("{} WHERE aggregate_type = ", packed::select(with_bodies)))
                    .bind(aggregate_type)
                    .push(" AND (aggregate_id, sequence) IN (SELECT value ->> 0, value ->> 1 FROM json_each(")
                    .bind(named)
                    .push("))");
                let rows: Vec<(Vec<u8>,)> = self.database.fetch_all(sql).await?;
                let unpacked = rows.iter().map(|(row,)| packed::unpacked(row));
                let stored: Vec<WholeEvent> =
                    unpacked.collect::<Result<_, _>>().map_err(|error| sqlx::Error::Decode(error.into()))?;
                let keys = self.data_keys(stored.iter().filter_map(|whole| whole.event.data_key_id)).await?;
                Ok((stored, keys))
            }
            Database::Postgres(_) => {
                let body = if with_bodies { "body" } else { "CAST(NULL AS bytea) AS body" };
                // One after the other by the whole key (so OFFSET 0): of a table that it has not counted yet, Postgres would
                // rather read all streams of the kind.
                let sql = Sql::new("SELECT found.* FROM json_array_elements(CAST(")
                    .bind(named)
                    .push(" AS json)) AS named CROSS JOIN LATERAL (")
                    .push(&format!(
                        "SELECT {body}, {STORED_COLUMNS}, {WRAPPED_COLUMN} FROM events WHERE aggregate_type = "
                    ))
                    .bind(aggregate_type)
                    .push(
                        " AND aggregate_id = named ->> 0 AND sequence = CAST(named ->> 1 AS bigint) OFFSET 0) AS found",
                    );
                let rows: Vec<Keyed<WholeEvent>> = self.database.fetch_all(sql).await?;
                let beside = rows.iter().map(|row| (row.event.event.data_key_id, row.wrapped.as_deref()));
                let keys = self.keys_beside(beside);
                Ok((rows.into_iter().map(|row| row.event).collect(), keys))
            }
        }
    }
}
