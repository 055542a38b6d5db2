//! The first account of a new log.

use domain::AccountId;
use domain::account::{Account, AccountCommand, DEFAULT_ATTEMPTS_PER_MINUTE, Role};
use event_log::Actor;
use uuid::Uuid;

use super::keys;
use super::log_and_views::LogAndViews;

/// An account that was created, with its key, which is shown this once.
pub struct NewAccount {
    pub account_id: AccountId,
    pub api_key: String,
}

/// On an empty log: opens the administrator's account. `show` gets the key, which is known this once, before anything
/// is recorded: a key that was shown and never recorded opens nothing, one that was recorded and never shown locks out.
pub async fn bootstrap(
    data: &LogAndViews,
    show: impl FnOnce(&NewAccount) -> anyhow::Result<()>,
) -> anyhow::Result<Option<NewAccount>> {
    if !data.log.head().is_start() {
        return Ok(None);
    }
    // Always the same, so that of several nodes that start on an empty log only one opens it.
    let account_id = AccountId(Uuid::new_v5(&Uuid::NAMESPACE_OID, b"cloud-bridge administrator"));
    let (api_key, record) = keys::new_key("First key of the administrator", Role::Admin);
    let account = NewAccount { account_id, api_key };
    show(&account)?;
    let open = AccountCommand::Open {
        name: "Administrator".to_owned(),
        attempts_per_minute: DEFAULT_ATTEMPTS_PER_MINUTE,
        first_key: Some(record),
    };
    let opened = data.log.execute::<Account>(account_id, open, &Actor::System).await?;
    if opened.events.is_empty() {
        tracing::warn!("another node opened the administrator's account first: the key that it showed is the one");
        return Ok(None);
    }
    data.wait_for_views(opened.position).await;
    Ok(Some(account))
}
