//! Comparing what a store says that it changed with what its webhooks said: what never came is read at the store, and recorded as its
//! webhook would have been.
//!
//! Whatever is recorded is known the next time: who is killed in between, or does it a second time, records nothing twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::delivery::{Delivery, MAX_REASON_CHARS, WebhookOutcome};
use domain::integration::AccessLost;
use domain::resource::{Resource, ResourceKind};
use domain::store::{
    AwaitedOrder, COMPARE_EVERY, Comparing, GRACE, MAX_AWAITED, OVERLAP, OrdersCompared, Step, Store, UnreadableOrder,
};
use domain::{DeliveryId, ReportSource, ResourceId};
use providers::{ListedOrder, Malformed, OrderListApi, WebhookStep};

use super::StoreWork;
use crate::app::Error;
use crate::app::stores::Visit;
use crate::ingest::IngestRefusal;
use crate::ports::stores::{CallFailure, Target, api_of};

/// How long the orders of a store are listed at a time, and how long until no other is read: less than its lease lasts together.
const LIST_FOR: Duration = Duration::from_secs(30);
const READ_FOR: Duration = Duration::from_mins(1);
/// How long it may take with all its calls: less than the lease of a store lasts.
const TIMEOUT: Duration = Duration::from_secs(90);
/// Pages that are listed at a time.
const MAX_PAGES: usize = 40;
/// Orders that cannot be read and are named.
const MAX_UNREADABLE: usize = 20;

/// Why a comparison ended early.
enum Ended {
    Call(CallFailure),
    Because(String),
    /// Nothing can be recorded.
    Failed(Error),
}

impl From<CallFailure> for Ended {
    fn from(failure: CallFailure) -> Self {
        Self::Call(failure)
    }
}

impl From<Malformed> for Ended {
    fn from(malformed: Malformed) -> Self {
        Self::Because(format!("what it responded with means nothing: {malformed}"))
    }
}

/// What a store listed.
struct Listed {
    /// The latest change of each order.
    orders: BTreeMap<String, DateTime<Utc>>,
    /// Everything until then is among them.
    through: DateTime<Utc>,
    /// The list goes on after that.
    more: bool,
}

/// An order that is looked for.
struct Wanted {
    order: ListedOrder,
    /// When it was missed first, where that was before.
    seen_at: Option<DateTime<Utc>>,
}

/// What became of one that is looked for.
enum Became {
    Received,
    Awaited,
    Fetched,
    Unchanged,
    Gone,
    Unreadable(String),
}

struct Comparison<'a> {
    work: &'a StoreWork,
    visit: Visit<'a>,
    api: &'static dyn OrderListApi,
    target: Target<'a>,
    began: Instant,
    began_at: DateTime<Utc>,
}

/// Compares the orders of a store, under a lease of it. Whatever comes of it is recorded.
pub(super) async fn compare(work: &StoreWork, visit: Visit<'_>) -> Result<(), Error> {
    let store = work.data.log.load::<Store>(visit.id).await?.aggregate;
    let api = api_of(visit.link.provider).and_then(providers::StoreApi::order_lists);
    let (Some(api), Some(target), Some(comparing)) = (api, visit.target(), store.comparing()) else {
        return work.stores.record(&visit, visit.pause()).await;
    };
    let (began, began_at) = (Instant::now(), work.data.now());
    let comparison = Comparison { work, visit: visit.clone(), api, target, began, began_at };
    let ended = tokio::time::timeout(TIMEOUT, comparison.run(comparing)).await;
    let (reason, retry_after) = match ended {
        Ok(Ok(found)) => {
            let OrdersCompared { received, fetched, .. } = &found;
            if *fetched > 0 && !found.polled {
                tracing::warn!(integration = %visit.id, fetched, received, "orders were fetched that a store never sent");
            }
            work.metrics.orders_compared(visit.link.provider.as_str(), "compared");
            return work.stores.record(&visit, Step::Compared(found)).await;
        }
        Ok(Err(Ended::Failed(error))) => return Err(error),
        Ok(Err(Ended::Call(CallFailure::Unauthorized { .. }))) => {
            return work.stores.lose_access(&visit, AccessLost::Refused).await;
        }
        Ok(Err(Ended::Call(failure))) => (failure.to_string(), failure.retry_after()),
        Ok(Err(Ended::Because(reason))) => (reason, None),
        Err(_) => ("it took too long".to_owned(), None),
    };
    work.metrics.orders_compared(visit.link.provider.as_str(), "not_compared");
    let retry_after = retry_after.and_then(|after| TimeDelta::from_std(after).ok());
    work.stores.record(&visit, Step::NotCompared { reason, now: work.data.now(), retry_after }).await
}

impl Comparison<'_> {
    async fn run(&self, comparing: &Comparing) -> Result<OrdersCompared, Ended> {
        let since = comparing.through - OVERLAP;
        let listed = self.list(since, comparing.through).await?;
        let mut found = OrdersCompared {
            since,
            through: listed.through,
            polled: self.is_polled(),
            changed: 0,
            received: 0,
            fetched: 0,
            unchanged: 0,
            unreadable: vec![],
            awaited: vec![],
            longest_delay_ms: None,
            began_at: self.began_at,
            at: self.began_at,
            next_at: self.began_at,
        };
        let mut more = listed.more;
        let mut wanted = wanted(&listed, comparing).into_iter().peekable();
        while let Some(next) = wanted.next() {
            let is_new = next.seen_at.is_none() && next.order.changed_at > comparing.through;
            let became = self.look_for(&next).await?;
            // Of what was listed again because lists may lag, only what is missing is news.
            let counts = is_new || next.seen_at.is_some() || !matches!(became, Became::Received | Became::Gone);
            if counts {
                found.changed += u32::from(next.seen_at.is_none());
                note(&mut found, next, became, self.work.data.now());
            }
            let is_full = self.began.elapsed() >= READ_FOR || found.awaited.len() >= MAX_AWAITED;
            if is_full && let Some(later) = wanted.peek() {
                // What is later is looked for the next time.
                found.through = found.through.min(later.order.changed_at - TimeDelta::milliseconds(1));
                let kept = wanted.filter_map(|wanted| Some((wanted.seen_at?, wanted.order)));
                found.awaited.extend(kept.map(|(seen_at, order)| awaited(order, seen_at)));
                more = true;
                break;
            }
        }
        found.at = self.work.data.now();
        let usual =
            self.visit.link.poll_every_minutes.map_or(COMPARE_EVERY, |minutes| TimeDelta::minutes(minutes.into()));
        found.next_at = OrdersCompared::next_at(usual, more, &found.awaited, found.at);
        Ok(found)
    }

    /// Whether no webhooks are awaited.
    fn is_polled(&self) -> bool {
        self.visit.link.poll_every_minutes.is_some()
    }

    /// Everything that the store changed since, as far as there is time.
    async fn list(&self, since: DateTime<Utc>, known: DateTime<Utc>) -> Result<Listed, Ended> {
        let store = self.target.store();
        let mut listed = Listed { orders: BTreeMap::new(), through: known, more: false };
        let (mut cursor, mut latest, mut is_in_order) = (None::<String>, since, true);
        for number in 1.. {
            let request = self.api.list(store, since, cursor.as_deref())?;
            let body = self.work.client.call(&self.target, &request).await?;
            let page = self.api.listed(&body, cursor.as_deref())?;
            for order in page.orders {
                is_in_order &= order.changed_at >= latest;
                latest = order.changed_at;
                listed.through = listed.through.max(order.changed_at);
                let change = listed.orders.entry(order.order_id).or_insert(order.changed_at);
                *change = order.changed_at.max(*change);
            }
            let Some(next) = page.next else { return Ok(listed) };
            let is_same = cursor.as_ref() == Some(&next);
            cursor = Some(next);
            if is_same || number >= MAX_PAGES || self.began.elapsed() >= LIST_FOR {
                break;
            }
        }
        // As far as it came; a store that lists the same for ever does not get on.
        if !is_in_order || latest <= known {
            return Err(Ended::Because("the list of its orders has no end".to_owned()));
        }
        (listed.through, listed.more) = (latest, true);
        Ok(listed)
    }

    async fn look_for(&self, wanted: &Wanted) -> Result<Became, Ended> {
        let order = &wanted.order;
        if self.has_come(order).await.map_err(Ended::Failed)? {
            return Ok(Became::Received);
        }
        let now = self.work.data.now();
        let may_be_coming = order.changed_at > now - GRACE && !self.is_polled();
        if may_be_coming && wanted.seen_at.is_none_or(|seen_at| now < seen_at + GRACE) {
            return Ok(Became::Awaited);
        }
        let (mut responses, store) = (Vec::<Vec<u8>>::new(), self.target.store());
        loop {
            let read: Vec<&[u8]> = responses.iter().map(Vec::as_slice).collect();
            match self.api.webhook(store, order, &read) {
                Ok(WebhookStep::Request(request)) => match self.work.client.call(&self.target, &request).await {
                    Ok(body) => responses.push(body),
                    Err(CallFailure::NotFound { .. }) => return Ok(Became::Gone),
                    Err(failure) => return Err(failure.into()),
                },
                Ok(WebhookStep::Webhook { topic, body }) => return self.record((topic, body)).await,
                Ok(WebhookStep::Gone) => return Ok(Became::Gone),
                Err(malformed) => return Ok(Became::Unreadable(malformed.to_string())),
            }
        }
    }

    async fn record(&self, webhook: (String, Vec<u8>)) -> Result<Became, Ended> {
        let Visit { id, link, worker: _, origin } = &self.visit;
        let of = (*id, (*link).clone());
        let came_by = if self.is_polled() { ReportSource::Polling } else { ReportSource::Reconciliation };
        let came_by = (came_by, origin.clone());
        match self.work.ingest.record_read(of, webhook, came_by).await {
            Ok(receipt) if is_news(receipt.outcome) => Ok(Became::Fetched),
            Ok(_) => Ok(Became::Unchanged),
            Err(IngestRefusal::Malformed(malformed)) => Ok(Became::Unreadable(malformed.to_string())),
            Err(refusal) if refusal.own_fault().is_some() => Err(Ended::Failed(Error::Unavailable)),
            Err(refusal) => Err(Ended::Because(refusal.message())),
        }
    }

    /// Whether a webhook said what the store says of an order, or announced it.
    async fn has_come(&self, order: &ListedOrder) -> Result<bool, Error> {
        let (log, id) = (&self.work.data.log, self.visit.id);
        let delivery = log.recent::<Delivery>(DeliveryId::of(id, &order.order_id)).await?;
        if delivery.aggregate.order().is_some_and(|known| known.has_come(order.changed_at)) {
            return Ok(true);
        }
        let resource = log.recent::<Resource>(ResourceId::of(id, ResourceKind::Order, &order.order_id)).await?;
        Ok(resource.aggregate.has_come(order.changed_at))
    }
}

/// What is looked for, in the order in which it was changed: what is listed, and what was awaited.
fn wanted(listed: &Listed, comparing: &Comparing) -> Vec<Wanted> {
    let awaited: BTreeMap<&str, &AwaitedOrder> =
        comparing.awaited.iter().map(|awaited| (awaited.order_id.as_str(), awaited)).collect();
    let of_list = listed.orders.iter().filter(|(_, changed_at)| **changed_at <= listed.through);
    let mut wanted: Vec<Wanted> = of_list
        .map(|(order_id, changed_at)| {
            // One that was changed again since is looked for as it is now.
            let before = awaited.get(order_id.as_str()).map(|awaited| awaited.seen_at);
            let order = ListedOrder { order_id: order_id.clone(), changed_at: *changed_at };
            Wanted { order, seen_at: before }
        })
        .collect();
    let is_listed = |awaited: &&AwaitedOrder| listed.orders.contains_key(&awaited.order_id);
    wanted.extend(comparing.awaited.iter().filter(|awaited| !is_listed(awaited)).map(|awaited| Wanted {
        order: ListedOrder { order_id: awaited.order_id.clone(), changed_at: awaited.changed_at },
        seen_at: Some(awaited.seen_at),
    }));
    wanted.sort_by(|a, b| (a.order.changed_at, &a.order.order_id).cmp(&(b.order.changed_at, &b.order.order_id)));
    wanted
}

fn note(found: &mut OrdersCompared, wanted: Wanted, became: Became, now: DateTime<Utc>) {
    match became {
        Became::Received => found.received += 1,
        Became::Awaited => found.awaited.push(awaited(wanted.order, wanted.seen_at.unwrap_or(now))),
        Became::Fetched => {
            found.fetched += 1;
            let delay = (now - wanted.order.changed_at).num_milliseconds();
            found.longest_delay_ms = found.longest_delay_ms.max(u64::try_from(delay).ok());
        }
        Became::Unchanged | Became::Gone => found.unchanged += 1,
        Became::Unreadable(reason) => {
            let order_id = wanted.order.order_id;
            tracing::warn!(order = order_id, reason, "an order that a store never sent cannot be read there");
            if found.unreadable.len() < MAX_UNREADABLE {
                let reason = reason.chars().take(MAX_REASON_CHARS).collect();
                found.unreadable.push(UnreadableOrder { order_id, reason });
            }
        }
    }
}

fn awaited(order: ListedOrder, seen_at: DateTime<Utc>) -> AwaitedOrder {
    AwaitedOrder { order_id: order.order_id, changed_at: order.changed_at, seen_at }
}

/// Whether what was read said anything that was not known.
fn is_news(outcome: &str) -> bool {
    outcome != WebhookOutcome::Duplicate.as_str() && outcome != WebhookOutcome::Stale.as_str()
}
