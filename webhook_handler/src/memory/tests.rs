//! The laws of the memory: what is granted, and that it stays within its bound.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn key(name: u8) -> Key {
    Key::of([&[name][..]])
}

fn memory(capacity: usize) -> InMemory {
    InMemory::new(NonZeroUsize::new(capacity).expect("it is not zero"))
}

fn claims(keys: u8) -> impl Strategy<Value = Vec<Claim>> {
    // A key has one rule for ever: what is remembered of it means one thing.
    let claim = (0..keys, 0_i64..5).prop_map(|(name, number)| Claim {
        key: key(name),
        rule: if name % 2 == 0 { Rule::Once } else { Rule::NotBefore(number) },
    });
    proptest::collection::vec(claim, 0..200)
}

#[test]
fn the_parts_of_a_key_stay_apart() {
    assert_ne!(Key::of([&b"ab"[..], b"c"]), Key::of([&b"a"[..], b"bc"]));
    assert_ne!(Key::of([&b"ab"[..]]), Key::of([&b"ab"[..], b""]));
    assert_eq!(key(1).to_string().len(), 64);
}

#[test]
fn what_was_not_claimed_for_the_longest_time_is_forgotten_first() {
    let memory = memory(2);
    let once = |name| memory.decide(&[Claim { key: key(name), rule: Rule::Once }])[0];
    assert!(once(1) && once(2));
    // A repetition keeps the first one.
    assert!(!once(1));
    assert!(once(3));
    assert!(!once(1) && once(2));
}

#[test]
fn room_is_taken_as_it_is_needed() {
    assert!(memory(usize::MAX).decide(&[Claim { key: key(1), rule: Rule::Once }])[0]);
}

proptest! {
    #[test]
    fn a_memory_never_holds_more_than_fits(capacity in 1_usize..8, claims in claims(32)) {
        let memory = memory(capacity);
        for claim in &claims {
            memory.decide(&[*claim]);
            prop_assert!(memory.len() <= capacity);
        }
    }

    #[test]
    fn while_all_fits_each_key_is_granted_as_its_rule_says(claims in claims(32)) {
        let mut newest: HashMap<Key, i64> = HashMap::new();
        let expected: Vec<bool> = claims
            .iter()
            .map(|claim| match claim.rule {
                Rule::Once => newest.insert(claim.key, 0).is_none(),
                Rule::NotBefore(number) => {
                    let known = newest.entry(claim.key).or_insert(number);
                    let is_granted = *known <= number;
                    *known = number.max(*known);
                    is_granted
                }
            })
            .collect();
        prop_assert_eq!(memory(32).decide(&claims), expected);
    }
}
