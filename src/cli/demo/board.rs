//! The table of orders: what is expected of each, what its merchant sees over GraphQL, and what is missing.

use std::collections::BTreeSet;
use std::time::Duration;

use comfy_table::Color;
use domain::ResolutionCode;
use domain::delivery::DeliveryStatus;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::merchant::{Cast, Seen};
use super::scenario::{self, Scenario, Step};
use crate::cli::output::{cell, keep_whole, rendered, table, width};
use crate::cli::status_cell;

const POLL_EVERY: Duration = Duration::from_millis(100);
/// Columns that the whole table needs.
const MIN_COLUMNS: usize = 130;

pub(super) struct Board {
    rows: Mutex<Vec<Row>>,
    changed: Notify,
}

struct Row {
    scenario: &'static Scenario,
    sent: Sent,
    now: Option<Step>,
    attempts: i64,
    /// How many of the scenario's steps were seen.
    reached: usize,
}

enum Sent {
    NotYet,
    As(String),
    /// The report of an order whose delivery this is.
    Again(String),
}

impl Row {
    fn matches(&self, seen: &Seen) -> bool {
        match &self.sent {
            Sent::NotYet => false,
            Sent::As(id) => seen.id == *id,
            Sent::Again(id) => seen.duplicate_of.as_ref().is_some_and(|first| first.id == *id),
        }
    }

    fn note(&mut self, seen: &Seen) {
        let Some(status) = DeliveryStatus::parse(&seen.status.to_lowercase()) else { return };
        let code = seen.resolution_code.as_ref().and_then(|code| ResolutionCode::parse(&code.to_lowercase()));
        let now = Step { status, code };
        (self.now, self.attempts) = (Some(now), seen.attempts);
        if self.scenario.steps.get(self.reached) == Some(&now) {
            self.reached += 1;
        }
    }

    /// Everything was seen, and it is still where it ended.
    fn is_settled(&self) -> bool {
        self.reached == self.scenario.steps.len() && self.now.as_ref() == self.scenario.steps.last()
    }
}

impl Board {
    pub(super) fn new() -> Self {
        let row =
            |scenario: &&'static Scenario| Row { scenario, sent: Sent::NotYet, now: None, attempts: 0, reached: 0 };
        Self { rows: Mutex::new(scenario::ALL.iter().map(row).collect()), changed: Notify::new() }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Row>> {
        self.rows.lock()
    }

    /// The store reported the order, and this is its delivery.
    pub(super) fn sent(&self, scenario: &'static Scenario, delivery_id: &str) {
        self.note_sent(scenario, Sent::As(delivery_id.to_owned()));
    }

    /// The store reported an order again, whose delivery was there before.
    pub(super) fn sent_again(&self, scenario: &'static Scenario, delivery_id: &str) {
        self.note_sent(scenario, Sent::Again(delivery_id.to_owned()));
    }

    fn note_sent(&self, scenario: &'static Scenario, sent: Sent) {
        if let Some(row) = self.rows().iter_mut().find(|row| row.scenario.order == scenario.order) {
            row.sent = sent;
        }
    }

    /// Returns once so many steps of an order were seen, with the id of its delivery.
    pub(super) async fn until(&self, scenario: &'static Scenario, steps: usize) -> String {
        loop {
            // Registered before looking, or a change between the two would be missed.
            let changed = self.changed.notified();
            let reached =
                self.rows().iter().find(|row| row.scenario.order == scenario.order && row.reached >= steps).map(
                    |row| match &row.sent {
                        Sent::NotYet => String::new(),
                        Sent::As(id) | Sent::Again(id) => id.clone(),
                    },
                );
            if let Some(delivery_id) = reached {
                return delivery_id;
            }
            changed.await;
        }
    }

    /// Queries what every merchant sees.
    pub(super) async fn show(&self, cast: &Cast) -> anyhow::Result<()> {
        for merchant in cast.merchants() {
            let deliveries = merchant.deliveries().await?;
            for row in self.rows().iter_mut() {
                if let Some(seen) = deliveries.iter().find(|seen| row.matches(seen)) {
                    row.note(seen);
                }
            }
        }
        self.changed.notify_waiters();
        Ok(())
    }

    /// Looks and draws, again and again. Ends only when looking fails.
    pub(super) async fn watch(&self, cast: &Cast, screen: &Screen) -> anyhow::Result<()> {
        loop {
            self.show(cast).await?;
            screen.draw(|| self.table(true));
            tokio::time::sleep(POLL_EVERY).await;
        }
    }

    /// The orders that are not where they should be, and where they are instead.
    pub(super) fn missing(&self) -> Vec<String> {
        let rows = self.rows();
        let missing = rows.iter().filter(|row| !row.is_settled());
        missing
            .map(|row| {
                let expected: Vec<String> = row.scenario.steps.iter().map(ToString::to_string).collect();
                let now = row.now.map_or_else(|| "not seen".to_owned(), |now| now.to_string());
                format!("{} is {now} and should have been {}", row.scenario.order, expected.join(", then "))
            })
            .collect()
    }

    /// How many orders there are, and how many different statuses and codes they have been through.
    pub(super) fn reached(&self) -> (usize, usize, usize) {
        let rows = self.rows();
        let steps = || rows.iter().flat_map(|row| row.scenario.steps.iter().take(row.reached));
        let statuses: BTreeSet<_> = steps().map(|step| step.status).collect();
        let codes: BTreeSet<_> = steps().filter_map(|step| step.code).collect();
        (rows.len(), statuses.len(), codes.len())
    }

    /// On a narrow terminal some columns are left out; while the table is `live` so many that an order stays a line.
    pub(super) fn table(&self, live: bool) -> String {
        let header = ["", "ORDER", "STATUS", "CODE", "TRIES", "WHAT HAPPENS", "STORE"];
        let is_narrow = width().is_some_and(|columns| columns < MIN_COLUMNS);
        let columns = match (is_narrow, live) {
            (true, true) => 5,
            (true, false) => 6,
            (false, _) => 7,
        };
        let mut table = table(&header[..columns]);
        for row in self.rows().iter() {
            let mark = if row.is_settled() { cell("✓").fg(Color::Green) } else { cell("…") };
            let (status, code) = match row.now {
                Some(now) => (status_cell(now.status.as_str()), now.code.map_or("", ResolutionCode::as_str)),
                None => (cell(""), ""),
            };
            let attempts = if row.attempts > 0 { row.attempts.to_string() } else { String::new() };
            let Scenario { order, provider, title, .. } = row.scenario;
            let cells = [mark, cell(order), status, cell(code), cell(attempts), cell(title), cell(provider.as_str())];
            table.add_row(cells);
        }
        for column in 1..4 {
            keep_whole(&mut table, column);
        }
        rendered(&table)
    }

    pub(super) fn json(&self) -> Value {
        let rows = self.rows();
        let order = |row: &Row| {
            json!({
                "order": row.scenario.order,
                "provider": row.scenario.provider.as_str(),
                "title": row.scenario.title,
                "status": row.now.map(|now| now.status.as_str()),
                "code": row.now.and_then(|now| now.code).map(ResolutionCode::as_str),
                "attempts": row.attempts,
                "expected": row.scenario.steps.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "asExpected": row.is_settled(),
            })
        };
        rows.iter().map(order).collect()
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.code {
            Some(code) => write!(f, "{} ({})", self.status.as_str(), code.as_str()),
            None => f.write_str(self.status.as_str()),
        }
    }
}

/// Draws the table again and again in the same place; on anything but a terminal it draws nothing.
pub(super) struct Screen(ProgressBar);

impl Screen {
    pub(super) fn new(live: bool) -> anyhow::Result<Self> {
        let target = if live { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() };
        Ok(Self(ProgressBar::with_draw_target(None, target).with_style(ProgressStyle::with_template("{msg}")?)))
    }

    fn draw(&self, table: impl FnOnce() -> String) {
        if self.0.is_hidden() {
            return;
        }
        let table = table();
        // Drawing what is there already would only make it flicker.
        if self.0.message() != table {
            self.0.set_message(table);
        }
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, status: &str, code: Option<&str>) -> Seen {
        Seen {
            id: id.to_owned(),
            status: status.to_owned(),
            resolution_code: code.map(str::to_owned),
            attempts: 1,
            duplicate_of: None,
        }
    }

    #[test]
    fn an_order_is_settled_once_every_step_was_seen_and_the_last_one_holds() {
        let board = Board::new();
        board.sent(&scenario::MISSPELT, "1");
        let mut rows = board.rows();
        let row = rows.iter_mut().find(|row| row.scenario.order == scenario::MISSPELT.order).unwrap();
        assert!(row.matches(&seen("1", "QUEUED", None)) && !row.matches(&seen("2", "QUEUED", None)));
        for (status, code, settled) in [
            ("COMPLETED", None, false),
            ("ACTION_REQUIRED", Some("MISSING_USERNAME"), false),
            ("ACTION_REQUIRED", Some("INVALID_USERNAME"), false),
            ("RUNNING", None, false),
            ("COMPLETED", None, true),
            ("QUEUED", None, false),
        ] {
            row.note(&seen("1", status, code));
            assert_eq!(row.is_settled(), settled, "{status}");
        }
        drop(rows);
        let missing = board.missing();
        assert_eq!(missing.len(), scenario::ALL.len());
        assert!(
            missing.contains(
                &"#1005 is queued and should have been action_required (invalid_username), then completed".to_owned()
            ),
            "{missing:?}"
        );
    }
}
