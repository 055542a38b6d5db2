//! Whether everything that a store changed has come.

use std::time::Duration;

use async_graphql::SimpleObject;
use domain::store::{Comparing, OrdersCompared};
use projections::stores::days::DayRow;

use crate::api::graphql::account::int;
use crate::api::graphql::moment::{Moment, moment};
use crate::app::stores::GapReport;

/// The orders of a connected store are compared every hour with what its webhooks said: what never came is fetched, and goes the
/// same way.
#[derive(SimpleObject)]
pub(super) struct StoreComparison {
    /// Everything that the store changed until then, by its own clock, is here.
    compared_through: Moment,
    /// Of that, so many may be on their way.
    awaited: i32,
    /// When that was last found out; null where it never was.
    compared_at: Option<Moment>,
    next_comparison_at: Option<Moment>,
    /// Why they could not be compared the last time.
    failure: Option<String>,
    /// What the latest comparison found.
    latest: Option<ComparedOrders>,
}

/// What a comparison found.
#[derive(SimpleObject)]
struct ComparedOrders {
    /// Orders that the store says it changed since the comparison before.
    changed: i32,
    /// Were here by their webhooks.
    received: i32,
    /// Were fetched: because the store never sent them, unless it is asked in place of webhooks.
    fetched: i32,
    /// Whether it is.
    polled: bool,
    /// Say nothing that was not known.
    unchanged: i32,
    unreadable: Vec<UnreadableOrder>,
    /// The longest time between the change of an order and when it was fetched, in seconds.
    longest_delay_seconds: Option<f64>,
}

/// An order that could not be read at its store.
#[derive(SimpleObject)]
struct UnreadableOrder {
    /// The store's own order id.
    order_id: String,
    reason: String,
}

impl From<&Comparing> for StoreComparison {
    fn from(comparing: &Comparing) -> Self {
        let latest = comparing.latest.as_ref();
        Self {
            compared_through: Moment(comparing.through),
            awaited: length(&comparing.awaited),
            compared_at: latest.map(|latest| Moment(latest.at)),
            next_comparison_at: comparing.compare_at.map(Moment),
            failure: comparing.failure.clone(),
            latest: latest.map(ComparedOrders::from),
        }
    }
}

impl From<&OrdersCompared> for ComparedOrders {
    fn from(found: &OrdersCompared) -> Self {
        let unreadable = found.unreadable.iter();
        Self {
            changed: int(found.changed.into()),
            received: int(found.received.into()),
            fetched: int(found.fetched.into()),
            polled: found.polled,
            unchanged: int(found.unchanged.into()),
            unreadable: unreadable
                .map(|order| UnreadableOrder { order_id: order.order_id.clone(), reason: order.reason.clone() })
                .collect(),
            longest_delay_seconds: found.longest_delay_ms.map(|ms| Duration::from_millis(ms).as_secs_f64()),
        }
    }
}

fn length<T>(list: &[T]) -> i32 {
    i32::try_from(list.len()).unwrap_or(i32::MAX)
}

/// What a store changed in a time, what of it came by webhook, and what did not.
#[derive(SimpleObject)]
pub(super) struct StoreGaps {
    since: Moment,
    /// What it says, in a sentence.
    sentence: String,
    /// Orders that the store says it changed; one that it changed several times between two comparisons counts once.
    sent: i32,
    /// Came by webhook.
    received: i32,
    /// Were fetched because the store never sent them.
    fetched: i32,
    /// Were fetched as the store is asked in place of webhooks.
    polled: i32,
    /// Were changed in a way that says nothing new, or are gone.
    unchanged: i32,
    /// Cannot be read at the store at the moment, which is tried again.
    unreadable: i32,
    /// Are not here yet, and may be on their way.
    awaited: i32,
    /// How long webhooks took from the change of the order, in seconds, on average and at most, as far as they say.
    average_delay_seconds: Option<f64>,
    longest_delay_seconds: Option<f64>,
    /// The longest time between the change of an order and when it was fetched, in seconds.
    longest_fetch_delay_seconds: Option<f64>,
    /// Those on which something was compared, the earliest first.
    days: Vec<StoreGapsOfDay>,
}

/// The same of one day, in UTC.
#[derive(SimpleObject)]
struct StoreGapsOfDay {
    /// Its beginning.
    day: Moment,
    comparisons: i32,
    sent: i32,
    received: i32,
    fetched: i32,
    polled: i32,
    unchanged: i32,
    unreadable: i32,
}

impl StoreGaps {
    /// `comparing` is how the comparison of the store stands now.
    pub(super) fn new(report: GapReport, comparing: &Comparing) -> Self {
        let GapReport { since, days, delay } = report;
        let sum = |of: fn(&DayRow) -> i64| days.iter().map(of).sum::<i64>();
        let seconds =
            |micros: Option<i64>| micros.map(|us| Duration::from_micros(us.max(0).unsigned_abs()).as_secs_f64());
        let said = Said {
            comparisons: sum(|day| day.comparisons),
            sent: sum(|day| day.changed),
            fetched: sum(|day| day.fetched),
            polled: sum(|day| day.polled),
            awaited: comparing.awaited.len(),
            unreadable: comparing.unreadable.len(),
        };
        Self {
            since: Moment(since),
            sentence: said.sentence(),
            sent: int(said.sent),
            received: int(sum(|day| day.received)),
            fetched: int(said.fetched),
            polled: int(said.polled),
            unchanged: int(sum(|day| day.unchanged)),
            unreadable: length(&comparing.unreadable),
            awaited: length(&comparing.awaited),
            average_delay_seconds: seconds(delay.average),
            longest_delay_seconds: seconds(delay.longest),
            longest_fetch_delay_seconds: days
                .iter()
                .filter_map(|day| day.longest_delay_ms)
                .max()
                .map(|ms| Duration::from_millis(ms.unsigned_abs()).as_secs_f64()),
            days: days.iter().map(StoreGapsOfDay::from).collect(),
        }
    }
}

impl From<&DayRow> for StoreGapsOfDay {
    fn from(row: &DayRow) -> Self {
        Self {
            day: moment(row.day * 24 * 60 * 60 * 1_000_000),
            comparisons: int(row.comparisons),
            sent: int(row.changed),
            received: int(row.received),
            fetched: int(row.fetched),
            polled: int(row.polled),
            unchanged: int(row.unchanged),
            unreadable: int(row.unreadable),
        }
    }
}

/// What a report is about.
struct Said {
    comparisons: i64,
    sent: i64,
    fetched: i64,
    polled: i64,
    /// As it stands now.
    awaited: usize,
    unreadable: usize,
}

impl Said {
    fn sentence(&self) -> String {
        let orders = |number: i64| if number == 1 { "1 order".to_owned() } else { format!("{number} orders") };
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let mut said = vec![];
        match (self.comparisons, self.sent, self.fetched) {
            (0, ..) => said.push("The orders of the store have not been compared with what it sent.".to_owned()),
            (.., 1) => said.push("1 order was fetched because the store never sent it.".to_owned()),
            (.., fetched @ 2..) => {
                said.push(format!("{} were fetched because the store never sent them.", orders(fetched)));
            }
            (_, 0, _) => said.push("The store changed no order.".to_owned()),
            (_, sent, _) if self.awaited + self.unreadable == 0 && self.polled == 0 => {
                said.push(format!("Nothing is missing: all of {} that the store changed came.", orders(sent)));
            }
            _ => {}
        }
        if self.polled > 0 {
            let were = if self.polled == 1 { "was" } else { "were" };
            said.push(format!("{} {were} fetched, as the store is asked in place of webhooks.", orders(self.polled)));
        }
        if self.awaited > 0 {
            let are = if self.awaited == 1 { "is" } else { "are" };
            said.push(format!("{} {are} not here yet, and may be on the way.", orders(number(self.awaited))));
        }
        if self.unreadable > 0 {
            let unreadable = orders(number(self.unreadable));
            said.push(format!("{unreadable} could not be read at the store, which is tried again."));
        }
        said.join(" ")
    }
}
