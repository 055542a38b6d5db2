//! Comparing what a store says that it changed with what its webhooks said: what never came is read at the store, and recorded as its
//! webhook would have been.
//!
//! Whatever is recorded is known the next time: who is killed in between, or does it a second time, records nothing twice.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use domain::delivery::{Delivery, MAX_REASON_CHARS, WebhookOutcome};
use domain::resource::{Resource, ResourceKind};
use domain::store::{
    AwaitedOrder, COMPARE_EVERY, Comparing, GRACE, MAX_AWAITED, MAX_TRIES, MAX_UNREADABLE, OVERLAP, OrdersCompared,
    Step, Store, UnreadableOrder,
};
use domain::{DeliveryId, ReportSource, ResourceId};
use providers::{ListedOrder, OrderListApi, WebhookStep};

use super::StoreWork;
use super::ended::Ended;
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
/// A store's clock may be ahead of ours by so much: what it dates later hides nothing that it changes until then.
const FURTHEST_AHEAD: TimeDelta = TimeDelta::hours(1);

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
    /// Where it could not be read before.
    tried: Option<UnreadableOrder>,
}

impl Wanted {
    /// It was counted when it was looked for the first time.
    fn is_counted(&self) -> bool {
        self.seen_at.is_some() || self.tried.is_some()
    }
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
        return work.stores.record(&visit, visit.pause(work.data.now())).await;
    };
    let (began, began_at) = (Instant::now(), work.data.now());
    let comparison = Comparison { work, visit: visit.clone(), api, target, began, began_at };
    let provider = visit.link.provider.as_str();
    let (found, early) = match tokio::time::timeout(TIMEOUT, comparison.run(comparing)).await {
        Ok(Ok((found, None))) => {
            work.metrics.orders_compared(provider, "compared");
            return work.stores.record(&visit, Step::Compared(found)).await;
        }
        Ok(Ok((found, Some(early)))) => (Some(found), early),
        Ok(Err(early)) => (None, early),
        Err(_) => (None, Ended::too_long()),
    };
    let Some((reason, retry_after)) = early.reason(work, &visit).await? else { return Ok(()) };
    work.metrics.orders_compared(provider, "not_compared");
    let step = Step::NotCompared { found: found.map(Box::new), reason, now: work.data.now(), retry_after };
    work.stores.record(&visit, step).await
}

impl Comparison<'_> {
    /// What was found, and why it ended before everything was looked for, where it did.
    async fn run(&self, comparing: &Comparing) -> Result<(OrdersCompared, Option<Ended>), Ended> {
        let goes_on = comparing.latest.as_ref().is_some_and(|latest| latest.more);
        // Where a list was cut off it goes on from there, or it would never get past what lies within the overlap.
        let overlap = if goes_on { TimeDelta::zero() } else { OVERLAP };
        let since = (comparing.through - overlap).max(comparing.from);
        let listed = self.list(since, comparing.through, goes_on).await?;
        let mut found = self.nothing(since, &listed);
        // Of the second in which a list was cut off, some were counted.
        let counted_through = comparing.through + if goes_on { TimeDelta::seconds(1) } else { TimeDelta::zero() };
        let mut wanted = wanted(&listed, comparing).into_iter().peekable();
        let mut early = None;
        while let Some(next) = wanted.next() {
            if let Some(tried) = next.tried.as_ref().filter(|tried| tried.tries >= MAX_TRIES) {
                // Given up, and known as such as long as it may be listed again.
                if tried.changed_at + OVERLAP * 2 > found.through {
                    found.unreadable.push(tried.clone());
                }
                continue;
            }
            let became = match self.look_for(&next).await {
                Ok(became) => became,
                // What was found until then counts.
                Err(ended) => {
                    keep(&mut found, [next]);
                    early = Some(ended);
                    break;
                }
            };
            let is_new = next.order.changed_at > counted_through && next.order.changed_at <= self.latest();
            // Of what was listed again because lists may lag, only what is missing is news.
            let is_missing = !matches!(became, Became::Received | Became::Gone);
            if is_new || next.is_counted() || is_missing {
                found.changed += u32::from(!next.is_counted());
                note(&mut found, next, became, self.work.data.now());
            }
            if found.unreadable.len() >= MAX_UNREADABLE {
                let reason = found.unreadable.last().map(|order| order.reason.clone()).unwrap_or_default();
                early = Some(Ended::Because(format!("{MAX_UNREADABLE} of its orders cannot be read: {reason}")));
                break;
            }
            if found.awaited.len() >= MAX_AWAITED {
                // It rests until these should have come.
                found.more = false;
                break;
            }
            if self.began.elapsed() >= READ_FOR {
                found.more |= wanted.peek().is_some();
                break;
            }
        }
        keep(&mut found, wanted);
        found.at = self.work.data.now();
        let usual = self.visit.link.poll_every_minutes;
        let usual = usual.map_or(COMPARE_EVERY, |minutes| TimeDelta::minutes(minutes.into()));
        found.next_at = OrdersCompared::next_at(usual, found.more, &found.awaited, found.at);
        if let OrdersCompared { received, fetched: fetched @ 1.., polled: false, .. } = &found {
            tracing::warn!(integration = %self.visit.id, fetched, received, "orders were fetched that a store never sent");
        }
        Ok((found, early))
    }

    fn nothing(&self, since: DateTime<Utc>, listed: &Listed) -> OrdersCompared {
        OrdersCompared {
            since,
            through: listed.through.min(self.latest()),
            polled: self.is_polled(),
            changed: 0,
            received: 0,
            fetched: 0,
            unchanged: 0,
            unreadable: vec![],
            more: listed.more,
            broken_off: false,
            awaited: vec![],
            longest_delay_ms: None,
            began_at: self.began_at,
            at: self.began_at,
            next_at: self.began_at,
        }
    }

    /// What is dated later was dated by a clock that is wrong.
    fn latest(&self) -> DateTime<Utc> {
        self.began_at + FURTHEST_AHEAD
    }

    /// Whether no webhooks are awaited.
    fn is_polled(&self) -> bool {
        self.visit.link.poll_every_minutes.is_some()
    }

    /// Everything that the store changed since, as far as there is time.
    async fn list(&self, since: DateTime<Utc>, known: DateTime<Utc>, goes_on: bool) -> Result<Listed, Ended> {
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
        // As far as it came, but for what else was changed in that very moment. A store that lists the same for ever does not get on.
        let gets_on = latest - TimeDelta::milliseconds(1) > known;
        if !is_in_order || (goes_on && !gets_on) {
            return Err(Ended::Because("the list of its orders has no end".to_owned()));
        }
        listed.through = if gets_on { latest - TimeDelta::milliseconds(1) } else { known };
        listed.more = true;
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

/// What is looked for, in the order in which it was changed: what is listed, what was awaited, and what could not be read.
fn wanted(listed: &Listed, comparing: &Comparing) -> Vec<Wanted> {
    let before = comparing.awaited.iter().map(|order| (&order.order_id, order.changed_at));
    let before = before.chain(comparing.unreadable.iter().map(|order| (&order.order_id, order.changed_at)));
    let mut orders: BTreeMap<&String, DateTime<Utc>> = before.collect();
    // One that was changed again since is looked for as it is now.
    orders.extend(listed.orders.iter().map(|(order_id, changed_at)| (order_id, *changed_at)));
    let mut wanted: Vec<Wanted> = orders
        .into_iter()
        .map(|(order_id, changed_at)| Wanted {
            seen_at: comparing.awaited.iter().find(|order| order.order_id == *order_id).map(|order| order.seen_at),
            tried: comparing.unreadable.iter().find(|order| order.order_id == *order_id).cloned(),
            order: ListedOrder { order_id: order_id.clone(), changed_at },
        })
        .collect();
    wanted.sort_by(|a, b| (a.order.changed_at, &a.order.order_id).cmp(&(b.order.changed_at, &b.order.order_id)));
    wanted
}

/// What was not looked for is, the next time.
fn keep(found: &mut OrdersCompared, rest: impl IntoIterator<Item = Wanted>) {
    for Wanted { order, seen_at, tried } in rest {
        match (seen_at, tried) {
            (Some(seen_at), _) => found.awaited.push(awaited(order, seen_at)),
            (None, Some(tried)) => found.unreadable.push(tried),
            (None, None) => found.through = found.through.min(order.changed_at - TimeDelta::milliseconds(1)),
        }
    }
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
            let ListedOrder { order_id, changed_at } = wanted.order;
            let tries = wanted.tried.map_or(0, |tried| tried.tries) + 1;
            tracing::warn!(order = order_id, tries, reason, "an order that a store never sent cannot be read there");
            let reason = reason.chars().take(MAX_REASON_CHARS).collect();
            found.unreadable.push(UnreadableOrder { order_id, changed_at, reason, tries });
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
