//! `cloud-bridge stores status`: how an integration is connected with its store.

use std::io;

use chrono::{DateTime, Utc};
use clap::Args;
use domain::integration::Provider;
use serde::Deserialize;
use serde_json::json;

use super::sync::Comparison;
use super::{CONNECTION, Connection};
use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{self, clean, moment, word};

/// Show how an integration is connected with its store: by which app, what it allowed, and what is wrong
#[derive(Args, Debug)]
pub(in crate::cli) struct Status {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

impl Status {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        let query = format!(
            "query($id: ID!) {{ integration(id: $id) {{ id name provider storeAccess {{ tokenPreview }} {CONNECTION} \
             storeWebhooks {{ checkedAt failure nextCheckAt refused {{ topics reason }} }} \
             storeComparison {{ comparedThrough awaited comparedAt nextComparisonAt failure }} storeGaps {{ sentence }} \
             storeCatalogue {{ underWay products collections doneAt failure }} }} }}"
        );
        let mut found = client.ask(&query, json!({ "id": id })).await?;
        let integration = found["integration"].take();
        if integration.is_null() {
            anyhow::bail!("there is no integration {id} that this key sees");
        }
        if json {
            return Ok(output::print_json(&integration)?);
        }
        let connection: Connection = understood(&integration["storeConnection"])?;
        let name = clean(integration["name"].as_str().unwrap_or_default());
        output::print(format_args!("Integration:  {name} ({})", clean(&id)))?;
        if let Some(store) = &connection.store {
            output::print(format_args!("Store:        {}", clean(store)))?;
        }
        let provider = integration["provider"].as_str().unwrap_or_default().to_lowercase();
        output::say(&sentence(&connection, &how_to_connect(&provider, &id)))?;
        if let Some(preview) = integration["storeAccess"]["tokenPreview"].as_str() {
            let ends = connection.token_ends_at.map(|ends| format!(", until {}", moment(ends))).unwrap_or_default();
            output::print(format_args!("Token:        {}{ends}", clean(preview)))?;
        }
        if !connection.scopes.is_empty() {
            output::print(format_args!("Allowed:      {}", clean(&connection.scopes.join(", "))))?;
        }
        if !connection.missing_scopes.is_empty() {
            output::print(format_args!("Not allowed:  {}", clean(&connection.missing_scopes.join(", "))))?;
        }
        if let Some(webhooks) = understood::<Option<Webhooks>>(&integration["storeWebhooks"])? {
            webhooks.print()?;
        }
        if let Some(comparison) = understood::<Option<Comparison>>(&integration["storeComparison"])? {
            print_comparison(&comparison, integration["storeGaps"]["sentence"].as_str().unwrap_or_default())?;
        }
        if let Some(catalogue) = understood::<Option<Catalogue>>(&integration["storeCatalogue"])? {
            catalogue.print()?;
        }
        if let Some(app) = &connection.app {
            output::print(format_args!(
                "Own app:      {} (secret {})",
                clean(&app.client_id),
                clean(&app.secret_preview)
            ))?;
        }
        Ok(())
    }
}

/// How far what it sells is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Catalogue {
    under_way: bool,
    products: u32,
    collections: u32,
    done_at: Option<DateTime<Utc>>,
    failure: Option<String>,
}

impl Catalogue {
    fn print(&self) -> io::Result<()> {
        let Self { under_way, products, collections, .. } = self;
        let read = format!("{products} products, {collections} collections");
        match (under_way, self.done_at) {
            (true, _) => output::print(format_args!("Catalogue:    {read} so far"))?,
            (false, Some(done)) => output::print(format_args!("Catalogue:    {read}, read at {} UTC", moment(done)))?,
            (false, None) => {}
        }
        if let Some(failure) = &self.failure {
            output::print(format_args!("Not read:     {}", clean(failure)))?;
        }
        Ok(())
    }
}

/// Whether everything that the store changed has come.
fn print_comparison(comparison: &Comparison, sentence: &str) -> io::Result<()> {
    if let Some(at) = comparison.compared_at {
        let through = moment(comparison.compared_through);
        output::print(format_args!("Compared:     {} UTC (what the store changed until {through} UTC)", moment(at)))?;
        output::print(format_args!("In a week:    {}", clean(sentence)))?;
    }
    if let Some(failure) = &comparison.failure {
        output::print(format_args!("Not compared: {}", clean(failure)))?;
    }
    Ok(())
}

/// What the store sends, as far as something is wrong with it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhooks {
    checked_at: Option<DateTime<Utc>>,
    failure: Option<String>,
    next_check_at: Option<DateTime<Utc>>,
    refused: Vec<Refused>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    topics: Vec<String>,
    reason: String,
}

impl Webhooks {
    fn print(&self) -> io::Result<()> {
        if let Some(checked) = self.checked_at {
            output::print(format_args!("Checked:      {} UTC", moment(checked)))?;
        }
        if let Some(failure) = &self.failure {
            let again = self.next_check_at.map(|at| format!("; again at {} UTC", moment(at))).unwrap_or_default();
            output::print(format_args!("Not checked:  {}{again}", clean(failure)))?;
        }
        for refused in &self.refused {
            let topics = clean(&refused.topics.join(", "));
            output::print(format_args!("Not sent:     {topics}: {}", clean(&refused.reason)))?;
        }
        Ok(())
    }
}

/// The command that connects a store of this kind.
fn how_to_connect(provider: &str, id: &str) -> String {
    let platform = Provider::parse(provider).map(providers::of);
    let api = platform.and_then(<dyn providers::Platform>::store_api);
    match api {
        Some(api) if api.oauth().is_some() => format!("`cloud-bridge stores connect {provider} --integration {id}`"),
        Some(_) => format!("`cloud-bridge integrations set-access {id}`"),
        None => "nothing needs to, for such a store posts its webhooks by itself".to_owned(),
    }
}

/// How it stands, and what to do about it: `connect` is the command that connects it.
fn sentence(connection: &Connection, connect: &str) -> String {
    let failed = connection.failure.as_ref().map(|failure| {
        format!(" The latest attempt failed at {} UTC: {}.", moment(failure.at), clean(&failure.reason))
    });
    let failed = failed.unwrap_or_default();
    match word(&connection.status).as_str() {
        "waiting" => {
            let until = connection.waiting_until.map(moment).unwrap_or_default();
            format!("It waits for the store to be authorised, until {until} UTC.")
        }
        "connected" => match connection.connected_at {
            Some(at) => format!("It is connected since {} UTC.{failed}", moment(at)),
            None => format!("It is called by a token that somebody copied.{failed}"),
        },
        "lost" => {
            let why = match connection.lost_reason.as_deref() {
                Some("UNINSTALLED") => "the app was removed from the store",
                Some("REVOKED") => "the authorisation was taken back",
                Some("EXPIRED") => "the token ended, and could not be renewed",
                Some(_) | None => "the store does not take the token any more",
            };
            let at = connection.lost_at.map(moment).unwrap_or_default();
            format!("It is not connected any more: {why} ({at} UTC). Connect it again: {connect}.{failed}")
        }
        // A store without an API is not called.
        _ if !connect.starts_with('`') => format!("It is not connected, and {connect}."),
        _ => format!("It is not connected: {connect} does it.{failed}"),
    }
}
