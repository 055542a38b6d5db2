//! What an order is beside what is delivered of it: what it costs, whether it is paid, and what was given back. A body is read
//! once, for its delivery and for its commerce events.

#[cfg(test)]
mod tests;

use domain::LineItem;
use domain::commerce::Money;
use domain::resource::{self, Content, Happened, OrderLine, Refunded};

use crate::{Malformed, Parsed, StoreOrder, StoreReport, ThinOrder, report};

/// What a body is read as.
pub(crate) enum Reading {
    Order(Box<ReadOrder>),
    Thin(ThinReport),
    Other(Parsed),
}

/// An order, for its delivery and for its commerce events.
pub(crate) struct ReadOrder {
    pub order: StoreOrder,
    pub sale: Sale,
}

/// An order that a webhook names, and what it says of it all the same.
pub(crate) struct ThinReport {
    pub order: ThinOrder,
    pub happened: Happened,
    pub event_id: Option<String>,
    pub version: Option<i64>,
    pub paid: bool,
    pub cancelled: bool,
    /// That it was, and not how much: that is in the order alone.
    pub refunded: Refunded,
}

/// What the body itself says of the sale. Nothing of it follows from a topic that is not signed.
#[derive(Default)]
pub(crate) struct Sale {
    pub session_id: Option<String>,
    pub checkout_id: Option<String>,
    pub total: Option<Money>,
    /// That it was paid, also if it was given back since.
    pub paid: bool,
    /// Not that it was refunded: that is said apart.
    pub cancelled: bool,
    /// As its status says.
    pub refunded: Refunded,
    pub refunded_amount: Option<Money>,
    /// Of one, of each line in turn.
    pub prices: Vec<Option<Money>>,
    pub version: Option<i64>,
    /// The body is what stores send of a deleted order: its id and no more.
    pub deleted: bool,
}

impl From<Reading> for Parsed {
    fn from(reading: Reading) -> Self {
        match reading {
            Reading::Order(read) => Self::Order(read.order),
            Reading::Thin(read) => Self::ThinOrder(read.order),
            Reading::Other(parsed) => parsed,
        }
    }
}

impl Reading {
    /// What is published of an order, and of what is none, what `other` finds. `happened` is what the topic says, which is
    /// believed of a deletion only where the body is one.
    pub(crate) fn reports_or<T: IntoIterator<Item = StoreReport>>(
        self,
        happened: Happened,
        other: impl FnOnce() -> Result<T, Malformed>,
    ) -> Result<Vec<StoreReport>, Malformed> {
        match self {
            Self::Order(read) => Ok(vec![read.report(happened)]),
            Self::Thin(read) => Ok(vec![read.into()]),
            Self::Other(_) => Ok(other()?.into_iter().collect()),
        }
    }
}

impl ReadOrder {
    pub(crate) fn report(self, happened: Happened) -> StoreReport {
        let Self { order, sale } = self;
        let happened = report::confirmed(happened, sale.deleted);
        let prices = sale.prices.into_iter().chain(std::iter::repeat(None));
        let content = Content::Order(resource::Order {
            number: order.order_number,
            status: order.order_status,
            session_id: sale.session_id,
            checkout_id: sale.checkout_id,
            refunded: refunded(sale.refunded, sale.refunded_amount, sale.total),
            total: sale.total,
            paid: sale.paid,
            cancelled: sale.cancelled,
            refunded_amount: sale.refunded_amount,
            lines: order.items.into_iter().zip(prices).map(|(item, price)| line(item, price)).collect(),
            thin: sale.deleted,
        });
        let (changed_at, version) = (order.changed_at, sale.version);
        StoreReport { changed_at, version, ..StoreReport::new(order.order_id, happened, content) }
    }
}

impl From<ThinReport> for StoreReport {
    fn from(read: ThinReport) -> Self {
        let ThinReport { order, happened, event_id, version, paid, cancelled, refunded } = read;
        let (status, changed_at) = (order.order_status, order.changed_at);
        let content =
            Content::Order(resource::Order { status, paid, cancelled, refunded, thin: true, ..Default::default() });
        Self { event_id, changed_at, version, ..Self::new(order.order_id, happened, content) }
    }
}

fn line(item: LineItem, price: Option<Money>) -> OrderLine {
    let LineItem { sku, product_id, variant_id, title, quantity } = item;
    OrderLine { sku, product_id, variant_id, title, quantity, price }
}

/// How much of an order is taken back: as its status says, and at least as the amount does.
fn refunded(by_status: Refunded, amount: Option<Money>, total: Option<Money>) -> Refunded {
    let Some(amount) = amount.filter(|amount| amount.amount > 0) else { return by_status };
    let is_all = total.is_some_and(|total| total.currency == amount.currency && total.amount <= amount.amount);
    by_status.max(if is_all { Refunded::Full } else { Refunded::Partial })
}

/// The sum of what was given back, without its sign: stores write refunds as amounts below zero and above. None where nothing
/// was. All are of one currency.
pub(crate) fn given_back(amounts: impl IntoIterator<Item = Money>) -> Option<Money> {
    let sum = amounts.into_iter().reduce(|sum, next| {
        let amount = sum.amount.abs().saturating_add(next.amount.abs()).min(Money::MAX_AMOUNT);
        Money { amount, currency: sum.currency }
    })?;
    (sum.amount != 0).then_some(Money { amount: sum.amount.abs(), currency: sum.currency })
}
