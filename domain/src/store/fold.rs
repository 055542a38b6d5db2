//! The fold: what each event makes of what is known of a store.

use chrono::{DateTime, Utc};

use super::{
    CHECK_EVERY, CheckCause, Checked, Comparing, Lease, MAX_REMEMBERED, RefusedTopics, Store, StoreEvent,
    SubscriptionsChecked, Task,
};

impl Store {
    pub(super) fn fold(&mut self, event: StoreEvent) {
        match event {
            StoreEvent::StoreWatched { account_id } => self.account_id = Some(account_id),
            StoreEvent::CheckRequested { cause, due_at, integration_sequence } => {
                self.integration_sequence = self.integration_sequence.max(integration_sequence.unwrap_or(0));
                match cause {
                    CheckCause::Revoked => self.revoked_at = Some(due_at),
                    CheckCause::Missed => self.missed_at = Some(due_at),
                    CheckCause::Requested => self.planned_at = self.check_at.or(self.planned_at),
                    CheckCause::Connected
                    | CheckCause::Changed
                    | CheckCause::Activated
                    | CheckCause::Daily
                    | CheckCause::Silent => {}
                }
                self.want_orders(cause, due_at);
                (self.check_at, self.check_cause) = (Some(due_at), Some(cause));
            }
            StoreEvent::WorkStarted { task, worker, lease_until } => {
                // Of a lease that ran out, what it was for is done again.
                let before = self.lease.take().filter(|lease| lease.task == task).map(|lease| lease.cause);
                let cause = before.or(self.check_cause).unwrap_or(CheckCause::Daily);
                match task {
                    _ if before.is_some() => {}
                    Task::Check => (self.check_at, self.check_cause) = (None, None),
                    Task::Compare => self.rest_comparing(),
                    Task::Fill => self.rest_filling(),
                }
                self.lease = Some(Lease { task, worker, until: lease_until, cause });
            }
            StoreEvent::HandedBack { at } => self.hand_back(at),
            StoreEvent::WatchPaused { integration_sequence } => {
                self.integration_sequence = self.integration_sequence.max(integration_sequence);
                (self.check_at, self.check_cause, self.lease) = (None, None, None);
                self.rest_comparing();
                self.rest_filling();
            }
            StoreEvent::SubscriptionMade { subscription_id, topics, address: _ } => {
                if self.made.len() < MAX_REMEMBERED {
                    self.made.insert(subscription_id, topics);
                }
            }
            StoreEvent::SubscriptionEnabled { .. } => {}
            StoreEvent::SubscriptionRemoved { subscription_id, topics: _ } => {
                self.made.remove(&subscription_id);
            }
            StoreEvent::SubscriptionRefused { topics, reason } => {
                if self.refused.len() < MAX_REMEMBERED {
                    self.refused.push(RefusedTopics { topics, reason });
                }
            }
            StoreEvent::SubscriptionsChecked(checked) => self.apply_checked(checked),
            StoreEvent::SubscriptionsNotChecked { cause, reason, retry_at, integration_sequence: _ } => {
                self.refused.clear();
                if cause != CheckCause::Requested {
                    self.failures = self.failures.saturating_add(1);
                }
                self.failure = Some(reason);
                self.end_check(retry_at);
            }
            StoreEvent::ComparisonBegun { from } => self.begin_comparing(from),
            StoreEvent::ComparisonRequested { due_at } => {
                if let Some(comparing) = &mut self.comparing {
                    comparing.planned_at = comparing.compare_at.or(comparing.planned_at);
                    comparing.compare_at = Some(due_at);
                }
            }
            StoreEvent::OrdersCompared(found) => {
                self.lease = None;
                if let Some(comparing) = &mut self.comparing {
                    comparing.apply(found);
                }
            }
            StoreEvent::OrdersNotCompared { reason, retry_at } => {
                self.lease = None;
                if let Some(comparing) = &mut self.comparing {
                    comparing.apply_failure(reason, retry_at);
                }
            }
            StoreEvent::FillingRequested { due_at } => {
                self.filling.get_or_insert_default().apply_requested(due_at);
            }
            StoreEvent::CatalogueRead(read) => {
                self.lease = None;
                self.filling.get_or_insert_default().apply(read);
            }
            StoreEvent::CatalogueNotRead { reason, retry_at } => {
                self.lease = None;
                self.filling.get_or_insert_default().apply_failure(reason, retry_at);
            }
        }
    }

    fn want_orders(&mut self, cause: CheckCause, at: DateTime<Utc>) {
        let from = Comparing::from(at);
        match cause {
            CheckCause::Connected | CheckCause::Changed => {
                self.wanted_from = Some(self.wanted_from.map_or(from, |wanted| wanted.min(from)));
            }
            // Those of before, while it was switched off, are not.
            CheckCause::Activated => self.wanted_from = Some(from),
            CheckCause::Requested
            | CheckCause::Missed
            | CheckCause::Revoked
            | CheckCause::Daily
            | CheckCause::Silent => {}
        }
    }

    fn hand_back(&mut self, at: DateTime<Utc>) {
        let Some(lease) = self.lease.take() else { return };
        match lease.task {
            // Another may have been requested meanwhile.
            Task::Check if self.check_at.is_none() => {
                (self.check_at, self.check_cause) = (Some(at), Some(lease.cause));
            }
            Task::Check => {}
            Task::Compare => {
                if let Some(comparing) = &mut self.comparing {
                    comparing.compare_at = Some(at);
                }
            }
            Task::Fill => {
                if let Some(filling) = &mut self.filling {
                    filling.fill_at = Some(at);
                }
            }
        }
    }

    fn rest_comparing(&mut self) {
        if let Some(comparing) = &mut self.comparing {
            comparing.compare_at = None;
        }
    }

    fn rest_filling(&mut self) {
        if let Some(filling) = &mut self.filling {
            filling.fill_at = None;
        }
    }

    fn apply_checked(&mut self, checked: SubscriptionsChecked) {
        let SubscriptionsChecked { cause, present, missing, disabled, at, integration_sequence } = checked;
        let refused = std::mem::take(&mut self.refused);
        self.checked = Some(Checked { at, cause, present, missing, disabled, refused });
        (self.failures, self.failure, self.wanted_from) = (0, None, None);
        self.integration_sequence = self.integration_sequence.max(integration_sequence);
        if let Some(comparing) = &mut self.comparing {
            // After a time in which it could not be called.
            comparing.compare_at.get_or_insert(at);
        }
        if let Some(filling) = &mut self.filling {
            filling.go_on(at);
        }
        self.end_check(at.checked_add_signed(CHECK_EVERY).unwrap_or(at));
    }

    /// Unless another was requested meanwhile, the next is due then.
    fn end_check(&mut self, next: DateTime<Utc>) {
        self.planned_at = None;
        // Of what was recorded before there were leases, nothing was requested meanwhile.
        let was_leased = self.lease.take().is_some();
        if !was_leased || self.check_at.is_none_or(|at| at > next) {
            (self.check_at, self.check_cause) = (Some(next), None);
        }
    }
}
