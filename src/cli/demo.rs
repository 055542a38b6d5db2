//! `cloud-bridge demo`: everything at once, to watch and to try.

mod access;
mod board;
mod connected_shop;
mod merchant;
mod orders;
mod run;
mod scenario;
mod store;
mod story;
mod subscriber;
mod world;

use std::path::PathBuf;

use clap::Args;
use clap::builder::FalseyValueParser;

pub(super) use access::{DemoAccess, DemoFileArgs};

/// Watch signed orders of every kind arrive and be delivered
///
/// Starts a Cortex Cloud sandbox, a store sandbox and a server in one process, opens accounts with integrations for Shopify,
/// WooCommerce, BigCommerce, Square and a generic store, and sends real signed webhooks that reach every status a delivery can
/// have. A shop is connected by OAuth, and loses a webhook: the order is found. Subscribers get what happens as signed events; one of them fails at first. Then it prints addresses and keys to go on
/// with, and each event that comes, until Ctrl-C. `cloud-bridge listen` and `trigger` in the same folder work with it. It takes
/// seconds and leaves nothing behind.
#[derive(Args, Debug)]
pub(super) struct Demo {
    /// End when all orders have settled; fail unless each one reached what it was expected to
    #[arg(long, env = "CLOUD_BRIDGE_DEMO_EXIT", value_parser = FalseyValueParser::new())]
    exit: bool,
    /// Address and port to listen on; a free port where none is given and the usual one is taken
    #[arg(long, env = "CLOUD_BRIDGE_DEMO_LISTEN", value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder to keep the data in [default: a temporary one that is removed at the end]
    #[arg(long, env = "CLOUD_BRIDGE_DEMO_DATA_DIR", value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    file: DemoFileArgs,
}

impl Demo {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        run::run(run::DemoOptions {
            exit: self.exit,
            listen: self.listen,
            data_dir: self.data_dir,
            file: self.file.demo_file,
            json,
        })
        .await
    }
}
