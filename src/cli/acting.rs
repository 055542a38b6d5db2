//! On which account a command works: said where it is not obvious, and never guessed where it must be a merchant's.

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::{Client, understood};
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

/// Roles, in the words of the API.
const MERCHANT: &str = "MERCHANT";
const SUPPORT: &str = "SUPPORT";

const OWNER_OF_INTEGRATION: &str =
    "query($id: ID!) { account { id name } integration(id: $id) { account { id name } } }";
const OWNER_OF_DELIVERY: &str =
    "query($id: ID!) { account { id name } delivery(id: $id) { integration { account { id name } } } }";

const OWNER_OF_ENDPOINT: &str = "query($id: ID!) { account { id name } endpoint(id: $id) { account { id name } } }";

const OWNER_OF_DISPATCH: &str =
    "query($id: ID!) { account { id name } dispatch(id: $id) { endpoint { account { id name } } } }";

const OWN: &str = "{ caller { role } account { id name } }";
const NAMED: &str = "query($id: ID!) { caller { role } account(id: $id) { id name } }";

impl Acting {
    /// The account that is named, else that of the calling key.
    pub(super) async fn on(client: &Client, named: Option<&str>) -> anyhow::Result<Self> {
        let account_id = match named {
            Some(text) => Some(identifiers::whole(client, Kind::Account, text).await?),
            None => None,
        };
        let data = match &account_id {
            Some(id) => client.ask(NAMED, json!({ "id": id })).await?,
            None => client.ask(OWN, json!({})).await?,
        };
        let Asked { caller: Caller { role }, account: Account { id, name } } = understood(&data)?;
        Ok(Self { account_id, name, id, role })
    }

    /// The same, for what only a merchant's account has a use for: an administrator's key has to name one. At a terminal
    /// it asks whether to use the administrator's own. A support key changes the settings of no account.
    pub(super) async fn on_merchant(client: &Client, named: Option<&str>, what: &str) -> anyhow::Result<Self> {
        let acting = Self::on(client, named).await?;
        if acting.account_id.is_some() || acting.role == MERCHANT {
            return Ok(acting);
        }
        let name = clean(&acting.name);
        if acting.role == SUPPORT {
            bail!(
                "this key is of the role support, which changes the settings of no account, and {what} would be that of \
                 its own account, {name}: give the merchant's key in CLOUD_BRIDGE_API_KEY, or an administrator's and the \
                 merchant's account with --account"
            );
        }
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

    /// Says whose account it is, on standard error, where the key alone does not say: for support and administrators.
    pub(super) fn print_account(&self) -> anyhow::Result<()> {
        if self.role != MERCHANT {
            print_account(&self.name, &self.id)?;
        }
        Ok(())
    }
}

/// Says whose integration a command changes, by its whole id, where it is not of the key's own account.
pub(super) async fn print_owner_of_integration(client: &Client, id: &str) -> anyhow::Result<()> {
    let data = client.ask(OWNER_OF_INTEGRATION, json!({ "id": id })).await?;
    print_owner(&data, &data["integration"])
}

/// The same of a delivery.
pub(super) async fn print_owner_of_delivery(client: &Client, id: &str) -> anyhow::Result<()> {
    let data = client.ask(OWNER_OF_DELIVERY, json!({ "id": id })).await?;
    print_owner(&data, &data["delivery"]["integration"])
}

/// The same of an endpoint.
pub(super) async fn print_owner_of_endpoint(client: &Client, id: &str) -> anyhow::Result<()> {
    let data = client.ask(OWNER_OF_ENDPOINT, json!({ "id": id })).await?;
    print_owner(&data, &data["endpoint"])
}

/// The same of a dispatch.
pub(super) async fn print_owner_of_dispatch(client: &Client, id: &str) -> anyhow::Result<()> {
    let data = client.ask(OWNER_OF_DISPATCH, json!({ "id": id })).await?;
    print_owner(&data, &data["dispatch"]["endpoint"])
}

fn print_owner(data: &Value, thing: &Value) -> anyhow::Result<()> {
    // One that there is not is refused by what follows.
    if thing.is_null() {
        return Ok(());
    }
    let own: Account = understood(&data["account"])?;
    let owner: Account = understood(&thing["account"])?;
    if own.id != owner.id {
        print_account(&owner.name, &owner.id)?;
    }
    Ok(())
}

fn print_account(name: &str, id: &str) -> anyhow::Result<()> {
    Ok(input::note(&format!("Account: {} ({})", clean(name), clean(id)))?)
}
