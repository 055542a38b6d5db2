//! `cloud-bridge endpoints test`.

use anyhow::bail;
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::output::{self, clean};

/// Send a sample to an endpoint at once, signed as every event is, and print what it responded
///
/// It carries the header `webhook-test: true`. It changes nothing of the endpoint, paused or not, and is not tried again.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge endpoints test ID
  cloud-bridge endpoints test ID --type order.refunded")]
pub(in crate::cli) struct Test {
    #[arg(value_name = "ENDPOINT_ID")]
    id: String,
    /// The type of the sample [default: the first that the endpoint gets]
    #[arg(long = "type", env = "CLOUD_BRIDGE_TYPE", value_name = "TYPE")]
    event_type: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const TEST: &str = "mutation($input: TestEndpointInput!) {
  testEndpoint(input: $input) {
    test { type messageId sentAt succeeded status durationMs address reason answer } userErrors { code message field } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Tested {
    r#type: String,
    message_id: String,
    succeeded: bool,
    status: Option<u16>,
    duration_ms: u32,
    address: Option<String>,
    reason: Option<String>,
    answer: String,
}

impl Test {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = super::named(&client, &self.id).await?;
        let input = json!({ "endpointId": id, "type": self.event_type });
        let payload = client.change(TEST, json!({ "input": input }), "testEndpoint").await?["test"].take();
        let tested: Tested = understood(&payload)?;
        if json {
            output::print_json(&payload)?;
        } else {
            print(&tested)?;
        }
        if tested.succeeded { Ok(()) } else { bail!("the endpoint did not take the test event") }
    }
}

fn print(tested: &Tested) -> std::io::Result<()> {
    let status = tested.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
    let mut facts = vec![
        ("Sent", format!("{} (webhook-id {})", tested.r#type, tested.message_id)),
        ("To", tested.address.clone().unwrap_or_else(|| "no single address was reached".to_owned())),
        ("Response", format!("{status} after {} ms", tested.duration_ms)),
    ];
    facts.extend(tested.reason.clone().map(|reason| ("Failed", reason)));
    if !tested.answer.is_empty() {
        facts.push(("Answer", tested.answer.clone()));
    }
    for (name, value) in facts {
        output::print(format_args!("{name:<12}{}", output::fitted(&clean(&value), 12)))?;
    }
    Ok(())
}
