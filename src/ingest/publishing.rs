//! What a webhook says of the resources of its store, recorded beside it where its integration publishes commerce events.

use chrono::{DateTime, Utc};
use domain::delivery::StoreCall;
use domain::integration::Link;
use domain::resource::{
    Announcement, Content, Happened, NewReport, Publishing, ResourceCommand, ResourceKind, WebhookSource,
};
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
    /// The order that it names and says nothing of, where that is to be read and published, and no delivery does it.
    announces: Option<String>,
    /// What is published of them.
    publishing: Publishing,
}

impl Reports {
    /// `digest` is that of the body, keyed, or of the webhook's own id where that is signed.
    pub fn new(reports: Vec<StoreReport>, digest: Option<[u8; 16]>, received_at: DateTime<Utc>) -> Self {
        let body_identity = digest.map_or_else(|| ids::fresh().simple().to_string(), hex::encode);
        Self { reports, body_identity, received_at, announces: None, publishing: Publishing::Usual }
    }

    pub(super) fn publishing(self, publishing: Publishing) -> Self {
        Self { publishing, ..self }
    }

    /// Of a webhook that names an order and says nothing of it: what that says is reported once the order is read.
    pub(super) fn announcing(order_id: String, received_at: DateTime<Utc>) -> Self {
        Self { announces: Some(order_id), received_at, ..Self::default() }
    }

    pub(super) fn announces(&self) -> bool {
        self.announces.is_some()
    }

    pub fn none() -> Self {
        Self::default()
    }

    pub fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.announces.is_none()
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
        let announced = self.announces.iter().map(|order_id| {
            let id = ResourceId::of(integration_id, ResourceKind::Order, order_id);
            let announcement = Announcement {
                account_id: link.account_id,
                integration_id,
                provider: link.provider,
                order_id: order_id.clone(),
                number: 0,
                received_at: self.received_at,
                source,
            };
            (id.to_string(), ResourceCommand::Announce(Box::new(announcement)))
        });
        let reported = self.reports.iter().map(|report| self.command(report, integration_id, link, source));
        announced.chain(reported).collect()
    }

    /// What is recorded of an order that was read at its store, when so many webhooks had announced it.
    pub fn read(
        &self,
        integration_id: IntegrationId,
        link: &Link,
        source: WebhookSource,
        (announcements, call): (u32, &StoreCall),
    ) -> ResourceCommand {
        let report = self.reports.first().map(|report| self.new_report(report, integration_id, link, source));
        ResourceCommand::RecordRead { report: report.map(Box::new), announcements, call: call.clone() }
    }

    fn command(
        &self,
        report: &StoreReport,
        integration_id: IntegrationId,
        link: &Link,
        source: WebhookSource,
    ) -> (String, ResourceCommand) {
        let id = ResourceId::of(integration_id, report.content.kind(), &report.resource_id);
        let new = self.new_report(report, integration_id, link, source);
        (id.to_string(), ResourceCommand::Report(Box::new(new)))
    }

    fn new_report(
        &self,
        report: &StoreReport,
        integration_id: IntegrationId,
        link: &Link,
        source: WebhookSource,
    ) -> NewReport {
        let StoreReport { resource_id, happened, event_id, changed_at, version, content } = report.clone();
        NewReport {
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
            publishing: self.publishing,
            content,
        }
    }
}

fn turns(report: &StoreReport) -> bool {
    match report.happened {
        Happened::Deleted | Happened::Restored => true,
        Happened::Created | Happened::Updated => false,
    }
}
