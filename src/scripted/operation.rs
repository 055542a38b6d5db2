//! Which calls a fault or a hold applies to.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum On<O> {
    #[serde(rename = "any")]
    Any,
    #[serde(untagged)]
    Only(O),
}

impl<O: PartialEq> On<O> {
    pub(super) fn covers(&self, operation: &O) -> bool {
        match self {
            Self::Any => true,
            Self::Only(only) => only == operation,
        }
    }
}

impl<O> From<O> for On<O> {
    fn from(operation: O) -> Self {
        Self::Only(operation)
    }
}
