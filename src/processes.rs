//! Process managers, one for each concern: they read the event log and issue commands.
//!
//! Each has a task, a checkpoint and a lease of its own: what delays one delays no other, and of several nodes one runs
//! each. An event that cannot be handled is parked, and tried again.

mod attempts;
mod checkpoints;
mod endpoint_mails;
mod failure;
mod fixes;
mod lease;
mod legal_requests;
mod mailing;
mod process_manager;
mod resumed_endpoints;
pub mod retention;
mod retry;
mod runner;
mod status;
mod store_mails;
mod store_subscriptions;
mod store_tokens;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use std::time::Duration;

use crate::app::erasure::Erasure;
use crate::app::log_and_views::LogAndViews;
use crate::app::stores::Stores;
use crate::ports::mail::Mailer;
use crate::tasks::Tasks;
use process_manager::ProcessManager;
use retention::sweep::Sweeper;

pub(crate) use lease::keep as keep_leases;
pub use retry::Retried;
pub(crate) use retry::retry;
pub use status::{Processes, Standing, standings};

/// What process managers need from the rest of the service.
#[derive(Clone)]
pub(crate) struct Dependencies {
    pub(crate) data: LogAndViews,
    pub(crate) erasure: Erasure,
    pub(crate) stores: Stores,
    pub(crate) sweeper: Arc<Sweeper>,
    pub(crate) processes: Arc<Processes>,
    /// How long after a checkpoint this node signs the next one by itself, if it does.
    pub(crate) checkpoint_every: Option<Duration>,
    /// None where no mail is sent.
    pub(crate) mailer: Option<Mailer>,
    pub(crate) tasks: Tasks,
}

/// The list of all process managers. One more is a file and a line here.
macro_rules! process_managers {
    ($($manager:ty,)+) => {
        /// Their names, as they are saved and shown.
        pub const NAMES: [&str; [$(<$manager>::NAME),+].len()] = [$(<$manager>::NAME),+];

        /// Starts them. Each ends soon after the service begins to stop, and hands back what it holds.
        pub(crate) fn start(needs: &Dependencies) {
            $(start_one::<$manager>(needs);)+
        }

        #[cfg(test)]
        fn each_follows_what_it_names() {
            $(tests::follows_what_it_names::<$manager>();)+
        }
    };
}

process_managers! {
    fixes::Fixes,
    legal_requests::LegalRequests,
    retention::Retention,
    checkpoints::Checkpoints,
    resumed_endpoints::ResumedEndpoints,
    endpoint_mails::EndpointMails,
    store_subscriptions::StoreSubscriptions,
    store_tokens::StoreTokens,
    store_mails::StoreMails,
}

fn start_one<M: ProcessManager>(needs: &Dependencies) {
    let Some(manager) = M::new(needs) else { return };
    needs.processes.status(M::NAME).is_wanted.store(true, Ordering::SeqCst);
    needs.tasks.spawn(runner::run(needs.clone(), manager));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use event_log::recorded::AnyEvent;
    use serde::de::DeserializeOwned;

    use super::process_manager::{Kind, ProcessManager};

    /// Every form of every event that was ever stored.
    fn every_event() -> Vec<AnyEvent> {
        fn read<E: DeserializeOwned>(lines: &str, of: fn(E) -> AnyEvent) -> Vec<AnyEvent> {
            lines.lines().map(|line| of(serde_json::from_str(line).unwrap())).collect()
        }
        [
            read(include_str!("../domain/src/account/ever.jsonl"), AnyEvent::Account),
            read(include_str!("../domain/src/checkpoint/ever.jsonl"), AnyEvent::Checkpoint),
            read(include_str!("../domain/src/delivery/tests/ever.jsonl"), AnyEvent::Delivery),
            read(include_str!("../domain/src/dispatch/ever.jsonl"), AnyEvent::Dispatch),
            read(include_str!("../domain/src/endpoint/ever.jsonl"), AnyEvent::Endpoint),
            read(include_str!("../domain/src/instance/ever.jsonl"), AnyEvent::Instance),
            read(include_str!("../domain/src/integration/ever.jsonl"), AnyEvent::Integration),
            read(include_str!("../domain/src/ledger/ever.jsonl"), AnyEvent::Ledger),
            read(include_str!("../domain/src/notice/ever.jsonl"), AnyEvent::Notice),
            read(include_str!("../domain/src/operator_action/ever.jsonl"), AnyEvent::OperatorAction),
            read(include_str!("../domain/src/resource/ever.jsonl"), AnyEvent::Resource),
            read(include_str!("../domain/src/store/ever.jsonl"), AnyEvent::Store),
        ]
        .concat()
    }

    pub(super) fn follows_what_it_names<M: ProcessManager>() {
        let mut named: HashSet<Kind> = M::KINDS.iter().copied().collect();
        assert_eq!(named.len(), M::KINDS.len(), "{} names a kind twice", M::NAME);
        for event in every_event() {
            let (stream, kind) = (event.aggregate_type().unwrap(), event.event_type().unwrap());
            let is_named = M::KINDS.contains(&(stream, kind.as_str()));
            assert_eq!(M::follows(&event), is_named, "{} and {kind} of {stream}", M::NAME);
            named.retain(|name| *name != (stream, kind.as_str()));
        }
        assert!(named.is_empty(), "{} follows what there is not: {named:?}", M::NAME);
    }

    #[test]
    fn a_process_manager_handles_every_kind_that_it_follows_and_no_other() {
        super::each_follows_what_it_names();
    }
}
