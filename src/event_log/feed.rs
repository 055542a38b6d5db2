//! The ordered feed: every event once, in the order of positions, and a signal when there is more.

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use cqrs_es::Aggregate;
use domain::account::Account;
use domain::checkpoint::Checkpoints;
use domain::delivery::Delivery;
use domain::integration::Integration;
use domain::notice::Notice;
use domain::operation::Operation;
use projections::database::{Database, Sql};
use projections::feed::{Fact, Operator, Recorded};
use serde::Deserialize;
use serde_json::Value;
use sqlx::FromRow;
use sqlx::postgres::PgListener;
use tokio::sync::watch;

use super::row::StoredEvent;
use super::stream::{LoadError, STORED_COLUMNS, unreadable};
use super::{EventLog, data_keys, seal};

/// How often the log is looked at where no signal came. A net under the signals, not the way things normally go.
const POLL: Duration = Duration::from_secs(1);

#[derive(FromRow)]
struct Fed {
    #[sqlx(flatten)]
    event: StoredEvent,
    wrapped: Option<Vec<u8>>,
}

/// An event in all its forms.
#[derive(Clone, Debug)]
pub struct Told {
    pub stored: StoredEvent,
    pub recorded: Recorded,
    /// Its JSON with private values marked.
    pub data: Value,
}

#[derive(FromRow)]
struct Position {
    position: i64,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    actor: String,
    key_id: Option<String>,
    key_name: Option<String>,
    reason: Option<String>,
    account_id: Option<String>,
}

impl Metadata {
    /// The person or program that did it, where it was one with a key.
    fn operator(&self) -> Option<Operator> {
        let key_id = self.key_id.clone()?;
        // Events of before the name was recorded by itself.
        let key_name = self.key_name.clone().unwrap_or_else(|| self.actor.trim_start_matches("key ").to_owned());
        Some(Operator { key_id, key_name, reason: self.reason.clone(), account_id: self.account_id.clone() })
    }
}

pub(super) async fn head(database: &Database) -> sqlx::Result<i64> {
    let head: Position = database.fetch_one("SELECT coalesce(max(position), 0) AS position FROM events".into()).await?;
    Ok(head.position)
}

impl EventLog {
    /// The position of the newest event that this node has heard of.
    pub fn head(&self) -> i64 {
        *self.head.borrow()
    }

    /// Changes whenever there is more to read.
    pub fn head_changes(&self) -> watch::Receiver<i64> {
        self.head.subscribe()
    }

    /// Which streams of one kind changed after a position, and how far: (position, id, sequence) of each event.
    pub async fn changed_after(
        &self,
        aggregate_type: &str,
        position: i64,
        limit: i64,
    ) -> sqlx::Result<Vec<(i64, String, i64)>> {
        #[derive(FromRow)]
        struct Changed {
            position: i64,
            aggregate_id: String,
            sequence: i64,
        }
        let sql = Sql::new("SELECT position, aggregate_id, sequence FROM events WHERE position > ")
            .bind(position)
            .push(" AND aggregate_type = ")
            .bind(aggregate_type)
            .push(" ORDER BY position LIMIT ")
            .bind(limit);
        let changed: Vec<Changed> = self.database.fetch_all(sql).await?;
        Ok(changed.into_iter().map(|row| (row.position, row.aggregate_id, row.sequence)).collect())
    }

    /// The events at these positions, as far as there are any, in order.
    pub async fn read_at(&self, positions: &[i64]) -> Result<Vec<Recorded>, LoadError> {
        if positions.is_empty() {
            return Ok(vec![]);
        }
        let sql = Sql::new(format!("SELECT e.*, {} FROM (SELECT {STORED_COLUMNS} FROM events", data_keys::OF_EVENT))
            .push(" WHERE position IN (")
            .bind_list(positions.iter().copied())
            .push(")) e ORDER BY e.position");
        let fed: Vec<Fed> = self.database.fetch_all(sql).await?;
        fed.into_iter().map(|fed| self.recorded(fed.event, fed.wrapped.as_deref())).collect()
    }

    /// At most `limit` events after a position, in order, opened and read.
    pub async fn read_after(&self, position: i64, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        self.read(position, limit, "").await
    }

    /// Like [`Self::read_after`], without the webhooks about orders: they are most of the log, and nothing reacts to them.
    pub async fn read_after_webhooks_aside(&self, position: i64, limit: i64) -> Result<Vec<Recorded>, LoadError> {
        self.read(
            position,
            limit,
            " AND (event_type <> 'webhook_received' OR aggregate_type = 'notice' OR sequence > 1)",
        )
        .await
    }

    async fn read(&self, position: i64, limit: i64, condition: &str) -> Result<Vec<Recorded>, LoadError> {
        let sql = Sql::new(format!("SELECT e.*, {} FROM (SELECT {STORED_COLUMNS} FROM events", data_keys::OF_EVENT))
            .push(" WHERE position > ")
            .bind(position)
            .push(condition)
            .push(" ORDER BY position LIMIT ")
            .bind(limit)
            .push(") e ORDER BY e.position");
        let fed: Vec<Fed> = self.database.fetch_all(sql).await?;
        fed.into_iter().map(|fed| self.recorded(fed.event, fed.wrapped.as_deref())).collect()
    }

    /// A stream's events after a sequence, as they are stored and as they read.
    pub async fn told(&self, aggregate_type: &str, id: &str, after: i64, limit: i64) -> Result<Vec<Told>, LoadError> {
        let wrapped = self.wrapped_data_key(aggregate_type, id).await?;
        let wrapped = wrapped.as_deref();
        let stored = self.stream_after(aggregate_type, id, after, limit).await?;
        stored
            .into_iter()
            .map(|stored| {
                let data = self.opened(stored.clone(), wrapped);
                let data = data.map_err(|reason| unreadable(aggregate_type, id, stored.sequence, reason))?;
                Ok(Told { recorded: self.recorded(stored.clone(), wrapped)?, stored, data })
            })
            .collect()
    }

    /// A stored event, opened and read. `wrapped` is the data key of its stream, unless that was erased.
    pub fn recorded(&self, stored: StoredEvent, wrapped: Option<&[u8]>) -> Result<Recorded, LoadError> {
        let StoredEvent { position, sequence, .. } = stored;
        let (aggregate_type, aggregate_id) = (stored.aggregate_type.clone(), stored.aggregate_id.clone());
        let bad = |reason: &dyn std::fmt::Display| unreadable(&aggregate_type, &aggregate_id, sequence, reason);
        let recorded_at = DateTime::from_timestamp_micros(stored.recorded_at).ok_or_else(|| bad(&"no such time"))?;
        let metadata: Metadata = serde_json::from_str(&stored.metadata).map_err(|error| bad(&error))?;
        let payload = self.opened(stored, wrapped).map_err(|reason| bad(&reason))?;
        let fact = match aggregate_type.as_str() {
            Account::TYPE => serde_json::from_value(payload).map(Fact::Account),
            Integration::TYPE => serde_json::from_value(payload).map(Fact::Integration),
            Delivery::TYPE => serde_json::from_value(payload).map(Fact::Delivery),
            Notice::TYPE => serde_json::from_value(payload).map(Fact::Notice),
            Operation::TYPE => serde_json::from_value(payload).map(Fact::Operation),
            Checkpoints::TYPE => serde_json::from_value(payload).map(Fact::Checkpoint),
            _ => Ok(Fact::Foreign),
        }
        .map_err(|error| bad(&error))?;
        let operator = metadata.operator();
        let customer_tokens = match (&fact, &self.blind_index) {
            (Fact::Delivery(event), Some(index)) => index.tokens_of(event),
            (Fact::Notice(event), Some(index)) => index.tokens_in(event),
            _ => vec![],
        };
        Ok(Recorded {
            position,
            aggregate_id,
            sequence,
            recorded_at,
            actor: metadata.actor,
            operator,
            customer_tokens,
            fact,
        })
    }

    /// An event's JSON with its private fields plain, or erased.
    pub fn opened(&self, stored: StoredEvent, wrapped: Option<&[u8]>) -> Result<Value, String> {
        let place = seal::place(&stored.aggregate_type, &stored.aggregate_id);
        let key = wrapped.map(|wrapped| self.vault.unwrap(&place, wrapped)).transpose();
        self.open_payload(stored, key.map_err(|error| error.to_string())?.as_ref())
    }

    /// How far a follower that acts on the log has come.
    pub async fn follower_position(&self, name: &str) -> sqlx::Result<i64> {
        let sql = Sql::new("SELECT position FROM followers WHERE name = ").bind(name);
        Ok(self.database.fetch_optional::<Position>(sql).await?.map_or(0, |row| row.position))
    }

    pub async fn save_follower_position(&self, name: &str, position: i64) -> sqlx::Result<()> {
        let sql =
            Sql::new("INSERT INTO followers (name, position) VALUES (").bind(name).push(", ").bind(position).push(
                ") ON CONFLICT (name) DO UPDATE SET position = excluded.position \
             WHERE followers.position < excluded.position",
            );
        self.database.execute(sql).await.map(drop)
    }
}

/// Hears what other nodes append: `LISTEN` on Postgres, and a look now and then in any case.
pub struct HeadListener {
    task: tokio::task::JoinHandle<()>,
}

impl HeadListener {
    pub fn start(log: &EventLog) -> Self {
        let (database, head) = (log.database.clone(), log.head.clone());
        Self { task: tokio::spawn(listen(database, head)) }
    }

    pub fn stop(&self) {
        self.task.abort();
    }
}

async fn listen(database: Database, known: Arc<watch::Sender<i64>>) {
    let mut listener = None;
    loop {
        if let (Database::Postgres(pool), None) = (&database, &listener) {
            listener =
                subscribe(pool).await.inspect_err(|error| tracing::warn!(%error, "cannot listen to the log")).ok();
        }
        match &mut listener {
            Some(connected) => {
                tokio::select! {
                    heard = connected.recv() => if let Err(error) = heard {
                        tracing::warn!(%error, "lost the connection that listens to the log");
                        listener = None;
                        tokio::time::sleep(POLL).await;
                    },
                    () = tokio::time::sleep(POLL) => {}
                }
            }
            None => tokio::time::sleep(POLL).await,
        }
        match head(&database).await {
            Ok(position) => super::writer::advance(&known, position),
            Err(error) => tracing::warn!(%error, "cannot look at the head of the log"),
        }
    }
}

async fn subscribe(pool: &sqlx::PgPool) -> sqlx::Result<PgListener> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("cloud_bridge_events").await?;
    Ok(listener)
}
