//! Where `cloud-bridge serve` may send: endpoints of subscribers, and a mail server.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use ipnet::IpNet;
use reqwest::Url;

use super::network;
use super::webhooks::secret_in;
use crate::ports::outbound::OutboundRules;
use crate::service::MailOptions;

#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Endpoints")]
pub(super) struct OutboundArgs {
    /// Let endpoints have `http://` addresses too: what is sent can be read on the way
    #[arg(long, env = "CLOUD_BRIDGE_ALLOW_HTTP_ENDPOINTS", value_parser = clap::builder::FalseyValueParser::new())]
    allow_http_endpoints: bool,
    /// Call endpoints in this range, like 10.20.0.0/16, although it is not public; once for each range, or separated by commas
    ///
    /// Every subscriber can then call every machine and port in it (docs/outbound-safety.md).
    #[arg(long, env = "CLOUD_BRIDGE_ALLOW_ENDPOINT_RANGE", value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    allow_endpoint_range: Vec<IpNet>,
    /// HTTP proxy through which all endpoints are called; it has to refuse private addresses itself (docs/outbound-safety.md)
    #[arg(long, env = "CLOUD_BRIDGE_OUTBOUND_PROXY", value_name = "URL", hide_env_values = true, value_parser = proxy)]
    outbound_proxy: Option<Url>,
    /// File with the URL of the mail server through which accounts are written to about their endpoints, like
    /// `smtps://user:password@mail.example.com` or `smtp://mail.example.com?tls=required` [default: no mail is sent]
    #[arg(long, env = "CLOUD_BRIDGE_SMTP_URL_FILE", value_name = "FILE", requires = "mail_from")]
    smtp_url_file: Option<PathBuf>,
    /// The sender of that mail, like `Webhooks <webhooks@example.com>`
    #[arg(long, env = "CLOUD_BRIDGE_MAIL_FROM", value_name = "ADDRESS", requires = "smtp_url_file")]
    mail_from: Option<String>,
}

impl OutboundArgs {
    pub(super) fn rules(&self) -> OutboundRules {
        OutboundRules {
            allow_http: self.allow_http_endpoints,
            allowed: self.allow_endpoint_range.clone(),
            proxy: self.outbound_proxy.clone(),
        }
    }

    pub(super) fn mail(&self) -> anyhow::Result<Option<MailOptions>> {
        match (&self.smtp_url_file, &self.mail_from) {
            (Some(path), Some(from)) => {
                let smtp_url = secret_in(Some(path)).context("--smtp-url-file")?;
                Ok(smtp_url.map(|smtp_url| MailOptions { smtp_url, from: from.clone() }))
            }
            (None, None) => Ok(None),
            (Some(_), None) | (None, Some(_)) => {
                bail!("--smtp-url-file and --mail-from are given together, or neither")
            }
        }
    }
}

/// Says nothing of what was given, which may hold a password.
fn proxy(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    url.ok_or("write it like http://proxy.example:3128")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        outbound: OutboundArgs,
    }

    fn read(args: &[&str]) -> Result<OutboundArgs, clap::Error> {
        Command::try_parse_from([&["serve"], args].concat()).map(|command| command.outbound)
    }

    #[test]
    fn nothing_but_public_https_is_called_unless_the_operator_says_so() {
        let rules = read(&[]).unwrap().rules();
        assert!(!rules.allow_http && rules.allowed.is_empty() && rules.proxy.is_none());
        let args =
            ["--allow-http-endpoints", "--allow-endpoint-range", "10.0.0.0/8,::1", "--outbound-proxy", "http://p:1"];
        let rules = read(&args).unwrap().rules();
        assert!(rules.allow_http && rules.proxy.is_some());
        assert_eq!(rules.allowed, ["10.0.0.0/8".parse().unwrap(), "::1/128".parse::<IpNet>().unwrap()]);
        for wrong in [["--allow-endpoint-range", "10.0.0.0/33"], ["--outbound-proxy", "socks5://p:1"]] {
            assert!(read(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_mail_server_is_named_in_a_file_with_a_sender() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smtp");
        std::fs::write(&path, "smtps://user:secret@mail.example\n").unwrap();
        let path = path.to_str().unwrap();
        let mail =
            read(&["--smtp-url-file", path, "--mail-from", "hooks@bridge.example"]).unwrap().mail().unwrap().unwrap();
        assert_eq!(
            (mail.smtp_url.expose_secret(), &*mail.from),
            ("smtps://user:secret@mail.example", "hooks@bridge.example")
        );
        assert!(read(&[]).unwrap().mail().unwrap().is_none());
        assert!(read(&["--smtp-url-file", path]).is_err());
        assert!(read(&["--mail-from", "hooks@bridge.example"]).is_err());
    }
}
