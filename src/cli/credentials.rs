//! `cloud-bridge credentials`: the login at Cortex Cloud that deliveries are made with.

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use serde_json::json;

use super::client::ServerArgs;
use super::input;
use super::output::{self, clean};

/// Save the login at Cortex Cloud that deliveries are made with
#[derive(Debug, Subcommand)]
pub(super) enum Credentials {
    Set(Set),
}

/// Save the login; deliveries that waited for it go on by themselves
///
/// The password is asked for at the terminal, where it is not shown, or read from standard input with --password-stdin.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge credentials set --email merchant@example.com
  cloud-bridge credentials set --email merchant@example.com --password-stdin < password.txt")]
pub(super) struct Set {
    /// The e-mail address of the login
    #[arg(long, env = "CLOUD_BRIDGE_EMAIL", value_name = "ADDRESS")]
    email: String,
    /// Read the password from standard input
    #[arg(long, env = "CLOUD_BRIDGE_PASSWORD_STDIN", value_parser = FalseyValueParser::new())]
    password_stdin: bool,
    /// The account whose login it is, for administrators [default: the one whose key asks]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const SAVE: &str = "mutation($input: SaveCortexCredentialsInput!) {
  saveCortexCredentials(input: $input) { account { id cortexEmail } userErrors { code message field } } }";

impl Credentials {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Set(command) => command.run(json).await,
        }
    }
}

impl Set {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        // Before anything is typed that would be lost.
        let client = self.server.client()?;
        let password = if self.password_stdin { input::piped()? } else { input::at_terminal("Password")? };
        let input = json!({ "accountId": self.account, "email": self.email, "password": password });
        let payload = client.change(SAVE, json!({ "input": input }), "saveCortexCredentials").await?;
        let account = &payload["account"];
        if json {
            return Ok(output::print_json(account)?);
        }
        let email = clean(account["cortexEmail"].as_str().unwrap_or_default());
        output::print(format_args!("Deliveries are made as {email} now."))?;
        Ok(())
    }
}
