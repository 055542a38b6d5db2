//! On which account a command works: said where it is not obvious, and never guessed where a merchant's is meant.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::identifiers::{self, Kind};
use super::input;
use super::output::clean;

/// The account that a command works on.
#[derive(Debug)]
pub(super) struct Acting {
    /// Whole, where one was named.
    pub(super) account_id: Option<String>,
    name: String,
    id: String,
    role: String,
}

#[derive(Deserialize)]
struct Asked {
    caller: Caller,
    account: Account,
}

#[derive(Deserialize)]
struct Caller {
    role: String,
}

#[derive(Deserialize)]
struct Account {
    id: String,
    name: String,
}

const OWN: &str = "{ caller { role } account { id name } }";
const NAMED: &str = "query($id: ID!) { caller { role } account(id: $id) { id name } }";

impl Acting {
    /// The account that is named, else the one of the key that asks.
    pub(super) async fn on(client: &Client, named: Option<&str>) -> anyhow::Result<Self> {
        let account_id = match named {
            Some(text) => Some(identifiers::whole(client, Kind::Account, text).await?),
            None => None,
        };
        let data = match &account_id {
            Some(id) => client.ask(NAMED, json!({ "id": id })).await?,
            None => client.ask(OWN, json!({})).await?,
        };
        let Asked { caller: Caller { role }, account: Account { id, name } } = super::client::understood(&data)?;
        Ok(Self { account_id, name, id, role })
    }

    /// The same, for what only a merchant's account has a use for: an administrator's key has to name one. At a terminal
    /// it is asked whether the administrator's own is meant.
    pub(super) async fn on_merchant(client: &Client, named: Option<&str>, what: &str) -> anyhow::Result<Self> {
        let acting = Self::on(client, named).await?;
        if acting.account_id.is_some() || acting.role != "ADMIN" {
            return Ok(acting);
        }
        let name = clean(&acting.name);
        if !std::io::stdin().is_terminal() {
            bail!(
                "this key is an administrator's, and {what} would be that of its own account, {name}: name a merchant's \
                 with --account (`cloud-bridge accounts list`), or give the merchant's key in CLOUD_BRIDGE_API_KEY"
            );
        }
        let question = format!("This key is an administrator's. Is {what} to be that of its own account, {name}?");
        input::confirm(&question).context("name a merchant's account with --account, or give the merchant's key")?;
        Ok(acting)
    }

    /// Says whose account it is, on standard error, where the key alone does not tell: for support and administrators.
    pub(super) fn tell(&self) -> anyhow::Result<()> {
        if self.role != "MERCHANT" {
            input::tell(&format!("Account: {} ({})", clean(&self.name), clean(&self.id)))?;
        }
        Ok(())
    }
}
