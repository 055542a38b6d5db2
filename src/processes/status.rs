//! Where each process manager stands: as this node knows it, and as it is saved beside the log for all nodes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use tokio::sync::watch;

use super::NAMES;
use event_log::ids;
use event_log::progress::Progress;
use event_log::{EventLog, Position};

/// The process managers of a node, whether it or another node runs them at the moment.
pub struct Processes {
    /// What this node is called in the leases. Another one after every start: it does not hold what it held before.
    pub(super) node: String,
    all: Vec<Status>,
}

/// Where a process manager stands, as this node knows it.
pub(super) struct Status {
    pub(super) name: &'static str,
    pub(super) progress: Progress,
    /// Whether this node is to run it when no other does.
    pub(super) is_wanted: AtomicBool,
    /// Whether this node runs it now.
    pub(super) is_held: watch::Sender<bool>,
    position: AtomicI64,
    /// How many events are parked of it.
    pub(super) parked: watch::Sender<i64>,
}

impl Status {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            progress: Progress::default(),
            is_wanted: AtomicBool::new(false),
            is_held: watch::Sender::new(false),
            position: AtomicI64::new(0),
            parked: watch::Sender::new(0),
        }
    }

    /// Everything up to this position was handled or parked.
    pub(super) fn reached(&self, position: Position) {
        self.position.store(position.0, Ordering::SeqCst);
    }

    fn position(&self) -> Position {
        Position(self.position.load(Ordering::SeqCst))
    }
}

impl Default for Processes {
    fn default() -> Self {
        Self { node: node(), all: NAMES.map(Status::new).into() }
    }
}

/// The machine and the process, for people, and an id that no other has.
fn node() -> String {
    let system = rustix::system::uname();
    let id = ids::fresh().simple().to_string();
    format!("{}/{}/{}", system.nodename().to_string_lossy(), std::process::id(), &id[id.len() - 8..])
}

impl Processes {
    /// What this node is called where it is said which node runs what.
    pub fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn status(&self, name: &str) -> &Status {
        self.all.iter().find(|status| status.name == name).expect("every process manager is in the list")
    }

    pub(super) fn all(&self) -> &[Status] {
        &self.all
    }

    /// The position up to which all process managers have handled what happened, as far as this node knows: those that
    /// another node runs, up to their saved checkpoints.
    pub fn handled(&self) -> Position {
        self.wanted().map(Status::position).min().unwrap_or_default()
    }

    /// Those that this node runs, and which do not get on with what they have to do.
    pub(crate) fn standing_still(&self) -> impl Iterator<Item = &'static str> {
        self.all.iter().filter(|status| status.progress.stands_still()).map(|status| status.name)
    }

    /// Each that this node is to run when no other does, with its position as far as this node knows.
    pub(crate) fn positions(&self) -> impl Iterator<Item = (&'static str, Position)> {
        self.wanted().map(|status| (status.name, status.position()))
    }

    /// Each with the number of events that it has parked, on whichever node, as far as this node knows.
    pub(crate) fn parked(&self) -> impl Iterator<Item = (&'static str, i64)> {
        self.all.iter().map(|status| (status.name, *status.parked.borrow()))
    }

    fn wanted(&self) -> impl Iterator<Item = &Status> {
        self.all.iter().filter(|status| status.is_wanted.load(Ordering::SeqCst))
    }

    /// Whether this node runs it now.
    pub fn runs(&self, name: &str) -> bool {
        self.all.iter().any(|status| status.name == name && *status.is_held.borrow())
    }

    /// The position of one that this node runs.
    pub(crate) fn held_position(&self, name: &str) -> Option<Position> {
        self.runs(name).then(|| self.status(name).position())
    }

    /// Counts parked events, which other nodes may have parked.
    pub(super) async fn count_parked(&self, log: &EventLog) -> sqlx::Result<()> {
        let counted: HashMap<String, i64> = log.parked_counts().await?.into_iter().collect();
        for status in &self.all {
            let count = counted.get(status.name).copied().unwrap_or(0);
            status.parked.send_if_modified(|known| std::mem::replace(known, count) != count);
        }
        Ok(())
    }
}

/// Where a process manager stands by what is saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub name: &'static str,
    /// The last event that it has handled or parked.
    pub position: Position,
    /// The node that runs it, if one does at this moment.
    pub held_by: Option<String>,
    /// Events that it could not handle.
    pub parked: i64,
}

impl Standing {
    /// How many events it is behind. None is after a position that the log has not reached.
    pub fn lag(&self, head: Position) -> i64 {
        head.events_since(self.position).max(0)
    }
}

/// Every process manager that ever ran, by what is saved beside the log.
pub async fn standings(log: &EventLog) -> sqlx::Result<Vec<Standing>> {
    let (followers, parked) = (log.followers().await?, log.parked_counts().await?);
    let now = log.clock().now();
    let standing = |name: &'static str| {
        let follower = followers.iter().find(|follower| follower.name == name)?;
        Some(Standing {
            name,
            position: follower.cursor.position,
            held_by: follower.held_by(now).map(str::to_owned),
            parked: parked.iter().find(|(process, _)| process == name).map_or(0, |(_, count)| *count),
        })
    };
    Ok(NAMES.into_iter().filter_map(standing).collect())
}
