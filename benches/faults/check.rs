//! What came of a run: everything that was acknowledged must be there, delivered once, and paid once.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cloud_bridge::ports::cortex::{ItemKind, ItemRef};
use serde_json::{Value, json};

use super::world::World;

/// How long the service may take, after the last fault, to deliver what was left.
const TIMEOUT: Duration = Duration::from_mins(5);
/// Credits that sharing a preset costs.
const PRICE: i64 = 10;

#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) rounds: usize,
    pub(crate) acknowledged: usize,
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) stuck: usize,
    pub(crate) charged_twice: i64,
    /// How long each round took until a webhook was taken again.
    pub(crate) recoveries: Vec<Duration>,
}

impl Outcome {
    pub(crate) fn is_whole(&self) -> bool {
        (self.lost, self.doubled, self.stuck, self.charged_twice) == (0, 0, 0, 0)
    }
}

/// Waits until all that was acknowledged is delivered, or cannot be waited for any longer, and counts.
pub(crate) async fn outcome(
    world: &World,
    rounds: usize,
    acknowledged: &[String],
    recoveries: Vec<Duration>,
) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let statuses = loop {
        let statuses = statuses(world).await;
        let is_through = |statuses: &HashMap<String, String>| {
            acknowledged.iter().all(|id| statuses.contains_key(id))
                && statuses.values().all(|status| status == "COMPLETED")
        };
        match statuses {
            Ok(statuses) if is_through(&statuses) || began.elapsed() > TIMEOUT => break statuses,
            Err(error) if began.elapsed() > TIMEOUT => return Err(error),
            Ok(_) | Err(_) => tokio::time::sleep(Duration::from_secs(2)).await,
        }
    };
    for (id, status) in statuses.iter().filter(|(_, status)| *status != "COMPLETED").take(5) {
        eprintln!("order {id} is {status}: see {}", world.logged().display());
    }
    let preset = ItemRef { kind: ItemKind::Preset, id: "storm" };
    let shares: Vec<_> = statuses.keys().map(|id| world.cortex.share_count(preset, id)).collect();
    let effective: u64 = shares.iter().map(|shares| shares.effective).sum();
    let charged = charged(world, began).await?;
    Ok(Outcome {
        rounds,
        acknowledged: acknowledged.len(),
        lost: acknowledged.iter().filter(|id| !statuses.contains_key(*id)).count(),
        doubled: shares.iter().filter(|shares| shares.effective > 1 || shares.repeated > 0).count(),
        stuck: statuses.values().filter(|status| *status != "COMPLETED").count(),
        charged_twice: charged / PRICE - i64::try_from(effective).unwrap_or(i64::MAX),
        recoveries,
    })
}

/// What was charged, once nothing is set aside any more.
async fn charged(world: &World, began: Instant) -> anyhow::Result<i64> {
    loop {
        let account = world.ask("{ account { credits { charged reserved } } }", json!({})).await?;
        let credits = &account["account"]["credits"];
        if credits["reserved"] == json!(0) || began.elapsed() > TIMEOUT {
            return credits["charged"].as_i64().context("it is a number");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The status of every order that is known.
async fn statuses(world: &World) -> anyhow::Result<HashMap<String, String>> {
    let document = "query ($after: String) { deliveries(first: 100, after: $after) {
        nodes { orderId status } pageInfo { hasNextPage endCursor } } }";
    let (mut all, mut after) = (HashMap::new(), Value::Null);
    loop {
        let page = world.ask(document, json!({ "after": after })).await?["deliveries"].clone();
        for delivery in page["nodes"].as_array().context("it is a list")? {
            let text = |name: &str| delivery[name].as_str().unwrap_or_default().to_owned();
            all.insert(text("orderId"), text("status"));
        }
        if page["pageInfo"]["hasNextPage"] != json!(true) {
            return Ok(all);
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
}
