//! Where a demonstration runs and how it is used: in a file as long as it runs, where `listen` and `trigger` find it.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cli::keep;

/// Longest file of a demonstration that is read.
const MAX_BYTES: u64 = 64 * 1_024;

/// Where the file is: the same for the demonstration and for the commands that read it.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct DemoFileArgs {
    /// File in which a demonstration says where it is as long as it runs, with its keys
    #[arg(
        long,
        env = "CLOUD_BRIDGE_DEMO_FILE",
        value_name = "FILE",
        default_value = "cloud-bridge-demo.json",
        hide_env_values = true
    )]
    pub(in crate::cli) demo_file: PathBuf,
}

/// A demonstration that runs.
#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct DemoAccess {
    pub(in crate::cli) server: String,
    /// Of a merchant, whose stores these are.
    pub(in crate::cli) api_key: String,
    pub(in crate::cli) stores: Vec<DemoStore>,
}

#[derive(Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::cli) struct DemoStore {
    pub(in crate::cli) integration_id: String,
    pub(in crate::cli) secret: String,
}

impl DemoAccess {
    /// The demonstration that wrote this file. None where there is none.
    pub(in crate::cli) fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        let mut text = String::new();
        file.take(MAX_BYTES).read_to_string(&mut text).with_context(|| format!("{} cannot be read", path.display()))?;
        let access = serde_json::from_str(&text);
        access.map(Some).with_context(|| format!("{} is not the file of a demonstration: remove it", path.display()))
    }

    /// Writes it for the user of this machine alone, until what is returned goes away.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<Written> {
        keep(path, &serde_json::to_string(self)?)
            .with_context(|| format!("what `listen` and `trigger` need cannot be written to {}", path.display()))?;
        Ok(Written(path.to_owned()))
    }
}

/// The file of a demonstration that runs.
pub(super) struct Written(PathBuf);

impl Drop for Written {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.0.display(), %error, "the file of the demonstration is left behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demonstration_is_found_as_long_as_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo.json");
        assert!(DemoAccess::read(&path).unwrap().is_none());
        let store = DemoStore { integration_id: "1".to_owned(), secret: "whsec_1".to_owned() };
        let access = DemoAccess {
            server: "http://127.0.0.1:1".to_owned(),
            api_key: "cb_live_1".to_owned(),
            stores: vec![store],
        };
        let written = access.write(&path).unwrap();
        assert_eq!(DemoAccess::read(&path).unwrap().unwrap().stores[0].secret, "whsec_1");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o077, 0, "it holds keys");
        }
        drop(written);
        assert!(DemoAccess::read(&path).unwrap().is_none());
        std::fs::write(&path, "{}").unwrap();
        assert!(DemoAccess::read(&path).is_err());
    }
}
