//! The process managers: where each stands, and the events that they could not handle.

use std::fmt;
use std::str::FromStr;

use async_graphql::{ID, SimpleObject};
use event_log::Position;
use event_log::parked;

use super::account::int;
use super::moment::{Moment, moment};
use crate::app::administration::ProcessStanding;

/// A process manager: it reads events and issues commands for one concern, such as waking what waited for a fix.
#[derive(SimpleObject)]
pub(super) struct Process {
    name: String,
    /// The last event that it has handled or parked.
    position: String,
    /// The last event there is.
    head: String,
    /// Events between the two.
    lag: i32,
    /// The node that runs it at the moment.
    held_by: Option<String>,
    /// Events that it could not handle, and tries again.
    parked: i32,
}

impl From<ProcessStanding> for Process {
    fn from(ProcessStanding { standing, head, lag }: ProcessStanding) -> Self {
        Self {
            name: standing.name.to_owned(),
            position: standing.position.to_string(),
            head: head.to_string(),
            lag: int(lag),
            held_by: standing.held_by,
            parked: int(standing.parked),
        }
    }
}

/// An event that a process manager could not handle. It went on without it, and tries it again.
#[derive(SimpleObject)]
pub(super) struct ParkedEvent {
    process: String,
    /// 64-bit: the place of the event among all events.
    position: String,
    aggregate_type: String,
    aggregate_id: ID,
    #[graphql(name = "type")]
    event_type: String,
    /// The account that it belongs to, where it belongs to one.
    account_id: Option<ID>,
    /// Why the latest try failed.
    reason: String,
    tries: i32,
    parked_at: Moment,
    last_tried_at: Moment,
    /// When it is tried again by itself; in the past where that is under way.
    retry_at: Moment,
}

impl From<parked::ParkedEvent> for ParkedEvent {
    fn from(row: parked::ParkedEvent) -> Self {
        Self {
            process: row.process,
            position: row.position.to_string(),
            aggregate_type: row.aggregate_type,
            aggregate_id: ID(row.aggregate_id),
            event_type: row.event_type,
            account_id: row.account_id.map(ID::from),
            reason: row.reason,
            tries: int(row.tries),
            parked_at: moment(row.parked_at.0),
            last_tried_at: moment(row.last_tried_at.0),
            retry_at: moment(row.retry_at.0),
        }
    }
}

/// Where a parked event is in their list: its position, and its process manager.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListPosition(pub(super) Position, pub(super) String);

impl FromStr for ListPosition {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (position, process) = text.split_once('.').ok_or("not a cursor")?;
        Ok(Self(position.parse().map_err(|_| "not a cursor")?, process.to_owned()))
    }
}

impl fmt::Display for ListPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}
