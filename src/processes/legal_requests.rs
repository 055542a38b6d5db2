//! What stores ask by law: their integration's deliveries of a customer, or all of them, are erased; a question is shown.

use std::time::Duration;

use cqrs_es::Aggregate as _;
use domain::OperatorActionId;
use domain::delivery::ErasureCause;
use domain::notice::{Notice, NoticeEvent, NoticeKind, NoticeReceived};
use domain::operator_action::{OperatorAction, OperatorActionEvent};
use event_log::recorded::{AnyEvent, Recorded};
use projections::delivery_log::personal::{self, Subject};
use projections::notices::Filter;

use super::Dependencies;
use super::failure::Failure;
use super::process_manager::{ProcessManager, handles};
use crate::app::erasure::Erasure;
use crate::app::erasure::{self, MAX_AT_ONCE, data_requests, notices};
use crate::app::operator_actions;
use event_log::{Actor, CommandError, Origin, Position, Sequence};

/// Tokens in one query at most.
const MAX_TOKENS: usize = 500;

/// Erases what stores ask to erase, and shows merchants what stores ask about their customers.
pub(super) struct LegalRequests {
    erasure: Erasure,
}

impl ProcessManager for LegalRequests {
    const NAME: &'static str = "legal_requests";
    /// A store gives a merchant 30 days.
    const REST: Duration = Duration::from_millis(50);

    handles! { |requests, event| {
        ("notice", "webhook_received") AnyEvent::Notice(NoticeEvent::WebhookReceived(received)) => match received.kind {
            NoticeKind::NotAnOrder | NoticeKind::Commerce | NoticeKind::Unusable | NoticeKind::StoreError => Ok(()),
            NoticeKind::CustomerDataRequest | NoticeKind::CustomerRedact | NoticeKind::ShopRedact => {
                fulfil(&requests.erasure, event, received).await
            }
        },
    } }

    fn new(needs: &Dependencies) -> Option<Self> {
        Some(Self { erasure: needs.erasure.clone() })
    }
}

/// Does what a notice requests, once.
async fn fulfil(erasure: &Erasure, event: &Recorded, received: &NoticeReceived) -> Result<(), Failure> {
    let (id, origin) = (event.aggregate_id.as_str(), Actor::System.because_of(event.position));
    if matches!(erasure.data.log.load::<Notice>(id).await?.aggregate, Notice::Erased(..)) {
        return Ok(());
    }
    if received.kind == NoticeKind::ShopRedact {
        let of_integration = Subject {
            account_id: Some(received.account_id.to_string()),
            integration_id: Some(received.integration_id.to_string()),
            ..Subject::default()
        };
        erase_all(erasure, &of_integration, &origin).await?;
        // Its own body is one of them.
        notices::erase_all(erasure, &of_store(received), &origin, |_| false).await?;
        return Ok(());
    }
    let body = erasure.data.log.body(Notice::TYPE, id, Sequence::FIRST).await?;
    let platform = providers::of(received.provider);
    let Some(named) = body.and_then(|body| platform.privacy_request(&body)) else {
        tracing::warn!(notice = id, "a store's request names no customer");
        return Ok(());
    };
    let subject = data_requests::subject_of(erasure, received, &named).await?;
    if received.kind == NoticeKind::CustomerDataRequest {
        return report(erasure, event, received, &subject).await;
    }
    let deliveries = match erase_all(erasure, &subject, &origin).await {
        // One that cannot be read keeps nothing else of the customer.
        Err(failure @ Failure::OfEvent(_)) => Err(failure),
        others => Ok(others?),
    };
    let known_as = subject.known_as.clone();
    let mut tokens = subject.customer.unwrap_or_default();
    if let Some(index) = erasure.data.log.blind_index() {
        tokens.extend(named.orders.iter().flat_map(|order| index.tokens_of_order(order)));
    }
    // Some at a time: a request may name thousands of orders. Its own body is kept until all are done.
    let mut notices = 0;
    for tokens in tokens.chunks(MAX_TOKENS) {
        let known_as = known_as.clone();
        let naming_them = Filter { customer: Some(tokens.to_vec()), known_as, ..of_store(received) };
        notices += notices::erase_all(erasure, &naming_them, &origin, |row| row.id == id).await?;
    }
    if deliveries? + notices == 0 {
        tracing::warn!(
            notice = id,
            account = %received.account_id,
            "a store asked to erase a customer or orders that nothing is kept of"
        );
    }
    erase_notice(erasure, id, origin).await
}

/// The notices of the integration that the request came in for.
fn of_store(received: &NoticeReceived) -> Filter {
    Filter {
        account_id: Some(received.account_id.to_string()),
        integration_id: Some(received.integration_id.to_string()),
        ..Filter::default()
    }
}

/// How many deliveries held anything.
async fn erase_all(erasure: &Erasure, subject: &Subject, origin: &Origin) -> Result<usize, Failure> {
    // Waits for the views.
    erasure::extent(erasure, subject).await?;
    let (mut after, mut erased) = (Position::START, 0);
    loop {
        let rows = personal::deliveries(&erasure.data.views, subject, after, MAX_AT_ONCE).await?;
        let Some(last) = rows.last() else { return Ok(erased) };
        after = last.listed_at;
        erased += erasure::erase(erasure, &rows, ErasureCause::Store, |_| origin.clone()).await?;
    }
}

/// What is asked stays readable until the customer is erased: without it the merchant could not answer.
async fn report(
    erasure: &Erasure,
    event: &Recorded,
    received: &NoticeReceived,
    subject: &Subject,
) -> Result<(), Failure> {
    let id = event.aggregate_id.as_str();
    let Ok(operation) = id.parse().map(OperatorActionId) else { return Ok(()) };
    if erasure.data.log.load::<OperatorAction>(id).await?.aggregate.latest.is_some() {
        return Ok(());
    }
    let extent = erasure::extent(erasure, subject).await?;
    let asked = OperatorActionEvent::DataRequested {
        account_id: received.account_id,
        integration_id: received.integration_id,
        deliveries: u32::try_from(extent.deliveries).unwrap_or(u32::MAX),
    };
    let recorded =
        operator_actions::record(&erasure.data.log, operation, asked, Actor::System.because_of(event.position)).await;
    recorded?;
    tracing::warn!(
        request = id,
        account = %received.account_id,
        "a store requests what is known of a customer: the merchant has 30 days to answer"
    );
    Ok(())
}

async fn erase_notice(erasure: &Erasure, id: &str, origin: Origin) -> Result<(), Failure> {
    match notices::erase_one(erasure, id, origin).await {
        Ok(_) | Err(CommandError::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
