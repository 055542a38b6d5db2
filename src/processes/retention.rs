//! Erasing by itself what an account does not keep for good: every hour, and when an account sets another bound.

pub(crate) mod sweep;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::account::AccountEvent;
use event_log::Position;
use event_log::recorded::AnyEvent;

use self::sweep::{Sweep, Sweeper};
use super::Dependencies;
use super::failure::Failure;
use super::process_manager::{ProcessManager, handles};

/// How often it polls. The shortest bound that an account can set is a day.
const POLL_EVERY: TimeDelta = TimeDelta::hours(1);
const UNTRUSTED_POLL_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Knows when to search next for what was kept too long.
pub(super) struct Retention {
    sweeper: Arc<Sweeper>,
    due_at: DateTime<Utc>,
}

impl ProcessManager for Retention {
    const NAME: &'static str = "retention";
    const REST: Duration = Duration::from_millis(50);

    handles! { |retention, event| {
        ("account", "retention_set") AnyEvent::Account(AccountEvent::RetentionSet { .. }) => {
            retention.due_at = retention.sweeper.now();
            Ok(())
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        Some(Self { sweeper: needs.sweeper.clone(), due_at: needs.data.now() })
    }

    async fn begin(&mut self, _: Position) -> Result<(), Failure> {
        self.due_at = self.sweeper.now();
        Ok(())
    }

    fn due_at(&self, _: Position) -> Option<DateTime<Utc>> {
        Some(self.due_at)
    }

    async fn do_what_is_due(&mut self) -> Result<(), Failure> {
        let began = self.sweeper.now();
        self.due_at = match self.sweeper.sweep(began).await? {
            Sweep::Done => began + POLL_EVERY,
            Sweep::ClockDistrusted => began + UNTRUSTED_POLL_EVERY,
        };
        Ok(())
    }
}
