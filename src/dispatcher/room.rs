//! How many attempts may be under way at a time, and who gets the room of one that has ended.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use domain::{AccountId, EndpointId};
use projections::commerce::events::ListPosition;

/// Attempts that are under way at a time, of all endpoints together.
const MAX_IN_FLIGHT: usize = 1_024;
/// The same of one account.
const MAX_IN_FLIGHT_OF_ACCOUNT: usize = 256;
/// An endpoint with fewer under way may be sent more where its account has no room: what responds at once does not wait for what
/// responds late. An account has few endpoints.
const ALWAYS_OF_ENDPOINT: usize = 2;
/// An account with fewer under way may be sent more where there is no room for all, up to twice as much.
const ALWAYS_OF_ACCOUNT: usize = 32;

/// Room for attempts, and the endpoints that found none.
#[derive(Default)]
pub(super) struct Room {
    in_flight: usize,
    accounts: HashMap<AccountId, RoomOfAccount>,
    /// Accounts that may have room for endpoints that found none.
    freed: BTreeSet<AccountId>,
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
    /// Takes room for an attempt to send the event at this place to an endpoint that has so many under way. Where there is none, the
    /// endpoint waits for it.
    pub(super) fn take(
        &mut self,
        account_id: AccountId,
        (endpoint_id, in_flight): (EndpointId, usize),
        at: ListPosition,
    ) -> bool {
        let of_account = self.accounts.entry(account_id).or_default();
        if of_account.in_flight >= MAX_IN_FLIGHT_OF_ACCOUNT && in_flight >= ALWAYS_OF_ENDPOINT {
            of_account.wait(endpoint_id, at);
            return false;
        }
        let most = if of_account.in_flight < ALWAYS_OF_ACCOUNT { 2 * MAX_IN_FLIGHT } else { MAX_IN_FLIGHT };
        if self.in_flight >= most {
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

    /// Gives back what an attempt took.
    pub(super) fn give_back(&mut self, account_id: AccountId) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(of_account) = self.accounts.get_mut(&account_id) {
            of_account.in_flight = of_account.in_flight.saturating_sub(1);
            if !of_account.waiting.is_empty() {
                self.freed.insert(account_id);
            }
        }
        self.forget_unused(account_id);
    }

    /// The endpoints that waited for the room there is, which wait no more: as many as have room. Where they take none of it, there
    /// may be others.
    pub(super) fn offered(&mut self) -> Vec<EndpointId> {
        let free = MAX_IN_FLIGHT.saturating_sub(self.in_flight).min(self.waiting.len());
        let mut offered: Vec<EndpointId> = self.waiting.drain(..free).collect();
        for endpoint_id in &offered {
            self.is_waiting.remove(endpoint_id);
        }
        let Self { accounts, freed, .. } = self;
        freed.retain(|account_id| {
            let Some(of_account) = accounts.get_mut(account_id) else { return false };
            let free = MAX_IN_FLIGHT_OF_ACCOUNT.saturating_sub(of_account.in_flight);
            offered.extend(std::iter::from_fn(|| of_account.next()).take(free));
            free > 0 && !of_account.waiting.is_empty()
        });
        offered
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

    /// For an endpoint that has enough under way to wait for more.
    fn take(room: &mut Room, of_account: usize, number: u128, at: ListPosition) -> bool {
        room.take(account(of_account), (endpoint(number), ALWAYS_OF_ENDPOINT), at)
    }

    fn offered_after_one(room: &mut Room, account_id: AccountId) -> Vec<EndpointId> {
        room.give_back(account_id);
        room.offered()
    }

    #[test]
    fn the_room_of_an_account_goes_to_the_endpoint_whose_next_event_is_the_oldest() {
        let mut room = Room::default();
        assert!((0..MAX_IN_FLIGHT_OF_ACCOUNT).all(|_| take(&mut room, 1, 1, at(9))));
        for (number, position) in [(2, 5), (3, 4), (2, 3), (4, 6)] {
            assert!(!take(&mut room, 1, number, at(position)));
        }
        assert!(take(&mut room, 2, 5, at(1)), "another account has room");
        assert_eq!(room.offered(), []);
        assert_eq!(offered_after_one(&mut room, account(1)), [endpoint(2)]);
        assert!(take(&mut room, 1, 2, at(3)));
        assert_eq!(room.offered(), []);
        assert_eq!(offered_after_one(&mut room, account(1)), [endpoint(3)]);
        assert_eq!(room.offered(), [endpoint(4)], "the one before took nothing");
        assert_eq!(offered_after_one(&mut room, account(1)), []);
    }

    #[test]
    fn the_room_of_all_goes_to_who_came_first() {
        let mut room = Room::default();
        for number in 0..MAX_IN_FLIGHT {
            assert!(take(&mut room, number / 200, 1, at(9)));
        }
        for (number, of_account) in [(2, 0), (3, 1), (2, 0)] {
            assert!(!take(&mut room, of_account, number, at(1)));
        }
        assert_eq!(room.offered(), []);
        assert_eq!(offered_after_one(&mut room, account(0)), [endpoint(2)]);
        assert!(take(&mut room, 0, 2, at(1)));
        assert!(!take(&mut room, 0, 2, at(2)));
        assert_eq!(offered_after_one(&mut room, account(0)), [endpoint(3)]);
        assert_eq!(room.offered(), [endpoint(2)], "the one before took nothing");
    }

    #[test]
    fn what_responds_at_once_does_not_wait_for_what_responds_late() {
        let mut room = Room::default();
        while take(&mut room, 1, 1, at(1)) {}
        assert!(room.take(account(1), (endpoint(2), 0), at(9)) && room.take(account(1), (endpoint(2), 1), at(10)));
        assert!(!room.take(account(1), (endpoint(2), 2), at(11)));
    }

    #[test]
    fn what_many_accounts_are_sent_leaves_some_for_each_other() {
        let mut room = Room::default();
        for number in 0..MAX_IN_FLIGHT {
            assert!(take(&mut room, number / 200, 1, at(1)));
        }
        let more = (0..MAX_IN_FLIGHT).filter(|_| take(&mut room, 90, 2, at(9))).count();
        assert_eq!(more, ALWAYS_OF_ACCOUNT);
        let all = (0..MAX_IN_FLIGHT).filter(|number| take(&mut room, 100 + number, 3, at(9))).count();
        assert_eq!(all, MAX_IN_FLIGHT - ALWAYS_OF_ACCOUNT, "and no more than twice as much");
    }

    #[test]
    fn of_accounts_that_send_nothing_nothing_is_kept() {
        let mut room = Room::default();
        assert!(take(&mut room, 1, 1, at(1)));
        assert_eq!(offered_after_one(&mut room, account(1)), []);
        assert!(room.accounts.is_empty() && room.in_flight == 0);
    }
}
