//! `cloud-bridge instances show`.

use anyhow::bail;
use clap::Args;
use clap::builder::FalseyValueParser;
use serde_json::json;

use super::{INSTANCE, Instance, Subscription};
use crate::cli::client::{ServerArgs, understood};
use crate::cli::output::{self, clean, moment, word};

/// Show an instance: its store, what that reports, and where it is sent
#[derive(Args, Debug)]
pub(in crate::cli) struct Show {
    #[arg(value_name = "NUMBER")]
    number: u32,
    /// Its token, too, by which a program speaks for it
    #[arg(long, env = "CLOUD_BRIDGE_TOKEN", value_parser = FalseyValueParser::new())]
    token: bool,
    #[command(flatten)]
    server: ServerArgs,
}

impl Show {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let token = if self.token { "token" } else { "" };
        let document = format!("query($number: Int!) {{ instance(number: $number) {{ {INSTANCE} {token} }} }}");
        let found = client.ask(&document, json!({ "number": self.number })).await?["instance"].take();
        if found.is_null() {
            bail!("there is no instance {}: `cloud-bridge instances list` lists those that there are", self.number);
        }
        if json {
            return Ok(output::print_json(&found)?);
        }
        let instance: Instance = understood(&found)?;
        print(&instance)
    }
}

pub(super) fn print(instance: &Instance) -> anyhow::Result<()> {
    for (name, value) in facts(instance) {
        output::print(format_args!("{name:<15}{}", output::fitted(&clean(&value), 15)))?;
    }
    Ok(())
}

fn facts(instance: &Instance) -> Vec<(&'static str, String)> {
    let or = |text: String, otherwise: &str| if text.is_empty() { otherwise.to_owned() } else { text };
    let mut facts = vec![
        ("Instance", instance.number.to_string()),
        ("Account", instance.account.name.clone()),
        ("Name", instance.name.clone()),
        ("Tags", or(instance.tags.join(", "), "—")),
        ("Status", instance.status_in_words().to_owned()),
    ];
    if let Some(integration) = &instance.integration {
        let connection = &integration.store_connection;
        let store = connection.store.as_deref().unwrap_or("not known");
        facts.push(("Store", format!("{store}, {}", word(&connection.status))));
        facts.push(("Integration", integration.id.clone()));
        let topics = connection.topics.as_deref().unwrap_or_default().join(", ");
        let asked = integration.poll_every_minutes.map(|minutes| format!(", asked every {minutes} minutes"));
        let topics = or(topics, "nothing: no topics are chosen");
        facts.push(("Reports", topics + &asked.unwrap_or_default()));
    }
    facts.push(("Scope", instance.scope.clone()));
    for Subscription { number, configured, endpoint } in &instance.subscriptions {
        let Some(endpoint) = endpoint else { continue };
        let name = if *configured { "Sent to" } else { "And to" };
        let status = word(&endpoint.status);
        facts.push((name, format!("{} (subscription {number}, endpoint {}, {status})", endpoint.url, endpoint.id)));
    }
    facts.push(("Created", format!("{} UTC", moment(instance.created_at))));
    facts.push(("Stream", format!("instance/{}", instance.id)));
    facts.extend(instance.token.clone().map(|token| ("Token", token)));
    facts
}
