//! Every webhook that reached us: those that were recorded, and, counted by the hour, those that were not let in.

use std::fmt;
use std::str::FromStr;

use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, SimpleObject};
use domain::ReportSource;
use domain::integration::Provider as DomainProvider;
use event_log::Position;

use super::ApiError;
use super::account::int;
use super::commerce_event::CommerceEvent;
use super::delivery::Delivery;
use super::integration::Integration;
use super::loader::{DeliveryKey, HeadersKey, IntegrationKey, Loader};
use super::moment::{Moment, moment};
use super::viewer::viewer_in;
use super::words::Provider;
use crate::app::receipts::{ListPosition, Named, Outcome, Published, PublishingWebhook, Receipt, ReceiptFilter};

/// What became of a webhook.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "Outcome")]
pub(super) enum WebhookOutcome {
    /// It made the order deliverable.
    Accepted,
    /// It names an order and says nothing of it: the order is read at the store, and the delivery's timeline says what that did.
    Announced,
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
    /// About what is published and not delivered: a product, a customer, an order of an integration that only publishes.
    Commerce,
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
    #[graphql(skip)]
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
    /// Nothing showed that the store had sent it: no signing secret is known, and the service is run for development.
    unsigned: bool,
    /// How it came.
    source: WebhookSource,
    /// When the (latest) one came.
    received_at: Moment,
    #[graphql(skip)]
    account_id: String,
    #[graphql(skip)]
    position: Option<Position>,
    #[graphql(skip)]
    integration_id: String,
    #[graphql(skip)]
    delivery_id: Option<String>,
}

/// How a webhook came.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "ReportSource")]
enum WebhookSource {
    /// The store posted it.
    Webhook,
    /// The store never sent it: its orders were compared with what had come, and it was read at the store.
    Reconciliation,
    /// The store is asked what it changed, in place of webhooks.
    Polling,
    /// What the store sells was read there.
    Filling,
}

#[ComplexObject]
impl WebhookReceipt {
    /// Why it was not let in, cannot be used, or led to nothing; or what it changed in its order.
    #[graphql(complexity = 5)]
    async fn reason(&self, context: &Context<'_>) -> Result<Option<String>, ApiError> {
        let names = self.names().is_some();
        let may_publish = names || self.outcome == WebhookOutcome::Commerce;
        if !may_publish || self.reason.is_some() && !names {
            return Ok(self.reason.clone());
        }
        Ok(self.published(context).await?.reason.or_else(|| self.reason.clone()))
    }

    async fn integration(&self, context: &Context<'_>) -> Result<Option<Integration>, ApiError> {
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        Ok(loader.load_one(IntegrationKey(self.integration_id.clone())).await?.map(Integration))
    }

    async fn delivery(&self, context: &Context<'_>) -> Result<Option<Delivery>, ApiError> {
        let Some(id) = &self.delivery_id else { return Ok(None) };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        Ok(loader.load_one(DeliveryKey(id.clone())).await?.map(Delivery::from))
    }

    /// What was published of it, in the order of its publication; of an order that it only named, once that was read at its store.
    #[graphql(complexity = "2 * child_complexity + 10")]
    async fn commerce_events(&self, context: &Context<'_>) -> Result<Vec<CommerceEvent>, ApiError> {
        Ok(self.published(context).await?.events.into_iter().map(CommerceEvent::from).collect())
    }

    /// How it was sent: content type, user agent, topic, ids, API version. Kept sealed with the body, for the account's own
    /// keys only; null for others, once erased, and where it was refused.
    async fn headers(&self, context: &Context<'_>) -> Result<Option<Vec<WebhookHeader>>, ApiError> {
        let Some(position) = self
            .position
            .filter(|_| viewer_in(context).is_ok_and(|viewer| viewer.reads_personal_data(&self.account_id)))
        else {
            return Ok(None);
        };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let headers = loader.load_one(HeadersKey(position)).await?;
        let header = |(name, value): (&String, &String)| WebhookHeader { name: name.clone(), value: value.clone() };
        Ok(headers.map(|headers| headers.iter().map(header).collect()))
    }
}

impl WebhookReceipt {
    async fn published(&self, context: &Context<'_>) -> Result<Published, ApiError> {
        let Some(position) = self.position else { return Ok(Published::default()) };
        let loader = context.data_unchecked::<DataLoader<Loader>>();
        let webhook = PublishingWebhook {
            receipt_id: self.id.to_string(),
            position,
            integration_id: self.integration_id.clone(),
            names: self.names(),
        };
        Ok(loader.load_one(webhook).await?.unwrap_or_default())
    }

    /// What it only names, where that is read at its store.
    fn names(&self) -> Option<Named> {
        let is_read = |provider: Provider| providers::of(provider.into()).order_api().is_some();
        if self.outcome == WebhookOutcome::Announced {
            self.delivery_id.clone().map(Named::Delivery)
        } else if self.outcome == WebhookOutcome::Commerce && self.provider.is_some_and(is_read) {
            self.order_id.clone().map(Named::Order)
        } else {
            None
        }
    }
}

/// A header that a webhook came with. No store signs headers.
#[derive(SimpleObject)]
pub(super) struct WebhookHeader {
    /// In lower case.
    name: String,
    value: String,
}

impl From<Receipt> for WebhookReceipt {
    fn from(receipt: Receipt) -> Self {
        let (id, outcome, advice) = (ID(receipt.id()), receipt.outcome(), receipt.advice());
        match receipt {
            Receipt::Recorded(row) => Self {
                id,
                outcome: outcome.into(),
                reason: row.reason,
                message: None,
                advice,
                count: 1,
                provider: DomainProvider::parse(&row.provider).map(Provider::from),
                topic: row.topic,
                webhook_id: row.webhook_id,
                order_id: row.order_id,
                order_number: row.order_number,
                body_bytes: Some(int(row.body_bytes)),
                unsigned: row.unsigned == 1,
                source: ReportSource::parse(&row.source).unwrap_or_default().into(),
                received_at: moment(row.received_at),
                account_id: row.account_id,
                position: Some(row.position),
                integration_id: row.integration_id,
                delivery_id: row.delivery_id,
            },
            Receipt::Counted(hour, provider) => Self {
                id,
                outcome: outcome.into(),
                reason: (outcome == Outcome::Refused).then_some(hour.reason),
                message: hour.message,
                advice,
                count: int(hour.refused),
                provider: provider.map(Provider::from),
                topic: None,
                webhook_id: None,
                order_id: None,
                order_number: None,
                body_bytes: None,
                unsigned: false,
                source: WebhookSource::Webhook,
                received_at: moment(hour.last_at.0),
                account_id: hour.account_id,
                position: None,
                integration_id: hour.integration_id,
                delivery_id: None,
            },
        }
    }
}

impl FromStr for ListPosition {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (moment, id) = text.split_once('.').ok_or("not a cursor")?;
        Ok(Self(moment.parse().map_err(|_| "not a cursor")?, id.to_owned()))
    }
}

impl fmt::Display for ListPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

impl From<WebhookReceiptFilter> for ReceiptFilter {
    fn from(filter: WebhookReceiptFilter) -> Self {
        Self {
            account_id: filter.account_id.map(String::from),
            integration_id: filter.integration_id.map(|id| id.replace('\0', "")),
            outcomes: filter.outcome.unwrap_or_default().into_iter().map(Outcome::from).collect(),
            order: filter.order,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::resolver_utils::EnumType as _;

    use super::*;
    use crate::app::receipts::outcomes;

    #[test]
    fn the_command_line_has_a_word_for_every_outcome() {
        let words: Vec<String> = outcomes().map(str::to_uppercase).collect();
        for item in WebhookOutcome::items() {
            assert!(words.iter().any(|word| word == item.name), "{}", item.name);
        }
        assert_eq!(words.len(), WebhookOutcome::items().len());
    }
}
