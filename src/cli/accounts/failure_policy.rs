//! `cloud-bridge accounts set-failure-policy`: what becomes of notifications of instances that fail.

use clap::Args;
use clap::builder::PossibleValuesParser;
use domain::account::FailurePolicy;
use serde_json::json;
use strum::IntoEnumIterator as _;

use crate::cli::acting::Acting;
use crate::cli::client::ServerArgs;
use crate::cli::output;

/// Say what becomes of notifications of instances that fail: `retry` them, or `queue` them for who pulls or replays them
#[derive(Args, Debug)]
pub(in crate::cli) struct SetFailurePolicy {
    #[arg(value_name = "POLICY", value_parser = PossibleValuesParser::new(FailurePolicy::iter().map(FailurePolicy::as_str)))]
    policy: String,
    /// The account, for administrators [default: the calling key's]
    #[arg(long, env = "CLOUD_BRIDGE_ACCOUNT", value_name = "ACCOUNT_ID")]
    account: Option<String>,
    #[command(flatten)]
    server: ServerArgs,
}

const SET: &str = "mutation($input: SetFailurePolicyInput!) {
  setFailurePolicy(input: $input) { policy userErrors { code message field } } }";

impl SetFailurePolicy {
    pub(in crate::cli) async fn run(self, json: bool) -> anyhow::Result<()> {
        let client = self.server.client()?;
        let acting = Acting::on_merchant(&client, self.account.as_deref(), "the policy").await?;
        acting.print_account()?;
        let input = json!({ "accountId": acting.account_id, "policy": self.policy.to_uppercase() });
        client.change(SET, json!({ "input": input }), "setFailurePolicy").await?;
        if json {
            return Ok(output::print_json(&json!({ "policy": self.policy }))?);
        }
        let consequence = if self.policy == FailurePolicy::Queue.as_str() {
            "kept as dead letters, and not sent again by themselves"
        } else {
            "sent again by the schedule of their endpoint"
        };
        Ok(output::say(&format!("Notifications of instances that fail are {consequence}."))?)
    }
}
