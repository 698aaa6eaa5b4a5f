//! What needs no model: what the customer buys anyway, and what everybody buys.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::id::{ItemIdx, Row};
use crate::recommend::buy_again::next_basket::Sequences;

/// In how many baskets each item is.
pub(super) struct Counts {
    baskets: Vec<u32>,
    /// Items, those in most baskets first, equal ones by row.
    order: Vec<u32>,
}

impl Counts {
    pub(super) fn of(sequences: &Sequences) -> Self {
        let mut baskets = vec![0u32; sequences.n_items];
        for item in sequences.of.iter().flatten().flatten() {
            baskets[item.index()] += 1;
        }
        // Rows are u32 everywhere.
        let mut order: Vec<u32> = (0u32..).take(baskets.len()).collect();
        order.sort_by_key(|&item| Reverse(baskets[item as usize]));
        Self { baskets, order }
    }

    /// The items that most baskets hold.
    pub(super) fn popular(&self, k: usize) -> Vec<u32> {
        self.order.iter().copied().take(k).collect()
    }

    /// The items that most of the customer's baskets hold, of equal ones the more popular; then all others by popularity.
    pub(super) fn personal(&self, past: &[Vec<ItemIdx>], k: usize) -> Vec<u32> {
        let mut own = BTreeMap::<u32, u32>::new();
        for item in past.iter().flatten() {
            *own.entry(item.as_u32()).or_default() += 1;
        }
        let mut ranked: Vec<(u32, u32)> = own.iter().map(|(&item, &times)| (item, times)).collect();
        ranked.sort_by_key(|&(item, times)| Reverse((times, self.baskets[item as usize])));
        let others = self.order.iter().copied().filter(|item| !own.contains_key(item));
        ranked.iter().map(|best| best.0).chain(others).take(k).collect()
    }
}
