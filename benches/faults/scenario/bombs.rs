//! GraphQL requests that multiply themselves, many at once, by strangers and by a key, in a process that may have 3 GiB.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::faults::check::{self, Outcome};
use crate::faults::draw::Draw;
use crate::faults::load::Load;
use crate::faults::options::Engine;
use crate::faults::world::World;

const AT_ONCE: usize = 16;

pub(crate) async fn run(engine: Engine, rounds: usize, seed: u64) -> anyhow::Result<Outcome> {
    let bounded = |launch: &mut crate::setting::server::Launch| {
        launch.by = ["prlimit", "--as=3221225472"].iter().map(ToString::to_string).collect();
    };
    let (mut world, mut draw) = (World::create(engine, bounded).await?, Draw::from_seed(seed));
    let load = Load::start(&world.shop);
    let (mut recoveries, mut also) = (vec![], vec![]);
    for _ in 0..rounds {
        let mut bombs = JoinSet::new();
        for number in 0..AT_ONCE {
            let request = bomb(&mut draw);
            let url = format!("{}/graphql", world.shop.url());
            let key = if number % 2 == 0 { world.key.clone() } else { "cb_live_nobody".to_owned() };
            bombs.spawn(async move {
                let asked = reqwest::Client::new().post(url).bearer_auth(key).timeout(Duration::from_secs(40));
                asked.json(&request).send().await.map(|answer| answer.status().as_u16()).ok()
            });
        }
        let taken = world.shop.until_taken(Duration::from_secs(30)).await.context("webhooks are not taken")?;
        recoveries.push(taken.0);
        also.push(taken.1);
        bombs.join_all().await;
        world.server.ensure_alive()?;
    }
    let acknowledged = [load.end().await, also].concat();
    check::outcome(&world, rounds, &acknowledged, recoveries).await
}

fn bomb(draw: &mut Draw) -> Value {
    let many = |field: &str, times: usize| (0..times).map(|n| format!("a{n}: {field} ")).collect::<Vec<_>>().concat();
    let document = match draw.below(7) {
        0 => {
            let times = 2 + usize::try_from(draw.below(10)).unwrap_or(0);
            let levels = (0..13).map(|level| {
                format!("fragment F{level} on Query {{ {} }} ", format!("...F{} ", level + 1).repeat(times))
            });
            format!("query {{ ...F0 }} {} fragment F13 on Query {{ __typename }}", levels.collect::<Vec<_>>().concat())
        }
        1 => format!("{{ __schema {{ types {{ fields {{ {} }} }} }} }}", many("name", 4_000)),
        2 => format!("{{ deliveries(first: 100) {{ nodes {{ {} }} }} }}", many("orderId", 150)),
        3 => format!("{{ {} }}", many("integrations(first: 10) { nodes { itemMappings { id } } }", 40)),
        4 => format!(
            "mutation {{ {} }}",
            many("exportPersonalData(input: { customer: \"fan_1\" }) { matched deliveries }", 9)
        ),
        5 => format!("{{ account {} {} }}", "{ apiKeys ".repeat(60), "}".repeat(60)),
        _ => {
            let document = format!("query($x: ID!) {{ {} }}", many("integration(id:$x){id}", 2_400));
            let long = "x".repeat((256 * 1_024_usize).saturating_sub(document.len() + 100));
            return json!({ "query": document, "variables": { "x": long } });
        }
    };
    json!({ "query": document })
}
