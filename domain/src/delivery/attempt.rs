//! The decisions of one attempt: taking the delivery, each step of it, and how it ends.

use chrono::{DateTime, Utc};

use super::schedule::{self, Jitter};
use super::{
    BegunStep, CortexCall, DeliveryEvent, DeliveryRefusal, Held, Lease, Order, Phase, PlannedItem, StartFacts, Started,
    StopCause,
};
use crate::credits::PaidAction;
use crate::{Asset, Credits, ItemMapping, ResolutionCode};

impl Order {
    /// A worker wants to begin. What a merchant has to fix is found out here, before anything is tried.
    pub(super) fn start(
        &self,
        worker: String,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        facts: &StartFacts,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        match &self.summary.phase {
            Phase::Queued => {}
            Phase::RetryScheduled { due_at, .. } if *due_at <= now => {}
            Phase::Running(lease) if lease.until <= now => {
                match lease.stop {
                    Some(StopCause::Cancelled(_)) => return Ok(vec![DeliveryEvent::Cancelled {}]),
                    Some(StopCause::Filtered) => return Ok(vec![DeliveryEvent::StatusFiltered {}]),
                    Some(StopCause::Revised) | None => {}
                }
                // An attempt that ended unrecorded counts as a failure: work that kills its worker is given up.
                if self.failures as usize >= schedule::FAILURE_DELAYS.len() {
                    let code = ResolutionCode::Unknown;
                    return Ok(vec![DeliveryEvent::FailedPermanently { code, call: None }]);
                }
            }
            Phase::Running(lease) => {
                let again = lease.worker == worker && lease.until == lease_until;
                return if again { Ok(vec![]) } else { Err(DeliveryRefusal::Running) };
            }
            Phase::Filtered
            | Phase::RetryScheduled { .. }
            | Phase::ActionRequired { .. }
            | Phase::Completed
            | Phase::FailedPermanently { .. }
            | Phase::Cancelled(_) => return Err(DeliveryRefusal::NotDue),
        }
        // What the store has announced is read first.
        if self.summary.unread.is_some() {
            return Err(DeliveryRefusal::NotDue);
        }
        let plan = self.plan(&facts.mappings);
        if let Some(code) = self.blocked_by(facts, &plan) {
            let decided_on = Some(facts.decided_on);
            return Ok(vec![DeliveryEvent::ActionRequired { code, call: None, assets: vec![], decided_on }]);
        }
        let Some(username) = self.summary.username.clone() else {
            return Err(DeliveryRefusal::NotDue);
        };
        let attempt = self.summary.attempts.saturating_add(1);
        let decided_on = facts.decided_on;
        let started = Started { attempt, worker, started_at: now, lease_until, username, plan, decided_on };
        Ok(vec![DeliveryEvent::Started(started)])
    }

    /// What keeps this delivery from being tried and needs the merchant.
    pub fn blocked_by(&self, facts: &StartFacts, plan: &[PlannedItem]) -> Option<ResolutionCode> {
        if !facts.integration_active {
            Some(ResolutionCode::IntegrationInactive)
        } else if !facts.api_key_active && !self.api_key_waived {
            Some(ResolutionCode::InactiveApiKey)
        } else if self.summary.username.as_ref().and_then(|username| username.known()).is_none() {
            Some(ResolutionCode::MissingUsername)
        } else if plan.iter().all(|item| item.assets.is_empty()) {
            Some(ResolutionCode::NoItemMapping)
        } else if !facts.credentials_saved {
            Some(ResolutionCode::MissingCredentials)
        } else {
            None
        }
    }

    /// What today's mappings give for the lines that are still bought.
    pub fn plan(&self, mappings: &[ItemMapping]) -> Vec<PlannedItem> {
        self.summary.lines.planned_by(mappings, &self.late, |asset| self.has_shared(asset))
    }

    /// Only the attempt that holds the lease may say how it went.
    pub(super) fn held_by(&self, held: &Held) -> Result<&Lease, DeliveryRefusal> {
        self.lease()
            .filter(|lease| lease.worker == held.worker && lease.attempt == held.attempt)
            .ok_or(DeliveryRefusal::LeaseLost)
    }

    /// Recorded before the call, so that what a worker did not live to record is known as this delivery's doing.
    pub(super) fn begin_step(&self, held: &Held, action: PaidAction) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let lease = self.held_by(held)?;
        if let PaidAction::Share { asset } = &action
            && !self.outstanding().any(|outstanding| outstanding == asset)
        {
            return Err(DeliveryRefusal::NotPlanned);
        }
        let begun = BegunStep { action: action.clone(), attempt: held.attempt };
        if self.begun.as_ref() == Some(&begun) {
            return Ok(vec![]);
        }
        Ok(vec![lease.stop.map_or(DeliveryEvent::StepStarted { action }, stop_for)])
    }

    /// Whether this may have been done at Cortex Cloud by an attempt of this delivery that did not live to record it.
    pub fn has_begun(&self, action: &PaidAction) -> bool {
        self.begun.as_ref().is_some_and(|begun| begun.action == *action)
    }

    pub(super) fn record_follow(
        &self,
        held: &Held,
        credits: Credits,
        call: Option<CortexCall>,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let lease = self.held_by(held)?;
        if self.followed_username.as_ref() == Some(&lease.username) {
            return Ok(vec![]);
        }
        // Following is paid once for a delivery, also where its customer turned out to be another.
        let credits = if self.followed.is_some() { Credits::ZERO } else { credits };
        Ok(then_stop(lease, DeliveryEvent::Followed { username: lease.username.clone(), credits, call }))
    }

    pub(super) fn record_share(
        &self,
        held: &Held,
        asset: Asset,
        credits: Credits,
        call: Option<CortexCall>,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        if self.has_shared(&asset) {
            return Ok(vec![]);
        }
        let lease = self.held_by(held)?;
        if !self.plan.contains(&asset) {
            return Err(DeliveryRefusal::NotPlanned);
        }
        let last = self.outstanding().all(|outstanding| *outstanding == asset);
        let shared = DeliveryEvent::AssetShared { asset, username: lease.username.clone(), credits, call };
        // What was to stop the attempt during its very last share came too late.
        Ok(if last { vec![shared, complete_or_hand_back(lease)] } else { then_stop(lease, shared) })
    }

    pub(super) fn complete(&self, held: &Held) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        if self.summary.phase == Phase::Completed && self.summary.attempts == held.attempt {
            return Ok(vec![]);
        }
        let lease = self.held_by(held)?;
        if self.outstanding().next().is_some() {
            return Err(DeliveryRefusal::ItemsOutstanding);
        }
        Ok(vec![complete_or_hand_back(lease)])
    }

    /// The customer has not followed back yet. This has a slow schedule of its own and uses up no other attempt.
    pub(super) fn wait(
        &self,
        held: &Held,
        now: DateTime<Utc>,
        jitter: Jitter,
        call: Option<CortexCall>,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let code = ResolutionCode::NdspWaiting;
        let due_at = schedule::next_wait(self.waits, now, jitter);
        self.end(held, retry_or_give_up(code, due_at, call))
    }

    pub(super) fn fail(
        &self,
        held: &Held,
        now: DateTime<Utc>,
        jitter: Jitter,
        call: Option<CortexCall>,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let code = ResolutionCode::TemporaryFailure;
        self.end(held, retry_or_give_up(code, schedule::next_failure(self.failures, now, jitter), call))
    }

    /// No rule covers what happened. It may have been a moment's, so it is tried again a few times before.
    pub(super) fn give_up(
        &self,
        held: &Held,
        code: ResolutionCode,
        now: DateTime<Utc>,
        jitter: Jitter,
        call: Option<CortexCall>,
    ) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        if self.failures < schedule::TRIES_OF_UNKNOWN {
            return self.fail(held, now, jitter, call);
        }
        self.end(held, DeliveryEvent::FailedPermanently { code, call })
    }

    /// Ends the attempt; otherwise than it wanted to, if it was to stop meanwhile.
    pub(super) fn end(&self, held: &Held, end: DeliveryEvent) -> Result<Vec<DeliveryEvent>, DeliveryRefusal> {
        let lease = self.held_by(held)?;
        Ok(vec![lease.stop.map_or(end, stop_for)])
    }
}

/// Nothing of the plan is outstanding. Where the order has changed meanwhile, there may be more to share.
fn complete_or_hand_back(lease: &Lease) -> DeliveryEvent {
    let is_revised = lease.stop == Some(StopCause::Revised);
    if is_revised { DeliveryEvent::HandedBack {} } else { DeliveryEvent::Completed {} }
}

fn then_stop(lease: &Lease, step: DeliveryEvent) -> Vec<DeliveryEvent> {
    [step].into_iter().chain(lease.stop.map(stop_for)).collect()
}

fn stop_for(cause: StopCause) -> DeliveryEvent {
    match cause {
        StopCause::Cancelled(_) => DeliveryEvent::Cancelled {},
        StopCause::Filtered => DeliveryEvent::StatusFiltered {},
        StopCause::Revised => DeliveryEvent::HandedBack {},
    }
}

fn retry_or_give_up(code: ResolutionCode, due_at: Option<DateTime<Utc>>, call: Option<CortexCall>) -> DeliveryEvent {
    match due_at {
        Some(due_at) => DeliveryEvent::RetryScheduled { code, due_at, call },
        None => DeliveryEvent::FailedPermanently { code, call },
    }
}
