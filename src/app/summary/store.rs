//! What was done at a connected store, in a sentence.

use domain::store::{CheckCause, StoreEvent, SubscriptionsChecked};

use super::moment;

pub(super) fn of_store(event: &StoreEvent) -> String {
    match event {
        StoreEvent::StoreWatched { .. } => "The store is watched from now on.".to_owned(),
        StoreEvent::SubscriptionMade { topics, address, .. } => {
            format!("The store was asked to send webhooks of {} to {address}.", topics.join(", "))
        }
        StoreEvent::SubscriptionEnabled { topics, .. } => {
            format!("The store had stopped sending webhooks of {}: it goes on.", topics.join(", "))
        }
        StoreEvent::SubscriptionRemoved { topics, .. } => {
            format!("The store does not send webhooks of {} any more: they are not needed.", topics.join(", "))
        }
        StoreEvent::SubscriptionRefused { topics, reason } => {
            format!("The store does not send webhooks of {}: {reason}.", topics.join(", "))
        }
        StoreEvent::SubscriptionsChecked(checked) => of_check(checked),
        StoreEvent::SubscriptionsNotChecked { cause, reason, retry_at, .. } => format!(
            "What the store sends could not be checked ({}): {reason}. It is tried again at {}.",
            why(*cause),
            moment(*retry_at)
        ),
    }
}

fn of_check(checked: &SubscriptionsChecked) -> String {
    let SubscriptionsChecked { cause, present, missing, disabled, at: _, integration_sequence: _ } = checked;
    let mut found = vec![format!("{present} of the needed webhooks were there")];
    if !missing.is_empty() {
        found.push(format!("missing were those of {}", missing.join(", ")));
    }
    if !disabled.is_empty() {
        found.push(format!("stopped were those of {}", disabled.join(", ")));
    }
    format!("What the store sends was checked ({}): {}.", why(*cause), found.join("; "))
}

fn why(cause: CheckCause) -> &'static str {
    match cause {
        CheckCause::Connected => "it was connected",
        CheckCause::Changed => "what is needed has changed",
        CheckCause::Daily => "as every day",
        CheckCause::Silent => "nothing came for longer than usual",
        CheckCause::Missed => "something had not been reported",
        CheckCause::Revoked => "it said that the app is gone",
        CheckCause::Requested => "somebody wanted to know",
    }
}
