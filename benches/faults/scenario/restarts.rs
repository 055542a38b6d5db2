//! Postgres loses its power in the middle of everything, and comes back.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::faults::check::{self, Outcome};
use crate::faults::draw::Draw;
use crate::faults::load::Load;
use crate::faults::options::Engine;
use crate::faults::postgres::{self, Postgres};
use crate::faults::world::World;

pub(crate) async fn run(rounds: usize, seed: u64) -> anyhow::Result<Outcome> {
    let postgres = Postgres::create().await?;
    let (log, views) = postgres::databases(&postgres.url()).await?;
    let own = |launch: &mut crate::setting::server::Launch| {
        (launch.log_url, launch.views_url) = (Some(log), Some(views));
    };
    let (world, mut draw) = (World::create(Engine::Sqlite, own).await?, Draw::from_seed(seed));
    let load = Load::start(&world.shop);
    let (mut recoveries, mut also) = (vec![], vec![]);
    for _ in 0..rounds {
        tokio::time::sleep(draw.between(300, 2_000)).await;
        postgres.stop().await?;
        tokio::time::sleep(draw.between(0, 2_000)).await;
        postgres.start().await?;
        let began = Instant::now();
        let taken = world.shop.until_taken(Duration::from_mins(1)).await;
        also.push(taken.context("it does not come back")?.1);
        recoveries.push(began.elapsed());
    }
    let acknowledged = [load.end().await, also].concat();
    let outcome = check::outcome(&world, rounds, &acknowledged, recoveries).await?;
    drop(world);
    postgres.stop().await?;
    Ok(outcome)
}
