//! What a webhook says of the resources of its store, recorded beside it where its integration publishes commerce events.

use chrono::{DateTime, Utc};
use domain::integration::Link;
use domain::resource::{Content, Happened, NewReport, ResourceCommand, WebhookSource};
use domain::{IntegrationId, ResourceId};
use event_log::ids;
use providers::StoreReport;

use super::customers::NamedOrder;

/// The reports of one webhook. The default has none.
#[derive(Default)]
pub struct Reports {
    reports: Vec<StoreReport>,
    /// By what the webhook is known again where its platform signs no id of the event.
    body_identity: String,
    received_at: DateTime<Utc>,
}

impl Reports {
    /// `digest` is that of the body, keyed, or of the webhook's own id where that is signed.
    pub fn new(reports: Vec<StoreReport>, digest: Option<[u8; 16]>, received_at: DateTime<Utc>) -> Self {
        let body_identity = digest.map_or_else(|| ids::fresh().simple().to_string(), hex::encode);
        Self { reports, body_identity, received_at }
    }

    pub fn none() -> Self {
        Self::default()
    }

    pub fn is_empty(&self) -> bool {
        self.reports.is_empty()
    }

    /// Whether something was deleted by it, or is there again.
    pub fn turns(&self) -> bool {
        self.reports.iter().any(turns)
    }

    /// Of [`Self::commands`] those by which something is deleted, or there again.
    pub fn turning(
        &self,
        integration_id: IntegrationId,
        link: &Link,
        source: WebhookSource,
    ) -> Vec<(String, ResourceCommand)> {
        let turning = self.reports.iter().filter(|report| turns(report));
        turning.map(|report| self.command(report, integration_id, link, source)).collect()
    }

    /// The order that they are about, if they are about one.
    pub(super) fn order(&self) -> NamedOrder {
        let of_order = self.reports.iter().find_map(|report| match &report.content {
            Content::Order(order) => {
                Some(NamedOrder { id: Some(report.resource_id.clone()), number: order.number.clone() })
            }
            Content::Product(_)
            | Content::Stock(_)
            | Content::Collection(_)
            | Content::Customer {}
            | Content::Checkout(_) => None,
        });
        of_order.unwrap_or_default()
    }

    /// What is recorded of each resource, of a webhook that lies there.
    pub fn commands(
        &self,
        integration_id: IntegrationId,
        link: &Link,
        source: WebhookSource,
    ) -> Vec<(String, ResourceCommand)> {
        self.reports.iter().map(|report| self.command(report, integration_id, link, source)).collect()
    }

    fn command(
        &self,
        report: &StoreReport,
        integration_id: IntegrationId,
        link: &Link,
        source: WebhookSource,
    ) -> (String, ResourceCommand) {
        let StoreReport { resource_id, happened, event_id, changed_at, version, content } = report.clone();
        let id = ResourceId::of(integration_id, content.kind(), &resource_id);
        let new = NewReport {
            account_id: link.account_id,
            integration_id,
            provider: link.provider,
            resource_id,
            happened,
            identity: event_id.unwrap_or_else(|| self.body_identity.clone()),
            changed_at,
            received_at: self.received_at,
            version,
            source,
            content,
        };
        (id.to_string(), ResourceCommand::Report(Box::new(new)))
    }
}

fn turns(report: &StoreReport) -> bool {
    match report.happened {
        Happened::Deleted | Happened::Restored => true,
        Happened::Created | Happened::Updated => false,
    }
}
