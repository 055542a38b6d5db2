//! Erasing what is known of a customer, or of one order.

use std::collections::BTreeSet;

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::delivery::ErasureCause;
use projections::delivery_log::{self, personal};

use super::customers;
use crate::api::graphql::ApiError;
use crate::api::graphql::account::int;
use crate::api::graphql::delivery::Delivery;
use crate::api::graphql::error::{UserError, refused};
use crate::api::graphql::page::MAX_PAGE;
use crate::api::graphql::query::asked;
use crate::app::erasure::notices::{self, NoticeCounts};
use crate::app::erasure::{self, ErasureError, MAX_AT_ONCE, Named};
use event_log::CommandError;

/// Returned to support and administrators who erase or write out what is known of a person, and do not say why.
pub(super) const SAY_WHY: &str =
    "say why, for the record: in the header X-Reason, or with --reason on the command line";
/// Longest name of a customer or an order that is searched.
const MAX_NAME_CHARS: usize = 500;

#[derive(InputObject)]
struct ErasePersonalDataInput {
    /// An e-mail address, the store's id of the customer, or a username. Give this or orderId.
    customer: Option<String>,
    /// The store's id of the order, its number, or the id of its delivery.
    order_id: Option<String>,
    /// Support and admin only: the account whose customer or order it is; without it, of all accounts.
    account_id: Option<ID>,
    /// Returns how many and which deliveries it would touch, and touches none.
    #[graphql(default)]
    dry_run: bool,
}

/// What an erasure did, or would do.
#[derive(SimpleObject, Default)]
pub(in crate::api::graphql) struct ErasePersonalDataPayload {
    /// Deliveries that match; a thousand at most are touched at once.
    matched: i32,
    /// How many accounts they belong to, the questions too.
    accounts: i32,
    /// How many of those that were touched held anything personal.
    erased: i32,
    /// Stores' questions what is known of the customer: they are erased with the deliveries.
    data_requests: i32,
    /// Other webhooks about no order that name the customer (customers, checkouts, carts, orders that could not be read):
    /// their bodies are erased too.
    other_webhooks: i32,
    /// Whether some were left for the next call.
    more: bool,
    /// The first hundred.
    deliveries: Vec<Delivery>,
    user_errors: Vec<UserError>,
}

#[derive(Default)]
pub(super) struct Erasures;

#[Object]
impl Erasures {
    /// Erases what is known of a customer, or of one order, for good: names, addresses, usernames and raw webhooks. What
    /// was still to be delivered is cancelled. Every other webhook that names the customer or the order is erased, too. With dryRun, returns how many and which deliveries it would touch.
    #[graphql(complexity = "100 * child_complexity + 1000")]
    async fn erase_personal_data(
        &self,
        context: &Context<'_>,
        input: ErasePersonalDataInput,
    ) -> Result<ErasePersonalDataPayload, ApiError> {
        let (service, viewer) = asked(context)?;
        let refuse = |error| Ok(ErasePersonalDataPayload { user_errors: vec![error], ..Default::default() });
        // Of a customer also for a preview: it shows which deliveries an address has.
        if !viewer.says_why() && (!input.dry_run || input.customer.is_some()) {
            return refuse(UserError::new("REASON_REQUIRED", SAY_WHY, None));
        }
        let named = match named(input.customer, input.order_id) {
            Ok(named) => named,
            Err(error) => return refuse(error),
        };
        let account_id = viewer.scope_within(input.account_id)?;
        let subject = named.subject(service, account_id).await?;
        let extent = erasure::extent(service, &subject).await?;
        let rows = personal::deliveries(&service.views, &subject, 0, MAX_AT_ONCE).await?;
        let others = notices::naming(service, &named, &subject, &rows, MAX_AT_ONCE).await?;
        if extent.deliveries == 0 && others.is_empty() {
            return refuse(unknown(&named));
        }
        let ids: Vec<String> = rows.iter().take(MAX_PAGE).map(|row| row.id.clone()).collect();
        if input.dry_run && matches!(named, Named::Customer(_)) {
            // What cannot be recorded is not shown.
            customers::record(service, viewer, &rows[..ids.len()]).await?;
        }
        let mut erased = 0;
        if !input.dry_run {
            let actor = |account_id: &str| viewer.actor(Some(account_id));
            let asked = erasure::record(service, &rows, &others, actor).await?;
            let origin = |account_id: &str| actor(account_id).because_of(asked.get(account_id).copied());
            // Whose they are may be known from the deliveries alone, so these come first.
            let has_erased_others = notices::erase(service, &others, origin).await? > 0;
            erased = erasure::erase(service, &rows, ErasureCause::Operator, origin).await?;
            if has_erased_others {
                service.traces.wait_until_cleared().await;
            }
        }
        let owners: BTreeSet<&str> = rows.iter().map(|row| row.account_id.as_str()).collect();
        let counts = NoticeCounts::of(&others);
        let more = extent.deliveries > MAX_AT_ONCE || i64::try_from(others.len()).is_ok_and(|many| many >= MAX_AT_ONCE);
        let others: BTreeSet<&str> = others.iter().map(|row| row.account_id.as_str()).collect();
        let only_others = i64::try_from(others.difference(&owners).count()).unwrap_or(i64::MAX);
        let mut shown = delivery_log::find_many(&service.views, &ids).await?;
        shown.sort_by_key(|row| row.listed_at);
        Ok(ErasePersonalDataPayload {
            matched: int(extent.deliveries),
            accounts: int(extent.accounts.saturating_add(only_others)),
            erased: int(i64::try_from(erased).unwrap_or(i64::MAX)),
            data_requests: int(i64::try_from(counts.data_requests).unwrap_or(i64::MAX)),
            other_webhooks: int(i64::try_from(counts.others).unwrap_or(i64::MAX)),
            more,
            deliveries: shown.into_iter().map(Delivery::from).collect(),
            user_errors: vec![],
        })
    }
}

/// Exactly one of the two ways to say whose data it is.
pub(super) fn named(customer: Option<String>, order_id: Option<String>) -> Result<Named, UserError> {
    let (field, text, named): (_, _, fn(String) -> Named) = match (customer, order_id) {
        (Some(text), None) => ("customer", text, Named::Customer),
        (None, Some(text)) => ("orderId", text, Named::Order),
        (Some(_), Some(_)) | (None, None) => {
            return Err(UserError::new("INVALID_INPUT", "give either customer or orderId", None));
        }
    };
    let text = text.replace('\0', "").trim().to_owned();
    if text.is_empty() || text.chars().count() > MAX_NAME_CHARS {
        return Err(UserError::new("INVALID_INPUT", "between 1 and 500 characters are needed", Some(field)));
    }
    Ok(named(text))
}

fn unknown(named: &Named) -> UserError {
    let (message, field) = match named {
        Named::Customer(_) => ("nothing is known of this customer", "customer"),
        Named::Order(_) => ("there is no such order", "orderId"),
    };
    UserError::new("NOT_FOUND", message, Some(field))
}

impl From<ErasureError> for ApiError {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Sql(error) => error.into(),
            ErasureError::ViewsBehind => {
                tracing::warn!("an erasure or export was refused: the views are too far behind");
                Self::Unavailable
            }
            ErasureError::Delivery(CommandError::Refused(_)) => Self::Unavailable,
            ErasureError::Delivery(error) => refused(error).err().unwrap_or(Self::Internal),
            ErasureError::Log(error) => error.into(),
            ErasureError::Operation(error) => {
                tracing::error!(%error, "an operation was not recorded");
                Self::Unavailable
            }
            ErasureError::Notice(error) => {
                tracing::error!(%error, "a store's request was not erased");
                Self::Unavailable
            }
        }
    }
}
