//! What a repeated webhook says again of its store's resources. Of what they know they record nothing: it is news where something
//! was restored since, or where the webhook came first when nothing was published.

use cqrs_es::Aggregate as _;
use domain::delivery::{Delivery, DeliveryEvent};
use domain::resource::{Resource, ResourceCommand, WebhookSource};
use domain::{DeliveryId, NoticeId, Private};
use event_log::recorded::AnyEvent;
use event_log::{Position, Sequence};

use super::IngestRefusal;
use super::publishing::Reports;
use super::source::Source;

/// Events of a delivery among which the first webhook with the same bytes is looked for.
const MAX_READ: i64 = 1_000;

impl Source {
    /// A deletion says nothing but what is deleted: the next one of the same thing has the same bytes, and deletes what was
    /// restored since. Of what is deleted already it changes nothing.
    pub(super) async fn notice_again(
        &self,
        id: NoticeId,
        reports: &Reports,
        repetition: Option<Position>,
    ) -> Result<(), IngestRefusal> {
        let source = WebhookSource::Notice { id: id.0, sequence: Sequence::START.next().0 };
        self.report_again(reports.turning(self.integration_id, &self.link, source), repetition).await
    }

    /// The same of an order that has a delivery. Unless so many came in an hour that they are only counted, all of it is said
    /// again: when they were recorded first, their integration may have published nothing.
    pub(super) async fn order_again(
        &self,
        id: DeliveryId,
        digest: Option<&str>,
        reports: &Reports,
        repetition: Option<Position>,
    ) -> Result<(), IngestRefusal> {
        let is_only_counted = repetition.is_none();
        if reports.is_empty() || is_only_counted && !reports.turns() {
            return Ok(());
        }
        let Some(sequence) = self.first_of(id, digest).await? else { return Ok(()) };
        let source = WebhookSource::Delivery { id: id.0, sequence: sequence.0 };
        let commands = if is_only_counted { Reports::turning } else { Reports::commands };
        self.report_again(commands(reports, self.integration_id, &self.link, source), repetition).await
    }

    /// Where the body lies of which a later webhook had the same. None where it was erased.
    async fn first_of(&self, id: DeliveryId, digest: Option<&str>) -> Result<Option<Sequence>, IngestRefusal> {
        let Some(digest) = digest else { return Ok(None) };
        let recorded = self.ingest.log.recorded_of(Delivery::TYPE, &id.to_string(), Sequence::START, MAX_READ).await?;
        let has_it = |event: &AnyEvent| {
            let AnyEvent::Delivery(DeliveryEvent::WebhookReceived { webhook, .. }) = event else { return false };
            webhook.body_digest.as_ref().and_then(Private::known).is_some_and(|known| known == digest)
        };
        Ok(recorded.iter().find(|recorded| has_it(&recorded.event)).map(|recorded| recorded.sequence))
    }

    /// `repetition` is where the later webhook lies, unless it is only counted.
    async fn report_again(
        &self,
        commands: Vec<(String, ResourceCommand)>,
        repetition: Option<Position>,
    ) -> Result<(), IngestRefusal> {
        for (resource_id, command) in commands {
            self.ingest
                .log
                .execute::<Resource>(resource_id, command, self.origin.clone().caused_by(repetition))
                .await?;
        }
        Ok(())
    }
}
