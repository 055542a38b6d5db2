//! Where the event log, the views and the master key are, for the commands that open them; and `migrate`.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;

use anyhow::{Context as _, bail};
use clap::Args;
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use storage::{Database, Durability};

use super::output;
use event_log::clock::Clock;
use event_log::vault::Vault;
use event_log::{self, Dependencies, EventLog, sqlite_url};

pub(super) const DEFAULT_DATA_DIR: &str = "./cloud-bridge-data";
const ADMIN_KEY_FILE: &str = "admin.key";
const SCHEMES: [&str; 3] = ["sqlite:", "postgres:", "postgresql:"];

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Data")]
pub(super) struct DatabaseArgs {
    /// Folder of everything that is not kept elsewhere: log, views, master key, administrator's key
    #[arg(long, env = "CLOUD_BRIDGE_DATA_DIR", value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    pub(super) data_dir: PathBuf,
    /// Event log, `sqlite:FILE` or `postgres://…` [default: `sqlite:DATA_DIR/log.db`]
    #[arg(long, env = "CLOUD_BRIDGE_LOG", value_name = "URL", hide_env_values = true)]
    log: Option<String>,
    /// Views, `sqlite:FILE` or `postgres://…`; may be deleted at any time [default: `sqlite:DATA_DIR/views.db`]
    #[arg(long, env = "CLOUD_BRIDGE_VIEWS", value_name = "URL", hide_env_values = true)]
    views: Option<String>,
    /// File with the master key, readable by its owner alone
    ///
    /// The key seals secrets and personal data: 32 bytes in base64 or hexadecimal. It may be given in the variable
    /// `CLOUD_BRIDGE_MASTER_KEY` instead. With an SQLite log the first start makes `DATA_DIR/master.key`; for a Postgres log,
    /// which several nodes may share, make one yourself: `openssl rand -base64 32`.
    #[arg(long, env = "CLOUD_BRIDGE_MASTER_KEY_FILE", value_name = "FILE")]
    master_key_file: Option<PathBuf>,
    // Hidden, because other users of the machine can read arguments: it should come from the environment.
    #[arg(long, env = "CLOUD_BRIDGE_MASTER_KEY", hide = true, hide_env_values = true)]
    master_key: Option<SecretString>,
}

impl DatabaseArgs {
    pub(super) fn log_url(&self) -> anyhow::Result<String> {
        self.url(self.log.as_deref(), "log.db")
    }

    pub(super) fn views_url(&self) -> anyhow::Result<String> {
        self.url(self.views.as_deref(), "views.db")
    }

    /// Whether the log is the one in the data folder, whose keys are kept there too.
    pub(super) fn has_default_log(&self) -> bool {
        given(self.log.as_deref()).is_none()
    }

    pub(super) fn admin_key_file(&self) -> PathBuf {
        admin_key_file(&self.data_dir)
    }

    /// Refuses a log on Postgres, with what to do instead.
    pub(super) fn require_embedded_log(&self, instead: &str) -> anyhow::Result<()> {
        if sqlite_file(&self.log_url()?)?.is_none() {
            bail!("the event log is on Postgres: {instead} (see docs/operations.md)");
        }
        Ok(())
    }

    fn url(&self, url: Option<&str>, file: &str) -> anyhow::Result<String> {
        match given(url) {
            Some(url) if SCHEMES.iter().any(|scheme| url.starts_with(scheme)) => Ok(url.to_owned()),
            // Not repeated here: it may hold a password.
            Some(_) => {
                bail!("the address of a database begins with sqlite: or postgres:, and one that was given does not")
            }
            None => sqlite_url(&self.data_dir.join(file)),
        }
    }

    fn names_master_key(&self) -> bool {
        self.master_key_file.is_some()
            || self.master_key.as_ref().is_some_and(|key| !key.expose_secret().trim().is_empty())
    }

    /// The keys of the log. `may_create` is for a server, whose first start makes the key of the embedded log.
    pub(super) fn vault(&self, may_create: bool) -> anyhow::Result<Vault> {
        let from_environment = self.master_key.as_ref().filter(|key| !key.expose_secret().trim().is_empty());
        match (from_environment, &self.master_key_file) {
            (Some(_), Some(path)) => bail!(
                "there are two master keys, in CLOUD_BRIDGE_MASTER_KEY and in {}: leave one of them out",
                path.display()
            ),
            (Some(key), None) => {
                Vault::from_text(key.expose_secret()).context("CLOUD_BRIDGE_MASTER_KEY cannot be used")
            }
            (None, Some(path)) if !path.exists() => bail!(
                "there is no key file {0}: make one with `(umask 077; openssl rand -base64 32 > {0})`, and keep a copy of \
                 it apart from the data",
                path.display()
            ),
            (None, Some(path)) => Vault::from_file(path, false),
            (None, None) => {
                let Some(log) = sqlite_file(&self.log_url()?)? else {
                    bail!(
                        "a Postgres log needs a master key: make one with `openssl rand -base64 32`, and give it to every \
                         node in CLOUD_BRIDGE_MASTER_KEY or in the file that --master-key-file names"
                    );
                };
                Vault::from_file(&self.data_dir.join("master.key"), may_create && !log.exists())
            }
        }
    }

    /// Opens the log beside a server that may be running.
    pub(super) async fn open_log(&self) -> anyhow::Result<EventLog> {
        let url = self.log_url()?;
        if let Some(file) = sqlite_file(&url)?
            && !file.exists()
        {
            bail!(
                "there is no event log at {}: start a server once (`cloud-bridge serve`), or name another place with \
                 --data-dir or --log",
                file.display()
            );
        }
        let dependencies = Dependencies::new(self.vault(false)?, Clock::default());
        EventLog::open_read_only(&url, dependencies).await
    }

    pub(super) async fn open_views(&self) -> anyhow::Result<Database> {
        let opened = Database::open_read_only(&self.views_url()?).await;
        opened.context(
            "the views cannot be opened: start a server once, or name another place with --data-dir or --views",
        )
    }
}

pub(crate) fn admin_key_file(data_dir: &Path) -> PathBuf {
    data_dir.join(ADMIN_KEY_FILE)
}

fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// The file of an SQLite database; none where it is on Postgres.
fn sqlite_file(url: &str) -> anyhow::Result<Option<PathBuf>> {
    if !url.starts_with("sqlite:") {
        return Ok(None);
    }
    let options = SqliteConnectOptions::from_str(url).context("the address of the event log is not understood")?;
    Ok(Some(options.get_filename().to_owned()))
}

/// An address as it may be shown: without a password.
fn without_password(url: &str) -> String {
    if url.starts_with("sqlite:") {
        return url.to_owned();
    }
    let Ok(mut url) = Url::parse(url) else { return "postgres".to_owned() };
    url.set_query(None);
    if url.password().is_some() && url.set_password(Some("***")).is_err() {
        return "postgres".to_owned();
    }
    url.to_string()
}

/// Bring the tables of the event log and the views up to date
///
/// A server does this by itself when it starts. Run it beforehand to see that it works before anything is served.
#[derive(Args, Debug)]
pub(super) struct Migrate {
    #[command(flatten)]
    databases: DatabaseArgs,
}

impl Migrate {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let (log_url, views_url) = (self.databases.log_url()?, self.databases.views_url()?);
        // An SQLite log without its key would be taken for one whose key was lost. A Postgres log can do without one for now.
        let embedded = sqlite_file(&log_url)?.is_some();
        if embedded || self.databases.names_master_key() {
            let dependencies = Dependencies::new(self.databases.vault(true)?, Clock::default());
            // Opening it makes it the log of this key, so that the commands that only read can be sure of theirs.
            EventLog::open(&log_url, dependencies).await?.close().await;
        } else {
            event_log::migrate_at(&log_url).await?;
        }
        let views = Database::open(&views_url, Durability::Rebuildable).await.context("the views cannot be opened")?;
        projections::views::migrate(&views).await?;
        views.close().await;
        let (log, views) = (without_password(&log_url), without_password(&views_url));
        if json {
            output::print_json(&json!({ "log": log, "views": views }))?;
        } else {
            output::print(format_args!("The event log is up to date: {log}\nThe views are up to date:     {views}"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn databases(data_dir: &Path, log: Option<&str>) -> DatabaseArgs {
        DatabaseArgs {
            data_dir: data_dir.to_owned(),
            log: log.map(str::to_owned),
            views: None,
            master_key_file: None,
            master_key: None,
        }
    }

    #[test]
    fn the_data_folder_may_have_any_name() {
        let folder = Path::new("/tmp/50% off?/data");
        let url = databases(folder, None).log_url().unwrap();
        assert_eq!(sqlite_file(&url).unwrap().unwrap(), folder.join("log.db"));
        assert_eq!(databases(folder, Some(" ")).log_url().unwrap(), url, "an empty variable is none");
        assert!(databases(folder, Some("mysql://bridge:secret@db")).log_url().is_err());
    }

    #[test]
    fn a_key_is_made_for_a_new_embedded_log_and_for_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = databases(folder.path(), None);
        assert!(embedded.vault(false).is_err(), "a reader makes no key");
        let made = embedded.vault(true).unwrap();
        assert_eq!(embedded.vault(false).unwrap().master_key_id(), made.master_key_id());

        std::fs::write(folder.path().join("log.db"), "").unwrap();
        std::fs::remove_file(folder.path().join("master.key")).unwrap();
        assert!(embedded.vault(true).is_err(), "the key of a log that exists was lost");

        let postgres = databases(folder.path(), Some("postgres://localhost/bridge"));
        assert!(postgres.vault(true).unwrap_err().to_string().contains("openssl rand -base64 32"));
        let named = DatabaseArgs { master_key_file: Some(folder.path().join("none")), ..postgres.clone() };
        assert!(named.vault(true).unwrap_err().to_string().contains("openssl rand -base64 32"));
        let key = Some(SecretString::from(hex::encode([1; 32])));
        assert!(DatabaseArgs { master_key: key.clone(), ..postgres.clone() }.vault(false).is_ok());
        assert!(DatabaseArgs { master_key: key, ..named }.vault(false).is_err(), "two keys");
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (url, shown) in [
            ("sqlite:./a.db", "sqlite:./a.db"),
            ("postgres://bridge:secret@db/bridge?password=secret", "postgres://bridge:***@db/bridge"),
            ("postgres://db/bridge", "postgres://db/bridge"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
