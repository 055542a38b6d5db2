//! `cloud-bridge processes retry`: has the server try parked events again.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Deserialize;
use serde_json::json;

use crate::cli::client::{ServerArgs, understood};
use crate::cli::output;
use crate::processes::NAMES;

/// Try parked events again now, after what kept them from being handled was put right
///
/// The node that runs the process manager tries them. What cannot be handled this time either stays parked.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  cloud-bridge processes retry
  cloud-bridge processes retry fixes
  cloud-bridge processes retry legal_requests 1042")]
pub(super) struct Retry {
    /// Only those of this process manager
    #[arg(env = "CLOUD_BRIDGE_PROCESS", value_parser = PossibleValuesParser::new(NAMES))]
    name: Option<String>,
    /// Only the event at this position
    #[arg(env = "CLOUD_BRIDGE_POSITION", requires = "name", value_parser = clap::value_parser!(u64))]
    position: Option<u64>,
    #[command(flatten)]
    server: ServerArgs,
}

const RETRY: &str = "mutation($input: RetryParkedEventsInput!) {
  retryParkedEvents(input: $input) { matched handled waiting userErrors { code message field } } }";

#[derive(Deserialize)]
struct Retried {
    matched: u64,
    handled: u64,
    waiting: u64,
}

impl Retry {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let position = self.position.map(|position| position.to_string());
        let input = json!({ "input": { "process": self.name, "position": position } });
        let payload = self.server.client()?.change(RETRY, input, "retryParkedEvents").await?;
        let Retried { matched, handled, waiting } = understood(&payload)?;
        if json {
            return Ok(output::print_json(&json!({ "matched": matched, "handled": handled, "waiting": waiting }))?);
        }
        Ok(output::say(&what_came_of_it(matched, handled, waiting))?)
    }
}

fn what_came_of_it(matched: u64, handled: u64, waiting: u64) -> String {
    if matched == 0 {
        return "No event is parked.".to_owned();
    }
    let left = matched.saturating_sub(handled).saturating_sub(waiting);
    let mut sentences = vec![format!("{handled} of {matched} parked events were handled.")];
    if left > 0 {
        sentences.push(format!("{left} could not be: `cloud-bridge processes parked` says why."));
    }
    if waiting > 0 {
        sentences.push(format!("{waiting} have yet to be tried."));
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_it_is_said() {
        assert_eq!(what_came_of_it(0, 0, 0), "No event is parked.");
        assert_eq!(what_came_of_it(3, 3, 0), "3 of 3 parked events were handled.");
        let parked = " 1 could not be: `cloud-bridge processes parked` says why. 1 have yet to be tried.";
        assert_eq!(what_came_of_it(3, 1, 1), format!("1 of 3 parked events were handled.{parked}"));
    }
}
