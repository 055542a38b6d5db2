//! `cloud-bridge credentials`: the login at Cortex Cloud that deliveries are made with.

use anyhow::Context as _;
use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::acting::Acting;
use super::client::ServerArgs;
use super::input;
use super::output::{self, clean};

/// Save, show, check or delete the login at Cortex Cloud that deliveries are made with
#[derive(Debug, Subcommand)]
pub(super) enum Credentials {
    Set(Set),
    Show(Show),
    Check(Check),
    Delete(Delete),
}

/// Save the login once Cortex Cloud accepts it; deliveries that waited for it go on by themselves
///
/// The password is asked for at the terminal, where it is not shown, or read from standard input with --password-stdin.
/// The server logs in with it first. A login that Cortex Cloud does not accept is not saved.
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
    /// Save it without trying it, while Cortex Cloud cannot be reached for instance
    #[arg(long, env = "CLOUD_BRIDGE_UNCHECKED", value_parser = FalseyValueParser::new())]
    unchecked: bool,
    /// The account whose login it is, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Show whose login is saved; the password is never shown
#[derive(Args, Debug)]
pub(super) struct Show {
    /// The account whose login it is, for support and administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Log in at Cortex Cloud with the login that is saved, and say whether that works
#[derive(Args, Debug)]
pub(super) struct Check {
    /// The account whose login it is, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// Delete the login; deliveries then wait until another is saved
#[derive(Args, Debug)]
pub(super) struct Delete {
    /// The account whose login it is, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    /// Do it without asking
    #[arg(long, env = "CLOUD_BRIDGE_YES", value_parser = FalseyValueParser::new())]
    yes: bool,
    #[command(flatten)]
    server: ServerArgs,
}

const SAVE: &str = "mutation($input: SaveCortexCredentialsInput!) {
  saveCortexCredentials(input: $input) { account { id cortexEmail } userErrors { code message field } } }";

const SHOW: &str = "query($id: ID) { account(id: $id) { id cortexEmail } }";

const CHECK: &str = "mutation($input: CortexCredentialsInput) {
  checkCortexCredentials(input: $input) { account { id cortexEmail } userErrors { code message field } } }";

const DELETE: &str = "mutation($input: CortexCredentialsInput) {
  deleteCortexCredentials(input: $input) { account { id cortexEmail } userErrors { code message field } } }";

impl Credentials {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Set(command) => command.run(json).await,
            Self::Show(command) => command.run(json).await,
            Self::Check(command) => command.run(json).await,
            Self::Delete(command) => command.run(json).await,
        }
    }
}

impl Set {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        // Before anything is typed that would be lost.
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the login").await?;
        acting.print_account()?;
        let password = if self.password_stdin { input::piped()? } else { input::at_terminal("Password")? };
        let input = json!({
            "accountId": acting.account_id, "email": self.email, "password": password.expose_secret(), "check": !self.unchecked });
        let saved = client.change(SAVE, json!({ "input": input }), "saveCortexCredentials").await;
        let payload = saved
            .map_err(|error| advised(error, "--unchecked saves the login without trying it"))
            .context("nothing was saved")?;
        let account = &payload["account"];
        if json {
            return Ok(output::print_json(account)?);
        }
        let email = email_of(account);
        Ok(if self.unchecked {
            output::say(&format!("The login {email} is saved. `cloud-bridge credentials check` tries it."))
        } else {
            output::say(&format!("Cortex Cloud accepts the login. Deliveries are made as {email} now."))
        }?)
    }
}

impl Show {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on(&client, self.account.as_deref()).await?;
        let account = client.ask(SHOW, json!({ "id": acting.account_id })).await?["account"].take();
        if json {
            return Ok(output::print_json(&account)?);
        }
        acting.print_account()?;
        Ok(match account["cortexEmail"].as_str() {
            Some(email) => output::say(&format!(
                "Deliveries are made as {}. `cloud-bridge credentials check` says whether Cortex Cloud accepts the login.",
                clean(email)
            )),
            None => output::say("No login is saved: `cloud-bridge credentials set --email ADDRESS` saves one."),
        }?)
    }
}

impl Check {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on(&client, self.account.as_deref()).await?;
        acting.print_account()?;
        let input = json!({ "input": { "accountId": acting.account_id } });
        let payload = client.change(CHECK, input, "checkCortexCredentials").await;
        let payload = payload.map_err(|error| advised(error, "the login stays saved"))?;
        let account = &payload["account"];
        if json {
            return Ok(output::print_json(account)?);
        }
        let email = email_of(account);
        Ok(output::say(&format!("Cortex Cloud accepts the login. Deliveries are made as {email}."))?)
    }
}

impl Delete {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the login").await?;
        acting.print_account()?;
        let account = client.ask(SHOW, json!({ "id": acting.account_id })).await?["account"].take();
        if account["cortexEmail"].is_null() {
            if json {
                return Ok(output::print_json(&account)?);
            }
            return Ok(output::say("No login is saved: there is nothing to delete.")?);
        }
        if !self.yes {
            input::confirm("Delete the login? Deliveries then wait until another is saved.")
                .context("nothing was deleted")?;
        }
        let input = json!({ "input": { "accountId": acting.account_id } });
        let payload = client.change(DELETE, input, "deleteCortexCredentials").await?;
        if json {
            return Ok(output::print_json(&payload["account"])?);
        }
        Ok(output::say("The login is deleted: deliveries wait with missing_credentials until another is saved.")?)
    }
}

fn email_of(account: &Value) -> String {
    clean(account["cortexEmail"].as_str().unwrap_or_default())
}

/// What to do about a login that does not work: each cause has its own advice. `meanwhile` ends that of a Cortex Cloud
/// that cannot be reached.
fn advised(error: anyhow::Error, meanwhile: &str) -> anyhow::Error {
    let advice = match error.to_string() {
        text if text.contains("(CREDENTIALS_REFUSED)") => {
            "the password or the e-mail address is wrong: try them on Cortex Cloud's own page, then \
             `cloud-bridge credentials set` with what works there"
                .to_owned()
        }
        text if text.contains("(NO_CREDENTIALS)") => {
            "save one with `cloud-bridge credentials set --email ADDRESS`".to_owned()
        }
        text if text.contains("(CORTEX_UNAVAILABLE)") => {
            format!("that says nothing about the password: try again later; {meanwhile}")
        }
        _ => return error,
    };
    anyhow::anyhow!("{error}\n{advice}")
}
