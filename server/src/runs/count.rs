//! How many each of several parties has, with a bound.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts by party; parties at zero take no room.
pub(super) struct Counts<K> {
    counts: Arc<Mutex<HashMap<K, u32>>>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { counts: Arc::default() }
    }
}

/// One more for its party, until dropped.
pub(super) struct Place<K: Eq + Hash> {
    counts: Arc<Mutex<HashMap<K, u32>>>,
    party: K,
}

impl<K: Eq + Hash + Clone> Counts<K> {
    /// `None` if the party has `most` already.
    pub(super) fn enter(&self, party: K, most: u32) -> Option<Place<K>> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.get(&party).copied().unwrap_or(0);
        if count >= most {
            return None;
        }
        counts.insert(party.clone(), count + 1);
        Some(Place { counts: Arc::clone(&self.counts), party })
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.party) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.party);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_once_dropped() {
        let counts = Counts::default();
        let first = counts.enter("a", 2);
        let second = counts.enter("a", 2);
        assert!(first.is_some() && second.is_some());
        assert!(counts.enter("a", 2).is_none());
        assert!(counts.enter("b", 2).is_some());
        drop(first);
        assert!(counts.enter("a", 2).is_some());
        drop(second);
        assert!(counts.counts.lock().unwrap().is_empty());
    }
}
