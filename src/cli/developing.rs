//! On which server the commands for developers work: the one that is named, else a demonstration that runs on this machine.

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::client::{Client, ServerArgs};
use super::demo::{DemoAccess, DemoFileArgs};
use super::input;
use super::output::clean;

#[derive(Args, Debug)]
pub(super) struct DeveloperArgs {
    #[command(flatten)]
    server: ServerArgs,
    #[command(flatten)]
    demo: DemoFileArgs,
}

/// A server to try things at.
pub(super) struct Bench {
    pub(super) client: Client,
    /// Where it is that of a demonstration.
    pub(super) demo: Option<DemoAccess>,
}

impl DeveloperArgs {
    pub(super) async fn bench(&self) -> anyhow::Result<Bench> {
        if self.server.names_a_server() {
            return Ok(Bench { client: self.server.client()?, demo: None });
        }
        let Some(demo) = DemoAccess::read(&self.demo.demo_file)? else {
            let client =
                self.server.client().context("no demonstration runs here (`cloud-bridge demo` starts one), and")?;
            return Ok(Bench { client, demo: None });
        };
        let client = Client::new(&demo.server, demo.api_key.as_str().into())?;
        client.ask("{ account { id } }", json!({})).await.with_context(|| {
            format!("the demonstration of {} does not run any more: remove the file", self.demo.demo_file.display())
        })?;
        input::note(&format!("With the demonstration at {}.", clean(&demo.server)))?;
        Ok(Bench { client, demo: Some(demo) })
    }
}
