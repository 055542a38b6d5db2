//! Killed at random moments, with orders on their way and deliveries half done.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::faults::check::{self, Outcome};
use crate::faults::draw::Draw;
use crate::faults::load::Load;
use crate::faults::options::Engine;
use crate::faults::world::World;

const COMES_BACK_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn run(engine: Engine, rounds: usize, seed: u64) -> anyhow::Result<Outcome> {
    let (mut world, mut draw) = (World::create(engine, |_| {}).await?, Draw::from_seed(seed));
    let load = Load::start(&world.shop);
    let (mut recoveries, mut also) = (vec![], vec![]);
    for _ in 0..rounds {
        tokio::time::sleep(draw.between(20, 700)).await;
        world.server.kill().await?;
        let began = Instant::now();
        world.start_again().await?;
        let (_, id) = world.shop.until_taken(COMES_BACK_WITHIN).await.context("it does not come back")?;
        recoveries.push(began.elapsed());
        also.push(id);
    }
    let acknowledged = [load.end().await, also].concat();
    check::outcome(&world, rounds, &acknowledged, recoveries).await
}
