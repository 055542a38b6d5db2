//! Counts over time for charts: what happened in each minute, hour and day.

use std::collections::BTreeMap;

use domain::ResolutionCode;
use domain::delivery::{DeliveryEvent, FetchedOrder, WebhookOutcome};
use sqlx::FromRow;
use strum::IntoStaticStr;

use crate::feed::delivery_events;
use crate::schema::Schema;
use crate::table::{self, Existing, Tables, table_row};
use crate::view::View;
use event_log::recorded::Recorded;
use storage::{Database, Sql};

pub const VIEW: View = View {
    name: "delivery_stats",
    schema: Schema {
        version: 2,
        tables: &["delivery_stats"],
        holds_personal_data: false,
        statements: include_str!("../../migrations/views/delivery_stats.sql"),
    },
    fold: |tables, events| Box::pin(apply(tables, events)),
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Bucket {
    Minute,
    Hour,
    Day,
}

impl Bucket {
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn length_us(self) -> i64 {
        match self {
            Self::Minute => 60_000_000,
            Self::Hour => 3_600_000_000,
            Self::Day => 86_400_000_000,
        }
    }

    /// The beginning of the bucket that a moment lies in, in UTC.
    pub fn start_us(self, at_us: i64) -> i64 {
        at_us - at_us.rem_euclid(self.length_us())
    }
}

/// What was counted in one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Counts {
    /// Orders that were accepted for delivery.
    pub received: i64,
    pub duplicates: i64,
    /// Webhooks whose order status is not delivered. Not failures.
    pub filtered: i64,
    pub completed: i64,
    pub failed: i64,
    pub action_required: i64,
    pub cancelled: i64,
    pub items_shared: i64,
    pub credits_charged: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct CountsAt {
    /// Microseconds since 1970.
    pub start: i64,
    #[sqlx(flatten)]
    pub counts: Counts,
}

struct StatsRow {
    account_id: String,
    bucket: String,
    start: i64,
    integration_id: String,
    received: i64,
    duplicates: i64,
    filtered: i64,
    completed: i64,
    failed: i64,
    action_required: i64,
    cancelled: i64,
    items_shared: i64,
    credits_charged: i64,
}

table_row!(StatsRow, "delivery_stats", key account_id, bucket, start, integration_id; once;
    changing received, duplicates, filtered, completed, failed, action_required, cancelled, items_shared,
        credits_charged);

async fn apply(tables: &mut Tables<'_>, events: &[Recorded]) -> sqlx::Result<()> {
    let mut counted: BTreeMap<(String, String, Bucket, i64), Counts> = BTreeMap::new();
    for (recorded, event) in delivery_events(events) {
        let mut counts = Counts::default();
        counts.count(event);
        let (Some(account_id), Some(integration_id)) = (recorded.account_id, recorded.integration_id) else { continue };
        if counts == Counts::default() {
            continue;
        }
        for bucket in Bucket::ALL {
            let start = bucket.start_us(recorded.recorded_at_us());
            let key = (account_id.to_string(), integration_id.to_string(), bucket, start);
            counted.entry(key).or_default().count(event);
        }
    }
    let rows: Vec<StatsRow> = counted
        .into_iter()
        .map(|((account_id, integration_id, bucket, start), counts)| {
            let Counts {
                received,
                duplicates,
                filtered,
                completed,
                failed,
                action_required,
                cancelled,
                items_shared,
                credits_charged,
            } = counts;
            StatsRow {
                account_id,
                bucket: bucket.as_str().to_owned(),
                start,
                integration_id,
                received,
                duplicates,
                filtered,
                completed,
                failed,
                action_required,
                cancelled,
                items_shared,
                credits_charged,
            }
        })
        .collect();
    table::write(tables, &rows, Existing::Add).await
}

impl Counts {
    fn count(&mut self, event: &DeliveryEvent) {
        let credits = |credits: domain::Credits| i64::try_from(credits.0).unwrap_or(i64::MAX);
        match event {
            DeliveryEvent::WebhookReceived { outcome, .. }
            | DeliveryEvent::OrderFetched(FetchedOrder { outcome, .. }) => match outcome {
                WebhookOutcome::Accepted => self.received += 1,
                WebhookOutcome::Filtered => self.filtered += 1,
                // A reading that says nothing new is no duplicate of a webhook.
                WebhookOutcome::Duplicate => {
                    self.duplicates += i64::from(matches!(event, DeliveryEvent::WebhookReceived { .. }));
                }
                WebhookOutcome::Cancelled => self.cancelled += 1,
                WebhookOutcome::Revised
                | WebhookOutcome::Stale
                | WebhookOutcome::TooLate
                | WebhookOutcome::Announced => {}
            },
            DeliveryEvent::WebhookRepeated(repeated) => {
                self.duplicates += i64::from(repeated.outcome == WebhookOutcome::Duplicate);
            }
            DeliveryEvent::Followed { credits: paid, .. } => self.credits_charged += credits(*paid),
            DeliveryEvent::AssetShared { credits: paid, .. } => {
                self.items_shared += 1;
                self.credits_charged += credits(*paid);
            }
            DeliveryEvent::ActionRequired { .. } => self.action_required += 1,
            DeliveryEvent::Completed {} => self.completed += 1,
            DeliveryEvent::FailedPermanently { code, .. } => {
                if *code != ResolutionCode::OrderStatusFiltered {
                    self.failed += 1;
                }
            }
            DeliveryEvent::Cancelled {} => self.cancelled += 1,
            DeliveryEvent::OrderFetchFailed { .. }
            | DeliveryEvent::OrderFetchRequested { .. }
            | DeliveryEvent::OrderFetchGivenUp { .. }
            | DeliveryEvent::Started(_)
            | DeliveryEvent::StepStarted { .. }
            | DeliveryEvent::LeaseRenewed { .. }
            | DeliveryEvent::WaitMoved { .. }
            | DeliveryEvent::RetryScheduled { .. }
            | DeliveryEvent::CancellationRequested {}
            | DeliveryEvent::HandedBack {}
            | DeliveryEvent::StatusFiltered {}
            | DeliveryEvent::RetryRequested { .. }
            | DeliveryEvent::UsernameCorrected { .. }
            | DeliveryEvent::Requeued { .. }
            | DeliveryEvent::PersonalDataErased { .. } => {}
        }
    }
}

/// The counts of an account from one moment until before another, the oldest bucket first. Buckets in which nothing
/// happened are left out.
pub async fn between(
    database: &Database,
    account_id: &str,
    integration_id: Option<&str>,
    bucket: Bucket,
    from_us: i64,
    to_us: i64,
) -> sqlx::Result<Vec<CountsAt>> {
    let sums = "CAST(sum(received) AS bigint) AS received, CAST(sum(duplicates) AS bigint) AS duplicates, \
         CAST(sum(filtered) AS bigint) AS filtered, CAST(sum(completed) AS bigint) AS completed, \
         CAST(sum(failed) AS bigint) AS failed, CAST(sum(action_required) AS bigint) AS action_required, \
         CAST(sum(cancelled) AS bigint) AS cancelled, CAST(sum(items_shared) AS bigint) AS items_shared, \
         CAST(sum(credits_charged) AS bigint) AS credits_charged";
    let mut sql = Sql::new(format!("SELECT start, {sums} FROM delivery_stats WHERE account_id = "))
        .bind(account_id)
        .push(" AND bucket = ")
        .bind(bucket.as_str())
        .push(" AND start >= ")
        .bind(bucket.start_us(from_us))
        .push(" AND start < ")
        .bind(to_us);
    if let Some(integration_id) = integration_id {
        sql = sql.push(" AND integration_id = ").bind(integration_id);
    }
    database.fetch_all(sql.push(" GROUP BY start ORDER BY start")).await
}
