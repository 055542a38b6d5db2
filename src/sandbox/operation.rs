//! What can be asked of Cortex Cloud: the names by which calls are counted, held and made to fail.

use serde::{Deserialize, Serialize};
use strum::{EnumIter, IntoStaticStr};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, EnumIter, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Operation {
    Login,
    FindUser,
    Relation,
    Follow,
    Unfollow,
    FindItem,
    IsShared,
    Share,
}

impl Operation {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;
    use crate::scripted::On;

    #[test]
    fn an_operation_is_called_the_same_everywhere() {
        for operation in Operation::iter() {
            let name = serde_json::to_value(operation).unwrap();
            assert_eq!(name, operation.as_str());
            assert_eq!(serde_json::from_value::<On<Operation>>(name).unwrap(), On::Only(operation));
        }
        assert_eq!(serde_json::from_str::<On<Operation>>(r#""any""#).unwrap(), On::Any);
        assert!(serde_json::from_str::<On<Operation>>(r#""deliver""#).is_err());
    }
}
