//! Replays for real: the service decides what is chosen again and puts it back in the queue, paced, in the background. How
//! far each is, is known on the node that runs it; that it began and how it ended is in the log.

mod candidates;
mod state;

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::bail;
use domain::delivery::{Delivery, DeliveryCommand};
use domain::operator_action::OperatorActionEvent;
use domain::{AccountId, OperatorActionId};
use futures_util::stream::{StreamExt as _, TryStreamExt as _, iter};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

pub use state::{LeftAloneCounts, Progress, ReplayState, State};

use self::candidates::Candidates;
use super::Choice;
use super::choice::{Chosen, Finding};
use crate::app::links::Links;
use crate::app::log_and_views::LogAndViews;
use crate::app::operator_actions;
use crate::app::summary::operator_actions::replay_filter;
use crate::tasks::Tasks;
use event_log::ids;
use event_log::{Actor, CommandError, Origin, Position};

/// Deliveries that one replay does at most. Begun again, it does the rest.
pub const MAX_CHOSEN: usize = 100_000;
/// Replays that are under way on a node at a time, and those of one account.
const MAX_UNDER_WAY: usize = 8;
const MAX_UNDER_WAY_OF_ACCOUNT: usize = 2;
/// Replays whose outcome a node remembers; earlier ones are in the log.
const MAX_KEPT: usize = 100;
/// Deliveries that are read, or put back, at a time.
const CONCURRENCY: usize = 4;
/// So many are put back each time, at most: 500 a second, which leaves the log to the stores.
const BATCH: usize = 50;
const EVERY: Duration = Duration::from_millis(100);
/// How often, and after what time each, a delivery is tried again that the log could not take.
const MAX_TRIES: usize = 30;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The replays of this node.
pub struct Replays {
    pub(super) data: LogAndViews,
    pub(super) links: Links,
    tasks: Tasks,
    /// The latest last.
    kept: Mutex<VecDeque<Arc<Replay>>>,
}

/// One replay, or a look at what it would do.
pub struct Replay {
    pub id: OperatorActionId,
    pub account_id: AccountId,
    /// Only shows what it would do.
    pub dry_run: bool,
    choice: Choice,
    actor: Actor,
    /// Who cancelled it.
    cancelled_by: OnceLock<Actor>,
    progress: watch::Sender<Progress>,
}

/// Too many replays are under way.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("other replays are under way: wait until one of them has ended, or cancel it")]
pub struct TooMany;

impl Replays {
    pub fn new(data: LogAndViews, links: Links, tasks: Tasks) -> Self {
        Self { data, links, tasks, kept: Mutex::default() }
    }

    fn with<T>(&self, look: impl FnOnce(&mut VecDeque<Arc<Replay>>) -> T) -> T {
        look(&mut self.kept.lock())
    }

    fn of_this_node(&self, id: OperatorActionId) -> Option<Arc<Replay>> {
        self.with(|kept| kept.iter().find(|replay| replay.id == id).cloned())
    }

    fn admit(&self, replay: Arc<Replay>) -> Result<(), TooMany> {
        self.with(|kept| {
            let under_way = || kept.iter().filter(|kept| kept.is_under_way());
            if under_way().count() >= MAX_UNDER_WAY
                || under_way().filter(|kept| kept.account_id == replay.account_id).count() >= MAX_UNDER_WAY_OF_ACCOUNT
            {
                return Err(TooMany);
            }
            if kept.len() >= MAX_KEPT
                && let Some(oldest) = kept.iter().position(|kept| !kept.is_under_way())
            {
                kept.remove(oldest);
            }
            kept.push_back(replay);
            Ok(())
        })
    }

    /// Begins a replay of the orders of an account, or a look at it, in the background.
    pub fn begin(
        self: &Arc<Self>,
        account_id: AccountId,
        choice: Choice,
        dry_run: bool,
        actor: Actor,
    ) -> Result<Arc<Replay>, TooMany> {
        let replay = Arc::new(Replay {
            id: OperatorActionId(ids::fresh()),
            account_id,
            dry_run,
            choice,
            actor,
            cancelled_by: OnceLock::new(),
            progress: watch::Sender::new(Progress::default()),
        });
        self.admit(replay.clone())?;
        let (replays, begun) = (self.clone(), replay.clone());
        self.tasks.spawn(async move { begun.run(&replays).await });
        Ok(replay)
    }

    /// Cancels a replay. Returns false where this node does not run it.
    pub fn cancel(&self, id: OperatorActionId, actor: Actor) -> bool {
        let Some(replay) = self.of_this_node(id).filter(|replay| replay.is_under_way()) else { return false };
        // Who was first cancelled it.
        replay.cancelled_by.set(actor).ok();
        true
    }
}

impl Replay {
    pub fn state(&self) -> ReplayState {
        ReplayState {
            id: self.id,
            account_id: self.account_id,
            dry_run: self.dry_run,
            filter: replay_filter(self.choice.integration_id, &self.choice.filter()),
            progress: self.progress.borrow().clone(),
        }
    }

    /// Waits until it is known what is chosen, `timeout` at most.
    pub async fn decided(&self, timeout: Duration) -> ReplayState {
        let mut changes = self.progress.subscribe();
        let decided = changes.wait_for(|progress| progress.state != State::Deciding);
        // Too late is no failure: the caller polls again.
        tokio::time::timeout(timeout, decided).await.ok();
        self.state()
    }

    fn is_under_way(&self) -> bool {
        self.progress.borrow().state.is_under_way()
    }

    fn is_cancelled(&self, replays: &Replays) -> bool {
        self.cancelled_by.get().is_some() || replays.tasks.is_stopping()
    }

    async fn run(&self, replays: &Replays) {
        let ended = self.carry_out(replays).await.unwrap_or_else(|error| {
            tracing::error!(replay = %self.id, error = format!("{error:#}"), "a replay was interrupted: begin it again");
            State::Interrupted
        });
        self.progress.send_modify(|progress| progress.state = ended);
    }

    async fn carry_out(&self, replays: &Replays) -> anyhow::Result<State> {
        let Some(chosen) = self.choose(replays).await? else { return Ok(State::Cancelled) };
        if self.dry_run || chosen.is_empty() {
            return Ok(State::Done);
        }
        let started = OperatorActionEvent::ReplayStarted {
            account_id: self.account_id,
            integration_id: self.choice.integration_id,
            chosen: u32::try_from(chosen.len()).unwrap_or(u32::MAX),
            filter: Box::new(self.choice.filter()),
        };
        let begun = operator_actions::record(&replays.data.log, self.id, started, &self.actor).await?;
        let mut last = begun;
        self.progress.send_modify(|progress| progress.state = State::Running);
        let done = self.put_back(replays, &chosen, begun, &mut last).await?;
        let replayed = u32::try_from(self.progress.borrow().replayed).unwrap_or(u32::MAX);
        let ended = OperatorActionEvent::ReplayEnded { replayed, cancelled: !done };
        let actor = self.cancelled_by.get().filter(|_| !done).unwrap_or(&self.actor);
        let origin = Origin::from(actor).caused_by(begun);
        last = operator_actions::record(&replays.data.log, self.id, ended, origin).await?.or(last);
        replays.data.wait_for_views(last).await;
        Ok(if done { State::Done } else { State::Cancelled })
    }

    /// Decides the chosen webhooks again. None where it was cancelled meanwhile.
    async fn choose(&self, replays: &Replays) -> anyhow::Result<Option<Vec<Chosen>>> {
        let Some(link) = replays.links.find(self.choice.integration_id).await? else {
            bail!("the integration is gone");
        };
        let mut chosen = vec![];
        let mut candidates = Candidates::of(&replays.data, &self.choice).await?;
        while let Some(ids) = candidates.next(&replays.data, &self.choice).await? {
            for some in ids.chunks(CONCURRENCY * 8) {
                replays.data.log.yield_to_webhooks().await;
                if self.is_cancelled(replays) {
                    return Ok(None);
                }
                let checks: Vec<_> = some.iter().map(|id| self.choice.decide(&replays.data.log, &link, id)).collect();
                let found: Vec<Finding> = iter(checks).buffered(CONCURRENCY).try_collect().await?;
                for finding in found {
                    if !self.note(finding, &mut chosen) {
                        self.progress.send_modify(|progress| progress.more = true);
                        return Ok(Some(chosen));
                    }
                }
            }
        }
        if candidates.is_cut {
            self.progress.send_modify(|progress| progress.more = true);
        }
        Ok(Some(chosen))
    }

    /// Returns false where it is one more than a replay does.
    fn note(&self, finding: Finding, chosen: &mut Vec<Chosen>) -> bool {
        if matches!(finding, Finding::Chosen(_)) && chosen.len() >= MAX_CHOSEN {
            return false;
        }
        self.progress.send_modify(|progress| progress.note(&finding));
        if let Finding::Chosen(one) = finding {
            chosen.push(one);
        }
        true
    }

    /// Returns whether it came to its end.
    async fn put_back(
        &self,
        replays: &Replays,
        chosen: &[Chosen],
        begun: Option<Position>,
        last: &mut Option<Position>,
    ) -> anyhow::Result<bool> {
        let mut turns = tokio::time::interval(EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for batch in chosen.chunks(BATCH) {
            turns.tick().await;
            replays.data.log.yield_to_webhooks().await;
            if self.is_cancelled(replays) {
                return Ok(false);
            }
            let commands: Vec<_> = batch.iter().map(|one| self.put_back_one(replays, one, begun)).collect();
            let mut done = iter(commands).buffer_unordered(CONCURRENCY);
            let mut failure = None;
            while let Some(position) = done.next().await {
                match position {
                    Ok(position) => {
                        *last = position.max(*last);
                        self.progress.send_modify(|progress| progress.put_back(position.is_some()));
                    }
                    Err(error) => failure = Some(error),
                }
            }
            if let Some(error) = failure {
                return Err(error);
            }
        }
        Ok(true)
    }

    /// Returns where it was recorded. None where there was nothing to do any more.
    async fn put_back_one(
        &self,
        replays: &Replays,
        one: &Chosen,
        begun: Option<Position>,
    ) -> anyhow::Result<Option<Position>> {
        let command = if one.late.is_empty() {
            DeliveryCommand::Replay { username: one.username.clone() }
        } else {
            DeliveryCommand::DeliverMappings { mappings: one.late.clone() }
        };
        let mut tries = 1;
        loop {
            let origin = Origin::from(&self.actor).caused_by(begun);
            match replays.data.log.execute::<Delivery>(&one.delivery_id, command.clone(), origin).await {
                Ok(committed) => return Ok(committed.position),
                Err(CommandError::Refused(_)) => return Ok(None),
                Err(error) if tries >= MAX_TRIES || replays.tasks.is_stopping() => return Err(error.into()),
                Err(error) => tracing::warn!(delivery = one.delivery_id, %error, "trying again soon"),
            }
            tries += 1;
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }
}
