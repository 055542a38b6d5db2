//! What was shared and followed, counted so that a test can prove that something happened once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::items::ShareKey;

/// Beyond these only the calls to each operation are counted.
const MAX_COUNTED_SHARES: usize = 250_000;
const MAX_COUNTED_FOLLOWS: usize = 250_000;
/// Nothing that exists has a longer name; a longer one is not worth the memory.
const MAX_COUNTED_NAME_BYTES: usize = 512;

/// The share calls for one item and one person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ShareCount {
    /// All that arrived, whatever became of them.
    pub calls: u64,
    /// Those that shared the item: 0 or 1.
    pub effective: u64,
    /// Those that would have shared once more what was shared already.
    pub repeated: u64,
}

/// The follow calls for one person, by all merchants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FollowCount {
    pub calls: u64,
    /// Those that began to follow.
    pub effective: u64,
}

#[derive(Default)]
pub(super) struct Tally {
    shares: BTreeMap<ShareKey, ShareCount>,
    follows: BTreeMap<String, FollowCount>,
}

impl Tally {
    pub(super) fn share_asked(&mut self, key: &ShareKey) {
        let has_room = self.shares.len() < MAX_COUNTED_SHARES || self.shares.contains_key(key);
        if has_room && key.id.len() + key.username.len() <= MAX_COUNTED_NAME_BYTES {
            self.shares.entry(key.clone()).or_default().calls += 1;
        }
    }

    pub(super) fn share_done(&mut self, key: &ShareKey, newly: bool) {
        if let Some(count) = self.shares.get_mut(key) {
            *(if newly { &mut count.effective } else { &mut count.repeated }) += 1;
        }
    }

    pub(super) fn follow_asked(&mut self, username: &str) {
        let has_room = self.follows.len() < MAX_COUNTED_FOLLOWS || self.follows.contains_key(username);
        if has_room && username.len() <= MAX_COUNTED_NAME_BYTES {
            self.follows.entry(username.to_owned()).or_default().calls += 1;
        }
    }

    pub(super) fn follow_done(&mut self, username: &str, newly: bool) {
        if let Some(count) = self.follows.get_mut(username) {
            count.effective += u64::from(newly);
        }
    }

    pub(super) fn of_share(&self, key: &ShareKey) -> ShareCount {
        self.shares.get(key).copied().unwrap_or_default()
    }

    pub(super) fn of_follows(&self, username: &str) -> FollowCount {
        self.follows.get(username).copied().unwrap_or_default()
    }

    pub(super) fn shares(&self) -> impl Iterator<Item = (&ShareKey, ShareCount)> {
        self.shares.iter().map(|(key, count)| (key, *count))
    }

    pub(super) fn follows(&self) -> impl Iterator<Item = (&str, FollowCount)> {
        self.follows.iter().map(|(username, count)| (username.as_str(), *count))
    }
}
