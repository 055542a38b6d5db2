//! What is recorded of an order that a webhook brought: the order, what came beside it, and what is wanted of it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::delivery::{ApiKeyUse, Intent, Webhook};
use domain::integration::Link;
use domain::{IntegrationId, Private, ReportSource};
use providers::{StoreOrder, ThinOrder};

/// What a store says of a webhook beside the order. Few sign it: it is shown, and never decided on.
pub struct Unsigned {
    pub topic: Option<String>,
    pub webhook_id: Option<String>,
    /// Those that are kept, by their names in lower case.
    pub headers: Option<Private<BTreeMap<String, String>>>,
}

/// What is known of a webhook beside its body.
pub struct Aside {
    pub unsigned: Unsigned,
    pub api_key: ApiKeyUse,
    pub body_bytes: u32,
    /// Nothing showed that the store had sent it.
    pub is_unsigned: bool,
    pub source: ReportSource,
    /// Stands in for the date of a cancellation that names none.
    pub received_at: DateTime<Utc>,
}

/// The webhook as it is recorded, with what the integration's filter wants of it.
pub fn webhook(order: StoreOrder, integration_id: IntegrationId, link: &Link, aside: Aside) -> Webhook {
    let intent = if order.cancelled {
        Intent::Cancel
    } else if link.delivers(order.order_status.as_deref()) {
        Intent::Deliver
    } else {
        Intent::Filtered
    };
    let private = |value: Option<String>| value.map(Private::Known);
    Webhook {
        account_id: link.account_id,
        integration_id,
        provider: link.provider,
        order_id: order.order_id,
        order_number: order.order_number,
        order_status: order.order_status,
        intent,
        changed_at: order.changed_at,
        received_at: aside.received_at,
        thin: false,
        unsigned: aside.is_unsigned,
        source: aside.source,
        username: private(order.username),
        email: private(order.email),
        customer_name: private(order.customer_name),
        customer_id: private(order.customer_id),
        items: order.items,
        api_key: aside.api_key,
        topic: aside.unsigned.topic,
        webhook_id: aside.unsigned.webhook_id,
        headers: aside.unsigned.headers,
        body_bytes: aside.body_bytes,
        body_digest: None,
    }
}

/// A webhook that names an order and says nothing of it, as it is recorded. What is wanted of the order is known once it is
/// read.
pub fn announcement(order: ThinOrder, integration_id: IntegrationId, link: &Link, aside: Aside) -> Webhook {
    let ThinOrder { order_id, order_status, changed_at } = order;
    let nothing_more = StoreOrder {
        order_id,
        order_number: None,
        order_status,
        changed_at,
        cancelled: false,
        username: None,
        email: None,
        customer_name: None,
        customer_id: None,
        items: vec![],
    };
    Webhook { thin: true, ..webhook(nothing_more, integration_id, link, aside) }
}
