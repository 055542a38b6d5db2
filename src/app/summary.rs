//! One sentence for each event, in the words of support, and what of its data is never shown. Nothing private
//! is in a sentence.

mod delivery;
mod instance;
mod integration;
pub(crate) mod operator_actions;
mod reading;
mod sending;
mod store;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use domain::account::{AccountEvent, FailurePolicy};
use domain::checkpoint::CheckpointEvent;
use domain::ledger::LedgerEvent;
use domain::notice::{NoticeEvent, NoticeKind};
use domain::publication::PublicationEvent;
use domain::resource::{Happened, Report, ReportOutcome, ResourceKind};
use domain::{Credits, ResolutionCode};
use event_log::recorded::{AnyEvent, Recorded};
use serde_json::Value;

/// What happened, in a sentence without a username, an e-mail address or a secret.
pub fn summary(event: &Recorded) -> String {
    match &event.event {
        AnyEvent::Account(event) => of_account(event),
        AnyEvent::Ledger(event) => of_ledger(event),
        AnyEvent::Integration(event) => integration::of_integration(event),
        AnyEvent::Delivery(event) => delivery::of_delivery(event),
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
        AnyEvent::Store(event) => store::of_store(event),
        AnyEvent::Instance(event) => instance::of_instance(event),
        AnyEvent::Unknown => "Something that this version of Cloud Bridge does not know.".to_owned(),
    }
}

fn of_report(report: &Report) -> String {
    let (store, id) = (report.provider.name(), &report.resource_id);
    let kind = report.content.kind();
    let (of_kind, happened): (&str, &str) = (kind.into(), report.happened.into());
    let said = match (kind, report.happened) {
        // Whatever happened to it, the store says all of it: what is published tells what it means.
        (ResourceKind::Order, Happened::Created | Happened::Updated) => {
            format!("The store ({store}) reported order {id}")
        }
        (_, _) => format!("The store ({store}) reported that the {of_kind} {id} was {happened}"),
    };
    let types: Vec<&str> = report.publishes.iter().map(|published| published.as_str()).collect();
    let are = if types.len() == 1 { "is" } else { "are" };
    match report.outcome {
        ReportOutcome::Current if types.is_empty() => format!("{said}: nothing is published of that."),
        ReportOutcome::Current => format!("{said}: {} {are} published.", types.join(", ")),
        ReportOutcome::Stale => format!("{said}, which is older than what is known. Nothing is published."),
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
        AccountEvent::FailurePolicySet { policy: FailurePolicy::Retry } => {
            "Notifications of instances that fail are sent again.".to_owned()
        }
        AccountEvent::FailurePolicySet { policy: FailurePolicy::Queue } => {
            "Notifications of instances that fail are kept, and not sent again.".to_owned()
        }
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
