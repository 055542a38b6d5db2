//! Every webhook that reached us: those that were recorded, and, counted by the hour, those that were not let in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, SimpleObject};
use domain::integration::Provider as DomainProvider;
use projections::delivery_log;
use projections::webhook_receipts::{self, OfOrder, ReceiptRow};

use super::ApiError;
use super::account::int;
use super::delivery::Delivery;
use super::integration::Integration;
use super::loader::{DeliveryKey, HeadersKey, IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::page::Wanted;
use super::viewer::viewer_in;
use super::words::Provider;
use crate::app::App;
use crate::app::Viewer;
use event_log::refusals::{self, RefusalReason, RefusedHour};
use event_log::{Micros, Position};

/// What became of a webhook.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WebhookOutcome {
    /// It made the order deliverable.
    Accepted,
    /// It changed what is known of the order; `reason` says what.
    Revised,
    /// Its order status is not one that is delivered.
    Filtered,
    /// It said nothing new.
    Duplicate,
    /// It is older than what is known, by the store's own clock, and changed nothing.
    Stale,
    /// It cancelled the delivery.
    Cancelled,
    /// It cancelled what was already delivered.
    TooLate,
    NotAnOrder,
    /// It may be about an order, and cannot be read as one; `reason` says why.
    Unusable,
    /// The store reported an error of its own: its webhook needs attention.
    StoreError,
    /// The store asked what is known of a customer: answer within 30 days.
    CustomerDataRequest,
    /// The store asked to erase a customer, which was done.
    CustomerRedact,
    /// The store asked to erase everything personal of the integration, which was done.
    ShopRedact,
    /// `WooCommerce` asked whether we are there.
    Ping,
    /// It said nothing new, like many before it in the hour: counted, and not kept.
    Repeated,
    /// It was not let in; `reason` says why.
    Refused,
}

const RECORDED: [(WebhookOutcome, &str); 13] = [
    (WebhookOutcome::Accepted, "accepted"),
    (WebhookOutcome::Revised, "revised"),
    (WebhookOutcome::Filtered, "filtered"),
    (WebhookOutcome::Duplicate, "duplicate"),
    (WebhookOutcome::Stale, "stale"),
    (WebhookOutcome::Cancelled, "cancelled"),
    (WebhookOutcome::TooLate, "too_late"),
    (WebhookOutcome::NotAnOrder, "not_an_order"),
    (WebhookOutcome::Unusable, "unusable"),
    (WebhookOutcome::StoreError, "store_error"),
    (WebhookOutcome::CustomerDataRequest, "customer_data_request"),
    (WebhookOutcome::CustomerRedact, "customer_redact"),
    (WebhookOutcome::ShopRedact, "shop_redact"),
];

/// Of these the hours are counted, and no single one is kept.
const COUNTED: [WebhookOutcome; 3] = [WebhookOutcome::Refused, WebhookOutcome::Ping, WebhookOutcome::Repeated];

/// Every outcome, in the words of the command line.
pub(crate) fn outcomes() -> impl Iterator<Item = &'static str> {
    RECORDED.into_iter().map(|(_, word)| word).chain(["ping", "repeated", "refused"])
}

#[derive(InputObject, Default)]
pub(super) struct WebhookReceiptFilter {
    integration_id: Option<ID>,
    /// Support and admin only: of this account. Without it they get those of every account.
    account_id: Option<ID>,
    outcome: Option<Vec<WebhookOutcome>>,
    /// About this order: the store's id of it, its number with or without its `#`, or the id of its delivery. Refused webhooks never
    /// match: their order is not kept.
    order: Option<String>,
}

/// One webhook; or, where `outcome` is `REFUSED`, `PING` or `REPEATED`, those of one kind in one hour.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct WebhookReceipt {
    id: ID,
    outcome: WebhookOutcome,
    /// Why it was not let in, or cannot be used.
    reason: Option<String>,
    /// The sentence that the sender got, where it was refused: of the latest one. Quotes nothing of its body.
    message: Option<String>,
    /// What the merchant does about it, where it was refused, and what a ping is.
    advice: Option<&'static str>,
    /// How many webhooks this stands for.
    count: i32,
    provider: Option<Provider>,
    topic: Option<String>,
    webhook_id: Option<String>,
    /// The store's own order id.
    order_id: Option<String>,
    /// The number that people see.
    order_number: Option<String>,
    body_bytes: Option<i32>,
    /// When the (latest) one came.
    received_at: Moment,
    #[graphql(skip)]
    received_at_us: i64,
    #[graphql(skip)]
    account_id: String,
    #[graphql(skip)]
    position: Option<Position>,
    #[graphql(skip)]
    integration_id: String,
    #[graphql(skip)]
    delivery_id: Option<String>,
}

#[ComplexObject]
impl WebhookReceipt {
    async fn integration(&self, context: &Context<'_>) -> Result<Option<Integration>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        Ok(loader.load_one(IntegrationKey(self.integration_id.clone())).await?.map(Integration))
    }

    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>, ApiError> {
        let Some(id) = &self.delivery_id else { return Ok(None) };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        Ok(loader.load_one(DeliveryKey(id.clone())).await?.map(Delivery::from))
    }

    /// How it was sent: content type, user agent, topic, ids, API version. Kept sealed with the body, for the account's own
    /// keys only; null for others, once erased, and where it was refused.
    async fn headers(&self, context: &Context<'_>) -> Result<Option<Vec<WebhookHeader>>, ApiError> {
        let Some(position) =
            self.position.filter(|_| viewer_in(context).is_ok_and(|viewer| viewer.owns(&self.account_id)))
        else {
            return Ok(None);
        };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let headers = loader.load_one(HeadersKey(position)).await?;
        let header = |(name, value): (&String, &String)| WebhookHeader { name: name.clone(), value: value.clone() };
        Ok(headers.map(|headers| headers.iter().map(header).collect()))
    }
}

/// A header that a webhook came with. No store signs headers.
#[derive(SimpleObject)]
pub(super) struct WebhookHeader {
    /// In lower case.
    name: String,
    value: String,
}

impl From<ReceiptRow> for WebhookReceipt {
    fn from(row: ReceiptRow) -> Self {
        let outcome = RECORDED.iter().find(|(_, word)| *word == row.outcome);
        Self {
            id: ID(row.id),
            outcome: outcome.map_or(WebhookOutcome::NotAnOrder, |(outcome, _)| *outcome),
            reason: row.reason,
            message: None,
            advice: None,
            count: 1,
            provider: DomainProvider::parse(&row.provider).map(Provider::from),
            topic: row.topic,
            webhook_id: row.webhook_id,
            order_id: row.order_id,
            order_number: row.order_number,
            body_bytes: Some(int(row.body_bytes)),
            received_at: moment(row.received_at),
            received_at_us: row.received_at,
            account_id: row.account_id,
            position: Some(row.position),
            integration_id: row.integration_id,
            delivery_id: row.delivery_id,
        }
    }
}

impl From<RefusedHour> for WebhookReceipt {
    fn from(row: RefusedHour) -> Self {
        let outcome = match row.reason.as_str() {
            "ping" => WebhookOutcome::Ping,
            "repeated" => WebhookOutcome::Repeated,
            _ => WebhookOutcome::Refused,
        };
        Self {
            id: ID(format!("{}-{}-{}", row.integration_id, row.reason, row.hour.0)),
            outcome,
            advice: row.reason.parse().ok().map(RefusalReason::advice),
            reason: (outcome == WebhookOutcome::Refused).then_some(row.reason),
            message: row.message,
            count: int(row.refused),
            provider: None,
            topic: None,
            webhook_id: None,
            order_id: None,
            order_number: None,
            body_bytes: None,
            received_at: moment(row.last_at.0),
            received_at_us: row.last_at.0,
            account_id: row.account_id,
            position: None,
            integration_id: row.integration_id,
            delivery_id: None,
        }
    }
}

/// A place in the list: a moment in microseconds, and an id among those of the same moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(i64, String);

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (moment, id) = text.split_once('.').ok_or("not a cursor")?;
        Ok(Self(moment.parse().map_err(|_| "not a cursor")?, id.to_owned()))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Deliveries that one order number is searched among: those of several stores.
const MAX_OF_NUMBER: i64 = 100;

/// Everything that may name an order which is given by its id or number.
async fn of_order(
    app: &App,
    order: &str,
    account_id: Option<String>,
    integration_id: Option<String>,
) -> Result<OfOrder, ApiError> {
    let order = order.replace('\0', "");
    let named = delivery_log::find(&app.core.views, &order.to_lowercase()).await?;
    if let Some(delivery) =
        named.filter(|row| account_id.as_ref().is_none_or(|account_id| row.account_id == *account_id))
    {
        return Ok(OfOrder { ids: vec![delivery.order_id], ..OfOrder::default() });
    }
    let bare = order.trim_start_matches('#').to_owned();
    let filter = delivery_log::Filter { order: Some(order.clone()), account_id, integration_id, ..Default::default() };
    let limit = delivery_log::Page { limit: MAX_OF_NUMBER, ..Default::default() };
    let deliveries = delivery_log::page(&app.core.views, &filter, limit).await?;
    let ids = deliveries.into_iter().map(|delivery| delivery.order_id).chain([order]).collect();
    Ok(OfOrder { ids, numbers: vec![format!("#{bare}"), bare] })
}

/// The newest first, from both tables: each is asked for as many as may be shown.
pub(super) async fn receipts(
    app: &Arc<App>,
    viewer: &Viewer,
    filter: Option<WebhookReceiptFilter>,
    wanted: Wanted<Place>,
) -> Result<Vec<(Place, WebhookReceipt)>, ApiError> {
    let filter = filter.unwrap_or_default();
    let outcomes = filter.outcome.unwrap_or_default();
    let integration_id = filter.integration_id.map(|id| id.replace('\0', ""));
    let account_id = filter.account_id.as_deref().map(String::as_str);
    let account_id = match account_id {
        // As in the list of deliveries: support sees those of every account.
        None => viewer.scope(),
        Some(_) => Some(viewer.looks_at(&app.links, account_id, integration_id.as_deref()).await?),
    };
    let order = match filter.order.as_deref().map(str::trim).filter(|order| !order.is_empty()) {
        Some(order) => Some(of_order(app, order, account_id.clone(), integration_id.clone()).await?),
        None => None,
    };
    let is_of_order = order.is_some();
    let shown = |outcome: WebhookOutcome| outcomes.is_empty() || outcomes.contains(&outcome);
    let mut all: Vec<WebhookReceipt> = vec![];
    let recorded: Vec<String> =
        RECORDED.iter().filter(|(outcome, _)| shown(*outcome)).map(|(_, word)| (*word).to_owned()).collect();
    if !recorded.is_empty() {
        let outcomes = if recorded.len() == RECORDED.len() { vec![] } else { recorded };
        let account_id = account_id.clone();
        let filter = webhook_receipts::Filter { account_id, integration_id: integration_id.clone(), outcomes, order };
        let before = wanted.after.as_ref().map(|Place(moment, id)| (*moment, id.as_str()));
        let rows = webhook_receipts::page(&app.core.views, &filter, before, wanted.limit()).await?;
        all.extend(rows.into_iter().map(WebhookReceipt::from));
    }
    if !is_of_order && COUNTED.into_iter().any(shown) {
        // What this node holds back is written first, so that no refusal is missing.
        app.refusals.write(&app.core.log).await?;
        let until = wanted.after.as_ref().map_or(Micros::MAX, |Place(moment, _)| Micros(moment.saturating_add(1)));
        let (account_id, integration_id) = (account_id.as_deref(), integration_id.as_deref());
        let rows = refusals::recent(&app.core.log, account_id, integration_id, until, wanted.limit() + 50).await?;
        all.extend(rows.into_iter().map(WebhookReceipt::from).filter(|receipt| shown(receipt.outcome)));
    }
    let mut placed: Vec<(Place, WebhookReceipt)> =
        all.into_iter().map(|receipt| (Place(receipt.received_at_us, receipt.id.0.clone()), receipt)).collect();
    placed.retain(|(place, _)| wanted.after.as_ref().is_none_or(|after| place < after));
    placed.sort_by(|(a, _), (b, _)| b.cmp(a));
    placed.truncate(wanted.size + 1);
    Ok(placed)
}

#[cfg(test)]
mod tests {
    use async_graphql::resolver_utils::EnumType as _;

    use super::*;

    #[test]
    fn the_command_line_has_a_word_for_every_outcome() {
        let words: Vec<String> = outcomes().map(str::to_uppercase).collect();
        for item in WebhookOutcome::items() {
            assert!(words.iter().any(|word| word == item.name), "{}", item.name);
        }
        assert_eq!(words.len(), WebhookOutcome::items().len());
    }
}
