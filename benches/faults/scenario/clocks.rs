//! A clock that jumps by up to days and is set right again. Needs libfaketime, which `scripts/faults` installs.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::faults::check::{self, Outcome};
use crate::faults::draw::Draw;
use crate::faults::load::Load;
use crate::faults::options::Engine;
use crate::faults::world::World;
use crate::setting::server::Launch;

const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

pub(crate) async fn run(engine: Engine, rounds: usize, seed: u64) -> anyhow::Result<Outcome> {
    let library = LIBRARIES.into_iter().find(|path| std::path::Path::new(path).exists());
    let library = library.context("there is no libfaketime: apt-get install faketime")?;
    let mut said = PathBuf::new();
    let faked = |launch: &mut Launch| {
        said = launch.data.with_extension("clock");
        std::fs::write(&said, "+0").ok();
        launch.environment = [
            ("LD_PRELOAD", library),
            ("FAKETIME_TIMESTAMP_FILE", said.to_str().unwrap_or_default()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
    };
    let world = World::create(engine, faked).await?;
    let mut draw = Draw::from_seed(seed);
    let load = Load::start(&world.shop);
    let (mut recoveries, mut also) = (vec![], vec![]);
    for _ in 0..rounds {
        tokio::time::sleep(draw.between(300, 2_000)).await;
        let seconds = draw.below(3 * 24 * 60 * 60);
        let direction = if draw.below(4) == 0 { "-" } else { "+" };
        std::fs::write(&said, format!("{direction}{seconds}"))?;
        tokio::time::sleep(draw.between(200, 3_000)).await;
        std::fs::write(&said, "+0")?;
        let began = Instant::now();
        let taken = world.shop.until_taken(Duration::from_secs(30)).await;
        also.push(taken.context("it does not come back")?.1);
        recoveries.push(began.elapsed());
    }
    let acknowledged = [load.end().await, also].concat();
    check::outcome(&world, rounds, &acknowledged, recoveries).await
}
