//! The demonstration: a sandbox, a server, and orders that meet everything that can happen to one.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use serde_json::json;

use super::board::{Board, Screen};
use super::connected_shop::{Found, SHOP};
use super::merchant::Cast;
use super::story;
use super::world::World;
use crate::cli::output::{export_line, print, print_json};
use crate::cli::{asked_to_stop, curl};

/// How long everything may take. It takes seconds; this is for a machine that does something else as well.
const TIMEOUT: Duration = Duration::from_mins(1);

pub(super) struct DemoOptions {
    /// End once everything has settled.
    pub(super) exit: bool,
    /// Where to listen; the usual port, or a free one, where nothing is said.
    pub(super) listen: Option<String>,
    /// Where to keep the data; a temporary folder where nothing is said.
    pub(super) data_dir: Option<PathBuf>,
    /// Where to say how it is used as long as it runs.
    pub(super) file: PathBuf,
    pub(super) json: bool,
}

/// Runs the demonstration. With `exit` it fails unless every order reached what was expected of it.
pub(super) async fn run(options: DemoOptions) -> anyhow::Result<()> {
    let world = World::start(options.listen.as_deref(), options.data_dir.clone()).await?;
    let shown = tokio::select! {
        shown = show(&world, &options) => shown,
        stopped = asked_to_stop() => match stopped {
            Ok(()) if options.exit => Err(anyhow!("interrupted before everything had settled")),
            stopped => stopped.map_err(Into::into),
        },
    };
    world.stop().await;
    shown
}

async fn show(world: &World, options: &DemoOptions) -> anyhow::Result<()> {
    let begun = Instant::now();
    if !options.json {
        print(format_args!(
            "Server on {}, Cortex Cloud sandbox on {}, store sandbox on {}\n",
            world.url,
            world.sandbox.base_url(),
            world.stores.base_url()
        ))?;
    }
    let cast = Cast::assemble(world).await?;
    let _access = match cast.access(&world.url).write(&options.file) {
        Ok(written) => Some(written),
        // The demonstration itself does without.
        Err(error) => {
            tracing::error!("{error:#}");
            None
        }
    };
    let board = Board::new();
    let screen = Screen::new(!options.json)?;
    let finished = tokio::select! {
        // What is missing once the time is up is printed below.
        finished = tokio::time::timeout(TIMEOUT, story::run(world, &cast, &board)) => finished.ok().transpose(),
        watched = board.watch(&cast, &screen) => watched.map(|()| None),
    };
    let (found, polled) = match finished {
        Ok(found) => (found, board.show(&cast).await),
        Err(error) => (None, Err(error)),
    };
    screen.clear();
    let missing = board.missing();
    if options.json {
        print_json(&json!({
            "settled": polled.is_ok() && missing.is_empty(),
            "seconds": begun.elapsed().as_secs_f64(),
            "server": world.url,
            "sandbox": world.sandbox.base_url(),
            "storeSandbox": world.stores.base_url(),
            "adminKey": world.admin_key,
            "accounts": cast.json(),
            "orders": board.json(),
            "connectedShop": found.as_ref().map(Found::json),
            "subscribers": [cast.printing.seen().json(), cast.unsteady.seen().json()],
        }))?;
    } else {
        print(board.table(false))?;
    }
    polled?;
    if !missing.is_empty() {
        bail!("within {} s these orders did not get where they should: {}", TIMEOUT.as_secs(), missing.join("; "));
    }
    let (got, unsteady) = (cast.printing.seen(), cast.unsteady.seen());
    if got.events == 0 || got.forged + unsteady.forged > 0 || !cast.subscribers_have_everything().await? {
        bail!("a subscriber did not get what was published, or got what was not signed for it: {got:?}, {unsteady:?}");
    }
    if !options.json {
        print_result(&board, begun.elapsed())?;
        if let Some(found) = &found {
            print(format_args!("The shop {SHOP} was connected in a browser, and lost a webhook. {}", found.gap))?;
        }
        print_subscribers(&cast).await?;
    }
    if options.exit {
        return Ok(());
    }
    if !options.json {
        print_next_steps(world, &cast)?;
    }
    loop {
        for line in cast.printing.lines().await {
            if !options.json {
                print(line)?;
            }
        }
    }
}

/// Lines of events that are shown of all that came.
const SHOWN_LINES: usize = 5;

async fn print_subscribers(cast: &Cast) -> anyhow::Result<()> {
    let (got, unsteady) = (cast.printing.seen(), cast.unsteady.seen());
    print(format_args!("\nA subscriber got {} events, each with a good signature. The latest:", got.events))?;
    let lines = cast.printing.lines().await;
    for line in lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)) {
        print(format_args!("  {line}"))?;
    }
    print(format_args!(
        "Another failed {} times at first, was sent again what it missed, and has {} events.",
        unsteady.failed, unsteady.events
    ))?;
    Ok(())
}

fn print_result(board: &Board, took: Duration) -> anyhow::Result<()> {
    let (orders, statuses, codes) = board.reached();
    print(format_args!(
        "\n{orders} orders reached {statuses} statuses and {codes} resolution codes in {:.1} s, each as expected.\n\
         A webhook with a forged signature was refused with 401.",
        took.as_secs_f64()
    ))?;
    Ok(())
}

fn print_next_steps(world: &World, cast: &Cast) -> anyhow::Result<()> {
    let World { url, admin_key, sandbox, stores, .. } = world;
    let (sandbox, stores) = (sandbox.base_url(), stores.base_url());
    print(format_args!(
        "\nGraphQL, and a page to ask it with  {url}/graphql\n\
         Metrics                             {url}/metrics\n\
         Cortex Cloud sandbox                {sandbox}/sandbox/state\n\
         Sandbox of BigCommerce and Square   {stores}/sandbox/state\n\
         Administrator's key                 {admin_key}"
    ))?;
    for merchant in cast.merchants() {
        print(format_args!("{:<36}{}", format!("Key of {}", merchant.name), merchant.api_key))?;
    }
    for store in cast.stores() {
        print(format_args!("\n{}\n  webhooks  {}\n  secret    {}", store.name, store.url, store.secret))?;
    }
    let body = r#"{"orderId":"my-order-1","targetUsername":"mutual_max","items":[{"sku":"STORM-LEAD-V2"}]}"#;
    let signed = cast.generic.sign(body.as_bytes())?;
    print(format_args!(
        "\nSend an order of your own, and look what became of it:\n\n{}\n\n{}\ncloud-bridge deliveries list --server {url}\n\n\
         Receive what happens, and make something happen, each in a terminal of its own in this folder:\n\n\
         cloud-bridge listen\ncloud-bridge trigger order.paid\n\n\
         It all goes on until Ctrl-C. Each event that is published from now on:\n",
        curl(&cast.generic.url, &signed, body),
        export_line("CLOUD_BRIDGE_API_KEY", &cast.storm.api_key),
    ))?;
    Ok(())
}
