//! How often the dearer of two alternatives is taken, by how much dearer it is.
//!
//! # Formula
//! Choices between two alternatives are counted by the logarithm of their prices' ratio, in bins of [`BIN`]; each bin
//! borrows from its neighbours (¼, ½, ¼) and from the mean over all bins:
//! `acceptance = (taken + m p̄) / (choices + m)`, `p̄ = (all taken + 1) / (all choices + 2)`, linear between the bins' middles.
//!
//! With views, a choice is a visit in which two alternatives were looked at and exactly one was bought. Without, it is two
//! consecutive baskets of a customer with one of two alternatives each: the dearer is taken when it is the later one.

use crate::catalog::Catalog;
use crate::id::{CustomerIdx, ItemIdx, Row};
use rayon::prelude::*;

use super::super::fit::Shop;
use super::super::groups::{Groups, Largest, distinct_baskets};
use super::super::leaves::log_price;
use super::super::similar::Similar;
use super::super::verdict::Basis;

/// Width of a bin, in log price.
pub const BIN: f64 = 0.1;
/// Number of bins: up to five times the price.
pub const BINS: usize = 17;
/// Distinct items beyond which a visit or a basket is not looked through for choices.
const LARGEST: usize = 200;

/// Choices between two alternatives by bin, and those in which the dearer was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Choices {
    pub choices: [f64; BINS],
    pub taken: [f64; BINS],
}

impl Choices {
    /// Counts a shop's choices.
    pub(super) fn count(shop: Shop<'_>, similar: &Similar) -> Self {
        let log_prices: Vec<Option<f64>> = (0..similar.n_items())
            .map(|item| log_price(shop.catalog, item))
            .collect();
        let counted: Vec<Self> = match similar.basis() {
            Basis::Views => {
                let largest = Largest {
                    basket: LARGEST,
                    visit: LARGEST,
                    customer: LARGEST,
                };
                let visits = Groups::visits(shop.histories, shop.now, largest);
                let chunks: Vec<_> = (0..visits.len()).collect();
                chunks
                    .par_chunks(4096)
                    .map(|chunk| {
                        let mut found = Self::default();
                        for &visit in chunk {
                            let (items, bought) = visits.by_group.row(visit);
                            found.add_visit(items, bought, similar, &log_prices);
                        }
                        found
                    })
                    .collect()
            }
            Basis::Orders => {
                let customers: Vec<CustomerIdx> = shop.histories.customers().rows().collect();
                customers
                    .par_chunks(1024)
                    .map(|chunk| {
                        let mut found = Self::default();
                        for &customer in chunk {
                            let past = shop.histories.of(customer).before(shop.now);
                            let mut baskets = distinct_baskets(past, shop.calendar);
                            baskets.retain(|(_, items)| items.len() <= LARGEST);
                            for pair in baskets.windows(2) {
                                found.add_baskets(&pair[0].1, &pair[1].1, similar, &log_prices);
                            }
                        }
                        found
                    })
                    .collect()
            }
        };
        counted.into_iter().fold(Self::default(), Self::plus)
    }

    fn add_visit(&mut self, items: &[u32], bought: &[f32], similar: &Similar, log_prices: &[Option<f64>]) {
        for (at, (&one, &one_bought)) in items.iter().zip(bought).enumerate() {
            for (&other, &other_bought) in items[at + 1..].iter().zip(&bought[at + 1..]) {
                match (one_bought > 0.0, other_bought > 0.0) {
                    (true, false) => self.add(other, one, similar, log_prices),
                    (false, true) => self.add(one, other, similar, log_prices),
                    _ => {}
                }
            }
        }
    }

    fn add_baskets(&mut self, before: &[u32], after: &[u32], similar: &Similar, log_prices: &[Option<f64>]) {
        // Who buys the same again has not chosen anew.
        let news = after.iter().filter(|item| before.binary_search(item).is_err());
        for &chosen in news {
            for &left in before.iter().filter(|item| after.binary_search(item).is_err()) {
                self.add(left, chosen, similar, log_prices);
            }
        }
    }

    /// One choice of `chosen` over `left`.
    fn add(&mut self, left: u32, chosen: u32, similar: &Similar, log_prices: &[Option<f64>]) {
        let (Some(from), Some(to)) = (log_prices[left as usize], log_prices[chosen as usize]) else {
            return;
        };
        let difference = to - from;
        let bin = (difference.abs() / BIN) as usize;
        let (left, chosen) = (ItemIdx::from_u32(left), ItemIdx::from_u32(chosen));
        if bin >= BINS || difference.abs() <= 0.0 || similar.between(left, chosen) <= 0.0 {
            return;
        }
        self.choices[bin] += 1.0;
        self.taken[bin] += f64::from(u8::from(difference > 0.0));
    }

    fn plus(mut self, other: Self) -> Self {
        for bin in 0..BINS {
            self.choices[bin] += other.choices[bin];
            self.taken[bin] += other.taken[bin];
        }
        self
    }

    /// Acceptance at the middle of each bin.
    pub(super) fn curve(&self, strength: f64) -> Vec<f32> {
        let sum = |values: &[f64; BINS]| values.iter().sum::<f64>();
        let mean = (sum(&self.taken) + 1.0) / (sum(&self.choices) + 2.0);
        let smooth = |values: &[f64; BINS], bin: usize| {
            let beside = |at: Option<usize>| at.and_then(|at| values.get(at)).copied().unwrap_or(0.0);
            0.5 * values[bin] + 0.25 * (beside(bin.checked_sub(1)) + beside(Some(bin + 1)))
        };
        let acceptance = |bin| {
            let (taken, choices) = (smooth(&self.taken, bin), smooth(&self.choices, bin));
            ((taken + strength * mean) / (choices + strength)) as f32
        };
        (0..BINS).map(acceptance).collect()
    }
}

/// The curve at a log price ratio: linear between the middles of the bins, constant beyond them.
pub(super) fn at(curve: &[f32], log_ratio: f64) -> f32 {
    let place = (log_ratio / BIN - 0.5).clamp(0.0, (curve.len() - 1) as f64);
    let below = place as usize;
    let above = (below + 1).min(curve.len() - 1);
    let share = (place - below as f64) as f32;
    curve[below] + share * (curve[above] - curve[below])
}

/// Price of one piece less what it costs the shop, where both are known.
pub(super) fn margin(catalog: &Catalog, item: ItemIdx) -> Option<f64> {
    let item = catalog.items().get(item.index())?;
    Some(item.price? - item.cost?)
}
