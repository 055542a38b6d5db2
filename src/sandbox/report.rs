//! What the sandbox reports about itself: the calls it has seen and the state it is in.

use std::collections::BTreeMap;

use serde::Serialize;

use super::operation::Operation;
use super::people::{ALWAYS_THERE, FollowsBack};
use super::tally::{FollowCount, ShareCount};
use super::{CallCount, FaultScript, HoldReport, Sandbox};

/// Lists are cut after this many; the totals beside them are not.
const MAX_LISTED: usize = 1_000;

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    pub operations: BTreeMap<Operation, CallCount>,
    pub share_totals: ShareCount,
    pub shares: Vec<ShareReport>,
    pub follow_totals: FollowCount,
    pub follows: Vec<FollowReport>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ShareReport {
    pub kind: &'static str,
    pub id: String,
    pub username: String,
    #[serde(flatten)]
    pub count: ShareCount,
}

#[derive(Clone, Debug, Serialize)]
pub struct FollowReport {
    pub username: String,
    #[serde(flatten)]
    pub count: FollowCount,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StateReport {
    pub accounts: usize,
    pub live_sessions: usize,
    /// Those who are always there, then those who were added or changed.
    pub users: Vec<UserReport>,
    pub relations: Vec<RelationReport>,
    pub faults: Vec<FaultScript>,
    pub holds: Vec<HoldReport>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserReport {
    pub username: String,
    pub follows_back: FollowsBack,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RelationReport {
    /// The e-mail address of the merchant's account.
    pub merchant: String,
    pub username: String,
    pub following: bool,
    pub followed_back: bool,
}

impl Calls {
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        let operations = sandbox.call_counts();
        let tally = &sandbox.world().tally;
        let share_totals = tally.shares().fold(ShareCount::default(), |sum, (_, count)| ShareCount {
            calls: sum.calls + count.calls,
            effective: sum.effective + count.effective,
            repeated: sum.repeated + count.repeated,
        });
        let follow_totals = tally.follows().fold(FollowCount::default(), |sum, (_, count)| FollowCount {
            calls: sum.calls + count.calls,
            effective: sum.effective + count.effective,
        });
        let shares = tally.shares().take(MAX_LISTED).map(|(key, count)| ShareReport {
            kind: key.kind.as_str(),
            id: key.id.clone(),
            username: key.username.clone(),
            count,
        });
        let follows = tally.follows().take(MAX_LISTED);
        let follows = follows.map(|(username, count)| FollowReport { username: username.to_owned(), count });
        Self { operations, share_totals, shares: shares.collect(), follow_totals, follows: follows.collect() }
    }
}

impl StateReport {
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        let (faults, holds) = (sandbox.pending_faults(), sandbox.active_holds());
        let now = sandbox.clock().now();
        let world = sandbox.world();
        let users = ALWAYS_THERE.into_iter().chain(world.people.added()).take(MAX_LISTED);
        let relations = world.people.followed().take(MAX_LISTED).filter_map(|(merchant, username)| {
            let relation = world.people.relation(merchant, username, now).ok()?;
            Some(RelationReport {
                merchant: merchant.to_owned(),
                username: username.to_owned(),
                following: relation.following,
                followed_back: relation.followed_back,
            })
        });
        Self {
            accounts: world.accounts.count(),
            live_sessions: world.accounts.live_sessions(now),
            users: users
                .map(|(username, follows_back)| UserReport { username: username.to_owned(), follows_back })
                .collect(),
            relations: relations.collect(),
            faults,
            holds,
        }
    }
}
