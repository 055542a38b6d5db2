//! What is published of a report: nothing that is stale, nothing twice, and of what happens once, once.

use super::{
    Content, Happened, Known, NewReport, Order, OrderChange, Published, Publishing, Refunded, Report, ReportOutcome,
    Resource, ResourceEvent,
};
use crate::commerce::CommerceEventType as Type;

impl Resource {
    pub(super) fn report(&self, new: NewReport) -> Option<ResourceEvent> {
        let known = match self {
            Self::Initial => None,
            Self::Known(known) => Some(known.as_ref()),
        };
        let outcome = known.map_or(ReportOutcome::Current, |known| known.outcome_of(&new));
        let turns = |known: &Known| outcome == ReportOutcome::Current && known.is_turned_by(new.happened);
        if known.is_some_and(|known| known.seen.contains(&new.identity) && !turns(known)) {
            return None;
        }
        let (new, publishes, changes) = match outcome {
            ReportOutcome::Current => {
                let (content, changes) = completed(known, new.content, new.happened);
                let new = NewReport { content, ..new };
                let publishes = match (new.publishing, &new.content) {
                    (Publishing::Usual, _) => publishes(known, &new),
                    (Publishing::Synced, Content::Product(_)) => vec![Type::ProductSynced],
                    (Publishing::Synced | Publishing::Nothing, _) => vec![],
                };
                (new, publishes, changes)
            }
            ReportOutcome::Stale => {
                let usual = new.publishing == Publishing::Usual;
                let publishes = known.filter(|_| usual).and_then(|known| known.late_creation(&new));
                (new, publishes.into_iter().collect(), vec![])
            }
            ReportOutcome::AfterDeletion => (new, vec![], vec![]),
        };
        let NewReport {
            account_id,
            integration_id,
            provider,
            resource_id,
            happened,
            identity,
            changed_at,
            received_at,
            version,
            source,
            publishing: _,
            content,
        } = new;
        let is_undated_deletion = happened == Happened::Deleted && changed_at.is_none();
        let report = Report {
            account_id,
            integration_id,
            provider,
            resource_id,
            happened,
            outcome,
            publishes,
            changes,
            identity,
            changed_at,
            received_at: is_undated_deletion.then_some(received_at),
            version,
            source,
            content,
        };
        Some(ResourceEvent::ResourceReported(Box::new(report)))
    }
}

impl Known {
    /// The bytes of a deletion are those of the one before: what was restored since, is deleted by it all the same. So it is
    /// with a restoration.
    fn is_turned_by(&self, happened: Happened) -> bool {
        match happened {
            Happened::Deleted => !self.deleted,
            Happened::Restored => self.deleted,
            Happened::Created | Happened::Updated => false,
        }
    }

    /// That something was created is published also where what changed it later arrived first.
    fn late_creation(&self, new: &NewReport) -> Option<Type> {
        let created = match new.content {
            Content::Product(_) => Type::ProductCreated,
            Content::Customer {} => Type::CustomerCreated,
            // An order is created by whichever report arrives first, and the others never are.
            Content::Order(_) | Content::Collection(_) | Content::Stock(_) | Content::Checkout(_) => return None,
        };
        let is_news = new.happened == Happened::Created && !self.deleted && !self.published.has(created);
        is_news.then_some(created)
    }

    /// By the store's own clock or count; of two with the same, the one that arrives later counts. What has neither counts
    /// as it arrives, and what only adds to what is known counts late too.
    fn outcome_of(&self, new: &NewReport) -> ReportOutcome {
        let is_older = match (new.version, self.version) {
            (Some(version), Some(known)) => version < known,
            (Some(_), None) | (None, _) => is_before(new.changed_at, self.changed_at),
        };
        if (is_older && !self.is_late_change(new) && !self.is_described_by(new)) || self.is_created_before_deletion(new)
        {
            ReportOutcome::Stale
        } else if self.deleted && !is_there_again(new.happened) {
            ReportOutcome::AfterDeletion
        } else {
            ReportOutcome::Current
        }
    }

    /// Whether it says by how many the stock changed since it was counted: such changes add up in any order. One that is as old
    /// as what is forgotten may be a repetition of it.
    fn is_late_change(&self, new: &NewReport) -> bool {
        let Content::Stock(stock) = &new.content else { return false };
        let is_forgotten = new.changed_at.zip(self.forgotten_at).is_some_and(|(at, forgotten)| at <= forgotten);
        stock.change().is_some() && !is_before(new.changed_at, self.counted_at) && !is_forgotten
    }

    /// Whether it says what a product is that webhooks only named, as those of BigCommerce do: they date the webhook, and what is read
    /// at the store after it has the date of the change before it.
    fn is_described_by(&self, new: &NewReport) -> bool {
        self.thin && matches!(&new.content, Content::Product(product) if !product.thin)
    }

    /// Stores promise no order: the webhook of the creation may arrive after that of the deletion.
    fn is_created_before_deletion(&self, new: &NewReport) -> bool {
        self.deleted && new.happened == Happened::Created && is_before(new.changed_at, self.deleted_by)
    }
}

fn is_before<T: PartialOrd>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one < other)
}

/// A deletion is final unless the store says that the thing is there again.
fn is_there_again(happened: Happened) -> bool {
    match happened {
        Happened::Created | Happened::Restored => true,
        Happened::Updated | Happened::Deleted => false,
    }
}

/// What a report means beside what was known of an order, and what it changed.
fn completed(known: Option<&Known>, content: Content, happened: Happened) -> (Content, Vec<OrderChange>) {
    let Content::Order(mut order) = content else { return (content, vec![]) };
    order.cancelled |= happened == Happened::Deleted;
    let Some(before) = known.and_then(|known| known.order.as_deref()) else { return (Content::Order(order), vec![]) };
    if order.thin {
        order = order.over(before);
    }
    let changes = order.changes_since(before);
    (Content::Order(order), changes)
}

fn publishes(known: Option<&Known>, new: &NewReport) -> Vec<Type> {
    let nothing = Published::default();
    let published = known.map_or(&nothing, |known| &known.published);
    match (&new.content, new.happened) {
        (Content::Order(order), happened) => {
            // It may be announced, and nothing reported of it yet.
            let is_new = known.is_none_or(|known| known.seen.is_empty());
            of_order(published, order, is_new, happened)
        }
        (Content::Product(_), Happened::Deleted) => vec![Type::ProductDeleted],
        (Content::Product(_), Happened::Restored) => vec![Type::ProductCreated],
        (Content::Product(_), Happened::Created) if !published.has(Type::ProductCreated) => vec![Type::ProductCreated],
        (Content::Product(_), Happened::Created) if known.is_some_and(|known| known.deleted) => {
            vec![Type::ProductCreated]
        }
        (Content::Product(_), Happened::Created | Happened::Updated) => vec![Type::ProductUpdated],
        (Content::Collection(_), Happened::Deleted) => vec![Type::CollectionDeleted],
        (Content::Collection(_), Happened::Created | Happened::Updated | Happened::Restored) => {
            vec![Type::CollectionUpdated]
        }
        (Content::Stock(_), _) => vec![Type::InventoryUpdated],
        (Content::Customer {}, Happened::Created) if !published.has(Type::CustomerCreated) => {
            vec![Type::CustomerCreated]
        }
        (Content::Customer {}, Happened::Created | Happened::Updated | Happened::Restored) => {
            vec![Type::CustomerUpdated]
        }
        (Content::Checkout(checkout), _) if checkout.completed && !published.has(Type::CheckoutCompleted) => {
            vec![Type::CheckoutCompleted]
        }
        (Content::Customer {}, Happened::Deleted) | (Content::Checkout(_), _) => vec![],
    }
}

/// An order that is new to us is created, whichever of its webhooks arrives first: stores send them in any order.
fn of_order(published: &Published, order: &Order, is_new: bool, happened: Happened) -> Vec<Type> {
    let mut types = vec![];
    let is_deleted = happened == Happened::Deleted;
    if !is_new {
        types.push(Type::OrderUpdated);
    } else if !is_deleted {
        types.push(Type::OrderCreated);
    }
    if order.paid && !published.has(Type::OrderPaid) {
        types.push(Type::OrderPaid);
    }
    if order.cancelled && !published.has(Type::OrderCancelled) {
        types.push(Type::OrderCancelled);
    }
    let amount = order.refunded_amount.map_or(0, |money| money.amount);
    let is_refunded_further =
        order.refunded > published.refunded || (order.refunded != Refunded::None && amount > published.refunded_amount);
    if is_refunded_further {
        types.push(Type::OrderRefunded);
    }
    types
}

impl Published {
    fn has(&self, once: Type) -> bool {
        self.once.contains(&once)
    }
}
