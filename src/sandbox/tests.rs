//! The client and the sandbox, each tested by means of the other.

mod control_api;
mod faults;
mod holds;
mod sharing;

use std::time::Duration;

use chrono::TimeDelta;
use tokio::net::TcpListener;

use super::*;
use crate::ports::cortex::{CortexClient, CortexUser, ItemKind, ItemRef, Session};
use event_log::ids;

const PRESET: ItemRef<'static> = ItemRef { kind: ItemKind::Preset, id: "abc123-preset-id" };

/// A merchant who is logged in to a sandbox of their own.
struct Merchant {
    clock: Clock,
    sandbox: Sandbox,
    client: CortexClient,
    session: Session,
}

async fn merchant() -> Merchant {
    let clock = Clock::default();
    let options = SandboxOptions { clock: clock.clone(), ..SandboxOptions::default() };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let sandbox = start(listener, options).unwrap();
    let client = CortexClient::new(sandbox.base_url(), Duration::from_mins(1)).unwrap();
    let session = client.login(DEFAULT_EMAIL, DEFAULT_PASSWORD).await.unwrap();
    Merchant { clock, sandbox, client, session }
}

impl Merchant {
    async fn find(&self, username: &str) -> Option<CortexUser> {
        self.client.find_user(&self.session, username).await.unwrap()
    }

    async fn follow(&self, username: &str) -> CortexUser {
        let user = self.find(username).await.unwrap();
        self.client.follow(&self.session, &user, ids::fresh()).await.unwrap();
        user
    }

    /// Whether the merchant follows, and is followed back.
    async fn relation(&self, user: &CortexUser) -> (bool, bool) {
        let relation = self.client.relation(&self.session, user).await.unwrap();
        (relation.following, relation.followed_back)
    }

    fn script(&self, operation: Operation, fault: Fault) {
        self.sandbox.script(FaultScript { operation: operation.into(), fault, times: 1 }).unwrap();
    }
}

fn user(username: &str) -> CortexUser {
    CortexUser { username: username.to_owned() }
}
