//! The customers: who there is, how each follows back, and who follows whom.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::ControlError;
use super::refusal::Refusal;
use crate::ports::cortex::Relation;

/// The people who are always there. `follows_after_<N>s` is another for every N.
pub(super) const ALWAYS_THERE: [(&str, FollowsBack); 4] = [
    ("mutual_max", FollowsBack::Already),
    ("follows_at_once", FollowsBack::AtOnce),
    ("cortex_user_42", FollowsBack::AtOnce),
    ("never_follows", FollowsBack::Never),
];

const MAX_USERS: usize = 100_000;
const MAX_RELATIONS: usize = 250_000;
const MAX_USERNAME_BYTES: usize = 256;

/// When a user follows a merchant back, as seen from the moment the merchant follows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FollowsBack {
    /// Both follow each other before anything has happened.
    Already,
    AtOnce,
    #[serde(rename = "afterSeconds")]
    AfterSeconds(u32),
    Never,
}

#[derive(Default)]
pub(super) struct People {
    /// Added or changed by the control API; comes before those who are always there.
    added: BTreeMap<String, FollowsBack>,
    /// When a merchant (an e-mail address) began to follow a customer (a username), if they still do.
    followed_at: BTreeMap<(String, String), Option<DateTime<Utc>>>,
}

impl People {
    pub(super) fn add(&mut self, username: &str, follows_back: FollowsBack) -> Result<(), ControlError> {
        if username.is_empty() || username.len() > MAX_USERNAME_BYTES {
            return Err(ControlError::OutOfBounds("a username has 1 to 256 bytes"));
        }
        if self.added.len() >= MAX_USERS && !self.added.contains_key(username) {
            return Err(ControlError::Full { limit: MAX_USERS });
        }
        self.added.insert(username.to_owned(), follows_back);
        Ok(())
    }

    pub(super) fn find(&self, username: &str) -> Result<FollowsBack, Refusal> {
        let added = self.added.get(username).copied();
        let known = added.or_else(|| always_there(username)).or_else(|| by_name(username));
        known.ok_or(Refusal::UserNotFound)
    }

    pub(super) fn relation(&self, email: &str, username: &str, now: DateTime<Utc>) -> Result<Relation, Refusal> {
        let follows_back = self.find(username)?;
        let followed_at = match self.followed_at.get(&key(email, username)) {
            Some(followed_at) => *followed_at,
            None if follows_back == FollowsBack::Already => Some(DateTime::UNIX_EPOCH),
            None => None,
        };
        let followed_back = match follows_back {
            FollowsBack::Already => true,
            FollowsBack::AtOnce => followed_at.is_some(),
            FollowsBack::AfterSeconds(seconds) => {
                followed_at.is_some_and(|at| now >= at + TimeDelta::seconds(seconds.into()))
            }
            FollowsBack::Never => false,
        };
        Ok(Relation { following: followed_at.is_some(), followed_back })
    }

    /// Whether this changed anything. Following again does not restart the wait for their answer.
    pub(super) fn follow(&mut self, email: &str, username: &str, now: DateTime<Utc>) -> Result<bool, Refusal> {
        if self.relation(email, username, now)?.following {
            return Ok(false);
        }
        self.note(email, username, Some(now))?;
        Ok(true)
    }

    pub(super) fn unfollow(&mut self, email: &str, username: &str, now: DateTime<Utc>) -> Result<(), Refusal> {
        if self.relation(email, username, now)?.following {
            self.note(email, username, None)?;
        }
        Ok(())
    }

    /// Those who were added or changed.
    pub(super) fn added(&self) -> impl Iterator<Item = (&str, FollowsBack)> {
        self.added.iter().map(|(username, follows_back)| (username.as_str(), *follows_back))
    }

    /// The usernames that each merchant has ever followed, in the order of the merchants' addresses.
    pub(super) fn followed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.followed_at.keys().map(|(email, username)| (email.as_str(), username.as_str()))
    }

    fn note(&mut self, email: &str, username: &str, followed_at: Option<DateTime<Utc>>) -> Result<(), Refusal> {
        let key = key(email, username);
        if self.followed_at.len() >= MAX_RELATIONS && !self.followed_at.contains_key(&key) {
            return Err(Refusal::Full);
        }
        self.followed_at.insert(key, followed_at);
        Ok(())
    }
}

fn key(email: &str, username: &str) -> (String, String) {
    (email.to_owned(), username.to_owned())
}

fn always_there(username: &str) -> Option<FollowsBack> {
    ALWAYS_THERE.iter().find(|(name, _)| *name == username).map(|(_, follows_back)| *follows_back)
}

fn by_name(username: &str) -> Option<FollowsBack> {
    let seconds = username.strip_prefix("follows_after_")?.strip_suffix('s')?;
    // `parse` alone would also take "+3".
    if !seconds.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    seconds.parse().ok().map(FollowsBack::AfterSeconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_when_its_bearer_follows_back() {
        for (username, follows_back) in [
            ("follows_after_0s", Some(FollowsBack::AfterSeconds(0))),
            ("follows_after_3s", Some(FollowsBack::AfterSeconds(3))),
            ("follows_after_86400s", Some(FollowsBack::AfterSeconds(86_400))),
            ("follows_after_s", None),
            ("follows_after_+3s", None),
            ("follows_after_3", None),
            ("follows_after_99999999999s", None),
            ("Mutual_Max", None),
            ("somebody", None),
        ] {
            assert_eq!(People::default().find(username).ok(), follows_back, "{username}");
        }
    }

    #[test]
    fn the_longest_wait_is_no_overflow() {
        let mut people = People::default();
        assert_eq!(people.follow("m", "follows_after_4294967295s", DateTime::UNIX_EPOCH), Ok(true));
        let relation = people.relation("m", "follows_after_4294967295s", DateTime::UNIX_EPOCH).unwrap();
        assert!(relation.following && !relation.followed_back);
    }
}
