//! Places that are bounded by who holds them, and all together.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// How many places each holder has.
pub(super) struct Places<K> {
    most_of_one: usize,
    most: usize,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    all: usize,
    of: HashMap<K, usize>,
}

impl<K: Eq + Hash + Clone> Places<K> {
    pub(super) fn new(most_of_one: usize, most: usize) -> Arc<Self> {
        Arc::new(Self { most_of_one, most, taken: Mutex::new(Taken { all: 0, of: HashMap::new() }) })
    }

    /// One more, unless all or those of this holder are taken. It is given back when it is dropped.
    pub(super) fn take(self: &Arc<Self>, holder: K) -> Option<Place<K>> {
        let mut taken = self.taken.lock();
        if taken.all >= self.most || taken.of.get(&holder).is_some_and(|held| *held >= self.most_of_one) {
            return None;
        }
        taken.all += 1;
        *taken.of.entry(holder.clone()).or_default() += 1;
        drop(taken);
        Some(Place { places: self.clone(), holder })
    }
}

/// One of them.
pub(super) struct Place<K: Eq + Hash + Clone> {
    places: Arc<Places<K>>,
    holder: K,
}

impl<K: Eq + Hash + Clone> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock();
        taken.all = taken.all.saturating_sub(1);
        if let Some(held) = taken.of.get_mut(&self.holder) {
            *held -= 1;
            if *held == 0 {
                taken.of.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_by_holder_and_in_all_and_come_back() {
        let places = Places::new(2, 3);
        let of_one = [places.take("one").unwrap(), places.take("one").unwrap()];
        assert!(places.take("one").is_none());
        let of_other = places.take("other").unwrap();
        assert!(places.take("third").is_none(), "all are taken");
        drop(of_one);
        assert!(places.take("third").is_some(), "and given back at once");
        drop(of_other);
        let taken = places.taken.lock();
        assert_eq!((taken.all, taken.of.len()), (0, 0));
    }
}
