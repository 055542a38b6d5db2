//! The settings of an endpoint as options.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

use crate::cli::input;

/// Which receivers an endpoint is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    Standard,
    Clione,
    CloudElements,
}

/// When what fails is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Schedule {
    Standard,
    CloudElements,
    CloudElementsFive,
    Queue,
    /// That of the profile
    Profile,
}

impl Schedule {
    /// In the words of the API.
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Standard => Some("STANDARD"),
            Self::CloudElements => Some("CLOUD_ELEMENTS"),
            Self::CloudElementsFive => Some("CLOUD_ELEMENTS_FIVE"),
            Self::Queue => Some("QUEUE"),
            Self::Profile => None,
        }
    }
}

#[derive(Args, Debug)]
pub(super) struct SettingArgs {
    /// What it is for
    #[arg(long, env = "CLOUD_BRIDGE_DESCRIPTION", value_name = "TEXT")]
    description: Option<String>,
    /// Only what happens in these stores, separated by commas; `any` for all of them, and what happens in none
    #[arg(long, env = "CLOUD_BRIDGE_INTEGRATION", value_name = "INTEGRATION_ID", value_delimiter = ',')]
    integration: Option<Vec<String>>,
    /// Only events that meet this condition (docs/endpoints.md), like `@.data.total.amount > 5000`; an empty one lets all pass
    #[arg(long, env = "CLOUD_BRIDGE_FILTER", value_name = "CONDITION")]
    filter: Option<String>,
    /// File with headers to send along, one `Name: value` in a line, `-` for standard input; an empty file for none
    #[arg(long, env = "CLOUD_BRIDGE_HEADERS_FILE", value_name = "FILE")]
    headers_file: Option<PathBuf>,
    /// Which receivers it is written for: Standard Webhooks alone, or beside it what receivers of Clione or Cloud Elements expect
    #[arg(long, env = "CLOUD_BRIDGE_PROFILE", value_name = "PROFILE")]
    profile: Option<Profile>,
    /// Of the profile `clione`: the word in the names of its headers [default: Clione]
    #[arg(long, env = "CLOUD_BRIDGE_HEADER_WORD", value_name = "WORD", requires = "profile")]
    header_word: Option<String>,
    /// Of the profile `cloud-elements`: what the body has as `elementKey` [default: that of the store's platform]
    #[arg(long, env = "CLOUD_BRIDGE_ELEMENT_KEY", value_name = "KEY", requires = "profile")]
    element_key: Option<String>,
    /// Of the profile `cloud-elements`: file with the key of its signature [default: this signature is not sent]
    #[arg(long, env = "CLOUD_BRIDGE_SIGNATURE_KEY_FILE", value_name = "FILE", requires = "profile")]
    signature_key_file: Option<PathBuf>,
    /// When what fails is sent again, whatever the profile is; `profile` for that of the profile
    #[arg(long, env = "CLOUD_BRIDGE_SCHEDULE", value_name = "SCHEDULE")]
    schedule: Option<Schedule>,
    /// Whether events about one thing are sent one after the other [default: true]
    #[arg(long, env = "CLOUD_BRIDGE_ORDERED", value_name = "BOOL")]
    ordered: Option<bool>,
    /// Requests in a second, at most; `off` for no limit. A changed one counts after at most five seconds, and not for what is under way
    #[arg(long, env = "CLOUD_BRIDGE_RATE", value_name = "N", value_parser = rate)]
    rate: Option<Rate>,
    /// Requests at a time, at most [default: 10]
    #[arg(long, env = "CLOUD_BRIDGE_CONCURRENCY", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    concurrency: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rate(Option<u32>);

fn rate(text: &str) -> Result<Rate, &'static str> {
    if text.trim() == "off" {
        return Ok(Rate(None));
    }
    let number = text.trim().parse().ok().filter(|rate| (1..=1_000).contains(rate));
    number.map(|rate| Rate(Some(rate))).ok_or("it is 1 to 1000, or off")
}

impl SettingArgs {
    /// In the words of the API: what was given, and nothing else.
    pub(super) fn input(&self) -> anyhow::Result<Map<String, Value>> {
        let mut input = Map::new();
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                input.insert(name.to_owned(), value);
            }
        };
        let every = |ids: &&Vec<String>| ids.iter().any(|id| id == "any");
        set("description", self.description.as_ref().map(|text| json!(text)));
        set("integrationIds", self.integration.as_ref().map(|ids| if every(&ids) { json!([]) } else { json!(ids) }));
        set("filter", self.filter.as_ref().map(|text| json!(text)));
        set("headers", self.headers()?);
        set("profile", self.profile()?);
        set("schedule", self.schedule.map(|schedule| json!(schedule.word())));
        set("ordered", self.ordered.map(|ordered| json!(ordered)));
        set("ratePerSecond", self.rate.map(|Rate(rate)| json!(rate)));
        set("concurrency", self.concurrency.map(|concurrency| json!(concurrency)));
        Ok(input)
    }

    fn profile(&self) -> anyhow::Result<Option<Value>> {
        let Some(profile) = self.profile else { return Ok(None) };
        if profile != Profile::Clione && self.header_word.is_some() {
            bail!("--header-word is of the profile clione");
        }
        if profile != Profile::CloudElements && self.signature_key_file.is_some() {
            bail!("--signature-key-file is of the profile cloud-elements");
        }
        if profile != Profile::CloudElements && self.element_key.is_some() {
            bail!("--element-key is of the profile cloud-elements");
        }
        Ok(Some(match profile {
            Profile::Standard => json!({ "kind": "STANDARD" }),
            Profile::Clione => json!({ "kind": "CLIONE", "headerWord": self.header_word }),
            Profile::CloudElements => {
                let key = self.signature_key_file.as_deref().map(input::file).transpose()?;
                let key = key.as_ref().map(|key| key.expose_secret().trim());
                json!({ "kind": "CLOUD_ELEMENTS", "elementKey": self.element_key, "signatureKey": key })
            }
        }))
    }

    fn headers(&self) -> anyhow::Result<Option<Value>> {
        let Some(path) = &self.headers_file else { return Ok(None) };
        let text = input::file(path)?;
        let mut headers = vec![];
        for (number, line) in (1..).zip(text.expose_secret().lines()).filter(|(_, line)| !line.trim().is_empty()) {
            let (name, value) =
                line.split_once(':').with_context(|| format!("line {number} of the headers is not Name: value"))?;
            headers.push(json!({ "name": name.trim(), "value": value.trim() }));
        }
        Ok(Some(json!(headers)))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        settings: SettingArgs,
    }

    fn read(args: &[&str]) -> anyhow::Result<Value> {
        Ok(Value::Object(Command::try_parse_from([&["endpoints"], args].concat())?.settings.input()?))
    }

    #[test]
    fn what_is_given_is_in_the_input_and_nothing_else() {
        assert_eq!(read(&[]).unwrap(), json!({}));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        std::fs::write(&path, "X-Team: storm\n\nAuthorization:Bearer a:b\n").unwrap();
        let path = path.to_str().unwrap();
        let given = [
            "--headers-file",
            path,
            "--rate",
            "off",
            "--ordered",
            "false",
            "--schedule",
            "profile",
            "--integration",
            "any",
            "--profile",
            "clione",
        ];
        assert_eq!(
            read(&given).unwrap(),
            json!({
                "headers": [{ "name": "X-Team", "value": "storm" }, { "name": "Authorization", "value": "Bearer a:b" }],
                "ratePerSecond": null, "ordered": false, "schedule": null, "integrationIds": [],
                "profile": { "kind": "CLIONE", "headerWord": null },
            })
        );
        let given = ["--profile", "cloud-elements", "--element-key", "shop", "--filter", "", "--rate", "5"];
        let input = read(&given).unwrap();
        let profile = json!({ "kind": "CLOUD_ELEMENTS", "elementKey": "shop", "signatureKey": null });
        assert_eq!((&input["filter"], &input["profile"]), (&json!(""), &profile));
        let given = ["--profile", "cloud-elements", "--signature-key-file", path];
        assert!(read(&given).unwrap()["profile"]["signatureKey"].as_str().unwrap().starts_with("X-Team"));
    }

    #[test]
    fn options_that_do_not_fit_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("headers");
        std::fs::write(&path, "no header\n").unwrap();
        for wrong in [
            ["--profile", "standard", "--header-word", "Acme"].as_slice(),
            &["--profile", "clione", "--signature-key-file", "key"],
            &["--profile", "clione", "--element-key", "shop"],
            &["--element-key", "shop"],
            &["--header-word", "Acme"],
            &["--rate", "0"],
            &["--headers-file", path.to_str().unwrap()],
            &["--headers-file", "no-such-file"],
        ] {
            assert!(read(wrong).is_err(), "{wrong:?}");
        }
    }
}
