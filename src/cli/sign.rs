//! `cloud-bridge sign`: the header by which a store would sign a body.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use domain::integration::Provider;
use event_log::clock::Clock;
use providers::Outgoing;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::{output, provider_names};
use crate::ingest::MAX_BODY_BYTES;

/// Sign a webhook body from standard input, as the store would
///
/// Prints the header and a curl command that sends the body with it. The signature is over the bytes exactly as they are:
/// a line end at the end of the input belongs to them.
#[derive(Args, Debug)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Sign {
    /// The store's kind, which decides the header and its encoding
    #[arg(long, env = "CLOUD_BRIDGE_PROVIDER", value_parser = provider_names())]
    provider: String,
    /// The integration's signing secret. On the command line others on this machine can see it: better give it in the
    /// variable, or in a file
    #[arg(long, env = "CLOUD_BRIDGE_SECRET", hide_env_values = true)]
    secret: Option<SecretString>,
    /// A file with the signing secret
    #[arg(long, env = "CLOUD_BRIDGE_SECRET_FILE", value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// The integration's webhook address, for the curl command; Square signs it
    #[arg(long, env = "CLOUD_BRIDGE_WEBHOOK_URL", value_name = "URL")]
    url: Option<String>,
}

const EXAMPLES: &str = "\
Example:
  cloud-bridge sign --provider generic --secret-file secret.txt --url http://127.0.0.1:8080/api/webhooks/generic/ID < order.json";

/// Longest file with a secret that is read.
const MAX_SECRET_BYTES: u64 = 16 * 1_024;

/// Where no address is given, what the reader puts one in for.
const URL_TO_FILL_IN: &str = "WEBHOOK_URL";

impl Sign {
    pub(super) fn run(self, json: bool) -> anyhow::Result<()> {
        let mut body = vec![];
        let limit = MAX_BODY_BYTES as u64;
        std::io::stdin().lock().take(limit + 1).read_to_end(&mut body).context("standard input cannot be read")?;
        if body.len() > MAX_BODY_BYTES {
            bail!("the body has more than 2 MiB, which no webhook may have");
        }
        let Signed { headers, curl } = self.signed(&body)?;
        if json {
            let signature = headers.first();
            let (header, value) = (signature.map(|(name, _)| name), signature.map(|(_, value)| value));
            let all = headers.iter().map(|(name, value)| json!({ "name": name, "value": value }));
            let all: Vec<_> = all.collect();
            output::print_json(&json!({ "header": header, "value": value, "headers": all, "curl": curl }))?;
        } else {
            for (header, value) in headers {
                output::print(format_args!("{header}: {value}"))?;
            }
            output::print("")?;
            match curl {
                Some(curl) => output::print(curl)?,
                None => output::print("The body is not text: send it from its file with curl --data-binary @FILE.")?,
            }
        }
        Ok(())
    }

    /// The secret, of a file where one is named, without the line end after it.
    fn secret(&self) -> anyhow::Result<SecretString> {
        let secret: SecretString = match &self.secret_file {
            Some(file) => {
                let mut text = String::new();
                let limited = File::open(file).map(|file| file.take(MAX_SECRET_BYTES));
                let read = limited.and_then(|mut file| file.read_to_string(&mut text));
                read.with_context(|| format!("the secret cannot be read from {}", file.display()))?;
                text.into()
            }
            None => self
                .secret
                .clone()
                .context("give the secret in the variable CLOUD_BRIDGE_SECRET, or a file with --secret-file")?,
        };
        let secret = secret.expose_secret().trim();
        if secret.is_empty() {
            bail!("the secret is empty: nothing that is signed with it is accepted");
        }
        Ok(secret.into())
    }

    fn signed(&self, body: &[u8]) -> anyhow::Result<Signed> {
        let secret = self.secret()?;
        let provider = Provider::parse(&self.provider).context("this provider is not known")?;
        let platform = providers::of(provider);
        if platform.signs_address() && self.url.is_none() {
            bail!("{} signs the address with the body: give it with --url, as the store has it", platform.name());
        }
        let url = self.url.as_deref().unwrap_or(URL_TO_FILL_IN);
        let outgoing = Outgoing { address: url, body, at: Clock::default().now() };
        let headers = platform.sign(&outgoing, secret.expose_secret());
        let curl =
            std::str::from_utf8(body).ok().filter(|body| !body.contains('\0')).map(|body| curl(url, &headers, body));
        Ok(Signed { headers, curl })
    }
}

struct Signed {
    /// Name and value, the signature first.
    headers: Vec<(&'static str, String)>,
    /// None for a body that no shell can carry.
    curl: Option<String>,
}

/// A command for a shell that sends exactly this body, with these headers.
pub(crate) fn curl(url: &str, headers: &[(&'static str, String)], body: &str) -> String {
    let signed = headers.iter().map(|(name, value)| format!("-H '{name}: {value}'"));
    let options = ["-H 'content-type: application/json'".to_owned()].into_iter().chain(signed);
    let options = options.chain([format!("--data-binary {}", quoted(body))]).collect::<Vec<String>>();
    format!("curl -sS {} \\\n  {}", quoted(url), options.join(" \\\n  "))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        br#"{"orderId":"order-1234","targetUsername":"cortex_user_42","items":[{"sku":"STORM-LEAD-V2"}]}"#;

    fn sign(provider: &str, secret: &str) -> Sign {
        Sign { provider: provider.to_owned(), secret: Some(secret.into()), secret_file: None, url: None }
    }

    /// Made with `openssl dgst -sha256 -hmac "shpss_0123456789"`.
    #[test]
    fn known_signatures_are_printed_in_the_stores_own_header() {
        let base64 = "ugAZIYsdwoYG3O59HvJivrP1Ij+B4Wmz3Q0Oj6LL050=";
        let hex = "sha256=ba0019218b1dc28606dcee7d1ef262beb3f5223f81e169b3dd0d0e8fa2cbd39d";
        for (provider, header, value) in [
            ("shopify", "X-Shopify-Hmac-Sha256", base64),
            ("woocommerce", "X-WC-Webhook-Signature", base64),
            ("generic", "X-Webhook-Signature", hex),
        ] {
            let signed = sign(provider, "shpss_0123456789").signed(BODY).unwrap();
            assert_eq!(signed.headers, [(header, value.to_owned())]);
            let curl = signed.curl.unwrap();
            assert!(
                curl.starts_with("curl -sS 'WEBHOOK_URL'") && curl.contains(&format!("-H '{header}: {value}'")),
                "{curl}"
            );
        }
    }

    #[test]
    fn a_shell_sends_the_very_bytes() {
        assert_eq!(quoted("it's $HOME `x`"), r"'it'\''s $HOME `x`'");
        assert!(sign("generic", "secret").signed(b"\xff").unwrap().curl.is_none());
        assert!(sign("generic", "").signed(BODY).is_err());
        // Square signs the address too.
        assert!(sign("square", "secret").signed(BODY).is_err());
        let at =
            |url: &str| Sign { url: Some(url.to_owned()), ..sign("square", "secret") }.signed(BODY).unwrap().headers;
        assert_ne!(at("https://a.example"), at("https://b.example"));
        assert_eq!(
            sign("bigcommerce", "secret").signed(BODY).unwrap().headers.len(),
            3,
            "its id and time are signed too"
        );
    }

    #[test]
    fn the_secret_may_be_in_a_file_with_a_line_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "shpss_0123456789\n").unwrap();
        let in_file = Sign { secret: None, secret_file: Some(file.path().to_owned()), ..sign("shopify", "") };
        let given = sign("shopify", "shpss_0123456789");
        assert_eq!(in_file.signed(b"{}").unwrap().headers, given.signed(b"{}").unwrap().headers);
        std::fs::write(file.path(), " \n").unwrap();
        assert!(in_file.signed(b"{}").is_err());
    }
}
