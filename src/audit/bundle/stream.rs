//! A stream as people name it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// `TYPE/ID`, like `delivery/0198…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamName {
    pub aggregate_type: String,
    pub aggregate_id: String,
}

impl FromStr for StreamName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().split_once('/') {
            Some((aggregate_type, aggregate_id)) if !aggregate_type.is_empty() && !aggregate_id.is_empty() => {
                Ok(Self { aggregate_type: aggregate_type.to_owned(), aggregate_id: aggregate_id.to_owned() })
            }
            Some(_) | None => Err("a stream is named TYPE/ID, like delivery/3f2c…"),
        }
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.aggregate_type, self.aggregate_id)
    }
}
