//! `cloud-bridge instances create`.

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::settings::{GrantArgs, SettingArgs};
use super::{INSTANCE, Instance, show};
use crate::cli::acting::Acting;
use crate::cli::client::{ServerArgs, understood};
use crate::cli::output;

/// Create an instance of a shop that was authorised for your own app at Shopify
///
/// Its token is printed, by which a program speaks for it; `instances show --token` prints it again.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge instances create --name 'Storm Audio' --shop storm-audio --client-id ID --code CODE \\
    --callback-url https://mycoolapp.com --events true --topics orders/create,orders/updated \\
    --notification-url https://mycoolapp.com/events < client-secret.txt")]
pub(in crate::cli) struct Create {
    /// What to call it
    #[arg(long, env = "CLOUD_BRIDGE_NAME")]
    name: String,
    #[command(flatten)]
    grant: GrantArgs,
    #[command(flatten)]
    settings: SettingArgs,
    /// The account that gets it, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

impl Create {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let mut input = self.settings.input()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the instance").await?;
        acting.print_account()?;
        let Some(grant) = self.grant.input()? else {
            bail!(
                "an instance is created with the code that came back from the shop: name --shop, --client-id, --code and \
                 --callback-url (docs/elements-api.md)"
            );
        };
        input.insert("name".to_owned(), json!(self.name));
        input.insert("grant".to_owned(), grant);
        input.extend(acting.account_id.map(|account| ("accountId".to_owned(), json!(account))));
        let document = format!(
            "mutation($input: CreateInstanceInput!) {{ createInstance(input: $input) {{ instance {{ {INSTANCE} token }} \
             userErrors {{ code message field }} }} }}"
        );
        let created = client.change(&document, json!({ "input": input }), "createInstance").await?["instance"].take();
        if json {
            return Ok(output::print_json(&created)?);
        }
        let instance: Instance = understood(&created)?;
        show::print(&instance)
    }
}
