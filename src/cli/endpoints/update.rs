//! `cloud-bridge endpoints update`.

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::settings::SettingArgs;
use crate::cli::client::ServerArgs;
use crate::cli::output::{self, clean};

/// Change an endpoint: what is not named stays
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge endpoints update ID --filter '@.data.paid == true' --rate 5
  cloud-bridge endpoints update ID --filter '' --rate off --integration any")]
pub(in crate::cli) struct Update {
    #[arg(value_name = "ENDPOINT_ID")]
    id: String,
    /// Where events are sent
    #[arg(long, env = "CLOUD_BRIDGE_URL", value_name = "URL")]
    url: Option<String>,
    /// Which types of events, separated by commas, in place of those before
    #[arg(long, env = "CLOUD_BRIDGE_EVENT_TYPE", value_name = "TYPE", value_delimiter = ',')]
    event_type: Option<Vec<String>>,
    #[command(flatten)]
    settings: SettingArgs,
    #[command(flatten)]
    server: ServerArgs,
}

const UPDATE: &str = "mutation($input: UpdateEndpointInput!) {
  updateEndpoint(input: $input) {
    endpoint {
      id url description eventTypes integrations { id name } filter headerNames profile headerWord elementKey hasSignatureKey schedule ordered
      ratePerSecond concurrency status }
    userErrors { code message field } } }";

impl Update {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let mut input = self.settings.input()?;
        input.extend(self.url.map(|url| ("url".to_owned(), json!(url))));
        input.extend(self.event_type.map(|types| ("eventTypes".to_owned(), json!(types))));
        if input.is_empty() {
            bail!("name what to change: --help lists the options");
        }
        let client = self.server.client()?;
        let id = super::named(&client, &self.id).await?;
        input.insert("endpointId".to_owned(), json!(id));
        let endpoint = client.change(UPDATE, json!({ "input": input }), "updateEndpoint").await?["endpoint"].take();
        if json {
            return Ok(output::print_json(&endpoint)?);
        }
        let url = clean(endpoint["url"].as_str().unwrap_or_default());
        Ok(output::say(&format!("The endpoint for {url} is changed."))?)
    }
}
