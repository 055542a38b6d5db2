//! `cloud-bridge instances update`.

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::settings::{GrantArgs, SettingArgs};
use super::{INSTANCE, Instance, show};
use crate::cli::client::{ServerArgs, understood};
use crate::cli::output;

/// Change an instance: what is named, and nothing else
#[derive(Args, Debug)]
pub(in crate::cli) struct Update {
    #[arg(value_name = "NUMBER")]
    number: u32,
    /// What to call it
    #[arg(long, env = "CLOUD_BRIDGE_NAME")]
    name: Option<String>,
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    server: ServerArgs,
}

impl Update {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let mut input = self.settings.input()?;
        input.extend(self.name.map(|name| ("name".to_owned(), json!(name))));
        input.extend(self.grant.input()?.map(|grant| ("grant".to_owned(), grant)));
        if input.is_empty() {
            bail!("name what is to be changed: `cloud-bridge instances update --help` lists what can be");
        }
        input.insert("number".to_owned(), json!(self.number));
        let document = format!(
            "mutation($input: UpdateInstanceInput!) {{ updateInstance(input: $input) {{ instance {{ {INSTANCE} }} \
             userErrors {{ code message field }} }} }}"
        );
        let changed = client.change(&document, json!({ "input": input }), "updateInstance").await?["instance"].take();
        if json {
            return Ok(output::print_json(&changed)?);
        }
        let instance: Instance = understood(&changed)?;
        show::print(&instance)
    }
}
