//! `cloud-bridge listen`: a receiver for a developer, which prints verified events and passes them on.

mod forward;
mod line;
mod receiver;

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use clap::Args;
use commerce::Secret;
use event_log::clock::Clock;
use reqwest::Url;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::acting::Acting;
use super::client::{Client, understood};
use super::developing::DeveloperArgs;
use super::input;
use super::output::{self, clean};
use super::shutdown::signals;
use crate::app::keys;
use forward::Forward;
use receiver::{Got, Receiver};

/// Receive events on this machine and print each once its signature was verified
///
/// Makes an endpoint with a secret of its own for a receiver on this machine, and deletes it at the end (Ctrl-C). While
/// `cloud-bridge demo` runs in the same folder it needs nothing else: it receives what happens there. A server of your own has to
/// allow endpoints on its own machine; the receiver cannot be reached from another one.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge listen                                            # beside `cloud-bridge demo`
  cloud-bridge listen --types 'order.*' --forward http://127.0.0.1:3000/webhooks
  cloud-bridge listen --json | jq .data
  cloud-bridge listen --server http://127.0.0.1:8080 --api-key-file merchant.key")]
pub(super) struct Listen {
    /// The port to listen on [default: a free one]
    #[arg(long, env = "CLOUD_BRIDGE_PORT", value_name = "N", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// Pass each event on to this address as it came, headers and body, and respond what that responds. The secret that it verifies
    /// with is printed at the start
    #[arg(long, env = "CLOUD_BRIDGE_FORWARD", value_name = "URL", value_parser = forward::url)]
    forward: Option<Url>,
    /// Which types of events, separated by commas: `order.paid`, `order.*` for a group
    #[arg(long, env = "CLOUD_BRIDGE_TYPES", value_name = "TYPE", value_delimiter = ',', default_value = "*")]
    types: Vec<String>,
    /// The account whose events they are, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    developer: DeveloperArgs,
}

/// By this an endpoint is known that was left behind.
const DESCRIPTION: &str = "cloud-bridge listen (deleted when that ends)";
/// How often it is asked whether the server is still there.
const WATCH_EVERY: Duration = Duration::from_secs(10);
/// Events that were received and not printed yet.
const MAX_UNPRINTED: usize = 256;

const ENDPOINTS: &str = "query($accountId: ID) {
  endpoints(first: 100, accountId: $accountId, withDeleted: false) { nodes { id description } } }";
const CREATE: &str = "mutation($input: CreateEndpointInput!) {
  createEndpoint(input: $input) { endpoint { id } userErrors { code message field } } }";
const STATUS: &str = "query($id: ID!) { endpoint(id: $id) { status } }";
const DELETE: &str = "mutation($input: EndpointInput!) {
  deleteEndpoint(input: $input) { userErrors { code message field } } }";

impl Listen {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.developer.bench().await?.client;
        if !client.is_of_this_machine() {
            bail!(
                "the server is on another machine, from which 127.0.0.1 does not lead here: make a tunnel to a receiver of your own, \
                 and `cloud-bridge endpoints create --url` with its public address"
            );
        }
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the endpoint").await?;
        acting.print_account()?;
        // From here on, a signal ends what was begun.
        let mut stop = signals()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, self.port)).await;
        let listener =
            listener.with_context(|| format!("port {} cannot be listened on: name another with --port", self.port))?;
        let url = format!("http://{}/", listener.local_addr()?);
        note_left_behind(&client, acting.account_id.as_deref()).await?;
        let secret = keys::new_endpoint_secret();
        let input = json!({
            "accountId": acting.account_id, "url": url, "eventTypes": self.types, "description": DESCRIPTION,
            "signingSecret": secret.expose(),
        });
        let id = create(&client, input).await?;
        let received = self.receive((listener, &url), (&client, &id), secret, &mut stop, json).await;
        let deleted = client.change(DELETE, json!({ "input": { "endpointId": id } }), "deleteEndpoint").await;
        received?;
        deleted.with_context(|| {
            format!("the endpoint is left behind: `cloud-bridge endpoints delete {}` deletes it", clean(&id))
        })?;
        Ok(input::note("The endpoint is deleted.")?)
    }

    /// Prints what comes until a signal.
    async fn receive(
        &self,
        (listener, url): (TcpListener, &str),
        (client, id): (&Client, &str),
        secret: Secret,
        stop: &mut mpsc::Receiver<()>,
        json: bool,
    ) -> anyhow::Result<()> {
        let (sender, mut got) = mpsc::channel(MAX_UNPRINTED);
        let forward = self.forward.clone().map(Forward::new).transpose()?;
        let onwards = forward.as_ref().map(|forward| format!(", and passes them on to {forward}")).unwrap_or_default();
        let secret_of_receiver = forward.as_ref().map(|_| secret.expose().to_owned());
        let receiver = Receiver::new(secret, forward, sender, Clock::default());
        let mut serving = std::pin::pin!(receiver.serve(listener));
        input::note(&format!(
            "Receives {} at {url}{onwards}. Ctrl-C ends it. `cloud-bridge trigger TYPE` makes something happen.",
            clean(&self.types.join(", "))
        ))?;
        if let Some(secret) = secret_of_receiver {
            input::note(&format!(
                "Your receiver verifies with this secret, until this ends:\n\n  WEBHOOK_SECRET={secret}\n"
            ))?;
        }
        let mut watching = std::pin::pin!(watch(client, id));
        loop {
            let got: Got = tokio::select! {
                got = got.recv() => match got {
                    Some(got) => got,
                    None => bail!("the receiver ended"),
                },
                served = &mut serving => return served.context("the receiver ended"),
                watched = &mut watching => match watched? {},
                _ = stop.recv() => return Ok(()),
            };
            print(&got, json)?;
        }
    }
}

/// Says when nothing can come any more, why, and when it can again: somebody waits for it.
async fn watch(client: &Client, endpoint_id: &str) -> anyhow::Result<Infallible> {
    let mut known = None;
    loop {
        tokio::time::sleep(WATCH_EVERY).await;
        let hindrance = hindrance(client, endpoint_id).await;
        if hindrance != known {
            match &hindrance {
                Some(hindrance) => input::note(&format!("Nothing can be received: {hindrance}."))?,
                None => input::note("Events can be received again.")?,
            }
        }
        known = hindrance;
    }
}

/// Why nothing comes to the endpoint.
async fn hindrance(client: &Client, endpoint_id: &str) -> Option<String> {
    match client.ask(STATUS, json!({ "id": endpoint_id })).await {
        Err(error) => Some(format!("{error:#}")),
        Ok(found) => match found["endpoint"]["status"].as_str() {
            None | Some("DELETED") => Some("its endpoint was deleted. End this, and begin again".to_owned()),
            Some("PAUSED") => {
                Some("its endpoint is paused: `cloud-bridge endpoints resume` has it receive again".to_owned())
            }
            Some("DISABLED") => {
                Some("its endpoint is disabled: `cloud-bridge endpoints resume` has it receive again".to_owned())
            }
            Some(_) => None,
        },
    }
}

/// A verified event as one line that a person reads, with when it came.
pub(crate) fn event_line(at: DateTime<Utc>, body: &Value) -> String {
    line::of(at, body, None)
}

fn print(got: &Got, json: bool) -> anyhow::Result<()> {
    match got {
        Got::Event { body, forwarded, .. } if json => {
            if let Some(Err(reason)) = forwarded {
                input::note(&format!("not passed on: {}", clean(reason)))?;
            }
            Ok(output::print_json_line(body)?)
        }
        Got::Event { at, body, forwarded } => Ok(output::print(line::of(*at, body, forwarded.as_ref()))?),
        Got::Refused { reason } => Ok(input::note(&format!("Refused with 401: {}", clean(reason)))?),
    }
}

/// Creates the endpoint, and says what to do where the service calls no addresses of its own machine.
async fn create(client: &Client, input: Value) -> anyhow::Result<String> {
    let payload = client.ask(CREATE, json!({ "input": input })).await?["createEndpoint"].take();
    let refused = &payload["userErrors"][0];
    match refused["code"].as_str() {
        None => understood(&payload["endpoint"]["id"]),
        Some("URL_NOT_ALLOWED") => bail!(
            "the service does not call addresses of its own machine, which would be unsafe where others create endpoints. On a server \
             of your own, to try things: start it with `cloud-bridge serve --allow-http-endpoints --allow-endpoint-range 127.0.0.0/8`. \
             Or use `cloud-bridge demo`, which allows them"
        ),
        Some(code) => bail!("refused: {} ({})", clean(refused["message"].as_str().unwrap_or_default()), clean(code)),
    }
}

/// An endpoint of an earlier run that was killed goes on failing until it is deleted.
async fn note_left_behind(client: &Client, account_id: Option<&str>) -> anyhow::Result<()> {
    let found = client.ask(ENDPOINTS, json!({ "accountId": account_id })).await?;
    let nodes = found["endpoints"]["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
    for node in nodes.iter().filter(|node| node["description"] == DESCRIPTION) {
        let id = clean(node["id"].as_str().unwrap_or_default());
        input::note(&format!(
            "There is an endpoint of another `listen`. If that does not run any more: cloud-bridge endpoints delete {id}"
        ))?;
    }
    Ok(())
}
