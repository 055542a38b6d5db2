//! Every webhook that reached us: those that were recorded, and, counted by the hour, those that were not let in.

mod outcome;
mod published;

use std::sync::Arc;

use domain::integration::Provider;
use event_log::Micros;
use event_log::refusals::{self, RefusalReason, Refusals, RefusedHour};
use projections::delivery_log;
use projections::webhook_receipts::{self, OfOrder, ReceiptRow};

use super::error::Error;
use super::links::Links;
use super::log_and_views::LogAndViews;
use super::viewer::Viewer;

pub use outcome::{Outcome, outcomes};
pub use published::{Named, Published, PublishingWebhook, published};

/// Deliveries that one order number is searched among: those of several stores.
const MAX_OF_NUMBER: i64 = 100;
/// Hours of refused webhooks that are read beyond a page: some may be of another outcome than is wanted.
const MORE_HOURS: i64 = 50;

/// What the merchant does about a webhook that was taken without a signature.
const UNSIGNED: &str = "Nothing shows that the store sent it: no signing secret is known for the integration, and this service \
     is run for development. Hand the secret over with `cloud-bridge integrations set-secret INTEGRATION_ID`.";

/// What the merchant does about a wrong signature of Square, which signs the address too.
const SQUARE_SIGNATURE: &str = "Square signs the address of the subscription together with the body. Where the notification URL in \
     Square's Developer Console is not, to the letter, the `notificationUrl` of the integration (`cloud-bridge --json integrations \
     list`), no signature fits: say which it is with `cloud-bridge integrations update INTEGRATION_ID --notification-url URL`. Where \
     they are the same, hand over the signature key of the subscription with `cloud-bridge integrations set-secret INTEGRATION_ID`.";

/// Reads what reached us.
pub struct Receipts {
    data: LogAndViews,
    links: Links,
    refusals: Arc<Refusals>,
}

/// One webhook; or those of one kind in one hour.
pub enum Receipt {
    Recorded(Box<ReceiptRow>),
    /// With the platform that the store is of.
    Counted(RefusedHour, Option<Provider>),
}

/// A place in the list: a moment in microseconds, and an id among those of the same moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListPosition(pub i64, pub String);

/// Which are wanted; what is left out restricts nothing.
#[derive(Default)]
pub struct ReceiptFilter {
    pub account_id: Option<String>,
    pub integration_id: Option<String>,
    pub outcomes: Vec<Outcome>,
    /// About this order: the store's id of it, its number with or without its `#`, or the id of its delivery. Refused webhooks
    /// never match: their order is not kept.
    pub order: Option<String>,
}

impl ReceiptFilter {
    fn wants(&self, outcome: Outcome) -> bool {
        self.outcomes.is_empty() || self.outcomes.contains(&outcome)
    }
}

impl Receipts {
    pub fn new(data: LogAndViews, links: Links, refusals: Arc<Refusals>) -> Self {
        Self { data, links, refusals }
    }

    /// What the caller sees after a place, the newest first, from both tables: each is asked for as many as may be shown.
    pub async fn page(
        &self,
        viewer: &Viewer,
        filter: ReceiptFilter,
        (after, limit): (Option<&ListPosition>, i64),
    ) -> Result<Vec<Receipt>, Error> {
        let account_id = match filter.account_id.as_deref() {
            // As in the list of deliveries: support sees those of every account.
            None => viewer.scope(),
            named => Some(viewer.account_within(&self.links, named, filter.integration_id.as_deref()).await?),
        };
        let integration_id = filter.integration_id.as_deref();
        let integration_id = viewer.integration_within(&self.links, account_id.as_deref(), integration_id).await?;
        let filter = ReceiptFilter { account_id, integration_id, ..filter };
        let order = match filter.order.as_deref().map(str::trim).filter(|order| !order.is_empty()) {
            Some(order) => Some(self.of_order(&filter, order).await?),
            None => None,
        };
        let is_of_order = order.is_some();
        let mut all = self.recorded(&filter, order, (after, limit)).await?;
        if !is_of_order && Outcome::COUNTED.into_iter().any(|outcome| filter.wants(outcome)) {
            all.extend(self.counted(&filter, (after, limit)).await?);
        }
        let mut placed: Vec<(ListPosition, Receipt)> =
            all.into_iter().map(|receipt| (receipt.position(), receipt)).collect();
        placed.retain(|(place, _)| after.is_none_or(|after| place < after));
        placed.sort_by(|(a, _), (b, _)| b.cmp(a));
        placed.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(placed.into_iter().map(|(_, receipt)| receipt).collect())
    }

    async fn recorded(
        &self,
        filter: &ReceiptFilter,
        order: Option<OfOrder>,
        (after, limit): (Option<&ListPosition>, i64),
    ) -> Result<Vec<Receipt>, Error> {
        let wanted = Outcome::RECORDED.into_iter().filter(|outcome| filter.wants(*outcome));
        let wanted: Vec<String> = wanted.map(|outcome| outcome.as_str().to_owned()).collect();
        if wanted.is_empty() {
            return Ok(vec![]);
        }
        let filter = webhook_receipts::Filter {
            account_id: filter.account_id.clone(),
            integration_id: filter.integration_id.clone(),
            outcomes: if wanted.len() == Outcome::RECORDED.len() { vec![] } else { wanted },
            order,
        };
        let before = after.map(|ListPosition(moment, id)| (*moment, id.as_str()));
        let rows = webhook_receipts::page(&self.data.views, &filter, before, limit).await?;
        Ok(rows.into_iter().map(|row| Receipt::Recorded(Box::new(row))).collect())
    }

    async fn counted(
        &self,
        filter: &ReceiptFilter,
        (after, limit): (Option<&ListPosition>, i64),
    ) -> Result<Vec<Receipt>, Error> {
        let log = &self.data.log;
        // What this node holds back is written first, so that no refusal is missing.
        self.refusals.write(log).await?;
        let until = after.map_or(Micros::MAX, |ListPosition(moment, _)| Micros(moment.saturating_add(1)));
        let (account_id, integration_id) = (filter.account_id.as_deref(), filter.integration_id.as_deref());
        let hours = refusals::recent(log, account_id, integration_id, until, limit + MORE_HOURS).await?;
        let mut counted = vec![];
        for hour in hours.into_iter().filter(|hour| filter.wants(Outcome::of_refused(&hour.reason))) {
            let provider = self.provider_of(&hour.integration_id).await?;
            counted.push(Receipt::Counted(hour, provider));
        }
        Ok(counted)
    }

    async fn provider_of(&self, integration_id: &str) -> Result<Option<Provider>, Error> {
        let Ok(id) = integration_id.parse() else { return Ok(None) };
        Ok(self.links.find(id).await?.map(|link| link.provider))
    }

    /// Everything that may name an order which is given by its id or number.
    async fn of_order(&self, filter: &ReceiptFilter, order: &str) -> Result<OfOrder, Error> {
        let views = &self.data.views;
        let order = order.replace('\0', "");
        let named = delivery_log::find(views, &order.to_lowercase()).await?;
        let is_visible = |account_id: &str| filter.account_id.as_deref().is_none_or(|visible| account_id == visible);
        if let Some(delivery) = named.filter(|row| is_visible(&row.account_id)) {
            return Ok(OfOrder { ids: vec![delivery.order_id], ..OfOrder::default() });
        }
        let bare = order.trim_start_matches('#').to_owned();
        let of_number = delivery_log::Filter {
            order: Some(order.clone()),
            account_id: filter.account_id.clone(),
            integration_id: filter.integration_id.clone(),
            ..Default::default()
        };
        let limit = delivery_log::Page { limit: MAX_OF_NUMBER, ..Default::default() };
        let deliveries = delivery_log::page(views, &of_number, limit).await?;
        let ids = deliveries.into_iter().map(|delivery| delivery.order_id).chain([order]).collect();
        Ok(OfOrder { ids, numbers: vec![format!("#{bare}"), bare] })
    }
}

impl Receipt {
    pub fn id(&self) -> String {
        match self {
            Self::Recorded(row) => row.id.clone(),
            Self::Counted(hour, _) => format!("{}-{}-{}", hour.integration_id, hour.reason, hour.hour.0),
        }
    }

    pub fn position(&self) -> ListPosition {
        let moment = match self {
            Self::Recorded(row) => row.received_at,
            Self::Counted(hour, _) => hour.last_at.0,
        };
        ListPosition(moment, self.id())
    }

    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Recorded(row) => Outcome::of_recorded(&row.outcome),
            Self::Counted(hour, _) => Outcome::of_refused(&hour.reason),
        }
    }

    /// What the merchant does about it, where it was refused, and what a ping is.
    pub fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Recorded(row) => (row.unsigned == 1).then_some(UNSIGNED),
            Self::Counted(hour, provider) => match (hour.reason.parse().ok()?, provider) {
                (RefusalReason::WrongSignature, Some(Provider::Square)) => Some(SQUARE_SIGNATURE),
                (reason, _) => Some(reason.advice()),
            },
        }
    }
}
