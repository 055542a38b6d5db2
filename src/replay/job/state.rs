//! How far a replay is, as its node knows it or as the log has it.

use super::Replays;
use crate::app::summary::operator_actions::replay_filter;
use cqrs_es::Aggregate as _;
use domain::operator_action::{OperatorAction, OperatorActionEvent};
use domain::{AccountId, OperatorActionId};
use event_log::recorded::AnyEvent;

use crate::replay::choice::{Finding, LeftAlone};
use event_log::{LoadError, Sequence};

/// Of the deliveries that are chosen, so many are listed one by one.
const MAX_LISTED: usize = 100;
/// The events of a replay: its beginning and its end.
const MAX_EVENTS: i64 = 10;

/// Where a replay stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It finds out what is chosen.
    #[default]
    Deciding,
    Running,
    Done,
    Cancelled,
    /// It ended without a word, or another node runs it. Begun again, it does the rest.
    Interrupted,
}

/// How far a replay is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub state: State,
    /// Candidates that were decided again.
    pub checked: u64,
    pub chosen: u64,
    /// There are others beyond what one replay does.
    pub more: bool,
    pub left_alone: LeftAloneCounts,
    /// Put back in the queue.
    pub replayed: u64,
    /// Chosen, and not put back: they were changed meanwhile.
    pub refused: u64,
    /// The first of those that are chosen.
    pub first: Vec<String>,
}

/// How many deliveries a replay leaves alone, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftAloneCounts {
    pub filtered: u64,
    pub cancelled: u64,
    pub blocked: u64,
    pub unreadable: u64,
    pub erased: u64,
    pub under_way: u64,
    pub done: u64,
}

/// What is known of a replay.
#[derive(Clone, Debug)]
pub struct ReplayState {
    pub id: OperatorActionId,
    pub account_id: AccountId,
    pub dry_run: bool,
    /// What was chosen, as people read it.
    pub filter: String,
    pub progress: Progress,
}

impl State {
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Deciding | Self::Running)
    }
}

impl Progress {
    pub(super) fn note(&mut self, finding: &Finding) {
        match finding {
            Finding::NotChosen => return,
            Finding::LeftAlone(why) => self.left_alone.note(*why),
            Finding::Chosen(one) => {
                self.chosen += 1;
                if self.first.len() < MAX_LISTED {
                    self.first.push(one.delivery_id.clone());
                }
            }
        }
        self.checked += 1;
    }

    pub(super) fn put_back(&mut self, is_queued: bool) {
        if is_queued { self.replayed += 1 } else { self.refused += 1 }
    }
}

impl LeftAloneCounts {
    fn note(&mut self, why: LeftAlone) {
        let count = match why {
            LeftAlone::Filtered => &mut self.filtered,
            LeftAlone::Cancelled => &mut self.cancelled,
            LeftAlone::Blocked => &mut self.blocked,
            LeftAlone::Unreadable => &mut self.unreadable,
            LeftAlone::Erased => &mut self.erased,
            LeftAlone::UnderWay => &mut self.under_way,
            LeftAlone::Done => &mut self.done,
        };
        *count += 1;
    }
}

impl Replays {
    /// A replay by its id, if there is or was one.
    pub async fn find(&self, id: OperatorActionId) -> Result<Option<ReplayState>, LoadError> {
        if let Some(replay) = self.of_this_node(id) {
            return Ok(Some(replay.state()));
        }
        let mut found = None;
        for event in self.data.log.opened_stream(OperatorAction::TYPE, id, Sequence::START, MAX_EVENTS).await? {
            match (event.recorded.event, &mut found) {
                (
                    AnyEvent::OperatorAction(OperatorActionEvent::ReplayStarted {
                        account_id,
                        integration_id,
                        chosen,
                        filter,
                    }),
                    _,
                ) => {
                    let filter = replay_filter(integration_id, &filter);
                    let progress =
                        Progress { state: State::Interrupted, chosen: u64::from(chosen), ..Progress::default() };
                    found = Some(ReplayState { id, account_id, dry_run: false, filter, progress });
                }
                (AnyEvent::OperatorAction(OperatorActionEvent::ReplayEnded { replayed, cancelled }), Some(found)) => {
                    found.progress.state = if cancelled { State::Cancelled } else { State::Done };
                    found.progress.replayed = u64::from(replayed);
                    if !cancelled {
                        found.progress.refused = found.progress.chosen.saturating_sub(u64::from(replayed));
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }
}
