//! Secrets among the arguments of a command, where everybody on the machine can see them.

use clap::ArgMatches;
use clap::parser::ValueSource;

/// The options that take a secret, and what keeps it to oneself.
const SECRETS: [(&str, &str); 2] = [
    ("api_key", "--api-key shows in the list of processes: CLOUD_BRIDGE_API_KEY or --api-key-file keeps it to you"),
    ("secret", "--secret shows in the list of processes: CLOUD_BRIDGE_SECRET or --secret-file keeps it to you"),
];

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
        matches = command.subcommand().map(|(_, command)| command);
    }
    found
}
