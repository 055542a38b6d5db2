//! `cloud-bridge stores doctor`: what is wrong between a store and the service, and mending it.

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::cli::acting::print_owner_of_integration;
use crate::cli::client::{ServerArgs, understood};
use crate::cli::identifiers::{self, Kind};
use crate::cli::output::{self, clean};

/// Say in sentences what is wrong between a store and this service, and mend what can be mended
///
/// Webhooks that are missing at the store are made again, and those that it has stopped go on. Ends with a failure where
/// something stays wrong.
#[derive(Args, Debug)]
pub(in crate::cli) struct Doctor {
    #[arg(value_name = "INTEGRATION_ID")]
    id: String,
    #[command(flatten)]
    server: ServerArgs,
}

const CHECK: &str = "mutation($input: CheckStoreInput!) {
  checkStore(input: $input) { integration { id name } findings { level sentence } userErrors { code message field } } }";

#[derive(Deserialize)]
struct Finding {
    level: String,
    sentence: String,
}

impl Doctor {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let id = identifiers::whole(&client, Kind::Integration, &self.id).await?;
        print_owner_of_integration(&client, &id).await?;
        let payload = client.change(CHECK, json!({ "input": { "integrationId": id } }), "checkStore").await?;
        let findings: Vec<Finding> = understood(&payload["findings"])?;
        let wrong = findings.iter().filter(|finding| finding.level == "WRONG").count();
        if json {
            output::print_json(&json!({ "integrationId": id, "findings": payload["findings"] }))?;
        } else {
            for finding in &findings {
                let mark = match finding.level.as_str() {
                    "WRONG" => "wrong ",
                    "MENDED" => "mended",
                    _ => "fine  ",
                };
                output::say(&format!("{mark}  {}", clean(&finding.sentence)))?;
            }
        }
        if wrong > 0 {
            let things = if wrong == 1 { "one thing is" } else { "some things are" };
            anyhow::bail!("{things} wrong: see above");
        }
        Ok(())
    }
}
