//! Erasing people: their data keys are deleted with an event that says so and names no person, and then everything that was
//! derived from what the keys sealed.

pub(crate) mod data_requests;
pub mod exports;
pub(crate) mod notices;
pub mod personal_data;
pub mod readings;
pub mod requests;
mod traces;

use std::collections::{BTreeMap, HashMap};

use domain::AccountId;
use domain::delivery::{Delivery, DeliveryCommand, DeliveryRefusal, ErasureCause};
use domain::notice::NoticeRefusal;
use domain::operator_action::{OperatorActionEvent, OperatorActionRefusal};
use domain::publication::PublicationRefusal;
use futures_util::stream::{StreamExt as _, iter};
use projections::accounts;
use projections::customers::{self, StoreCustomer};
use projections::delivery_log;
use projections::delivery_log::DeliveryRow;
use projections::delivery_log::personal::{self, Extent, Subject};
use projections::notices::{KeptNotice, PUBLICATION};

pub(crate) use traces::{Traces, follow as follow_traces};

use super::error::{Error, Refused};
use super::log_and_views::{LogAndViews, VIEWS_TIMEOUT};
use crate::app::operator_actions;
use event_log::{Actor, CommandError, Committed, LoadError, Origin, Position};

/// Longest name of a customer or an order that is searched.
const MAX_NAME_CHARS: usize = 500;
/// Deliveries that one step of an erasure touches at most.
pub const MAX_AT_ONCE: i64 = 1_000;
/// Commands that are under way at a time: the log commits together what waits.
const CONCURRENCY: usize = 16;

/// Why an erasure, or what it begins with, did not come to its end. What was erased stays erased.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    #[error("a view cannot be read: {0}")]
    Sql(#[from] sqlx::Error),
    #[error("the views are too far behind to say what matches")]
    ViewsBehind,
    #[error(transparent)]
    Log(#[from] LoadError),
    #[error(transparent)]
    Delivery(#[from] CommandError<DeliveryRefusal>),
    #[error(transparent)]
    Notice(#[from] CommandError<NoticeRefusal>),
    #[error(transparent)]
    Publication(#[from] CommandError<PublicationRefusal>),
    #[error(transparent)]
    Operation(#[from] CommandError<OperatorActionRefusal>),
}

/// What erasing needs. Cheap to clone.
#[derive(Clone)]
pub struct Erasure {
    pub(crate) data: LogAndViews,
    /// What erasures leave in the files.
    pub(crate) traces: Traces,
}

impl Erasure {
    pub fn new(data: LogAndViews) -> Self {
        Self { data, traces: Traces::default() }
    }
}

impl From<ErasureError> for Error {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Sql(error) => error.into(),
            ErasureError::ViewsBehind => {
                tracing::warn!("an erasure or export was refused: the views are too far behind");
                Self::Unavailable
            }
            ErasureError::Log(error) => error.into(),
            ErasureError::Operation(error) => error.into(),
            // One of many was refused: the others are done, and asking again does the rest.
            ErasureError::Delivery(CommandError::Refused(_)) => Self::Unavailable,
            ErasureError::Delivery(error) => error.into(),
            ErasureError::Publication(error) => error.into(),
            ErasureError::Notice(error) => {
                tracing::error!(%error, "a store's request was not erased");
                Self::Unavailable
            }
        }
    }
}

/// How a person names whose data it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// An e-mail address, a store's customer id, or a username.
    Customer(String),
    /// An order's id or number.
    Order(String),
}

impl Named {
    /// Exactly one of the two ways to say whose data it is.
    pub(crate) fn either(customer: Option<String>, order: Option<String>) -> Result<Self, Refused> {
        let (field, text, named): (_, _, fn(String) -> Self) = match (customer, order) {
            (Some(text), None) => ("customer", text, Self::Customer),
            (None, Some(text)) => ("orderId", text, Self::Order),
            (Some(_), Some(_)) | (None, None) => {
                return Err(Refused::new("INVALID_INPUT", "give either customer or orderId", None));
            }
        };
        let text = text.replace('\0', "").trim().to_owned();
        if text.is_empty() || text.chars().count() > MAX_NAME_CHARS {
            return Err(Refused::new("INVALID_INPUT", "between 1 and 500 characters are needed", Some(field)));
        }
        Ok(named(text))
    }

    /// The subject within an account, or within all of them.
    pub async fn subject(&self, erasure: &Erasure, account_id: Option<String>) -> Result<Subject, ErasureError> {
        let subject = Subject { account_id, ..Subject::default() };
        Ok(match self {
            Self::Customer(text) => {
                let customer = erasure.data.log.blind_index().map(|index| index.tokens_for(text)).unwrap_or_default();
                Subject { known_as: known_as(erasure, text).await?, customer: Some(customer), ..subject }
            }
            Self::Order(text) => Subject { order: Some(text.trim().to_owned()), ..subject },
        })
    }
}

/// Customers of one address whose ids are followed.
const MAX_KNOWN_AS: i64 = 50;

/// Who stores say has an e-mail address: a store may name the same person by an id alone.
async fn known_as(erasure: &Erasure, email: &str) -> Result<Vec<StoreCustomer>, ErasureError> {
    wait_for_views(erasure).await?;
    let index = erasure.data.log.blind_index();
    let tokens = index.map(|index| index.tokens_named(Some(email), None, None)).unwrap_or_default();
    Ok(customers::with_emails(&erasure.data.views, &tokens, MAX_KNOWN_AS).await?)
}

/// How much matches, by views that have seen everything that is recorded.
pub async fn extent(erasure: &Erasure, subject: &Subject) -> Result<Extent, ErasureError> {
    wait_for_views(erasure).await?;
    Ok(personal::extent(&erasure.data.views, subject).await?)
}

async fn wait_for_views(erasure: &Erasure) -> Result<(), ErasureError> {
    let newest = erasure.data.log.newest().await?;
    let views = [accounts::VIEW, projections::notices::VIEW, delivery_log::VIEW];
    let are_there = erasure.data.projector.wait_for(&views, newest, VIEWS_TIMEOUT).await;
    if are_there { Ok(()) } else { Err(ErasureError::ViewsBehind) }
}

/// Erases these deliveries and returns how many of them held anything. `origin` says for each account who asked. Where a
/// person asked, the answer waits until the files are clear.
pub async fn erase(
    erasure: &Erasure,
    rows: &[DeliveryRow],
    cause: ErasureCause,
    origin: impl Fn(&str) -> Origin,
) -> Result<usize, ErasureError> {
    let commands: Vec<_> =
        rows.iter().map(|row| erase_one(erasure, row.id.clone(), cause, origin(&row.account_id))).collect();
    // All of them, also when one fails: each that is erased is one less.
    let done: Vec<_> = iter(commands).buffer_unordered(CONCURRENCY).collect().await;
    let mut erased = 0;
    let mut last = None;
    let mut failure = None;
    for committed in done {
        match committed {
            Ok(committed) => {
                erased += usize::from(!committed.events.is_empty());
                last = committed.position.max(last);
            }
            Err(error) => failure = Some(error),
        }
    }
    if let Some(position) = last {
        erasure.traces.left_by(position);
        if cause == ErasureCause::Operator {
            erasure.traces.wait_until_gone(position).await;
        }
    }
    failure.map_or(Ok(erased), |error| Err(error.into()))
}

async fn erase_one(
    erasure: &Erasure,
    id: String,
    cause: ErasureCause,
    origin: Origin,
) -> Result<Committed<Delivery>, CommandError<DeliveryRefusal>> {
    erasure.data.log.execute(&id, DeliveryCommand::ErasePersonalData { cause }, origin).await
}

/// Records for each account that a person requests to erase these, before anything is erased. Returns at which positions.
pub(crate) async fn record(
    erasure: &Erasure,
    rows: &[DeliveryRow],
    notices: &[KeptNotice],
    actor: impl Fn(&str) -> Actor,
) -> Result<HashMap<String, Position>, ErasureError> {
    let mut recorded = HashMap::new();
    for (account_id, Held { deliveries, other_webhooks, published_events }) in by_account(rows, notices) {
        let Ok(owner) = account_id.parse::<AccountId>() else { continue };
        let asked =
            OperatorActionEvent::ErasureRequested { account_id: owner, deliveries, other_webhooks, published_events };
        let (_, position) = operator_actions::begin(&erasure.data.log, asked, &actor(&account_id)).await?;
        recorded.extend(position.map(|position| (account_id, position)));
    }
    Ok(recorded)
}

/// How much of what matches an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) deliveries: u32,
    /// Webhooks about no order.
    pub(crate) other_webhooks: u32,
    /// Events that programs of the account published.
    pub(crate) published_events: u32,
}

pub(crate) fn by_account(rows: &[DeliveryRow], notices: &[KeptNotice]) -> BTreeMap<String, Held> {
    let mut held: BTreeMap<String, Held> = BTreeMap::new();
    for row in rows {
        held.entry(row.account_id.clone()).or_default().deliveries += 1;
    }
    for notice in notices {
        let held = held.entry(notice.account_id.clone()).or_default();
        if notice.kind == PUBLICATION {
            held.published_events += 1;
        } else {
            held.other_webhooks += 1;
        }
    }
    held
}
