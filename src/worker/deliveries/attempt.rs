//! One attempt: takes the delivery, brings it as far as it goes today (`fulfilment.rs`), and records every step and the end.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::account::{Account, CortexCredentials};
use domain::delivery::schedule::Jitter;
use domain::delivery::{ApiKeyUse, DecidedOn, DeliveryCommand, Held, Order, Phase, StartFacts};
use domain::{Credits, DeliveryId, ResolutionCode};
use rand::RngExt as _;

use super::Deliveries;
use super::stop::{RequiredAction, Step, Stop};
use crate::metrics::AttemptOutcome;
use crate::ports::cortex::CortexClient;
use crate::worker::lease::{Lease, Over};
use crate::worker::work::Taken;
use event_log::{Actor, CommandError, Origin, Position};

/// One attempt to deliver.
pub(crate) struct Attempt {
    pub(super) deliveries: Arc<Deliveries>,
    /// Remembers the latest call of this attempt.
    pub(super) cortex: CortexClient,
    pub(super) id: DeliveryId,
    /// What made it due, as the log records it.
    pub(super) origin: Origin,
}

/// A delivery that is due, with what an attempt is decided on.
pub(crate) struct Ready {
    facts: StartFacts,
    credentials: Option<CortexCredentials>,
    /// The pace of its account.
    pub(super) attempts_per_minute: u32,
    /// Whether anything is tried. What a merchant must fix first needs no attempt, and uses up none of the pace.
    pub(super) tries: bool,
    was_running: bool,
}

/// The delivery that the attempt holds, as of the last recorded step.
pub(super) struct Running {
    pub(super) lease: Lease<Deliveries>,
    pub(super) credentials: CortexCredentials,
    /// What this attempt may spend.
    reserved: Credits,
}

impl Running {
    pub(super) fn order(&self) -> &Order {
        &self.lease.piece
    }

    pub(super) fn held(&self) -> Held {
        self.lease.held.clone()
    }

    /// What this attempt may still spend.
    pub(super) fn left(&self) -> Credits {
        self.reserved - self.order().spent()
    }
}

impl Attempt {
    pub(super) fn new(deliveries: Arc<Deliveries>, id: DeliveryId, caused_by: Position) -> Self {
        let origin = Actor::Worker(deliveries.holder.name.clone()).because_of(caused_by).correlated_with(id.0);
        let cortex = deliveries.needs.cortex.for_attempt();
        Self { deliveries, cortex, id, origin }
    }

    /// Reads what the attempt is decided on. None where the delivery is not due.
    pub(super) async fn ready(&self, order: &Order) -> anyhow::Result<Option<Ready>> {
        if !is_due(&order.summary.phase, self.now()) {
            return Ok(None);
        }
        let log = &self.deliveries.needs.data.log;
        let account = log.current::<Account>(order.account_id).await?;
        let Some(merchant) = account.aggregate.merchant() else {
            anyhow::bail!("the delivery's account was never opened")
        };
        let Some(link) = self.deliveries.needs.links.find(order.integration_id).await? else {
            anyhow::bail!("the delivery's integration was never created");
        };
        let facts = StartFacts {
            mappings: link.mappings.clone(),
            credentials_saved: merchant.credentials.is_some(),
            api_key_active: match order.api_key {
                ApiKeyUse::None => true,
                ApiKeyUse::Key { id } => merchant.keys.active(id).is_some(),
                ApiKeyUse::Foreign => false,
            },
            integration_active: link.active,
            decided_on: DecidedOn { account_sequence: account.sequence.0, integration_sequence: link.sequence().0 },
        };
        Ok(Some(Ready {
            tries: order.blocked_by(&facts, &order.plan(&facts.mappings)).is_none(),
            facts,
            credentials: merchant.credentials.clone(),
            attempts_per_minute: merchant.attempts_per_minute,
            was_running: order.lease().is_some(),
        }))
    }

    pub(super) async fn run(self, ready: Ready) -> Taken {
        self.deliveries.needs.data.log.yield_to_webhooks().await;
        match self.start(ready).await {
            Ok(Ok(mut running)) => {
                let stop = self.work(&mut running).await.err();
                self.end(&running, stop).await;
                Taken::Worked
            }
            Ok(Err(taken)) => taken,
            Err(error) => {
                self.deliveries.not_taken_up(format_args!("{}: {error}", self.id));
                Taken::NotDue
            }
        }
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.deliveries.holder.now()
    }

    /// Starts, and reserves what the attempt may cost; or records what the merchant must fix first.
    async fn start(&self, ready: Ready) -> anyhow::Result<Result<Running, Taken>> {
        let Ready { facts, credentials, was_running, .. } = ready;
        let now = self.now();
        let start = DeliveryCommand::Start {
            worker: self.deliveries.holder.name.clone(),
            now,
            lease_until: self.deliveries.holder.lease_until(now),
            facts,
        };
        let (started, ledger) = match self.deliveries.execute_and_settle(self.id, start, self.origin.clone()).await {
            Ok(started) => started,
            Err(CommandError::Refused(_)) => return Ok(Err(Taken::NotDue)),
            Err(error) => return Err(error.into()),
        };
        let Some(order) = started.aggregate.order().cloned() else {
            return Ok(Err(Taken::NotDue));
        };
        let Some(lease) = order.lease() else {
            if was_running {
                self.report(&order, None);
            } else {
                let code = order.summary.phase.resolution_code().map(ResolutionCode::as_str);
                tracing::info!(delivery = %self.id, code, "no attempt is made: the merchant is needed first");
            }
            return Ok(Err(Taken::Worked));
        };
        let held = Held { worker: lease.worker.clone(), attempt: lease.attempt };
        let Some(credentials) = credentials else {
            return Ok(Err(Taken::NotDue));
        };
        let reservation = ledger.as_ref().and_then(|ledger| ledger.aggregate.reservation(self.id));
        let reserved = reservation.map_or(Credits::ZERO, |reservation| reservation.credits);
        tracing::debug!(delivery = %self.id, attempt = held.attempt, "attempt started");
        let origin = self.origin.clone().caused_by(started.position);
        let (work, holder) = (self.deliveries.clone(), self.deliveries.holder.clone());
        let lease = Lease { work, id: self.id, piece: order, held, origin, holder };
        Ok(Ok(Running { lease, credentials, reserved }))
    }

    async fn work(&self, running: &mut Running) -> Result<(), Stop> {
        let session = self.session(running, false).await?;
        match self.fulfil(running, &session).await {
            Err(Step::SessionExpired) => {
                let session = self.session(running, true).await?;
                self.fulfil(running, &session).await.map_err(|step| match step {
                    Step::SessionExpired => Stop::Fail("a fresh login does not last".to_owned()),
                    Step::Stop(stop) => stop,
                })
            }
            Err(Step::Stop(stop)) => Err(stop),
            Ok(()) => Ok(()),
        }
    }

    async fn end(&self, running: &Running, stop: Option<Stop>) {
        let (held, now) = (running.held(), self.now());
        let jitter = Jitter::from_random(rand::rng().random());
        let last_call = || self.cortex.last_call();
        let (command, reason) = match stop {
            None | Some(Stop::Over(Over::Ended)) => return self.report(running.order(), None),
            Some(Stop::Over(Over::LeaseLost)) => {
                return self.deliveries.needs.metrics.attempt(AttemptOutcome::LeaseLost);
            }
            Some(Stop::Over(Over::LogUnavailable(reason))) => {
                tracing::error!(delivery = %self.id, reason, "an attempt cannot be recorded; its lease will run out");
                return self.deliveries.needs.metrics.attempt(AttemptOutcome::LeaseLost);
            }
            Some(Stop::Wait) => (DeliveryCommand::Wait { held, now, jitter, call: last_call() }, None),
            Some(Stop::Fail(reason)) => (DeliveryCommand::Fail { held, now, jitter, call: last_call() }, Some(reason)),
            Some(Stop::RequireAction(RequiredAction { code, missing, call })) => {
                let call = call.or_else(|| last_call().filter(|_| is_found_by_a_call(code)));
                (DeliveryCommand::RequireAction { held, code, call, assets: missing }, None)
            }
            Some(Stop::GiveUp(reason)) => {
                let code = ResolutionCode::Unknown;
                (DeliveryCommand::GiveUp { held, code, now, jitter, call: last_call() }, Some(reason))
            }
            Some(Stop::Over(Over::Stopping)) => (DeliveryCommand::HandBack { held }, None),
        };
        match running.lease.end(command).await {
            Ok(Some(order)) => self.report(&order, reason.as_deref()),
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(delivery = %self.id, %error, "the end of an attempt was not recorded");
                self.deliveries.needs.metrics.attempt(AttemptOutcome::LeaseLost);
            }
        }
    }

    /// One line for each attempt, with nothing private in it.
    fn report(&self, order: &Order, reason: Option<&str>) {
        let outcome = match &order.summary.phase {
            Phase::Completed => AttemptOutcome::Completed,
            Phase::RetryScheduled { code: ResolutionCode::NdspWaiting, .. } => AttemptOutcome::WaitingForCustomer,
            Phase::RetryScheduled { .. } => AttemptOutcome::TemporaryFailure,
            Phase::ActionRequired { .. } => AttemptOutcome::ActionRequired,
            Phase::FailedPermanently { .. } | Phase::Filtered => AttemptOutcome::GivenUp,
            Phase::Cancelled(_) => AttemptOutcome::Cancelled,
            Phase::Queued | Phase::Running(_) => AttemptOutcome::HandedBack,
        };
        self.deliveries.needs.metrics.attempt(outcome);
        let code = order.summary.phase.resolution_code().map(ResolutionCode::as_str);
        let (attempt, status) = (order.summary.attempts, order.status().as_str());
        tracing::info!(delivery = %self.id, attempt, status, code, reason, "attempt ended");
    }
}

/// Whether Cortex Cloud's own response shows what the merchant has to fix.
fn is_found_by_a_call(code: ResolutionCode) -> bool {
    matches!(code, ResolutionCode::InvalidUsername | ResolutionCode::MissingCredentials | ResolutionCode::AssetNotFound)
}

fn is_due(phase: &Phase, now: DateTime<Utc>) -> bool {
    match phase {
        Phase::Queued => true,
        Phase::RetryScheduled { due_at, .. } => *due_at <= now,
        Phase::Running(lease) => lease.until <= now,
        Phase::Filtered
        | Phase::ActionRequired { .. }
        | Phase::Completed
        | Phase::FailedPermanently { .. }
        | Phase::Cancelled(_) => false,
    }
}
