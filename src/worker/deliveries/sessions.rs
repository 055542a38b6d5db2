//! Logins at Cortex Cloud that are still good, one for each account.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::AccountId;
use domain::account::CortexCredentials;
use parking_lot::Mutex;

use crate::ports::cortex::Session;

const MAX_HELD: usize = 10_000;
/// A session that ends sooner than this is not begun anything with.
const MARGIN: TimeDelta = TimeDelta::seconds(30);

#[derive(Default)]
pub(super) struct Sessions {
    held: Mutex<HashMap<AccountId, (CortexCredentials, Session)>>,
}

impl Sessions {
    /// A session that these very credentials opened and that lasts.
    pub(super) fn find(&self, id: AccountId, credentials: &CortexCredentials, now: DateTime<Utc>) -> Option<Session> {
        let held = self.held.lock();
        held.get(&id)
            .filter(|(opened_by, session)| opened_by == credentials && session.expires_at > now + MARGIN)
            .map(|(_, session)| session.clone())
    }

    pub(super) fn keep(&self, id: AccountId, credentials: &CortexCredentials, session: &Session) {
        let mut held = self.held.lock();
        if held.len() >= MAX_HELD {
            held.clear();
        }
        held.insert(id, (credentials.clone(), session.clone()));
    }

    pub(super) fn forget(&self, id: AccountId) {
        self.held.lock().remove(&id);
    }
}
