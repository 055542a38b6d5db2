//! Clients that hang up in the middle of their request or before their answer, while others go on.

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::faults::check::{self, Outcome};
use crate::faults::draw::Draw;
use crate::faults::load::{Load, Shop};
use crate::faults::options::Engine;
use crate::faults::world::World;

/// Clients that hang up in one round.
const AT_ONCE: usize = 20;

pub(crate) async fn run(engine: Engine, rounds: usize, seed: u64) -> anyhow::Result<Outcome> {
    let (world, mut draw) = (World::create(engine, |_| {}).await?, Draw::from_seed(seed));
    let load = Load::start(&world.shop);
    let mut recoveries = vec![];
    for _ in 0..rounds {
        let mut clients = JoinSet::new();
        for _ in 0..AT_ONCE {
            let (shop, part, waits) = (world.shop.clone(), draw.below(120), draw.between(0, 8));
            clients.spawn(async move {
                if let Err(error) = hang_up(&shop, part, waits).await {
                    eprintln!("a client could not even begin: {error}");
                }
            });
        }
        clients.join_all().await;
        let taken = world.shop.until_taken(std::time::Duration::from_secs(30)).await;
        recoveries.extend(taken.map(|(took, _)| took));
    }
    let acknowledged = load.end().await;
    check::outcome(&world, rounds, &acknowledged, recoveries).await
}

/// Sends so many percent of a request, more than all of it being all, waits a little, and is gone.
async fn hang_up(shop: &Shop, percent: u64, waits: std::time::Duration) -> std::io::Result<()> {
    let (_, body) = shop.order();
    let (name, signature) = shop.signed(&body);
    let url = shop.url();
    let address = url.trim_start_matches("http://");
    let mut request = format!(
        "POST {} HTTP/1.1\r\nhost: {address}\r\n{name}: {signature}\r\ncontent-length: {}\r\n\r\n",
        shop.path,
        body.len()
    )
    .into_bytes();
    request.extend(body);
    let part = usize::try_from(percent).unwrap_or(100) * request.len() / 100;
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(&request[..part.min(request.len())]).await?;
    tokio::time::sleep(waits).await;
    Ok(())
}
