//! Signing checkpoints by itself: one whenever the interval has passed and there is something new.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::checkpoint::CheckpointEvent;
use event_log::recorded::AnyEvent;

use super::Dependencies;
use super::failure::Failure;
use super::process_manager::{ProcessManager, handles};
use crate::audit::signer::{sign, unsigned_since};
use event_log::recurring::Recurring;
use event_log::{Actor, EventLog, Position};

/// Signs what came since the last checkpoint. It knows of that by its event, which a person may have caused.
pub(super) struct Checkpoints {
    log: EventLog,
    every: TimeDelta,
    /// The next one is signed then, or with the first event after that. None as long as nothing is known.
    next_at: Option<DateTime<Utc>>,
    /// Up to this position there is nothing to sign.
    signed_by: Position,
    failures: Recurring,
}

impl ProcessManager for Checkpoints {
    const NAME: &'static str = "checkpoints";
    const REST: Duration = Duration::from_millis(50);

    handles! { |checkpoints, event| {
        ("checkpoint", "checkpoint_signed") AnyEvent::Checkpoint(CheckpointEvent::CheckpointSigned(checkpoint)) => {
            checkpoints.signed(checkpoint.signed_at, event.position);
            Ok(())
        },
    } }

    /// Where no checkpoint is signed by itself, another node may be set to do it.
    fn new(needs: &Dependencies) -> Option<Self> {
        let every = TimeDelta::from_std(needs.checkpoint_every?).ok()?;
        let failures = Recurring::new("no checkpoint can be signed");
        Some(Self { log: needs.data.log.clone(), every, next_at: None, signed_by: Position::START, failures })
    }

    async fn begin(&mut self, _: Position) -> Result<(), Failure> {
        (self.next_at, self.signed_by) = (None, Position::START);
        Ok(())
    }

    fn due_at(&self, head: Position) -> Option<DateTime<Utc>> {
        let is_unsigned = head > self.signed_by;
        is_unsigned.then(|| self.next_at.unwrap_or_else(|| self.log.clock().now()))
    }

    async fn do_what_is_due(&mut self) -> Result<(), Failure> {
        let done = match self.next_at {
            None => self.poll().await,
            Some(_) => self.sign().await,
        };
        match done {
            Ok(()) => self.failures.worked(),
            Err(error) => {
                self.failures.failed(format!("{error:#}"));
                return Err(Failure::Unavailable("no checkpoint can be signed".to_owned()));
            }
        }
        Ok(())
    }
}

impl Checkpoints {
    fn signed(&mut self, signed_at: DateTime<Utc>, position: Position) {
        // A clock that was ahead may have signed it: no more than the interval is waited in any case.
        let signed_at = signed_at.min(self.log.clock().now());
        self.next_at = Some(signed_at.checked_add_signed(self.every).unwrap_or(DateTime::<Utc>::MAX_UTC));
        self.signed_by = position.max(self.signed_by);
    }

    async fn poll(&mut self) -> anyhow::Result<()> {
        if let Some(since) = unsigned_since(&self.log).await? {
            self.signed(since, Position::START);
        }
        Ok(())
    }

    async fn sign(&mut self) -> anyhow::Result<()> {
        let head = self.log.newest().await?;
        let signed = sign(&self.log, &Actor::System).await?;
        match (signed.position, signed.latest) {
            (Some(position), Some(latest)) => {
                tracing::info!(number = signed.number.0, "a checkpoint was signed");
                self.signed(latest.signed_at, position);
            }
            // The next event is signed with as soon as it comes.
            (_, _) => self.signed_by = head,
        }
        Ok(())
    }
}
