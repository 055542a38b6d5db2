//! Whose a store is, in lists over several accounts: two merchants may call their stores alike.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::output::clean;

/// Characters of an id that distinguish it from most others.
const SHORT_ID: usize = 13;

/// The store that something is of, as lists ask for it: `integration { id name account { id name } }`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Store {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) account: Owner,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) struct Owner {
    pub(super) id: String,
    pub(super) name: String,
}

/// How the accounts of a list are called: by their names, and where two have one name by the beginnings of their ids as
/// well. None where the list is of one account.
pub(super) struct Owners(BTreeMap<String, String>);

impl Owners {
    pub(super) fn of<'o>(owners: impl IntoIterator<Item = &'o Owner>) -> Option<Self> {
        let owners: BTreeSet<&Owner> = owners.into_iter().collect();
        let called = |owner: &Owner| {
            let is_alone = owners.iter().filter(|other| other.name == owner.name).count() == 1;
            let begun: String = owner.id.chars().take(SHORT_ID).collect();
            let name = clean(&owner.name);
            (owner.id.clone(), if is_alone { name } else { format!("{name} ({begun})") })
        };
        (owners.len() > 1).then(|| Self(owners.iter().map(|owner| called(owner)).collect()))
    }

    pub(super) fn name<'o>(&'o self, owner: &'o Owner) -> &'o str {
        self.0.get(&owner.id).map_or(&owner.name, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_named_where_there_are_several_and_distinguished_where_they_are_called_alike() {
        let owner = |id: &str, name: &str| Owner { id: id.to_owned(), name: name.to_owned() };
        let (one, other, third) =
            (owner("01a1fc56-1111-7abc", "Storm"), owner("01a1fc56-2222-7abc", "Storm"), owner("01a1", "Rain"));
        assert!(Owners::of([&one, &one]).is_none());
        let owners = Owners::of([&one, &other, &third, &one]).unwrap();
        assert_eq!(owners.name(&one), "Storm (01a1fc56-1111)");
        assert_eq!(owners.name(&other), "Storm (01a1fc56-2222)");
        assert_eq!(owners.name(&third), "Rain");
    }
}
