//! Choosing events of the log: by stream, type, position, time, actor, owner and cause, by their columns, in batches that are
//! bounded however large the log is.

use std::ops::RangeInclusive;

use crate::recorded::Recorded;
use chrono::{DateTime, TimeDelta, Utc};
use domain::{AccountId, IntegrationId};
use sqlx::FromRow;
use storage::{Database, Sql};

use super::EventLog;
use super::row::StoredEvent;
use super::stream::{LoadError, STORED_COLUMNS};
use crate::{Micros, Position, Sequence};

/// Positions that one statement looks at: a reader of SQLite that goes on for long keeps the write-ahead log from being
/// shortened.
const WINDOW: i64 = 20_000;
/// Events that one statement brings.
const BATCH: i64 = 500;
/// How far the clocks of those who append may differ. Positions are in the order of times but for this.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(10);

/// Which events are wanted; what is left out restricts nothing.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    pub aggregate_type: Option<String>,
    /// The streams of that kind, where only some are wanted.
    pub aggregate_ids: Option<Vec<String>>,
    pub event_types: Vec<String>,
    /// `store`, `system`, `worker`, `key`, one worker's name, or a key's name or id.
    pub actor: Option<String>,
    /// Events that belong to this account.
    pub account_id: Option<AccountId>,
    /// Events of this integration, and of its orders and notices.
    pub integration_id: Option<IntegrationId>,
    /// Events that follow from the one at this position: from it, or from one that does.
    pub caused_by: Option<Position>,
    /// Inclusive.
    pub since: Option<DateTime<Utc>>,
    /// Inclusive.
    pub until: Option<DateTime<Utc>>,
    pub from_position: Option<Position>,
    pub to_position: Option<Position>,
}

/// An event that was chosen.
#[derive(Debug)]
pub struct Chosen {
    pub stored: StoredEvent,
    /// Opened and read; not where it was changed, or is of a form that this version does not know.
    pub recorded: Result<Recorded, LoadError>,
}

/// Which end of the log is read first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    OldestFirst,
    NewestFirst,
}

/// A choosing that goes on.
pub struct Choice {
    log: EventLog,
    selection: Selection,
    rest: RangeInclusive<Position>,
    order: Order,
    /// The place in the one stream that is read, so that a long one is not read again for each batch.
    sequence: Option<Sequence>,
}

#[derive(FromRow)]
struct Dated {
    position: Position,
    recorded_at: Micros,
}

impl EventLog {
    /// The events of these positions that a selection wants.
    pub fn choose(&self, selection: Selection, positions: RangeInclusive<Position>, order: Order) -> Choice {
        Choice { log: self.clone(), selection, rest: positions, order, sequence: None }
    }

    /// The positions at which what a selection wants can lie, up to the newest event. Empty where there are none.
    pub async fn positions(&self, selection: &Selection) -> sqlx::Result<RangeInclusive<Position>> {
        let head = self.newest().await?;
        let (mut first, mut last) = (
            selection.from_position.unwrap_or(Position::FIRST).max(Position::FIRST),
            selection.to_position.unwrap_or(head).min(head),
        );
        let margin = CLOCKS_DIFFER.num_microseconds().unwrap_or(0);
        if let Some(since) = selection.since {
            first =
                first.max(self.first_at_or_after(Micros(since.timestamp_micros().saturating_sub(margin)), head).await?);
        }
        if let Some(until) = selection.until {
            let after = until.timestamp_micros().saturating_add(margin).saturating_add(1);
            last = last.min(self.first_at_or_after(Micros(after), head).await?.previous());
        }
        Ok(first..=last)
    }

    /// The first position whose time is not before this one, by halving; one past the head where there is none.
    async fn first_at_or_after(&self, at: Micros, head: Position) -> sqlx::Result<Position> {
        let (mut low, mut high) = (Position::FIRST, head.next());
        while low < high {
            let middle = low.plus(high.events_since(low) / 2);
            let sql = Sql::new("SELECT position, recorded_at FROM events WHERE position >= ")
                .bind(middle)
                .push(" ORDER BY position LIMIT 1");
            match self.database.fetch_optional::<Dated>(sql).await? {
                Some(dated) if dated.recorded_at < at => low = dated.position.next(),
                Some(_) | None => high = middle,
            }
        }
        Ok(low)
    }

    /// Whether a stream was ever written to.
    pub async fn has_stream(&self, aggregate_type: &str, id: &str) -> sqlx::Result<bool> {
        Ok(!self.stream_after(aggregate_type, id, Sequence::START, 1).await?.is_empty())
    }

    /// The ids of the streams of one kind after an id, some at a time.
    pub async fn stream_ids(&self, aggregate_type: &str, after: &str, limit: i64) -> sqlx::Result<Vec<String>> {
        let sql = Sql::new("SELECT aggregate_id FROM events WHERE sequence = 1 AND aggregate_type = ")
            .bind(aggregate_type)
            .push(" AND aggregate_id > ")
            .bind(after)
            .push(" ORDER BY aggregate_id LIMIT ")
            .bind(limit);
        let ids: Vec<(String,)> = self.database.fetch_all(sql).await?;
        Ok(ids.into_iter().map(|(id,)| id).collect())
    }

    /// Those of some streams of one kind that there are.
    pub async fn existing(&self, aggregate_type: &str, ids: Vec<String>) -> sqlx::Result<Vec<String>> {
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let sql = Sql::new("SELECT aggregate_id FROM events WHERE sequence = 1 AND aggregate_type = ")
            .bind(aggregate_type)
            .push(" AND aggregate_id IN (")
            .bind_list(ids)
            .push(")");
        let ids: Vec<(String,)> = self.database.fetch_all(sql).await?;
        Ok(ids.into_iter().map(|(id,)| id).collect())
    }
}

impl Choice {
    /// The next events, some hundreds at most and possibly none; nothing at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Chosen>>, LoadError> {
        if self.rest.is_empty() || self.selection.aggregate_ids.as_ref().is_some_and(Vec::is_empty) {
            return Ok(None);
        }
        let window = self.window();
        let events: Vec<StoredEvent> = self.log.database.fetch_all(self.statement(&window)).await?;
        self.step_past(&window, events.last(), events.len());
        let keys = self.log.data_keys_of(&events).await?;
        let chosen = |stored: StoredEvent| Chosen { recorded: self.log.recorded(stored.clone(), &keys), stored };
        Ok(Some(events.into_iter().map(chosen).collect()))
    }

    /// How many positions are left to look at.
    pub fn positions_left(&self) -> u64 {
        let (first, last) = (*self.rest.start(), *self.rest.end());
        u64::try_from(last.events_since(first).saturating_add(1)).unwrap_or(0)
    }

    /// Goes on up to a position, for who follows the log.
    pub fn extend_to(&mut self, last: Position) {
        let last = self.selection.to_position.map_or(last, |to| to.min(last));
        self.rest = *self.rest.start()..=last.max(*self.rest.end());
    }

    fn window(&self) -> RangeInclusive<Position> {
        let (first, last) = (*self.rest.start(), *self.rest.end());
        if self.selection.aggregate_ids.is_some() || self.selection.caused_by.is_some() {
            // Found by an index, wherever they lie.
            return first..=last;
        }
        match self.order {
            Order::OldestFirst => first..=last.min(first.plus(WINDOW - 1)),
            Order::NewestFirst => first.max(last.minus(WINDOW - 1))..=last,
        }
    }

    fn statement(&self, window: &RangeInclusive<Position>) -> Sql {
        let Selection { aggregate_type, aggregate_ids, event_types, since, until, .. } = &self.selection;
        let mut sql = Sql::default();
        if let Some(position) = self.selection.caused_by {
            sql = sql
                .push("WITH RECURSIVE followed(position) AS (SELECT position FROM events WHERE caused_by = ")
                .bind(position)
                .push(" UNION SELECT e.position FROM events e JOIN followed f ON e.caused_by = f.position) ");
        }
        // With the sign, the databases look for the ids and not through the positions.
        let position = if aggregate_ids.is_some() { "+position" } else { "position" };
        sql = sql
            .push(&format!("SELECT {STORED_COLUMNS} FROM events WHERE {position} BETWEEN "))
            .bind(*window.start())
            .push(" AND ")
            .bind(*window.end());
        if self.selection.caused_by.is_some() {
            sql = sql.push(" AND position IN (SELECT position FROM followed)");
        }
        if let Some(AccountId(id)) = self.selection.account_id {
            sql = sql.push(" AND account_id = ").bind(id);
        }
        if let Some(IntegrationId(id)) = self.selection.integration_id {
            sql = sql.push(" AND integration_id = ").bind(id);
        }
        if let Some(aggregate_type) = aggregate_type {
            sql = sql.push(" AND aggregate_type = ").bind(aggregate_type.as_str());
        }
        if let Some(ids) = aggregate_ids {
            sql = sql.push(" AND aggregate_id IN (").bind_list(ids.iter().map(String::as_str)).push(")");
        }
        if let Some(sequence) = self.sequence {
            let beyond = if self.order == Order::OldestFirst { " AND sequence > " } else { " AND sequence < " };
            sql = sql.push(beyond).bind(sequence);
        }
        if !event_types.is_empty() {
            sql = sql.push(" AND event_type IN (").bind_list(event_types.iter().map(String::as_str)).push(")");
        }
        if let Some(since) = since {
            sql = sql.push(" AND recorded_at >= ").bind(since.timestamp_micros());
        }
        if let Some(until) = until {
            sql = sql.push(" AND recorded_at <= ").bind(until.timestamp_micros());
        }
        if let Some(actor) = &self.selection.actor {
            sql = by(sql, &self.log.database, actor);
        }
        let column = if self.is_one_stream() { "sequence" } else { "position" };
        let direction = if self.order == Order::OldestFirst { "" } else { " DESC" };
        sql.push(&format!(" ORDER BY {column}{direction} LIMIT ")).bind(BATCH)
    }

    fn is_one_stream(&self) -> bool {
        self.selection.aggregate_ids.as_ref().is_some_and(|ids| ids.len() == 1)
    }

    fn step_past(&mut self, window: &RangeInclusive<Position>, last_read: Option<&StoredEvent>, read: usize) {
        let whole_window = i64::try_from(read).is_ok_and(|read| read < BATCH);
        let last_read = last_read.filter(|_| !whole_window);
        if self.is_one_stream() {
            self.sequence = last_read.map(|event| event.sequence);
        }
        let (first, last) = (*self.rest.start(), *self.rest.end());
        self.rest = match self.order {
            Order::OldestFirst => last_read.map_or(*window.end(), |event| event.position).next()..=last,
            Order::NewestFirst => first..=last_read.map_or(*window.start(), |event| event.position).previous(),
        };
    }
}

/// Those that someone made happen, who may be named by kind, by name, or by the id or name of their key; also as they are
/// shown, with the kind before the name.
fn by(sql: Sql, database: &Database, actor: &str) -> Sql {
    // What was changed to be no JSON is by no one: SQLite would refuse to look into it.
    let field = |name: &str| match database {
        Database::Sqlite(_) => format!("CASE WHEN json_valid(metadata) THEN metadata ->> '{name}' END"),
        Database::Postgres(_) => format!("metadata ->> '{name}'"),
    };
    let named = ["actor", "worker", "key_id", "key_name"].map(|name| (name, actor));
    let shown = [("worker", actor.strip_prefix("worker ")), ("key_name", actor.strip_prefix("key "))];
    let shown = shown.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let any = named
        .into_iter()
        .chain(shown)
        .fold(sql.push(" AND (false"), |sql, (name, value)| sql.push(&format!(" OR {} = ", field(name))).bind(value));
    any.push(")")
}
