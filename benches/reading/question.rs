//! What people ask of the delivery log: merchants of their own deliveries, support staff of everybody's.

use projections::delivery_log::{Filter, Page};

use super::history::{LARGE_ACCOUNT, listed_at, order_id, received_at};

pub(crate) const PAGE_ROWS: i64 = 50;
const DAY_US: i64 = 86_400_000_000;

/// A question that is asked again and again, each time about something else.
pub(crate) struct Question {
    pub(crate) name: &'static str,
    ask: fn(Draw) -> (Filter, Page),
}

/// What one asking is about: a delivery somewhere among so many.
#[derive(Clone, Copy)]
pub(crate) struct Draw {
    number: i64,
    rows: i64,
}

impl Draw {
    pub(crate) fn new(asked: u64, rows: i64) -> Self {
        // Steps of a golden section: never near each other, the same in every run.
        let step = asked.wrapping_mul(2_654_435_761) % 4_294_967_296;
        let number = u64::try_from(rows).unwrap_or_default() * step / 4_294_967_296;
        Self { number: i64::try_from(number).unwrap_or_default(), rows }
    }
}

impl Question {
    pub(crate) fn about(&self, draw: Draw) -> (Filter, Page) {
        let (filter, page) = (self.ask)(draw);
        (filter, Page { limit: PAGE_ROWS, ..page })
    }
}

fn everybody() -> Filter {
    Filter::default()
}

fn merchant() -> Filter {
    Filter { account_id: Some(LARGE_ACCOUNT.to_owned()), ..everybody() }
}

fn with_statuses(filter: Filter, statuses: &[&str]) -> Filter {
    Filter { statuses: statuses.iter().map(|status| (*status).to_owned()).collect(), ..filter }
}

fn with_code(filter: Filter, code: &str) -> Filter {
    Filter { resolution_codes: vec![code.to_owned()], ..filter }
}

/// Searches for an order id without its last digits.
fn searching(filter: Filter, number: i64, without: usize) -> Filter {
    let mut beginning = order_id(number);
    beginning.truncate(beginning.len() - without);
    Filter { search: Some(beginning), ..filter }
}

fn received_that_day(filter: Filter, number: i64) -> Filter {
    let from = received_at(number);
    Filter { received_from: Some(from), received_to: Some(from + DAY_US), ..filter }
}

fn older_than(draw: Draw) -> Page {
    Page { after: Some(listed_at(draw.number)), ..Page::default() }
}

fn newest() -> Page {
    Page::default()
}

pub(crate) const QUESTIONS: [Question; 20] = [
    Question { name: "first page", ask: |_| (merchant(), newest()) },
    Question { name: "page from a cursor", ask: |draw| (merchant(), older_than(draw)) },
    Question { name: "last page", ask: |_| (merchant(), Page { from_end: true, ..newest() }) },
    Question {
        name: "status completed (90 %)",
        ask: |draw| (with_statuses(merchant(), &["completed"]), older_than(draw)),
    },
    Question {
        name: "status action_required (3 %)",
        ask: |draw| (with_statuses(merchant(), &["action_required"]), older_than(draw)),
    },
    Question {
        name: "two statuses (93 %)",
        ask: |draw| (with_statuses(merchant(), &["completed", "action_required"]), older_than(draw)),
    },
    Question {
        name: "two statuses (0.5 %)",
        ask: |draw| (with_statuses(merchant(), &["queued", "running"]), older_than(draw)),
    },
    Question {
        name: "code missing_username (3 %)",
        ask: |draw| (with_code(merchant(), "missing_username"), older_than(draw)),
    },
    Question { name: "code inactive_api_key (none)", ask: |_| (with_code(merchant(), "inactive_api_key"), newest()) },
    Question {
        name: "status and code (3 %)",
        ask: |draw| (with_code(with_statuses(merchant(), &["action_required"]), "missing_username"), older_than(draw)),
    },
    Question { name: "received within a day", ask: |draw| (received_that_day(merchant(), draw.number), newest()) },
    Question { name: "search: an order id", ask: |draw| (searching(merchant(), draw.number, 0), newest()) },
    Question { name: "search: all but 2 digits", ask: |draw| (searching(merchant(), draw.number, 2), newest()) },
    Question { name: "search: all but 4 digits", ask: |draw| (searching(merchant(), draw.number, 4), newest()) },
    Question { name: "search: what all begin with", ask: |draw| (searching(merchant(), draw.rows, 8), newest()) },
    Question { name: "everybody: first page", ask: |_| (everybody(), newest()) },
    Question { name: "everybody: from a cursor", ask: |draw| (everybody(), older_than(draw)) },
    Question {
        name: "everybody: action_required",
        ask: |draw| (with_statuses(everybody(), &["action_required"]), older_than(draw)),
    },
    Question {
        name: "everybody: missing_username",
        ask: |draw| (with_code(everybody(), "missing_username"), older_than(draw)),
    },
    Question { name: "everybody: an order id", ask: |draw| (searching(everybody(), draw.number, 0), newest()) },
];
