//! One sentence for each event, in the words of support, and what of its data is never shown. Nothing private
//! is in a sentence.

pub(crate) mod operator_actions;
mod reading;
mod sending;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::account::AccountEvent;
use domain::checkpoint::CheckpointEvent;
use domain::credits::PaidAction;
use domain::delivery::{
    ApiKeyUse, Change, CortexCall, DeliveryEvent, ErasureCause, FetchedOrder, MoveCause, RequeueCause, Started,
    Webhook, WebhookOutcome, WebhookRepeated, describe_changes,
};
use domain::integration::{IntegrationEvent, Purpose};
use domain::ledger::LedgerEvent;
use domain::notice::{NoticeEvent, NoticeKind};
use domain::publication::PublicationEvent;
use domain::resource::{Report, ReportOutcome};
use domain::{Credits, ItemMapping, MatchType, ResolutionCode};
use event_log::recorded::{AnyEvent, Recorded};
use serde_json::Value;

/// What happened, in a sentence without a username, an e-mail address or a secret.
pub fn summary(event: &Recorded) -> String {
    match &event.event {
        AnyEvent::Account(event) => of_account(event),
        AnyEvent::Ledger(event) => of_ledger(event),
        AnyEvent::Integration(event) => of_integration(event),
        AnyEvent::Delivery(event) => of_delivery(event),
        AnyEvent::Notice(NoticeEvent::WebhookReceived(received)) => {
            let what = match received.kind {
                NoticeKind::NotAnOrder => "a webhook that is not about an order",
                NoticeKind::Commerce => "a webhook about what is published and not delivered",
                NoticeKind::Unusable => {
                    let why = received.reason.as_deref().unwrap_or("the reason is not known");
                    let order = received.order_number.as_ref().or(received.order_id.as_ref());
                    let about = order.map(|order| format!(" about order {order}")).unwrap_or_default();
                    return format!(
                        "The store ({}) sent a webhook{about} that cannot be used: {why}.",
                        received.provider.name()
                    );
                }
                NoticeKind::StoreError => {
                    "an error instead of an order: the owner of its webhook may no longer read orders"
                }
                NoticeKind::CustomerDataRequest => "the question what is known of a customer",
                NoticeKind::CustomerRedact => "the request to erase a customer",
                NoticeKind::ShopRedact => "the request to erase everything personal of the store",
            };
            format!("The store ({}) sent {what}.", received.provider.name())
        }
        AnyEvent::Notice(NoticeEvent::WebhookRepeated(repeated)) => {
            format!("{}: the very same body again.", repeated.provider.name())
        }
        AnyEvent::Notice(NoticeEvent::OrderRead(read)) => format!(
            "Order {} was read at its store, which {}.",
            read.order_number.as_ref().unwrap_or(&read.order_id),
            read.call
        ),
        AnyEvent::Notice(NoticeEvent::PersonalDataErased {}) => "It was done, and whom it named was erased.".to_owned(),
        AnyEvent::Resource(event) => reading::of_resource(event),
        AnyEvent::Publication(PublicationEvent::EventPublished(published)) => {
            format!("A program of the account published {}.", published.event_type.as_str())
        }
        AnyEvent::Publication(PublicationEvent::PersonalDataErased {}) => "What it says was erased.".to_owned(),
        AnyEvent::Endpoint(event) => sending::of_endpoint(event),
        AnyEvent::Dispatch(event) => sending::of_dispatch(event),
        AnyEvent::OperatorAction(action) => operator_actions::sentence(action, &event.aggregate_id),
        AnyEvent::Checkpoint(CheckpointEvent::CheckpointSigned(checkpoint)) => format!(
            "A checkpoint over the events at positions {} to {} was signed with the key {}.",
            checkpoint.first_position, checkpoint.last_position, checkpoint.key_id
        ),
        AnyEvent::Unknown => "Something that this version of Cloud Bridge does not know.".to_owned(),
    }
}

fn of_report(report: &Report) -> String {
    let kind: &str = report.content.kind().into();
    let happened: &str = report.happened.into();
    let said = format!(
        "The store ({}) reported that the {kind} {} was {happened}",
        report.provider.name(),
        report.resource_id
    );
    let types: Vec<&str> = report.publishes.iter().map(|published| published.as_str()).collect();
    match report.outcome {
        ReportOutcome::Current if types.is_empty() => format!("{said}: nothing is published of that."),
        ReportOutcome::Current => format!("{said}: {} is published.", types.join(", ")),
        ReportOutcome::Stale => format!("{said}: stale, newer reports are known. Nothing is published."),
        ReportOutcome::AfterDeletion => format!("{said}, after its deletion. Nothing is published."),
    }
}

/// Takes the hash of an API key out of an event's data: it is what a key is known by, and of no use to a reader.
pub fn leave_out_key_hash(event_type: &str, payload: &mut Value) {
    if event_type == "api_key_created"
        && let Some(fields) = payload.as_object_mut()
    {
        fields.remove("key_hash");
    }
}

fn of_delivery(event: &DeliveryEvent) -> String {
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

fn of_account(event: &AccountEvent) -> String {
    match event {
        AccountEvent::AccountCreated { name, attempts_per_minute } => {
            format!(
                "The account “{name}” was created, with up to {} a minute.",
                counted((*attempts_per_minute).into(), "attempt")
            )
        }
        AccountEvent::ApiKeyCreated(key) => {
            format!("The API key “{}” ({}, {}) was created.", key.name, key.role.as_str(), key.key_preview)
        }
        AccountEvent::ApiKeyLimitChanged { key_id, requests_per_minute } => {
            format!("The API key {key_id} may send {requests_per_minute} requests a minute.")
        }
        AccountEvent::ApiKeyDeactivated { key_id } => format!("The API key {key_id} was deactivated."),
        AccountEvent::RetentionSet { days: Some(days) } => {
            format!("Personal data is erased once a delivery has been over for {}.", counted((*days).into(), "day"))
        }
        AccountEvent::RetentionSet { days: None } => "Personal data is kept for good.".to_owned(),
        AccountEvent::StockAlertSet { threshold: Some(threshold) } => {
            format!("A product is published as out of stock once {threshold} or fewer are left.")
        }
        AccountEvent::StockAlertSet { threshold: None } => "No product is published as out of stock.".to_owned(),
        AccountEvent::CortexCredentialsSaved { .. } => "The login at Cortex Cloud was saved.".to_owned(),
        AccountEvent::CortexCredentialsDeleted {} => "The login at Cortex Cloud was deleted.".to_owned(),
        AccountEvent::DefaultEndpointSecretSet { secret_preview, .. } => {
            format!(
                "New endpoints are signed for with a secret that ends in {secret_preview}, unless they get another."
            )
        }
        AccountEvent::ContactSet { .. } => "The address for e-mails about endpoints was set.".to_owned(),
        AccountEvent::ContactRemoved {} => "The address for e-mails about endpoints was removed.".to_owned(),
    }
}

fn of_ledger(event: &LedgerEvent) -> String {
    match event {
        LedgerEvent::CreditsGranted { credits, .. } => format!("{} granted.", were(*credits)),
        LedgerEvent::CreditsReserved { delivery_id, attempt, credits } => {
            format!("{} set aside for attempt {attempt} of delivery {delivery_id}.", were(*credits))
        }
        LedgerEvent::ReservationSettled { delivery_id, attempt, charged, returned } => {
            let charged = if *charged == Credits::ZERO { "Nothing was".to_owned() } else { were(*charged) };
            let returned =
                if *returned == Credits::ZERO { "nothing".to_owned() } else { counted(returned.0, "credit") };
            format!("{charged} charged for attempt {attempt} of delivery {delivery_id}; {returned} given back.")
        }
    }
}

fn of_integration(event: &IntegrationEvent) -> String {
    match event {
        IntegrationEvent::IntegrationCreated(created) => {
            format!("The {} integration “{}” was created.", created.provider.name(), created.name)
        }
        IntegrationEvent::IntegrationRenamed { name } => format!("The integration is called “{name}” now."),
        IntegrationEvent::PurposeChanged { purpose: Purpose::Delivers } => {
            "The integration delivers what is ordered, and publishes nothing.".to_owned()
        }
        IntegrationEvent::PurposeChanged { purpose: Purpose::Publishes } => {
            "The integration publishes commerce events, and delivers nothing.".to_owned()
        }
        IntegrationEvent::PurposeChanged { purpose: Purpose::Both } => {
            "The integration delivers what is ordered, and publishes commerce events.".to_owned()
        }
        IntegrationEvent::IntegrationActivated {} => {
            "The integration was switched on: its webhooks are let in.".to_owned()
        }
        IntegrationEvent::IntegrationDeactivated {} => {
            "The integration was switched off: its webhooks are refused.".to_owned()
        }
        IntegrationEvent::OrderStatusesChanged { order_statuses } if order_statuses.is_empty() => {
            "Orders of every status are delivered now.".to_owned()
        }
        IntegrationEvent::OrderStatusesChanged { order_statuses } => {
            format!("Only orders of these statuses are delivered now: {}.", order_statuses.join(", "))
        }
        IntegrationEvent::SigningSecretSet { secret_preview, .. } => {
            format!("The signing secret was set to one that ends in {secret_preview}; the one before is void.")
        }
        IntegrationEvent::SigningSecretRotated { secret_preview, previous_valid_until, .. } => format!(
            "The signing secret was replaced by one that ends in {secret_preview}; the one before is valid until {}.",
            moment(*previous_valid_until)
        ),
        IntegrationEvent::NotificationUrlChanged { notification_url } => {
            format!("The store posts to {notification_url} now.")
        }
        IntegrationEvent::CurrencyChanged { currency } => format!("The store's prices are in {currency}."),
        IntegrationEvent::StoreAccessSaved { token_preview, store, .. } => {
            let store = store.as_ref().map(|store| format!(" (store {store})")).unwrap_or_default();
            format!("The access token {token_preview} of the store's API was saved{store}: orders can be read there.")
        }
        IntegrationEvent::StoreAccessRemoved {} => "The access to the store's API was removed.".to_owned(),
        IntegrationEvent::ItemMappingAdded { mapping } => format!("A mapping was added: {}.", rule(mapping)),
        IntegrationEvent::ItemMappingRemoved { mapping_id } => format!("The mapping {mapping_id} was removed."),
    }
}

fn rule(mapping: &ItemMapping) -> String {
    let part = match mapping.match_type {
        MatchType::Title => "title",
        MatchType::ProductId => "product id",
        MatchType::Sku => "SKU",
        MatchType::VariantId => "variant id",
    };
    format!("for the {part} “{}” the {} is delivered", mapping.external_ref, mapping.asset)
}

fn cause(code: ResolutionCode) -> String {
    match code {
        ResolutionCode::NdspWaiting => "The customer has not followed back yet.".to_owned(),
        ResolutionCode::TemporaryFailure => "Cortex Cloud could not be reached or had a problem.".to_owned(),
        ResolutionCode::StoreUnavailable => "The order could not be read at its store.".to_owned(),
        ResolutionCode::StoreAccessMissing
        | ResolutionCode::MissingUsername
        | ResolutionCode::InvalidUsername
        | ResolutionCode::MissingCredentials
        | ResolutionCode::InactiveApiKey
        | ResolutionCode::CreditsExhausted
        | ResolutionCode::NoItemMapping
        | ResolutionCode::AssetNotFound
        | ResolutionCode::IntegrationInactive
        | ResolutionCode::OrderStatusFiltered
        | ResolutionCode::Duplicate
        | ResolutionCode::Unknown => format!("It did not work ({}).", code.as_str()),
    }
}

fn cost(credits: Credits) -> String {
    if credits == Credits::ZERO { "free".to_owned() } else { counted(credits.0, "credit") }
}

fn were(credits: Credits) -> String {
    format!("{} {}", counted(credits.0, "credit"), if credits.0 == 1 { "was" } else { "were" })
}

fn counted(number: u64, one: &str) -> String {
    format!("{number} {one}{}", if number == 1 { "" } else { "s" })
}

fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
