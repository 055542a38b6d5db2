//! How many past orders mappings would bring something.

use std::collections::{HashMap, HashSet};

use domain::asset::mappings_for;
use domain::delivery::{Intent, OrderLine};
use domain::{Asset, IntegrationId, ItemMapping, LineItem, MappingId};
use event_log::Position;
use projections::delivery_log::{self, DeliveryRow};
use storage::Database;

/// Completed deliveries that are read at most.
const MAX_READ: usize = 100_000;
const PAGE: i64 = 1_000;
/// Products of which it is remembered what the mappings bring for them: past orders repeat each other.
const MAX_REMEMBERED: usize = 10_000;

/// A count, and whether there may be more beyond what was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PastOrders {
    pub orders: u32,
    pub more: bool,
}

/// Counts the completed deliveries of an integration that bought what some of its mappings name, and did not get what those
/// bring. `mappings` are all of the integration: the most specific ones apply.
pub async fn count(
    views: &Database,
    integration_id: IntegrationId,
    wanted: &[MappingId],
    mappings: &[ItemMapping],
) -> sqlx::Result<PastOrders> {
    let integration_id = integration_id.to_string();
    let mut late = Late { wanted: wanted.iter().copied().collect(), mappings, known: HashMap::new() };
    let (mut found, mut checked, mut after) = (PastOrders::default(), 0, Position::START);
    loop {
        let rows = delivery_log::completed_of(views, &integration_id, after, PAGE).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = last.listed_at;
        checked += rows.len();
        let lacking = rows.iter().filter(|row| late.is_lacked_by(row)).count();
        found.orders = found.orders.saturating_add(u32::try_from(lacking).unwrap_or(u32::MAX));
        if checked >= MAX_READ {
            return Ok(PastOrders { more: true, ..found });
        }
    }
}

/// Mappings that are there only now.
struct Late<'m> {
    wanted: HashSet<MappingId>,
    mappings: &'m [ItemMapping],
    /// What they bring for a line.
    known: HashMap<LineItem, Vec<&'m Asset>>,
}

impl Late<'_> {
    fn is_lacked_by(&mut self, row: &DeliveryRow) -> bool {
        // Nothing can be delivered to an erased customer, nor of what the store took back.
        let order = row.summary();
        if order.erased || order.intent != Intent::Deliver {
            return false;
        }
        let shared: HashSet<&Asset> = order.shared.iter().map(|shared| &shared.asset).collect();
        let brings = |line: &OrderLine| self.brought(line.item.clone()).iter().any(|asset| !shared.contains(asset));
        order.lines.current.iter().any(brings)
    }

    fn brought(&mut self, item: LineItem) -> &[&Asset] {
        if self.known.len() >= MAX_REMEMBERED {
            self.known.clear();
        }
        let (wanted, mappings) = (&self.wanted, self.mappings);
        self.known.entry(item).or_insert_with_key(|item| {
            let applied = mappings_for(item, mappings).into_iter();
            applied.filter(|mapping| wanted.contains(&mapping.id)).map(|mapping| &mapping.asset).collect()
        })
    }
}
