//! How many attempts may be under way at a time, and who gets the room of one that has ended.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use domain::{AccountId, EndpointId};
use projections::commerce::events::ListPosition;

/// Attempts that are under way at a time, of all endpoints together.
const MAX_IN_FLIGHT: usize = 1_024;
/// The same of one account.
const MAX_IN_FLIGHT_OF_ACCOUNT: usize = 256;

/// Room for attempts, and the endpoints that found none.
#[derive(Default)]
pub(super) struct Room {
    in_flight: usize,
    accounts: HashMap<AccountId, RoomOfAccount>,
    /// Endpoints that found no room though their account had some, each once: who came first is first.
    waiting: VecDeque<EndpointId>,
    is_waiting: HashSet<EndpointId>,
}

#[derive(Default)]
struct RoomOfAccount {
    in_flight: usize,
    /// Endpoints that found no room, each once. First is the one whose next event is the oldest.
    waiting: BTreeSet<(ListPosition, EndpointId)>,
    waits_with: HashMap<EndpointId, ListPosition>,
}

impl Room {
    /// Takes room for an attempt to send the event at this place to an endpoint. Where there is none, the endpoint waits for it.
    pub(super) fn take(&mut self, account_id: AccountId, endpoint_id: EndpointId, at: ListPosition) -> bool {
        let of_account = self.accounts.entry(account_id).or_default();
        if of_account.in_flight >= MAX_IN_FLIGHT_OF_ACCOUNT {
            of_account.wait(endpoint_id, at);
            return false;
        }
        if self.in_flight >= MAX_IN_FLIGHT {
            self.forget_unused(account_id);
            if self.is_waiting.insert(endpoint_id) {
                self.waiting.push_back(endpoint_id);
            }
            return false;
        }
        of_account.in_flight += 1;
        self.in_flight += 1;
        true
    }

    /// Gives back what an attempt took. Returns who has waited for that: one endpoint of the account, one of all.
    pub(super) fn give_back(&mut self, account_id: AccountId) -> impl Iterator<Item = EndpointId> + use<> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let next = self.waiting.pop_front();
        if let Some(endpoint_id) = &next {
            self.is_waiting.remove(endpoint_id);
        }
        let next_of_account = self.accounts.get_mut(&account_id).and_then(|of_account| {
            of_account.in_flight = of_account.in_flight.saturating_sub(1);
            of_account.next()
        });
        self.forget_unused(account_id);
        next.into_iter().chain(next_of_account)
    }

    fn forget_unused(&mut self, account_id: AccountId) {
        if self.accounts.get(&account_id).is_some_and(RoomOfAccount::is_unused) {
            self.accounts.remove(&account_id);
        }
    }
}

impl RoomOfAccount {
    fn wait(&mut self, endpoint_id: EndpointId, at: ListPosition) {
        if let Some(before) = self.waits_with.insert(endpoint_id, at) {
            self.waiting.remove(&(before, endpoint_id));
        }
        self.waiting.insert((at, endpoint_id));
    }

    fn next(&mut self) -> Option<EndpointId> {
        let (_, endpoint_id) = self.waiting.pop_first()?;
        self.waits_with.remove(&endpoint_id);
        Some(endpoint_id)
    }

    fn is_unused(&self) -> bool {
        self.in_flight == 0 && self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use event_log::Position;
    use uuid::Uuid;

    use super::*;

    fn account(number: usize) -> AccountId {
        AccountId(Uuid::from_u128(number as u128))
    }

    fn endpoint(number: u128) -> EndpointId {
        EndpointId(Uuid::from_u128(number))
    }

    fn at(position: i64) -> ListPosition {
        ListPosition { position: Position(position), ordinal: 0 }
    }

    fn given_back(room: &mut Room, account_id: AccountId) -> Vec<EndpointId> {
        room.give_back(account_id).collect()
    }

    #[test]
    fn the_room_of_an_account_goes_to_the_endpoint_whose_next_event_is_the_oldest() {
        let mut room = Room::default();
        assert!((0..MAX_IN_FLIGHT_OF_ACCOUNT).all(|_| room.take(account(1), endpoint(1), at(9))));
        for (number, position) in [(2, 5), (3, 4), (2, 3), (4, 6)] {
            assert!(!room.take(account(1), endpoint(number), at(position)));
        }
        assert!(room.take(account(2), endpoint(5), at(1)), "another account has room");
        let next: Vec<_> = (0..4).map(|_| given_back(&mut room, account(1))).collect();
        assert_eq!(next, [vec![endpoint(2)], vec![endpoint(3)], vec![endpoint(4)], vec![]]);
        assert!(room.take(account(1), endpoint(4), at(6)));
    }

    #[test]
    fn the_room_of_all_goes_to_who_came_first() {
        let mut room = Room::default();
        for number in 0..MAX_IN_FLIGHT {
            assert!(room.take(account(number / 200), endpoint(1), at(9)));
        }
        for (number, of_account) in [(2, 90), (3, 91), (2, 90)] {
            assert!(!room.take(account(of_account), endpoint(number), at(1)));
        }
        assert_eq!(given_back(&mut room, account(0)), [endpoint(2)]);
        assert!(room.take(account(90), endpoint(2), at(1)));
        assert!(!room.take(account(90), endpoint(2), at(2)));
        assert_eq!(given_back(&mut room, account(0)), [endpoint(3)]);
        assert_eq!(given_back(&mut room, account(0)), [endpoint(2)]);
        assert_eq!(given_back(&mut room, account(0)), []);
    }

    #[test]
    fn of_accounts_that_send_nothing_nothing_is_kept() {
        let mut room = Room::default();
        assert!(room.take(account(1), endpoint(1), at(1)));
        assert_eq!(given_back(&mut room, account(1)), []);
        assert!(room.accounts.is_empty() && room.in_flight == 0);
    }
}
