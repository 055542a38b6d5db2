//! Finding an order in the log itself, where no view may be: by the number that people see.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::IntegrationId;
use serde::Deserialize;
use sqlx::FromRow;
use storage::Sql;

use super::EventLog;
use super::stream::{LoadError, unreadable};
use crate::{Position, Sequence};

/// Deliveries of one number that are found at most: one for each store that uses it.
const MAX_FOUND: usize = 1_000;
/// Positions that one statement looks at.
const WINDOW: i64 = 20_000;

#[derive(FromRow)]
struct Found {
    aggregate_id: String,
    sequence: Sequence,
    payload: String,
}

/// What is read of a webhook: its number is not sealed.
#[derive(Deserialize)]
struct Received {
    webhook: Numbered,
}

#[derive(Deserialize)]
struct Numbered {
    order_number: Option<String>,
}

/// A webhook about an order, by its place and its delivery.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ReceivedWebhook {
    pub position: Position,
    pub aggregate_id: String,
}

impl EventLog {
    /// What an integration received about orders from one moment until before another, after a position, in order.
    pub async fn webhooks_received(
        &self,
        integration_id: IntegrationId,
        (from, until): (DateTime<Utc>, DateTime<Utc>),
        after: Position,
        limit: i64,
    ) -> sqlx::Result<Vec<ReceivedWebhook>> {
        let sql = Sql::new("SELECT position, aggregate_id FROM events WHERE position > ")
            .bind(after)
            .push(" AND aggregate_type = 'delivery' AND event_type = 'webhook_received' AND integration_id = ")
            .bind(integration_id.0)
            .push(" AND recorded_at >= ")
            .bind(from.timestamp_micros())
            .push(" AND recorded_at < ")
            .bind(until.timestamp_micros());
        self.database.fetch_all(sql.push(" ORDER BY position LIMIT ").bind(limit)).await
    }

    /// The deliveries of an order by its number, with or without its mark, of one integration or of all. Reads every
    /// recorded webhook: numbers are in no index of the log.
    pub async fn deliveries_numbered(
        &self,
        integration_id: Option<IntegrationId>,
        number: &str,
    ) -> Result<BTreeSet<String>, LoadError> {
        let (head, bare) = (self.newest().await?, number.trim().trim_start_matches('#'));
        let (mut found, mut first) = (BTreeSet::new(), Position::FIRST);
        while first <= head && found.len() < MAX_FOUND {
            let last = first.plus(WINDOW - 1).min(head);
            for Found { aggregate_id, sequence, payload } in self.webhooks(integration_id, (first, last)).await? {
                let received: Received = serde_json::from_str(&payload)
                    .map_err(|error| unreadable("delivery", &aggregate_id, sequence, error))?;
                if received.webhook.order_number.is_some_and(|number| number.trim_start_matches('#') == bare) {
                    found.insert(aggregate_id);
                }
            }
            first = last.next();
        }
        Ok(found)
    }

    async fn webhooks(
        &self,
        integration_id: Option<IntegrationId>,
        (first, last): (Position, Position),
    ) -> sqlx::Result<Vec<Found>> {
        let mut sql = Sql::new("SELECT aggregate_id, sequence, CAST(payload AS text) AS payload FROM events")
            .push(" WHERE aggregate_type = 'delivery' AND event_type = 'webhook_received' AND position BETWEEN ")
            .bind(first)
            .push(" AND ")
            .bind(last);
        if let Some(IntegrationId(id)) = integration_id {
            sql = sql.push(" AND integration_id = ").bind(id);
        }
        self.database.fetch_all(sql).await
    }
}
