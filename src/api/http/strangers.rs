//! Requests without a valid API key: counted by address, and refused beyond so many in a minute.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, MutexGuard};

const MINUTE_S: i64 = 60;
/// Requests without a valid key that an address may send in a minute. Behind a proxy that is not named as trusted all
/// strangers have one address; requests with a valid key are not counted.
const PER_MINUTE: u32 = 60;
/// Addresses that are remembered. Where there are more in one minute, the rest share one count.
const MAX_REMEMBERED: usize = 10_000;
/// A provider gives one customer at least so many bits of an IPv6 address.
const IPV6_PREFIX_BITS: u32 = 64;

#[derive(Default)]
pub(super) struct Strangers(Mutex<Minute>);

#[derive(Default)]
struct Minute {
    /// Since 1970.
    number: i64,
    counts: HashMap<IpAddr, u32>,
    /// Of addresses that there was no room for.
    rest: u32,
}

impl Strangers {
    /// Counts a request; how long to wait where it is one too many.
    pub(super) fn admit(&self, address: IpAddr, now: DateTime<Utc>) -> Result<(), Duration> {
        let mut minute = self.minute(now);
        let count = minute.count_of(address);
        *count = count.saturating_add(1);
        if *count <= PER_MINUTE { Ok(()) } else { Err(rest_of_minute(now)) }
    }

    /// How long an address must wait that has sent as many as it may.
    pub(super) fn check(&self, address: IpAddr, now: DateTime<Utc>) -> Result<(), Duration> {
        let count = *self.minute(now).count_of(address);
        if count < PER_MINUTE { Ok(()) } else { Err(rest_of_minute(now)) }
    }

    fn minute(&self, now: DateTime<Utc>) -> MutexGuard<'_, Minute> {
        let number = now.timestamp().div_euclid(MINUTE_S);
        let mut minute = self.0.lock();
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        minute
    }
}

impl Minute {
    fn count_of(&mut self, address: IpAddr) -> &mut u32 {
        let (address, is_full) = (network_of(address), self.counts.len() >= MAX_REMEMBERED);
        if is_full && !self.counts.contains_key(&address) {
            return &mut self.rest;
        }
        self.counts.entry(address).or_default()
    }
}

fn rest_of_minute(now: DateTime<Utc>) -> Duration {
    Duration::from_secs((MINUTE_S - now.timestamp().rem_euclid(MINUTE_S)).unsigned_abs())
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - IPV6_PREFIX_BITS);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_answered_so_often_in_a_minute_and_others_are_not_concerned() {
        let strangers = Strangers::default();
        for _ in 0..PER_MINUTE {
            assert_eq!(strangers.admit(address("203.0.113.7"), at(10)), Ok(()));
        }
        assert_eq!(strangers.admit(address("203.0.113.7"), at(20)), Err(Duration::from_secs(40)));
        assert_eq!(strangers.check(address("203.0.113.7"), at(20)), Err(Duration::from_secs(40)));
        assert_eq!(strangers.check(address("203.0.113.8"), at(20)), Ok(()), "to look counts nothing");
        assert_eq!(strangers.admit(address("203.0.113.8"), at(20)), Ok(()));
        assert_eq!(strangers.admit(address("203.0.113.7"), at(60)), Ok(()));
        for host in 0..u64::from(PER_MINUTE) {
            assert_eq!(strangers.admit(address(&format!("2001:db8::{host:x}")), at(70)), Ok(()));
        }
        assert!(strangers.admit(address("2001:db8::ffff"), at(70)).is_err(), "one network is one customer");
        assert_eq!(strangers.admit(address("2001:db8:0:1::1"), at(70)), Ok(()));
    }

    #[test]
    fn addresses_without_number_fill_no_memory() {
        let strangers = Strangers::default();
        let network = |number: u32| IpAddr::from(std::net::Ipv4Addr::from_bits(number));
        let refused = (0..u32::try_from(MAX_REMEMBERED).unwrap() + 1_000)
            .filter(|number| strangers.admit(network(*number), at(0)).is_err());
        assert_eq!(refused.count(), 1_000 - PER_MINUTE as usize);
        assert_eq!(strangers.0.lock().counts.len(), MAX_REMEMBERED);
    }
}
