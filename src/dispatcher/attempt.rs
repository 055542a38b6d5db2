//! One attempt to send an event to an endpoint, from what the log says of it to what is recorded.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::commerce::CommerceEventType;
use domain::dispatch::{
    Dispatch, DispatchCommand, DispatchRefusal, DispatchStatus, Message, NewAttempt, ObjectKey, ResponseBody, SkipCause,
};
use domain::endpoint::{Endpoint, EndpointStatus, Subscription};
use domain::schedule::Jitter;
use domain::{DispatchId, EndpointId};
use event_log::data_keys::IdentifiedKey;
use event_log::recurring::Recurring;
use event_log::stream::Loaded;
use event_log::{Actor, CommandError, Committed, EventLog, LoadError, Origin, Position};
use projections::commerce::queue::QueuedDispatch;

use super::lane::Ended;
use super::notification::{self, Reading, Renderer};
use crate::metrics::{DispatchOutcome, Metrics};
use crate::ports::outbound::{self, OutboundClient, Request};
use crate::rendering::Rendered;

/// When what could not be read or recorded is tried again.
const AGAIN_AFTER: TimeDelta = TimeDelta::seconds(1);
/// When an event is read again that the log holds no more, if the view still has it in the queue.
const GONE_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(1);
/// How often what came of an attempt is recorded again where the log is away.
const MAX_RECORDINGS: usize = 5;
const RECORD_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What all attempts of a node share.
pub(super) struct Sender {
    pub(super) log: EventLog,
    pub(super) client: OutboundClient,
    pub(super) metrics: Arc<Metrics>,
    pub(super) renderer: Renderer,
    /// What it is called in the log.
    pub(super) name: String,
    pub(super) failures: Recurring,
}

/// What became of a dispatch.
pub(super) struct Sent {
    pub(super) ended: Ended,
    pub(super) has_failed: bool,
    /// Where that is recorded.
    pub(super) recorded_at: Option<Position>,
}

impl Sent {
    fn waits(until: DateTime<Utc>, attempts: i64) -> Self {
        Self { ended: Ended::Waits { until, attempts }, has_failed: false, recorded_at: None }
    }

    /// The lease ended before it was through.
    pub(super) fn broken_off(row: &QueuedDispatch) -> Self {
        Self::waits(DateTime::<Utc>::MIN_UTC, row.attempts)
    }

    fn closed(recorded_at: Option<Position>) -> Self {
        Self { ended: Ended::Closed, has_failed: false, recorded_at }
    }
}

/// A dispatch whose turn has come.
struct Turn<'t> {
    id: DispatchId,
    row: &'t QueuedDispatch,
    message: Message,
    subscription: &'t Subscription,
    /// The number of this attempt.
    attempt: u32,
    /// It is made before its time, to learn whether the degraded endpoint responds again.
    probe: bool,
}

impl Sender {
    /// Sends it, unless the log says that it is not to be sent, and records what came of it.
    pub(super) async fn send(&self, row: &QueuedDispatch, endpoint: &Loaded<Endpoint>, reading: &Reading) -> Sent {
        match self.try_send(row, endpoint, reading).await {
            Ok(sent) => {
                self.failures.worked();
                sent
            }
            Err(error) => {
                self.failures.failed(error);
                Sent::waits(self.now() + AGAIN_AFTER, row.attempts)
            }
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.log.clock().now()
    }

    async fn try_send(
        &self,
        row: &QueuedDispatch,
        endpoint: &Loaded<Endpoint>,
        reading: &Reading,
    ) -> anyhow::Result<Sent> {
        let Some(subscription) = endpoint.aggregate.subscription() else { return Ok(Sent::closed(None)) };
        let (id, message) = message_of(row)?;
        let mut turn = Turn { id, row, message, subscription, attempt: 1, probe: false };
        if row.attempts > 0 {
            let dispatch = self.log.load::<Dispatch>(id).await?.aggregate;
            match dispatch.status() {
                DispatchStatus::Queued | DispatchStatus::Retrying => {
                    turn.attempt = dispatch.next_attempt();
                    let attempts = i64::from(turn.attempt) - 1;
                    let early = dispatch.next_attempt_at().filter(|at| *at > self.now());
                    if let Some(until) = early.filter(|_| attempts > row.attempts) {
                        // Another node was first, and the view does not show it yet.
                        return Ok(Sent::waits(until, attempts));
                    }
                    if let Some(until) = early.filter(|_| dispatch.not_before().is_some_and(|at| at > self.now())) {
                        // Its receiver wants it later: another one is the probe.
                        return Ok(Sent::waits(until, attempts));
                    }
                    turn.probe = early.is_some() && endpoint.aggregate.status() == Some(EndpointStatus::Degraded);
                }
                DispatchStatus::Delivered | DispatchStatus::DeadLetter | DispatchStatus::Skipped => {
                    // Another node was first, and the view does not show it yet.
                    return Ok(Sent::closed(Some(self.log.head())));
                }
            }
        }
        let Some(rendered) = reading.rendered(&self.log, &row.event).await? else { return self.gone(&turn).await };
        let attempt = match notification::request(&self.log, subscription, rendered, self.now()).await? {
            Some((headers, body)) => {
                let url = subscription.settings.url.as_str();
                self.client.send(Request { url, headers, body }).await
            }
            None => outbound::Attempt::not_made("its settings cannot be used any more: set them again".to_owned()),
        };
        self.record(&turn, rendered, attempt).await
    }

    /// What is not in the log any more cannot be sent: it was erased. The view takes out of the queue what was never tried.
    async fn gone(&self, turn: &Turn<'_>) -> anyhow::Result<Sent> {
        if turn.attempt == 1 {
            return Ok(Sent::waits(self.now() + GONE_AGAIN_AFTER, turn.row.attempts));
        }
        let skip = DispatchCommand::Skip { cause: SkipCause::Erased };
        let skipped = self.log.execute::<Dispatch>(turn.id, skip, self.origin(turn)).await?;
        Ok(Sent::closed(skipped.position))
    }

    async fn record(&self, turn: &Turn<'_>, rendered: &Rendered, attempt: outbound::Attempt) -> anyhow::Result<Sent> {
        let response = ResponseBody::of(&attempt.answer);
        let key = match response {
            Some(_) => self.key_of(rendered).await?,
            None => None,
        };
        let has_failed = !attempt.succeeded();
        let command = DispatchCommand::RecordAttempt(Box::new(NewAttempt {
            message: turn.message.clone(),
            attempt: turn.attempt,
            probe: turn.probe,
            policy: turn.subscription.settings.retry_policy(),
            now: self.now(),
            jitter: Jitter::from_random(rand::random()),
            retry_after: attempt.retry_after.and_then(|after| TimeDelta::from_std(after).ok()),
            status: attempt.status,
            duration_ms: u32::try_from(attempt.duration.as_millis()).unwrap_or(u32::MAX),
            address: attempt.address.map(|address| address.to_string()),
            reason: attempt.failure,
            // Where what it is about was erased, nothing of it is kept.
            response: response.filter(|_| key.is_some()),
        }));
        let origin = self.origin(turn).sealed_with(key);
        let recorded = self.record_until_stored(turn, &command, &origin, has_failed).await?;
        let (ended, outcome) = match recorded.aggregate.next_attempt_at() {
            Some(until) => (Ended::Waits { until, attempts: i64::from(turn.attempt) }, DispatchOutcome::Failed),
            None if has_failed => (Ended::Closed, DispatchOutcome::DeadLetter),
            None => (Ended::Closed, DispatchOutcome::Delivered),
        };
        self.metrics.dispatched(outcome);
        Ok(Sent { ended, has_failed, recorded_at: recorded.position.or_else(|| Some(self.log.head())) })
    }

    /// What is not recorded is sent again: so that is tried a few times.
    async fn record_until_stored(
        &self,
        turn: &Turn<'_>,
        command: &DispatchCommand,
        origin: &Origin,
        has_failed: bool,
    ) -> Result<Committed<Dispatch>, CommandError<DispatchRefusal>> {
        let mut recordings = 1;
        loop {
            let recorded = if turn.attempt == 1 && !has_failed && !turn.subscription.is_failing() {
                self.log.execute_new::<Dispatch>(turn.id, command.clone(), origin.clone()).await
            } else {
                let follow = |before: &Dispatch, after: &Dispatch| {
                    let (endpoint, command) = after.consequence(before)?;
                    Some((endpoint.to_string(), command))
                };
                let both =
                    self.log.execute_with::<Dispatch, Endpoint>(turn.id, command.clone(), origin.clone(), follow).await;
                both.map(|(dispatch, _)| dispatch)
            };
            match recorded {
                Err(CommandError::Busy | CommandError::Contended | CommandError::Unavailable(_))
                    if recordings < MAX_RECORDINGS =>
                {
                    recordings += 1;
                    tokio::time::sleep(RECORD_AGAIN_AFTER).await;
                }
                recorded => return recorded,
            }
        }
    }

    async fn key_of(&self, Rendered { source, .. }: &Rendered) -> Result<Option<IdentifiedKey>, LoadError> {
        self.log.data_key_of_stream(source.aggregate_type, &source.id).await
    }

    fn origin(&self, turn: &Turn<'_>) -> Origin {
        Actor::Worker(self.name.clone()).because_of(turn.row.event.position)
    }
}

fn message_of(row: &QueuedDispatch) -> anyhow::Result<(DispatchId, Message)> {
    let event = &row.event;
    let endpoint_id: EndpointId = row.endpoint_id.parse()?;
    let event_type = CommerceEventType::parse(&event.event_type);
    let message = Message {
        endpoint_id,
        account_id: event.account_id.parse()?,
        integration_id: event.integration_id.as_deref().map(str::parse).transpose()?,
        event_id: event.id.parse()?,
        event_type: event_type.ok_or_else(|| anyhow::anyhow!("this version does not know {}", event.event_type))?,
        event_position: event.position.0,
        object: Some(ObjectKey { kind: event.object_kind.clone(), id: event.object_id.clone() }),
    };
    Ok((row.dispatch_id.parse()?, message))
}
