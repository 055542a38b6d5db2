//! Texts about a person.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text about a person: in the clear for the subscriber, and in no log, since `Debug` shows nothing of it. It is sealed
/// where it is stored (`domain::Private`), and absent once it was erased.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub struct Personal(String);

impl Personal {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Personal {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Personal {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_sees_it_and_a_log_does_not() {
        let email = Personal::from("fan@music.com");
        assert_eq!(serde_json::to_string(&email).unwrap(), r#""fan@music.com""#);
        assert_eq!(format!("{email:?}"), "[personal]");
    }
}
