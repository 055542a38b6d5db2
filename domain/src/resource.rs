//! A resource: something of a store that its webhooks report about, where the integration publishes commerce events. An order, a
//! product, a collection, stock, a customer, a checkout. Its stream says what was reported, and what is published of that.
//!
//! An order that a webhook only names is read at its store, and reported then (`reading.rs`).
//!
//! Nothing personal is on it: what a commerce event says of a person is read from the webhook when the event is sent. An order
//! that is also delivered has its delivery's stream beside this one; neither knows the other.

mod command;
mod content;
mod event;
mod fold;
mod order;
mod publishing;
mod reading;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::convert::Infallible;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use command::{NewReport, Publishing, ResourceCommand};
pub use content::{Checkout, Collection, Content, Order, OrderLine, Product, Refunded, ResourceKind, Stock, Variant};
pub use event::{Happened, Report, ReportOutcome, ResourceEvent, WebhookSource};
pub use order::OrderChange;
pub use reading::{Announcement, ReadFailed, Reading};

use crate::commerce::CommerceEventType;
use crate::event::{EventSourced, Owner, aggregate};
use crate::{AccountId, IntegrationId};

/// Webhooks that are remembered of a resource, to know them again.
const MAX_REMEMBERED: usize = 50;

/// The fold of a resource's stream. The default is one of which nothing was reported.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Resource {
    #[default]
    Initial,
    Known(Box<Known>),
}

/// What is known of a resource, as far as a decision reads it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known {
    account_id: AccountId,
    integration_id: IntegrationId,
    /// By the store's own clock, of the newest report.
    changed_at: Option<DateTime<Utc>>,
    /// Where the store counts its changes: of the newest report.
    version: Option<i64>,
    deleted: bool,
    /// Of a product: it was only named, and what it is was not said since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    thin: bool,
    /// Where the store did not say when it was deleted: when we learned of it, in whole seconds, the grain of stores' clocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted_by: Option<DateTime<Utc>>,
    /// Of an order: what is known of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Box<Order>>,
    /// By what webhooks are known again, the latest last.
    seen: Vec<String>,
    /// Of stock: when each of these was, by the store's clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    seen_at: Vec<Option<DateTime<Utc>>>,
    /// Of stock: the newest of those that are not remembered any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forgotten_at: Option<DateTime<Utc>>,
    /// Of stock: by the store's clock, of the last report that said how many there are, and not by how many that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted_at: Option<DateTime<Utc>>,
    published: Published,
    /// Of an order that webhooks only name: how far it is read at its store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reading: Option<Box<Reading>>,
}

/// What was published so far, as far as it is not published again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Published {
    /// Of those that happen once.
    once: BTreeSet<CommerceEventType>,
    /// How much of an order is taken back.
    refunded: Refunded,
    /// In the smallest unit.
    refunded_amount: i64,
}

impl Resource {
    /// Decides a command. The same webhook again decides to nothing.
    pub fn decide(&self, command: ResourceCommand) -> Result<Vec<ResourceEvent>, Infallible> {
        Ok(match command {
            ResourceCommand::Report(new) => self.report(*new).into_iter().collect(),
            ResourceCommand::Announce(announcement) => vec![self.announce(*announcement)],
            ResourceCommand::RecordRead { report, announcements, call } => {
                self.record_read(report, announcements, call)
            }
            ResourceCommand::FailRead { failure, now, jitter, integration_sequence } => {
                self.fail_read(failure, now, jitter, integration_sequence)
            }
            ResourceCommand::RequestRead { fixed } => self.request_read(fixed).into_iter().collect(),
            ResourceCommand::PullBackRead { now } => self.pull_back_read(now).into_iter().collect(),
        })
    }
}

aggregate!(Resource, "resource", ResourceCommand, ResourceEvent, Infallible);

impl EventSourced for Resource {
    const SNAPSHOT_VERSION: i64 = 7;

    fn owner(&self, _: &str) -> Owner {
        match self {
            Self::Initial => Owner::default(),
            Self::Known(known) => {
                Owner { account_id: Some(known.account_id), integration_id: Some(known.integration_id) }
            }
        }
    }
}
