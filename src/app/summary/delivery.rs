//! What happened to a delivery, in sentences.

use domain::credits::PaidAction;
use domain::delivery::{
    ApiKeyUse, Change, CortexCall, DeliveryEvent, ErasureCause, FetchedOrder, MoveCause, RequeueCause, Started,
    Webhook, WebhookOutcome, WebhookRepeated, describe_changes,
};

use domain::ReportSource;

use super::{cause, cost, counted, moment};

pub(super) fn of_delivery(event: &DeliveryEvent) -> String {
    match event {
        DeliveryEvent::WebhookReceived { webhook, outcome, changes } => of_webhook(webhook, *outcome, changes),
        DeliveryEvent::WebhookRepeated(repeated) => of_repeated(repeated),
        DeliveryEvent::OrderFetched(fetched) => of_fetched(fetched),
        DeliveryEvent::OrderFetchFailed { call, retry_at, code: _, decided_on: _ } => {
            let what = call.as_ref().map_or_else(
                || "no access to it is saved".to_owned(),
                |call| format!("the store {call}"),
            );
            let again = retry_at.map(|at| format!(" It is tried again at {}.", moment(at))).unwrap_or_default();
            format!("The order could not be read at its store: {what}.{again}")
        }
        DeliveryEvent::OrderFetchRequested { fixed: Some(code) } => {
            let code = code.as_str();
            format!("What kept the order from being read at its store was fixed ({code}): it is read again.")
        }
        DeliveryEvent::OrderFetchRequested { fixed: None } => {
            "Another try was asked for to read the order at its store.".to_owned()
        }
        DeliveryEvent::OrderFetchGivenUp { code } => format!(
            "What changed of the order at its store could not be read for seven days ({}), and is not tried by itself any \
             more. {}",
            code.as_str(),
            code.advice_for_unread(true)
        ),
        DeliveryEvent::Started(started) => of_start(started),
        DeliveryEvent::LeaseRenewed { lease_until } => {
            format!("The attempt goes on; the worker holds the delivery until {}.", moment(*lease_until))
        }
        DeliveryEvent::StepStarted { action: PaidAction::Follow } => "The customer is about to be followed.".to_owned(),
        DeliveryEvent::StepStarted { action: PaidAction::Share { asset } } => {
            format!("The {asset} is about to be shared with the customer.")
        }
        DeliveryEvent::Followed { credits, .. } => {
            format!("The customer is followed on Cortex Cloud now ({}).", cost(*credits))
        }
        DeliveryEvent::AssetShared { asset, credits, .. } => {
            format!("The {} was shared with the customer ({}).", asset, cost(*credits))
        }
        DeliveryEvent::RetryScheduled { code, due_at, call } => {
            format!("{}{} The next try is at {}.", cause(*code), returned(call.as_ref()), moment(*due_at))
        }
        DeliveryEvent::WaitMoved { until, cause: MoveCause::ClockWasAhead } => {
            format!("A clock that was ahead had set this too far off: it waits until {} now.", moment(*until))
        }
        DeliveryEvent::WaitMoved { until, cause: MoveCause::Operator } => {
            format!("The next try was moved to {}.", moment(*until))
        }
        DeliveryEvent::ActionRequired { code, call, assets, decided_on: _ } => {
            let missing: Vec<String> = assets.iter().map(ToString::to_string).collect();
            let missing = if missing.is_empty() { String::new() } else { format!(" Missing: {}.", missing.join(", ")) };
            let advice = code.advice_after(call.as_ref());
            format!("The merchant is needed ({}). {advice}{missing}{}", code.as_str(), returned(call.as_ref()))
        }
        DeliveryEvent::Completed {} => "Everything that is mapped was shared: the delivery is complete.".to_owned(),
        DeliveryEvent::FailedPermanently { code, call } => {
            format!("The delivery was given up ({}).{}", code.as_str(), returned(call.as_ref()))
        }
        DeliveryEvent::CancellationRequested {} => {
            "Cancellation was asked for; the worker stops after the step it is in.".to_owned()
        }
        DeliveryEvent::Cancelled {} => "The delivery was cancelled.".to_owned(),
        DeliveryEvent::StatusFiltered {} => {
            "The attempt stopped: the order's status is no longer one that is delivered.".to_owned()
        }
        DeliveryEvent::HandedBack {} => {
            "The attempt ended early, since its worker stops or the order was revised: the delivery is back in the queue."
                .to_owned()
        }
        DeliveryEvent::RetryRequested { mapping_ids } => match mapping_ids.len() {
            0 => "Another try was asked for: the delivery is back in the queue.".to_owned(),
            1 => "A new mapping is to be delivered to this past order: the delivery is back in the queue.".to_owned(),
            many => {
                format!("{many} new mappings are to be delivered to this past order: the delivery is back in the queue.")
            }
        },
        DeliveryEvent::UsernameCorrected { .. } => "The customer's username was corrected.".to_owned(),
        DeliveryEvent::PersonalDataErased { cause } => {
            let why = match cause {
                ErasureCause::Operator => "on request",
                ErasureCause::Store => "as the store asked",
                ErasureCause::Retention => "as the account keeps it no longer",
            };
            format!("Everything personal was erased, {why}.")
        }
        DeliveryEvent::Requeued { cause: RequeueCause::Fixed { code: cause } } => {
            format!("What it waited for was fixed ({}): the delivery is back in the queue.", cause.as_str())
        }
        DeliveryEvent::Requeued { cause: RequeueCause::Revised } => {
            "The order was revised: the delivery is back in the queue.".to_owned()
        }
    }
}

/// What Cortex Cloud returned, as a sentence of its own.
fn returned(call: Option<&CortexCall>) -> String {
    call.map(|call| format!(" Cortex Cloud, {call}.")).unwrap_or_default()
}

fn of_webhook(webhook: &Webhook, outcome: WebhookOutcome, changes: &[Change]) -> String {
    let status = webhook.order_status.as_ref().map(|status| format!(" ({status})")).unwrap_or_default();
    let number = webhook.order_number.as_ref().unwrap_or(&webhook.order_id);
    let order = format!("order {number}{status}");
    let sentence = match outcome {
        WebhookOutcome::Announced => {
            format!("The store announced {order} and said nothing of it: the order is to be read at the store.")
        }
        WebhookOutcome::Accepted => format!("The store reported {order}: accepted for delivery."),
        WebhookOutcome::Revised => format!("The store revised {order}: {}.", describe_changes(changes)),
        WebhookOutcome::Filtered => {
            format!(
                "The store reported {order}: this status is not one that is delivered, so the order waits for one that is."
            )
        }
        WebhookOutcome::Duplicate => {
            format!("The store reported {order} again: nothing new, and nothing is delivered twice.")
        }
        WebhookOutcome::Stale if webhook.changed_at.is_some() => {
            format!("The store reported {order} as it was before: stale, newer reports are known. Nothing changed.")
        }
        WebhookOutcome::Stale => format!(
            "The store reported {order} as it had before, without a date: stale, it may be a late repetition. Nothing changed; \
             with the date of the change in `updatedAt` it would count."
        ),
        WebhookOutcome::Cancelled if is_emptied(webhook) => {
            format!("The store took everything off {order}: nothing is left to deliver, and the delivery is cancelled.")
        }
        WebhookOutcome::Cancelled => format!("The store cancelled {order}: the delivery is cancelled."),
        WebhookOutcome::TooLate => {
            format!("The store cancelled {order}, but it was already delivered; what was shared is not taken back.")
        }
    };
    let sentence = said_of_signature(sentence, webhook.unsigned);
    let changed_at = webhook.changed_at.map(|at| format!(", changed at {},", moment(at))).unwrap_or_default();
    let sentence = match webhook.source {
        // Of what stores sell no order is delivered.
        ReportSource::Webhook | ReportSource::Filling => sentence,
        ReportSource::Reconciliation => format!(
            "{sentence} No webhook had come of it: the store's orders were compared with what it had sent, and this \
             one{changed_at} was fetched."
        ),
        ReportSource::Polling => {
            format!("{sentence} The store was asked what it had changed, and this order{changed_at} was fetched.")
        }
    };
    match webhook.api_key {
        ApiKeyUse::Foreign => format!("{sentence} The API key beside it is not one of this account's."),
        ApiKeyUse::None | ApiKeyUse::Key { .. } => sentence,
    }
}

/// How the order read at its store.
fn of_fetched(fetched: &FetchedOrder) -> String {
    let FetchedOrder { order, outcome, changes, .. } = fetched;
    let status = order.order_status.as_ref().map(|status| format!(" ({status})")).unwrap_or_default();
    let number = order.order_number.as_ref().unwrap_or(&order.order_id);
    let what = match outcome {
        WebhookOutcome::Accepted => "accepted for delivery",
        WebhookOutcome::Revised => "it was revised",
        WebhookOutcome::Filtered => "this status is not one that is delivered, so the order waits for one that is",
        WebhookOutcome::Cancelled if is_emptied(order) => "nothing is left to deliver, and the delivery is cancelled",
        WebhookOutcome::Cancelled => "it is cancelled there, and the delivery with it",
        WebhookOutcome::TooLate => {
            "it is cancelled there, but was already delivered; what was shared is not taken back"
        }
        WebhookOutcome::Stale => "the store knows it as it was before; nothing changed",
        WebhookOutcome::Duplicate | WebhookOutcome::Announced => "nothing new",
    };
    let changes = if changes.is_empty() { String::new() } else { format!(": {}", describe_changes(changes)) };
    format!("The order {number}{status} was read at its store: {what}{changes}.")
}

fn of_repeated(repeated: &WebhookRepeated) -> String {
    let order = repeated.order_number.as_ref().unwrap_or(&repeated.order_id);
    let again = format!(
        "The store reported order {order} again, to the byte as in its webhook {}",
        repeated.first_webhook_number
    );
    let sentence = if repeated.outcome == WebhookOutcome::Announced {
        format!("{again}: it may have changed once more, so it is to be read at the store again.")
    } else if repeated.outcome == WebhookOutcome::Stale {
        format!("{again}: stale, other reports are known since. Nothing changed.")
    } else {
        format!("{again}: nothing new, and nothing is delivered twice.")
    };
    said_of_signature(sentence, repeated.unsigned)
}

fn said_of_signature(sentence: String, unsigned: bool) -> String {
    if unsigned {
        format!("{sentence} Nothing showed that the store had sent it: no signing secret was known.")
    } else {
        sentence
    }
}

/// Whether every line of the order was refunded or taken off again.
fn is_emptied(webhook: &Webhook) -> bool {
    !webhook.items.is_empty() && webhook.items.iter().all(|item| item.quantity == 0)
}

fn of_start(started: &Started) -> String {
    let Started { attempt, worker, .. } = started;
    let left_out = match started.unmapped() {
        0 => String::new(),
        1 => ", 1 item has no mapping".to_owned(),
        items => format!(", {items} items have no mapping"),
    };
    format!(
        "Attempt {attempt} by worker {worker} started: {} in all{left_out}.",
        counted(started.assets().len() as u64, "asset")
    )
}
