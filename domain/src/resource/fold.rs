//! The fold: what each report makes of a resource.

use chrono::SubsecRound as _;

use super::{
    Content, Happened, Known, MAX_REMEMBERED, OrderChange, Published, Report, ReportOutcome, Resource, ResourceEvent,
};
use crate::commerce::CommerceEventType as Type;

impl Resource {
    pub(super) fn fold(&mut self, event: ResourceEvent) {
        let owner = match &event {
            ResourceEvent::ResourceReported(report) => Some((report.account_id, report.integration_id)),
            ResourceEvent::OrderAnnounced(announced) => Some((announced.account_id, announced.integration_id)),
            // These come after one of the others.
            ResourceEvent::OrderRead { .. }
            | ResourceEvent::OrderReadFailed(_)
            | ResourceEvent::OrderReadRequested { .. }
            | ResourceEvent::OrderReadMoved { .. }
            | ResourceEvent::OrderReadGivenUp { .. } => None,
        };
        if let (Self::Initial, Some((account_id, integration_id))) = (&*self, owner) {
            *self = Self::Known(Box::new(Known {
                account_id,
                integration_id,
                changed_at: None,
                version: None,
                deleted: false,
                thin: false,
                deleted_by: None,
                order: None,
                seen: vec![],
                seen_at: vec![],
                forgotten_at: None,
                counted_at: None,
                published: Published::default(),
                reading: None,
            }));
        }
        if let Self::Known(known) = self {
            known.apply_reading(&event);
            if let ResourceEvent::ResourceReported(report) = &event {
                known.apply(report);
            }
        }
    }
}

impl Known {
    fn apply(&mut self, report: &Report) {
        self.remember(report);
        for published in &report.publishes {
            self.published.apply(*published);
        }
        match report.outcome {
            ReportOutcome::Current => {}
            ReportOutcome::Stale | ReportOutcome::AfterDeletion => return,
        }
        self.changed_at = self.changed_at.max(report.changed_at);
        self.version = self.version.max(report.version);
        self.deleted = report.happened == Happened::Deleted;
        self.thin = matches!(&report.content, Content::Product(product) if product.thin);
        self.deleted_by = report.received_at.map(|at| at.trunc_subsecs(0));
        match &report.content {
            Content::Order(order) => {
                let is_reopened = report.changes.contains(&OrderChange::Reopened {});
                if is_reopened || (!order.cancelled && !order.thin) {
                    // It may be cancelled again.
                    self.published.once.remove(&Type::OrderCancelled);
                }
                self.order = Some(Box::new(order.clone()));
                self.published.refunded = self.published.refunded.max(order.refunded);
                let amount = order.refunded_amount.map_or(0, |money| money.amount);
                self.published.refunded_amount = self.published.refunded_amount.max(amount);
            }
            Content::Stock(stock) if stock.change().is_none() => self.counted_at = self.changed_at,
            Content::Product(_)
            | Content::Collection(_)
            | Content::Stock(_)
            | Content::Customer {}
            | Content::Checkout(_) => {}
        }
    }

    fn remember(&mut self, report: &Report) {
        if self.seen.len() >= MAX_REMEMBERED {
            self.seen.remove(0);
            if !self.seen_at.is_empty() {
                self.forgotten_at = self.forgotten_at.max(self.seen_at.remove(0));
            }
        }
        self.seen.push(report.identity.clone());
        if let Content::Stock(_) = report.content {
            self.seen_at.push(report.changed_at);
        }
    }
}

impl Published {
    fn apply(&mut self, published: Type) {
        match published {
            Type::OrderCreated
            | Type::OrderPaid
            | Type::OrderCancelled
            | Type::ProductCreated
            | Type::CustomerCreated
            | Type::CheckoutCompleted => {
                self.once.insert(published);
            }
            Type::OrderUpdated
            | Type::OrderRefunded
            | Type::ProductUpdated
            | Type::ProductDeleted
            | Type::CollectionUpdated
            | Type::CollectionDeleted
            | Type::InventoryUpdated
            | Type::InventoryOutOfStock
            | Type::CustomerUpdated
            | Type::DeliveryCompleted
            | Type::DeliveryActionRequired
            | Type::DeliveryFailed
            | Type::EndpointDegraded
            | Type::ProductSynced
            | Type::ProductEnriched
            | Type::ProductManuallyEdited
            | Type::ProductRolledBack
            | Type::FaqSubmitted
            | Type::FaqApproved
            | Type::FaqRejected
            | Type::EnrichmentBulkCompleted => {}
        }
    }
}
