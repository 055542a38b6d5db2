//! One at a time for each integration: a code of OAuth counts once. Of several nodes each has its own turns.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use domain::IntegrationId;
use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// Turns are waited for as long as the calls of the others take, which has a bound.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<BTreeMap<IntegrationId, Weak<tokio::sync::Mutex<()>>>>>);

impl Turns {
    /// Until what is returned is dropped, no other caller has a turn for this integration.
    pub(super) async fn of(&self, id: IntegrationId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock();
            turns.retain(|_, turn| turn.strong_count() > 0);
            let turn = turns.get(&id).and_then(Weak::upgrade).unwrap_or_default();
            turns.insert(id, Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_integration_has_one_turn_at_a_time_and_others_do_not_wait() {
        let (turns, one, other) =
            (Turns::default(), IntegrationId(uuid::Uuid::from_u128(1)), IntegrationId(uuid::Uuid::from_u128(2)));
        let first = turns.of(one).await;
        drop(turns.of(other).await);
        let second = tokio::spawn({
            let turns = turns.clone();
            async move { turns.of(one).await }
        });
        tokio::task::yield_now().await;
        assert!(!second.is_finished());
        drop(first);
        drop(second.await.unwrap());
        drop(turns.of(one).await);
        assert_eq!(turns.0.lock().len(), 1, "those that are not in use are forgotten");
    }
}
