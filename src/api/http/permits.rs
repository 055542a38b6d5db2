//! Permits, of which each holder may have so many, and all holders together so many.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// How many permits each holder has.
pub(super) struct Permits<K> {
    most_of_one: usize,
    most: usize,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    all: usize,
    of: HashMap<K, usize>,
}

impl<K: Eq + Hash + Clone> Permits<K> {
    pub(super) fn new(most_of_one: usize, most: usize) -> Arc<Self> {
        Arc::new(Self { most_of_one, most, taken: Mutex::new(Taken { all: 0, of: HashMap::new() }) })
    }

    /// One more, unless all or those of this holder are taken. It is given back when it is dropped.
    pub(super) fn take(self: &Arc<Self>, holder: K) -> Option<Permit<K>> {
        let mut taken = self.taken.lock();
        if taken.all >= self.most || taken.of.get(&holder).is_some_and(|held| *held >= self.most_of_one) {
            return None;
        }
        taken.all += 1;
        *taken.of.entry(holder.clone()).or_default() += 1;
        drop(taken);
        Some(Permit { permits: self.clone(), holder })
    }
}

/// One of them.
pub(super) struct Permit<K: Eq + Hash + Clone> {
    permits: Arc<Permits<K>>,
    holder: K,
}

impl<K: Eq + Hash + Clone> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut taken = self.permits.taken.lock();
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
    fn permits_are_bounded_by_holder_and_in_all_and_come_back() {
        let permits = Permits::new(2, 3);
        let of_one = [permits.take("one").unwrap(), permits.take("one").unwrap()];
        assert!(permits.take("one").is_none());
        let of_other = permits.take("other").unwrap();
        assert!(permits.take("third").is_none(), "all are taken");
        drop(of_one);
        assert!(permits.take("third").is_some(), "and given back at once");
        drop(of_other);
        let taken = permits.taken.lock();
        assert_eq!((taken.all, taken.of.len()), (0, 0));
    }
}
