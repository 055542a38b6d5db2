//! `cloud-bridge store-sandbox`: Shopify, BigCommerce, Square and WooCommerce to practise on.

use clap::Args;
use event_log::clock::Clock;
use serde_json::json;

use super::output;
use super::serve::bind;
use super::shutdown::asked_to_stop;
use crate::store_sandbox;

/// Run Shopify, BigCommerce, Square and WooCommerce stores to practise on, with orders, webhooks and failures on demand
///
/// It serves what of these platforms docs/store-sandboxes.md describes. You connect stores to it and have things
/// happen there: orders are placed, paid, refunded and cancelled. Each of these returns the webhook that the platform would send, and
/// sends it, signed, where the store was given an address. It keeps everything in memory and forgets it at the end. What
/// reaches it controls it, so let it listen on this machine only.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct StoreSandbox {
    /// Address and port to listen on
    #[arg(long, env = "CLOUD_BRIDGE_STORE_SANDBOX_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:4010")]
    listen: String,
}

const EXAMPLES: &str = "\
Examples:
  cloud-bridge store-sandbox

  STORES=http://127.0.0.1:4010
  post() { curl -sS $STORES/sandbox/$1 -H content-type:application/json -d \"$2\"; }

  Connect a store, whose token its API is read with:
      post stores '{\"platform\":\"bigcommerce\",\"id\":\"abc123\",\"token\":\"secret\"}'
  Place an order in it, and read that as Cloud Bridge does:
      post stores/abc123/orders \\
          '{\"username\":\"max\",\"lines\":[{\"sku\":\"STORM\",\"title\":\"Storm Drive\"}]}'
      curl -sS $STORES/stores/abc123/v2/orders/100 -H 'x-auth-token: secret'
  Hand the order over; refund one of its first line:
      post stores/abc123/orders/100/status '{\"status\":\"Completed\"}'
      post stores/abc123/orders/100/refund '{\"line\":0,\"quantity\":1}'
  Let the next read fail:
      post faults '{\"operation\":\"any\",\"fault\":\"error_500\"}'
  See the stores, what was read, and how the webhooks were answered:
      curl -sS $STORES/sandbox/state";

impl StoreSandbox {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let sandbox = store_sandbox::start(bind(&self.listen).await?, Clock::default())?;
        let url = sandbox.base_url();
        if json {
            output::print_json_line(&json!({ "listening": url }))?;
        } else {
            output::print(format_args!(
                "Store sandbox on {url}\n\n  Shopify      {url}/shopify/{{shop}}.myshopify.com/admin/…\n  BigCommerce  {url}/stores/{{store hash}}/v2/orders/{{id}}\n  Square       {url}/v2/orders/{{id}}\n  WooCommerce  {url}/woocommerce/{{shop}}/wp-json/wc/v3/…\n\nIt has no stores yet: connect one at {url}/sandbox/stores, as `cloud-bridge store-sandbox --help` shows. Ctrl-C ends it."
            ))?;
        }
        asked_to_stop().await?;
        sandbox.stop().await;
        Ok(())
    }
}
