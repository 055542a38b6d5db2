//! The process is killed, and the end of the log's write-ahead log is torn off, beside views that are whole: as after a power
//! cut on a disk that lied. What the disk lost is lost; what is acknowledged from then on must be seen and delivered.

use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::faults::check::{self, Outcome};
use crate::faults::draw::Draw;
use crate::faults::options::Engine;
use crate::faults::world::World;

/// Orders before each tear, and after it.
const ORDERS: usize = 15;

pub(crate) async fn run(rounds: usize, seed: u64) -> anyhow::Result<Outcome> {
    let mut draw = Draw::from_seed(seed);
    let mut all = Outcome { rounds, ..Outcome::default() };
    for _ in 0..rounds {
        let mut world = World::create(Engine::Sqlite, |_| {}).await?;
        post(&world).await?;
        tokio::time::sleep(draw.between(50, 600)).await;
        world.server.kill().await?;
        let torn = world.launch.data.join("log.db-wal");
        let file = std::fs::OpenOptions::new().write(true).open(&torn)?;
        // A quarter stays in any case: the account and its store have to be there.
        let whole = file.metadata()?.len();
        file.set_len(whole / 4 + draw.below(whole * 3 / 4))?;
        drop(file);
        let began = Instant::now();
        world.start_again().await?;
        let acknowledged = post(&world).await?;
        all.recoveries.push(began.elapsed());
        // What was shared before the tear and is not known any more is found shared, and not charged again.
        let outcome = check::outcome(&world, 1, &acknowledged, vec![]).await?;
        all.acknowledged += outcome.acknowledged;
        all.lost += outcome.lost;
        all.doubled += outcome.doubled;
        all.stuck += outcome.stuck;
    }
    Ok(all)
}

async fn post(world: &World) -> anyhow::Result<Vec<String>> {
    let mut acknowledged = vec![];
    for _ in 0..ORDERS {
        let taken = world.shop.until_taken(Duration::from_secs(30)).await;
        acknowledged.push(taken.context("it does not come back")?.1);
    }
    Ok(acknowledged)
}
