//! Recording a webhook that is about no order, or about one that is not delivered.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::notice::{Notice, NoticeCommand, NoticeEvent, NoticeKind, NoticeReceived};
use domain::resource::{Resource, WebhookSource};
use domain::{NoticeId, Private};
use event_log::{Sequence, ids};

use super::customers::{self, NamedOrder};
use super::publishing::Reports;
use super::record::Unsigned;
use super::source::Source;
use super::{IngestRefusal, Receipt};

impl Source {
    /// A webhook of which nothing is delivered: kept and shown, and what it says of resources recorded with it.
    pub(super) async fn notice(
        &self,
        (kind, reason, order): (NoticeKind, Option<String>, NamedOrder),
        unsigned: Unsigned,
        body: Bytes,
        reports: Reports,
    ) -> Result<Receipt, IngestRefusal> {
        let Unsigned { topic, webhook_id, headers } = unsigned;
        match kind {
            NoticeKind::NotAnOrder | NoticeKind::Commerce | NoticeKind::Unusable | NoticeKind::StoreError => {
                self.has_room_today()?;
            }
            // What the law requires is taken in any case.
            NoticeKind::CustomerDataRequest | NoticeKind::CustomerRedact | NoticeKind::ShopRedact => {}
        }
        let reason = reason.or_else(|| self.why_nothing(kind).filter(|_| reports.is_empty()).map(str::to_owned));
        let mut named = customers::named_in(topic.as_deref(), &body);
        if reports.announces() {
            // By it the webhook is found, and erased, before the order is read and says whose it is.
            named.orders.extend(order.id.clone().filter(|id| !named.orders.contains(id)));
        }
        let at = self.ingest.log.clock().now();
        let received = NoticeReceived {
            account_id: self.link.account_id,
            integration_id: self.integration_id,
            provider: self.link.provider,
            kind,
            received_at: at,
            topic,
            webhook_id,
            headers,
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
            unsigned: self.is_unsigned,
            source: self.came_by,
            reason,
            order_id: order.id,
            order_number: order.number,
            customers: Some(named).filter(|named| !named.is_empty()).map(Private::Known),
        };
        let id = self.notice_id((kind, received.topic.as_deref()), &body, at, reports.turns());
        let command = NoticeCommand::Record(Box::new(received));
        let bytes = body.len();
        let log = &self.ingest.log;
        let committed = if reports.is_empty() {
            log.execute_fresh::<Notice>(id, command, self.origin.clone(), Some(body)).await?
        } else {
            let follow = |events: &[NoticeEvent], Sequence(sequence)| match events.first() {
                Some(NoticeEvent::WebhookReceived(_)) => {
                    let source = WebhookSource::Notice { id: id.0, sequence };
                    reports.commands(self.integration_id, &self.link, source)
                }
                // The same bytes may announce another change of an order.
                Some(NoticeEvent::WebhookRepeated(_)) if reports.announces() => {
                    let source = WebhookSource::Notice { id: id.0, sequence: Sequence::FIRST.0 };
                    reports.commands(self.integration_id, &self.link, source)
                }
                Some(_) | None => vec![],
            };
            log.execute_with_body_and::<Notice, Resource>(id, command, self.origin.clone(), (body, true), follow)
                .await?
        };
        if !matches!(committed.events.first(), Some(NoticeEvent::WebhookReceived(_))) {
            self.notice_again(id, &reports, committed.position).await?;
        }
        match committed.events.first() {
            None => self.only_counted(None),
            Some(event) => {
                self.stored(if matches!(event, NoticeEvent::WebhookReceived(_)) { bytes } else { 0 });
                self.accepted(kind.as_str(), None);
            }
        }
        Ok(Receipt { delivery_id: None, status: kind.as_str(), outcome: kind.as_str() })
    }

    /// Why nothing comes of a webhook that says nothing to be published.
    fn why_nothing(&self, kind: NoticeKind) -> Option<&'static str> {
        match kind {
            NoticeKind::NotAnOrder if !self.link.purpose.publishes() => {
                Some("about no order, and the integration publishes nothing (its purpose is `delivers`)")
            }
            NoticeKind::NotAnOrder | NoticeKind::Commerce => {
                Some("nothing is delivered or published of such a webhook")
            }
            NoticeKind::Unusable
            | NoticeKind::StoreError
            | NoticeKind::CustomerDataRequest
            | NoticeKind::CustomerRedact
            | NoticeKind::ShopRedact => None,
        }
    }

    /// The same bytes have the same id, or the same signed id: so they are stored once, by construction. Where they say only that something was deleted,
    /// or is there again, the topic says of what kind it is. What a store requests by law is done again when it repeats the
    /// request, a day later at the soonest.
    fn notice_id(
        &self,
        (kind, topic): (NoticeKind, Option<&str>),
        body: &[u8],
        at: DateTime<Utc>,
        turns: bool,
    ) -> NoticeId {
        let kind = match kind {
            NoticeKind::Commerce => {
                let topic = topic.filter(|_| turns).unwrap_or_default();
                format!("{} {topic} {}", kind.as_str(), self.signed_id.as_deref().unwrap_or_default())
            }
            NoticeKind::NotAnOrder | NoticeKind::Unusable | NoticeKind::StoreError => kind.as_str().to_owned(),
            NoticeKind::CustomerDataRequest | NoticeKind::CustomerRedact | NoticeKind::ShopRedact => {
                format!("{} {}", kind.as_str(), at.date_naive())
            }
        };
        let digest = self.digest(&kind, body);
        NoticeId(digest.map_or_else(ids::fresh, |digest| uuid::Builder::from_custom_bytes(digest).into_uuid()))
    }
}
