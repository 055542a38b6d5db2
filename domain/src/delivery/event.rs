//! What happened to a delivery. These names are the storage format: add, never rename.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

use super::{Change, CortexCall, FetchedOrder, StoreCall, WebhookOutcome};
use crate::credits::PaidAction;
use crate::event::{LogEvent, domain_event};
use crate::integration::Provider;
use crate::{
    AccountId, ApiKeyId, Asset, Credits, IntegrationId, ItemMapping, LineItem, MappingId, MatchType, Private,
    ReportSource, ResolutionCode,
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, IntoStaticStr, JsonSchema)]
#[serde(tag = "event_type", content = "payload", rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeliveryEvent {
    /// A store reported the order, and this is what it did.
    WebhookReceived {
        webhook: Box<Webhook>,
        outcome: WebhookOutcome,
        /// What differs from what was known, where it counts.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changes: Vec<Change>,
    },
    /// The very bytes of an earlier webhook again, which change nothing.
    WebhookRepeated(Box<WebhookRepeated>),
    /// A webhook had announced the order, which was fetched at its store, and this is what that did.
    OrderFetched(FetchedOrder),
    /// The order could not be fetched. When that is tried again, whatever the delivery waits for.
    OrderFetchFailed {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<StoreCall>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<DateTime<Utc>>,
        /// Why. Left out at first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<ResolutionCode>,
        /// What it was decided on, where access is missing and the delivery does not wait for the order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decided_on: Option<DecidedOn>,
    },
    /// The order is to be fetched at once, although it could not be before; the delivery stays where it is.
    OrderFetchRequested {
        /// What was fixed, where that is why; otherwise a person requests it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fixed: Option<ResolutionCode>,
    },
    /// The order could not be fetched for days, and is not tried by itself any more. What was announced of it is not known; the
    /// delivery stays where it is.
    OrderFetchGivenUp {
        code: ResolutionCode,
    },
    Started(Started),
    LeaseRenewed {
        lease_until: DateTime<Utc>,
    },
    /// The worker is about to do this at Cortex Cloud. Where it did not live to record the result, the next attempt knows
    /// whose doing it is.
    StepStarted {
        action: PaidAction,
    },
    Followed {
        username: Private<String>,
        credits: Credits,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CortexCall>,
    },
    AssetShared {
        asset: Asset,
        /// With whom.
        username: Private<String>,
        credits: Credits,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CortexCall>,
    },
    RetryScheduled {
        code: ResolutionCode,
        due_at: DateTime<Utc>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CortexCall>,
    },
    /// What the delivery waits for comes at another moment than it was to: its next try, or the end of its lease.
    WaitMoved {
        until: DateTime<Utc>,
        cause: MoveCause,
    },
    ActionRequired {
        code: ResolutionCode,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CortexCall>,
        /// Which assets Cortex Cloud does not have, where that is why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        assets: Vec<Asset>,
        /// What it was decided on, where no attempt was made; an attempt says so when it starts.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decided_on: Option<DecidedOn>,
    },
    Completed {},
    FailedPermanently {
        code: ResolutionCode,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<CortexCall>,
    },
    CancellationRequested {},
    Cancelled {},
    /// The attempt stopped because the order's status is no longer one that is delivered.
    StatusFiltered {},
    /// The attempt ended before it was done: its worker stops, or the store revised the order.
    HandedBack {},
    RetryRequested {
        /// The mappings that are to be delivered to this past order, where that is why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        mapping_ids: Vec<MappingId>,
    },
    UsernameCorrected {
        username: Private<String>,
    },
    Requeued {
        cause: RequeueCause,
    },
    /// The person is gone from the order: with this event the data key of the stream is deleted.
    PersonalDataErased {
        cause: ErasureCause,
    },
}

/// Why a wait ends at another moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MoveCause {
    /// It was set by a clock that was ahead, further off than any wait of its kind.
    ClockWasAhead,
    /// A person with an API key wants it so.
    Operator,
}

/// Why a delivery is put back in the queue by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RequeueCause {
    /// What it waited for was fixed.
    Fixed { code: ResolutionCode },
    /// The store revised the order.
    Revised,
}

/// Why personal data was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ErasureCause {
    /// A person with an API key requested it.
    Operator,
    /// The store asked for it by a signed webhook.
    Store,
    /// The account keeps personal data no longer than this.
    Retention,
}

/// A store's signed report of an order. The raw body lies beside the event, sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Webhook {
    pub account_id: AccountId,
    pub integration_id: IntegrationId,
    pub provider: Provider,
    /// The store's own id of the order; the number that people see, where it is another.
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_status: Option<String>,
    pub intent: Intent,
    /// When the store last changed the order, by its own clock, where the body says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<DateTime<Utc>>,
    pub received_at: DateTime<Utc>,
    /// It names the order and says nothing of it: the order is to be fetched.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub thin: bool,
    /// Nothing showed that the store had sent it: a service for development took it without a signature.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// How it came.
    #[serde(default, skip_serializing_if = "ReportSource::is_webhook")]
    pub source: ReportSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<Private<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Private<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<Private<String>>,
    /// The store's own id of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Private<String>>,
    pub items: Vec<LineItem>,
    /// Which API key the webhook named beside its signature, if any.
    #[serde(default, skip_serializing_if = "ApiKeyUse::is_none")]
    pub api_key: ApiKeyUse,
    /// From headers that are not signed: shown, never decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    /// The headers that say how it was sent, by their names in lower case. As little signed as the two above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Private<BTreeMap<String, String>>>,
    pub body_bytes: u32,
    /// A keyed hash of the raw body, by which the same bytes are known again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_digest: Option<Private<String>>,
}

/// A webhook whose raw body is that of an earlier one: what it says is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WebhookRepeated {
    pub provider: Provider,
    pub order_id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    pub outcome: WebhookOutcome,
    /// Which of the order's webhooks had these bytes first, counted from 1.
    pub first_webhook_number: u32,
    pub received_at: DateTime<Utc>,
    /// From headers that are not signed: shown, never decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<Private<BTreeMap<String, String>>>,
    pub body_bytes: u32,
    /// Nothing showed that the store had sent it: a service for development took it without a signature.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// How it came.
    #[serde(default, skip_serializing_if = "ReportSource::is_webhook")]
    pub source: ReportSource,
}

impl Webhook {
    /// Leaves out whose order it is. The mark that stays also keeps the raw body from being stored.
    pub(super) fn forget_person(&mut self) {
        self.username = Some(Private::Erased);
        for text in [&mut self.email, &mut self.customer_name, &mut self.customer_id] {
            *text = text.take().map(|_| Private::Erased);
        }
        self.headers = self.headers.take().map(|_| Private::Erased);
        self.body_digest = None;
    }

    /// Whether it was recorded without saying whose order it is.
    pub(super) fn is_forgotten(&self) -> bool {
        self.username == Some(Private::Erased)
    }
}

/// What a webhook wants, given the order status and the filter of its integration at that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Intent {
    Deliver,
    /// The order's status is not configured for delivery.
    Filtered,
    /// The store cancelled, refunded or deleted the order.
    Cancel,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ApiKeyUse {
    #[default]
    None,
    Key {
        id: ApiKeyId,
    },
    /// A key that is not one of this account's.
    Foreign,
}

impl ApiKeyUse {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// A worker took the delivery, and what it set out to do for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Started {
    pub attempt: u32,
    pub worker: String,
    pub started_at: DateTime<Utc>,
    pub lease_until: DateTime<Utc>,
    pub username: Private<String>,
    /// What is to be shared for each line that is still bought; nothing where no mapping was found.
    pub plan: Vec<PlannedItem>,
    pub decided_on: DecidedOn,
}

/// The settings on which something was decided: the sequence of the last event of each stream then. What comes after them
/// was not known to the decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DecidedOn {
    pub account_sequence: i64,
    pub integration_sequence: i64,
}

impl Started {
    /// The assets of the plan, each once.
    pub fn assets(&self) -> Vec<&Asset> {
        let mut assets: Vec<&Asset> = vec![];
        for planned in self.plan.iter().flat_map(|item| &item.assets) {
            if !assets.contains(&&planned.asset) {
                assets.push(&planned.asset);
            }
        }
        assets
    }

    /// How many lines have no mapping.
    pub fn unmapped(&self) -> usize {
        self.plan.iter().filter(|item| item.assets.is_empty()).count()
    }
}

/// What an attempt plans for one line of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedItem {
    /// Which line of the order as last revised, counted from 0.
    pub line_index: u32,
    pub assets: Vec<PlannedAsset>,
}

/// An asset that is to be shared, and by which mapping.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedAsset {
    pub asset: Asset,
    pub mapping_id: MappingId,
    pub match_type: MatchType,
}

impl PlannedAsset {
    pub(super) fn by(mapping: &ItemMapping) -> Self {
        Self { asset: mapping.asset.clone(), mapping_id: mapping.id, match_type: mapping.match_type }
    }
}

/// What a store said of an order.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    pub order: &'a Webhook,
    pub outcome: WebhookOutcome,
    pub changes: &'a [Change],
}

impl DeliveryEvent {
    /// What the store says of the order in this event: in a webhook, or when the order was read.
    pub fn report(&self) -> Option<Report<'_>> {
        if let Self::WebhookReceived { webhook: order, outcome, changes }
        | Self::OrderFetched(FetchedOrder { order, outcome, changes, .. }) = self
        {
            Some(Report { order, outcome: *outcome, changes })
        } else {
            None
        }
    }
}

domain_event!(DeliveryEvent);

impl LogEvent for DeliveryEvent {
    /// A repetition's body is that of the webhook it repeats, and a body says at length what a forgotten webhook left out.
    fn keeps_body(&self) -> bool {
        self.report().is_some_and(|report| !report.order.is_forgotten())
    }

    fn erases_data_key(&self) -> bool {
        matches!(self, Self::PersonalDataErased { .. })
    }
}
