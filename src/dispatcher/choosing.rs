//! What is sent next: of which endpoints, how much at a time, and when others have their turn.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use domain::endpoint::{Endpoint, EndpointStatus, PROBE_INTERVAL};
use domain::{AccountId, EndpointId};
use event_log::stream::Loaded;
use projections::commerce::queue::QueuedDispatch;

use super::lane::Health;
use super::turns::Turns;
use super::{Dispatcher, Taken};

/// An endpoint whose latest attempt failed is sent so many at a time: what hangs takes no room from others.
const CONCURRENCY_WHILE_FAILING: usize = 1;
/// And one of which nothing is known yet.
const CONCURRENCY_WHILE_UNKNOWN: usize = 2;
/// When an endpoint's settings are read again for which something waits: its owner may no longer want that.
const SETTINGS_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(5);
/// When an endpoint that is paused is tried again.
const POLL_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);
/// When the queue of an endpoint is read again that could not be read to its end.
const READ_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);

/// An endpoint to which something may be sent now.
pub(super) struct Candidate {
    endpoint_id: EndpointId,
    account_id: AccountId,
    endpoint: Arc<Loaded<Endpoint>>,
    is_degraded: bool,
    /// Attempts that may be under way at a time.
    concurrency: usize,
    /// Attempts a second.
    rate: Option<u32>,
}

impl Dispatcher {
    /// The endpoint, with what is next for it in memory. None where nothing is sent to it at present.
    pub(super) async fn candidate(&mut self, endpoint_id: EndpointId) -> anyhow::Result<Option<Candidate>> {
        let now = self.now();
        let endpoint = self.data.log.current::<Endpoint>(endpoint_id).await?;
        let status = endpoint.aggregate.status();
        if matches!(status, None | Some(EndpointStatus::Deleted)) {
            self.queue.close(endpoint_id, &self.sender.name).await?;
            return Ok(None);
        }
        if matches!(status, Some(EndpointStatus::Paused | EndpointStatus::Disabled)) {
            self.queue.unload(endpoint_id);
            self.agenda.wake_at(now + POLL_AGAIN_AFTER, endpoint_id);
            return Ok(None);
        }
        let Some(subscription) = endpoint.aggregate.subscription() else { return Ok(None) };
        let (settings, account_id) = (&subscription.settings, subscription.account_id);
        let is_degraded = status == Some(EndpointStatus::Degraded);
        self.queue.fill(endpoint_id, (settings.ordered, is_degraded), now).await?;
        let Some(lane) = self.queue.lane(endpoint_id) else { return Ok(None) };
        let concurrency = usize::try_from(settings.concurrency).unwrap_or(1);
        let concurrency = match lane.health() {
            Health::Responding if !is_degraded => concurrency,
            Health::Unknown if !is_degraded => concurrency.min(CONCURRENCY_WHILE_UNKNOWN),
            Health::Responding | Health::Unknown | Health::Failing => CONCURRENCY_WHILE_FAILING,
        };
        let rate = settings.rate_per_second;
        Ok(Some(Candidate { endpoint_id, account_id, endpoint, is_degraded, concurrency, rate }))
    }

    /// Takes what can be sent now.
    pub(super) fn take_from(&mut self, candidates: Vec<Candidate>, taken: &mut Vec<Taken>) {
        let now = self.now();
        let mut turns = Turns::default();
        for candidate in candidates {
            self.give_turn(&mut turns, candidate, now);
        }
        while let Some(candidate) = turns.next() {
            match self.take_one(&candidate, now) {
                Ok(row) => {
                    let Candidate { endpoint_id, account_id, .. } = candidate;
                    taken.push(Taken { endpoint_id, account_id, row, endpoint: candidate.endpoint.clone() });
                    self.give_turn(&mut turns, candidate, now);
                }
                Err(again) => self.end_turn(&candidate, again, now),
            }
        }
    }

    fn give_turn(&mut self, turns: &mut Turns<Candidate>, candidate: Candidate, now: DateTime<Utc>) {
        match self.queue.next_at(candidate.endpoint_id) {
            Some(at) => turns.add(candidate.account_id, candidate.endpoint_id, at, candidate),
            None => self.end_turn(&candidate, None, now),
        }
    }

    /// # Errors
    /// Where nothing can be sent to it: with when it is its turn again, if nothing happens before.
    fn take_one(&mut self, candidate: &Candidate, now: DateTime<Utc>) -> Result<QueuedDispatch, Option<DateTime<Utc>>> {
        let &Candidate { endpoint_id, account_id, is_degraded, concurrency, rate, .. } = candidate;
        let lane = self.queue.lane(endpoint_id).ok_or(None)?;
        let next_at = lane.next_at().ok_or(None)?;
        if lane.in_flight() >= concurrency {
            return Err(None);
        }
        if let Some(at) = lane.pace().not_before(rate, is_degraded, PROBE_INTERVAL, now) {
            return Err(Some(at));
        }
        if !self.room.take(account_id, (endpoint_id, lane.in_flight()), next_at) {
            return Err(None);
        }
        let row = lane.next().ok_or(None)?;
        lane.pace().sent(rate, PROBE_INTERVAL, now);
        Ok(row)
    }

    /// Notes when it is the turn of an endpoint again, if nothing happens before.
    fn end_turn(&mut self, candidate: &Candidate, again: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let &Candidate { endpoint_id, is_degraded, .. } = candidate;
        let Some(lane) = self.queue.lane(endpoint_id) else { return };
        // The view may not have come to what it is read again for.
        let again =
            if lane.is_to_be_read_again() { again.into_iter().chain([now + READ_AGAIN_AFTER]).min() } else { again };
        let at = match lane.next_due_at() {
            None => again,
            Some(due_at) => {
                // What is due already waits for room: the end of an attempt makes some.
                let due_at = Some(due_at).filter(|at| *at > now);
                let probe_at = lane.pace().not_before(None, is_degraded, PROBE_INTERVAL, now);
                let settings_at = Some(now + SETTINGS_AGAIN_AFTER);
                [again, due_at, probe_at, settings_at].into_iter().flatten().min()
            }
        };
        if let Some(at) = at {
            self.agenda.wake_at(at, endpoint_id);
        }
    }
}
