//! Asking a running server over GraphQL, as any client does.

use std::io::{self, Read as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, FromArgMatches};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::databases::{self, DEFAULT_DATA_DIR};
use super::identifiers;
use super::output::clean;

const TIMEOUT: Duration = Duration::from_secs(30);
/// The server closes a connection on which nothing came for ten seconds: a request may meet that.
const KEPT_FOR: Duration = Duration::from_secs(5);
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";
/// Entries that the server gives at a time at most.
pub(super) const MAX_PAGE: u32 = 100;

/// Which server is asked, with what key, and why.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub(super) struct AskingArgs {
    /// Address of the running server
    #[arg(long, env = "CLOUD_BRIDGE_SERVER", value_name = "URL", default_value = DEFAULT_SERVER)]
    server: String,
    #[command(flatten)]
    key: KeyArgs,
    /// Why you do this, for the record of what was done with the key
    #[arg(long, env = "CLOUD_BRIDGE_REASON", value_name = "TEXT")]
    reason: Option<String>,
}

/// Where the API key is.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
struct GivenKey {
    /// API key to ask with [default: the administrator's, from `DATA_DIR/admin.key`]. On the command line others on this machine
    /// can see it: better give it in the variable, or in a file
    #[arg(long, env = "CLOUD_BRIDGE_API_KEY", value_name = "KEY", hide_env_values = true)]
    api_key: Option<SecretString>,
    /// A file with the API key, `-` for standard input. --api-key wins, and so does its variable over that of the file
    #[arg(long, env = "CLOUD_BRIDGE_API_KEY_FILE", value_name = "FILE")]
    api_key_file: Option<PathBuf>,
}

/// The same, where an option that was typed wins over the variable of the other.
#[derive(Clone, Debug)]
struct KeyArgs(GivenKey);

impl Args for KeyArgs {
    fn augment_args(command: clap::Command) -> clap::Command {
        GivenKey::augment_args(command)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        GivenKey::augment_args_for_update(command)
    }
}

impl FromArgMatches for KeyArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut given = GivenKey::from_arg_matches(matches)?;
        let typed = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        if typed("api_key_file") && !typed("api_key") {
            given.api_key = None;
        }
        Ok(Self(given))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerArgs {
    #[command(flatten)]
    asking: AskingArgs,
    /// Folder in which a server on this machine keeps the administrator's key
    #[arg(long, env = "CLOUD_BRIDGE_DATA_DIR", value_name = "DIR", default_value = DEFAULT_DATA_DIR)]
    data_dir: PathBuf,
}

impl ServerArgs {
    /// Whether the server or the key to it is given, by an option or its variable.
    pub(super) fn names_a_server(&self) -> bool {
        let AskingArgs { server, key: KeyArgs(given), reason: _ } = &self.asking;
        server != DEFAULT_SERVER || given.api_key.is_some() || given.api_key_file.is_some()
    }

    /// Why, as it will be recorded.
    pub(super) fn reason(&self) -> Option<&str> {
        self.asking.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty())
    }

    pub(super) fn client(&self) -> anyhow::Result<Client> {
        self.asking.client(&self.data_dir)
    }
}

impl AskingArgs {
    /// Calls with the key that is given, or with the one that a server keeps in its data folder.
    pub(super) fn client(&self, data_dir: &Path) -> anyhow::Result<Client> {
        let given = self.key.0.api_key.as_ref().map(|key| key.expose_secret().trim());
        let key = match given.filter(|key| !key.is_empty()) {
            Some(key) => key.into(),
            None => match &self.key.0.api_key_file {
                Some(file) => read_key(file)?,
                None => read_key(&databases::admin_key_file(data_dir))?,
            },
        };
        Ok(Client { reason: self.reason.clone(), ..Client::new(&self.server, key)? })
    }
}

/// Longest file with a key that is read.
const MAX_KEY_BYTES: u64 = 4_096;

fn read_key(path: &Path) -> anyhow::Result<SecretString> {
    if path == Path::new("-") {
        return Ok(io::read_to_string(io::stdin().lock().take(MAX_KEY_BYTES))?.trim().into());
    }
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "there is no API key to ask with: give one in CLOUD_BRIDGE_API_KEY or a file with --api-key-file, or name the \
             server's data folder with --data-dir (searched: {})",
            path.display()
        )
    })?;
    Ok(text.trim().into())
}

/// Calls one server with one key.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    graphql: Url,
    server: String,
    key: SecretString,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    data: Option<Value>,
    #[serde(default)]
    errors: Vec<Mistake>,
}

#[derive(Deserialize)]
struct Mistake {
    message: String,
}

/// What a mutation refuses, as data.
#[derive(Deserialize)]
struct UserError {
    code: String,
    message: String,
}

/// Where a list goes on.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

impl Client {
    pub(crate) fn new(server: &str, key: SecretString) -> anyhow::Result<Self> {
        let server = server.trim().trim_end_matches('/').to_owned();
        let graphql = Url::parse(&format!("{server}/graphql"))
            .with_context(|| format!("{server:?} is not the address of a server, like http://127.0.0.1:8080"))?;
        let mut http = reqwest::Client::builder().timeout(TIMEOUT).pool_idle_timeout(KEPT_FOR);
        if is_this_machine(&graphql) {
            // A proxy leads to the outside, where this address means another machine.
            http = http.no_proxy();
        }
        Ok(Self { http: http.build().context("no HTTP client can be made")?, graphql, server, key, reason: None })
    }

    /// Whether the server runs on this machine, as far as its address says.
    pub(super) fn is_of_this_machine(&self) -> bool {
        is_this_machine(&self.graphql)
    }

    /// Sends a query and returns its data.
    pub(crate) async fn ask(&self, query: &str, variables: Value) -> anyhow::Result<Value> {
        let mut request = self.http.post(self.graphql.clone()).bearer_auth(self.key.expose_secret());
        if let Some(reason) = &self.reason {
            request = request.header("x-reason", reason.as_bytes());
        }
        let sent = request.json(&json!({ "query": query, "variables": variables })).send().await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status == StatusCode::TOO_MANY_REQUESTS {
            bail!(
                "this API key has sent as many requests as it may in a minute: wait a little, or have its limit raised"
            );
        }
        if status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN {
            bail!(
                "the server at {} does not accept this API key: give another in CLOUD_BRIDGE_API_KEY or with --api-key-file",
                self.server
            );
        }
        let somebody_else = || {
            format!(
                "what answers at {} (HTTP {status}) is not a Cloud Bridge server: name it with --server",
                self.server
            )
        };
        let answer: Answer = response.json().await.with_context(somebody_else)?;
        if !answer.errors.is_empty() {
            let messages: Vec<String> = answer.errors.iter().map(|error| clean(&error.message)).collect();
            bail!("the server says: {}", messages.join("; "));
        }
        answer.data.with_context(somebody_else)
    }

    /// Sends a query and reads one field of its data.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        query: &str,
        variables: Value,
        field: &str,
    ) -> anyhow::Result<T> {
        let data = self.ask(query, variables).await?;
        understood(&data[field])
    }

    /// Sends a mutation and returns its payload; what it refuses is an error. Ids in its input may be beginnings of ids.
    pub(crate) async fn change(&self, mutation: &str, variables: Value, field: &str) -> anyhow::Result<Value> {
        let variables = identifiers::completed(self, variables).await?;
        let mut data = self.ask(mutation, variables).await?;
        let payload = data[field].take();
        let refused: Vec<UserError> = understood(&payload["userErrors"])?;
        if !refused.is_empty() {
            let reasons: Vec<String> =
                refused.iter().map(|error| format!("{} ({})", clean(&error.message), clean(&error.code))).collect();
            bail!("refused: {}", reasons.join("; "));
        }
        Ok(payload)
    }

    fn unreachable(&self, error: &reqwest::Error) -> anyhow::Error {
        if error.is_timeout() {
            return anyhow!("the server at {} did not answer within {} seconds", self.server, TIMEOUT.as_secs());
        }
        anyhow!("no server answers at {}: start one with `cloud-bridge serve`, or name it with --server", self.server)
    }
}

/// Reads what the server sent, which a server of another version may spell otherwise.
pub(crate) fn understood<T: DeserializeOwned>(value: &Value) -> anyhow::Result<T> {
    T::deserialize(value).context("the server's answer is not understood: is it of another version?")
}

fn is_this_machine(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_server_is_reported_with_what_to_do() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let client = Client::new(&address, "key".into()).unwrap();
        let error = client.ask("{ account { id } }", json!({})).await.unwrap_err().to_string();
        assert!(error.contains("cloud-bridge serve") && error.contains("--server"), "{error}");
    }

    #[test]
    fn only_this_machine_is_asked_past_a_proxy() {
        for (address, here) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost", true),
            ("http://[::1]:8080", true),
            ("https://bridge.example.com", false),
            ("http://10.0.0.1", false),
        ] {
            assert_eq!(is_this_machine(&Url::parse(address).unwrap()), here, "{address}");
        }
        assert!(Client::new("not an address", "key".into()).is_err());
    }
}
