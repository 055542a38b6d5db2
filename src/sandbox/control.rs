//! What a test or a person may change about the sandbox while it runs.

use std::time::Duration;

use super::Sandbox;
use super::fault::FaultScript;
use super::hold::HoldPoint;
use super::items::ShareKey;
use super::operation::{On, Operation};
use super::people::FollowsBack;
use super::report::{Calls, StateReport};
use super::tally::{CallCount, FollowCount, ShareCount, Stage};
use crate::ports::cortex::ItemRef;

const MAX_AWAIT: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    #[error("the sandbox keeps at most {limit} of these")]
    Full { limit: usize },
    #[error("{0}")]
    OutOfBounds(&'static str),
    #[error("there is no such user")]
    UnknownUser,
    #[error("it did not happen within 30 seconds")]
    NotInTime,
}

impl Sandbox {
    /// A known username gets the new behaviour, also that of a user who is always there.
    pub fn add_user(&self, username: &str, follows_back: FollowsBack) -> Result<(), ControlError> {
        self.change(|world| world.people.add(username, follows_back))
    }

    /// From now on this person follows back everyone, at once.
    pub fn follow_back_now(&self, username: &str) -> Result<(), ControlError> {
        self.change(|world| match world.people.find(username).map_err(|_| ControlError::UnknownUser)? {
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

    /// Puts one more entry at the end of the list of faults.
    pub fn script(&self, script: FaultScript) -> Result<(), ControlError> {
        self.change(|world| world.faults.add(script))
    }

    /// Lets calls wait at this point, those that arrive from now on, until they are released (or 5 minutes have passed).
    pub fn hold(&self, on: impl Into<On>, at: HoldPoint) {
        self.change(|world| world.holds.add(on.into(), at));
    }

    pub fn release(&self, on: impl Into<On>) {
        self.change(|world| world.holds.release(on.into()));
    }

    /// Waits until so many calls have come to `stage`, at most 30 seconds.
    pub async fn wait_for(&self, operation: Operation, stage: Stage, count: u64) -> Result<CallCount, ControlError> {
        let reached = self.until(|world| world.tally.of(operation).at(stage) >= count);
        tokio::time::timeout(MAX_AWAIT, reached).await.map_err(|_| ControlError::NotInTime)?;
        Ok(self.call_count(operation))
    }

    pub fn call_count(&self, operation: Operation) -> CallCount {
        self.world().tally.of(operation)
    }

    pub fn share_count(&self, item: ItemRef<'_>, username: &str) -> ShareCount {
        let key = ShareKey { kind: item.kind, id: item.id.to_owned(), username: username.to_owned() };
        self.world().tally.of_share(&key)
    }

    pub fn follow_count(&self, username: &str) -> FollowCount {
        self.world().tally.of_follows(username)
    }

    pub fn calls(&self) -> Calls {
        Calls::of(&self.world())
    }

    pub fn report(&self) -> StateReport {
        StateReport::of(&self.world(), self.shared.clock.now())
    }
}
