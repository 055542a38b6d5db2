//! Secrets among the arguments of a command, where everybody on the machine can see them.

use std::ffi::OsStr;

use clap::ArgMatches;
use clap::parser::ValueSource;
use reqwest::Url;

/// The options that take a secret, and what keeps it to oneself.
const SECRETS: [(&str, &str); 2] = [
    ("api_key", "--api-key shows in the list of processes: CLOUD_BRIDGE_API_KEY or --api-key-file keeps it to you"),
    ("secret", "--secret shows in the list of processes: CLOUD_BRIDGE_SECRET or --secret-file keeps it to you"),
];

const LOG: &str = "the password in --log shows in the list of processes: CLOUD_BRIDGE_LOG keeps it to you";

const PROXY: &str =
    "the password in --outbound-proxy shows in the list of processes: CLOUD_BRIDGE_OUTBOUND_PROXY keeps it to you";

fn has_password(url: &OsStr) -> bool {
    url.to_str().and_then(|url| Url::parse(url).ok()).is_some_and(|url| url.password().is_some())
}

/// What to warn of: the command that was given and those that it is part of.
pub(super) fn warnings(matches: &ArgMatches) -> Vec<&'static str> {
    let mut found = vec![];
    let mut matches = Some(matches);
    while let Some(command) = matches {
        // Not every command has every option.
        let typed = |name: &str| {
            command.try_contains_id(name).is_ok() && command.value_source(name) == Some(ValueSource::CommandLine)
        };
        found.extend(SECRETS.iter().filter(|(name, _)| typed(name)).map(|(_, warning)| *warning));
        if typed("log") && command.get_raw("log").is_some_and(|mut urls| urls.any(has_password)) {
            found.push(LOG);
        }
        if typed("outbound_proxy") && command.get_raw("outbound_proxy").is_some_and(|mut urls| urls.any(has_password)) {
            found.push(PROXY);
        }
        matches = command.subcommand().map(|(_, command)| command);
    }
    found
}
