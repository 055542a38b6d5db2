//! How many past orders a mapping would bring something.

use domain::{IntegrationId, ItemMapping};
use projections::database::Database;
use projections::delivery_log;

/// Completed deliveries that are looked through at most.
const MAX_LOOKED_AT: usize = 100_000;
const PAGE: i64 = 1_000;

/// A count, and whether there may be more beyond what was looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PastOrders {
    pub orders: u32,
    pub more: bool,
}

/// Counts the completed deliveries of an integration that bought what a mapping names, and got nothing for it.
pub async fn count(views: &Database, integration_id: IntegrationId, mapping: &ItemMapping) -> sqlx::Result<PastOrders> {
    let integration_id = integration_id.to_string();
    let (mut found, mut looked_at, mut after) = (PastOrders::default(), 0, 0);
    loop {
        let rows = delivery_log::completed_of(views, &integration_id, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.listed_at;
        looked_at += rows.len();
        let lacking = rows.iter().filter(|row| {
            // Nothing can be delivered to an erased customer, nor of what the store took back.
            row.personal == 1
                && row.wanted == 1
                && row.lines().lack(mapping)
                && row.shared_assets().iter().all(|shared| shared.asset != mapping.asset)
        });
        found.orders = found.orders.saturating_add(u32::try_from(lacking.count()).unwrap_or(u32::MAX));
        if looked_at >= MAX_LOOKED_AT {
            return Ok(PastOrders { more: true, ..found });
        }
    }
}
