//! What a test or a person may change about the sandbox while it runs.

use super::items::ShareKey;
use super::people::FollowsBack;
use super::report::{Calls, StateReport};
use super::tally::{FollowCount, ShareCount};
use super::{ControlError, Sandbox};
use crate::ports::cortex::ItemRef;

impl Sandbox {
    /// A known username gets the new behaviour, also that of a user who is always there.
    pub fn add_user(&self, username: &str, follows_back: FollowsBack) -> Result<(), ControlError> {
        self.change(|world| world.people.add(username, follows_back))
    }

    /// From now on this person follows back everyone, at once.
    pub fn follow_back_now(&self, username: &str) -> Result<(), ControlError> {
        self.change(|world| match world.people.find(username).map_err(|_| ControlError::Unknown("user"))? {
            FollowsBack::Already | FollowsBack::AtOnce => Ok(()),
            FollowsBack::AfterSeconds(_) | FollowsBack::Never => world.people.add(username, FollowsBack::AtOnce),
        })
    }

    /// A known e-mail address gets the new password. The tokens it was given stay valid.
    pub fn add_account(&self, email: &str, password: &str) -> Result<(), ControlError> {
        self.change(|world| world.accounts.add(email, password))
    }

    pub fn expire_tokens(&self) {
        self.change(|world| world.accounts.expire_all());
    }

    pub fn share_count(&self, item: ItemRef<'_>, username: &str) -> ShareCount {
        let key = ShareKey { kind: item.kind, id: item.id.to_owned(), username: username.to_owned() };
        self.world().tally.of_share(&key)
    }

    pub fn follow_count(&self, username: &str) -> FollowCount {
        self.world().tally.of_follows(username)
    }

    pub fn calls(&self) -> Calls {
        Calls::of(self)
    }

    pub fn report(&self) -> StateReport {
        StateReport::of(self)
    }
}
