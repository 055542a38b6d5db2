//! `cloud-bridge sandbox`: a Cortex Cloud to practise on.

use clap::Args;
use serde_json::json;

use super::output;
use super::serve::bind;
use super::shutdown::asked_to_stop;
use crate::sandbox::{self, DEFAULT_EMAIL, DEFAULT_PASSWORD, SandboxOptions};

/// Run a Cortex Cloud to practise on, with scripted people and failures on demand
///
/// It speaks the protocol of docs/cortex-protocol.md, keeps everything in memory and forgets it at the end. `cloud-bridge serve`
/// talks to it without another --cortex-url. What reaches it controls it, so let it listen on this machine only.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Sandbox {
    /// Address and port to listen on
    #[arg(long, env = "CLOUD_BRIDGE_SANDBOX_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:4000")]
    listen: String,
}

const EXAMPLES: &str = "\
Examples:
  cloud-bridge sandbox
  curl -sS http://127.0.0.1:4000/sandbox/state        who follows whom, and what is held
  curl -sS http://127.0.0.1:4000/sandbox/faults -H 'content-type: application/json' \\
       -d '{\"operation\":\"share\",\"fault\":\"error_500\"}'   let the next share fail";

/// The customers that are always there, as `docs/cortex-protocol.md` lists them.
const PEOPLE: [(&str, &str); 4] = [
    ("mutual_max", "follows every merchant already"),
    ("follows_at_once, cortex_user_42", "follow back as soon as they are followed"),
    ("follows_after_3s", "follows back 3 seconds later, or any other number of seconds"),
    ("never_follows", "never follows back"),
];

impl Sandbox {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let sandbox = sandbox::start(bind(&self.listen).await?, SandboxOptions::default())?;
        let url = sandbox.base_url();
        if json {
            output::print_json_line(
                &json!({ "listening": url, "email": DEFAULT_EMAIL, "password": DEFAULT_PASSWORD }),
            )?;
        } else {
            output::print(format_args!(
                "Cortex Cloud sandbox on {url}\nLogin: {DEFAULT_EMAIL} with password {DEFAULT_PASSWORD}\n\nCustomers; all other names are unknown:"
            ))?;
            for (name, does) in PEOPLE {
                output::print(format_args!("  {name:<33}{does}"))?;
            }
            output::print("\nEvery item id exists, but those that begin with missing-. Ctrl-C ends it.")?;
        }
        asked_to_stop().await?;
        sandbox.stop().await;
        Ok(())
    }
}
