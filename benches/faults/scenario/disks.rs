//! A disk that is filled to the last byte, and freed again.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::faults::check::{self, Outcome};
use crate::faults::draw::Draw;
use crate::faults::load::Load;
use crate::faults::options::Engine;
use crate::faults::world::World;

/// Mounts a small disk in a world of its own, so that nothing outside is touched, and runs what follows there.
const ON_A_SMALL_DISK: &str = "mkdir -p \"$1\" && mount -t tmpfs -o size=192m none \"$1\" && shift && exec \"$@\"";

pub(crate) async fn run(rounds: usize, seed: u64) -> anyhow::Result<Outcome> {
    let small = |launch: &mut crate::setting::server::Launch| {
        let disk = launch.data.to_string_lossy().into_owned();
        let by = ["unshare", "--mount", "sh", "-c", ON_A_SMALL_DISK, "sh", &disk];
        launch.by = by.iter().map(ToString::to_string).collect();
    };
    let (world, mut draw) = (World::create(Engine::Sqlite, small).await?, Draw::from_seed(seed));
    let id = world.server.id().context("it runs")?;
    // The disk as the server sees it: no other process has it mounted.
    let outside = world.launch.data.strip_prefix("/").context("the folder is absolute")?;
    let filler = Path::new(&format!("/proc/{id}/root")).join(outside).join("filler");
    let load = Load::start(&world.shop);
    let (mut recoveries, mut also) = (vec![], vec![]);
    for _ in 0..rounds {
        tokio::time::sleep(draw.between(100, 1_000)).await;
        fill(&filler)?;
        tokio::time::sleep(draw.between(100, 1_500)).await;
        std::fs::remove_file(&filler)?;
        let began = Instant::now();
        let taken = world.shop.until_taken(Duration::from_secs(30)).await;
        also.push(taken.context("it does not come back")?.1);
        recoveries.push(began.elapsed());
    }
    let acknowledged = [load.end().await, also].concat();
    check::outcome(&world, rounds, &acknowledged, recoveries).await
}

/// Until not one byte more has room.
fn fill(path: &Path) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    let mut piece = vec![0; 1_024 * 1_024];
    while !piece.is_empty() {
        if file.write_all(&piece).is_err() {
            piece.truncate(piece.len() / 2);
        }
    }
    Ok(())
}
