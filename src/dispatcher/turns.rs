//! Which endpoint is next, of several to which something may be sent.

use std::collections::{BTreeMap, HashMap};

use domain::{AccountId, EndpointId};
use projections::commerce::events::ListPosition;

/// One account after the other, in the order in which they were added. Of each account the oldest event is first: endpoints that
/// want the same events get them at about the same time, none waits for what others have ahead of it, and each event is read once.
pub(super) struct Turns<T> {
    accounts: HashMap<AccountId, usize>,
    in_turn: BTreeMap<(usize, ListPosition, EndpointId), T>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { accounts: HashMap::new(), in_turn: BTreeMap::new() }
    }
}

impl<T> Turns<T> {
    /// Adds an endpoint, or adds it again after its turn. `at` is where its next event is.
    pub(super) fn add(&mut self, account_id: AccountId, endpoint_id: EndpointId, at: ListPosition, of: T) {
        let count = self.accounts.len();
        let account = *self.accounts.entry(account_id).or_insert(count);
        self.in_turn.insert((account, at, endpoint_id), of);
    }

    pub(super) fn next(&mut self) -> Option<T> {
        self.in_turn.pop_first().map(|(_, of)| of)
    }
}

#[cfg(test)]
mod tests {
    use event_log::Position;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn of_each_account_the_oldest_event_is_first() {
        let (one, other) = (AccountId(Uuid::from_u128(2)), AccountId(Uuid::from_u128(1)));
        let mut turns = Turns::default();
        let add = |turns: &mut Turns<_>, account_id, endpoint: u128, position| {
            let at = ListPosition { position: Position(position), ordinal: 0 };
            turns.add(account_id, EndpointId(Uuid::from_u128(endpoint)), at, (endpoint, position));
        };
        add(&mut turns, one, 1, 5);
        add(&mut turns, other, 4, 1);
        add(&mut turns, one, 2, 3);
        add(&mut turns, one, 3, 5);
        assert_eq!(turns.next(), Some((2, 3)));
        add(&mut turns, one, 2, 5);
        add(&mut turns, other, 5, 9);
        let rest: Vec<_> = std::iter::from_fn(|| turns.next()).collect();
        assert_eq!(rest, [(1, 5), (2, 5), (3, 5), (4, 1), (5, 9)]);
    }
}
