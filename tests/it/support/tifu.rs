//! TIFU-kNN as its authors' code has it: the reference that the next basket is measured beside; shared with the benches.
//!
//! Basket `t` of `m` weighs `r_b^(m − t)`, counted over the whole history; the history is cut into at most `g` groups, the
//! larger ones last, each the mean of its baskets; the customer's vector is `Σ_k r_g^(g − 1 − k) group_k / g`. The score is
//! `α own + (1 − α) mean of the k customers nearest by Euclidean distance`.
//!
//! # Source
//! Hu, He, Gao, Zhang: Modeling Personalized Item Frequency Information for Next-basket Recommendation, SIGIR 2020, and
//! its code (TIFUKNN.py).

use std::collections::BTreeMap;

use rapport::id::{ItemIdx, Row};
use rapport::log::BasketRow;
use rapport::measure::ranking::RankingMetrics;
use rapport::numeric::top_k;
use rapport::recommend::buy_again::next_basket::{Sequence, Sequences};
use rayon::prelude::*;

/// Its parameters.
pub struct Tifu {
    /// `k`.
    pub neighbours: usize,
    /// `r_b`.
    pub basket_decay: f64,
    /// `r_g`.
    pub group_decay: f64,
    /// `α`.
    pub alpha: f32,
    /// `g`.
    pub groups: usize,
}

/// Those that its authors chose for Ta-Feng.
pub const TAFENG: Tifu = Tifu {
    neighbours: 300,
    basket_decay: 0.9,
    group_decay: 0.7,
    alpha: 0.7,
    groups: 7,
};

/// A customer's items with their weights, by row.
pub type Vector = Vec<(u32, f32)>;

impl Tifu {
    /// The best `n` items of each of the `asked` customers; neighbours are looked for among all.
    pub fn rank(&self, sequences: &Sequences, asked: &[usize], n: usize) -> Vec<Vec<u32>> {
        let customers: Vec<Vector> = sequences
            .of
            .par_iter()
            .map(|sequence| self.vector(sequence))
            .collect();
        let mut by_item: Vec<Vector> = vec![Vec::new(); sequences.n_items];
        for (customer, vector) in (0u32..).zip(&customers) {
            for &(item, weight) in vector {
                by_item[item as usize].push((customer, weight));
            }
        }
        let squares: Vec<f32> = customers
            .iter()
            .map(|vector| vector.iter().map(|entry| entry.1 * entry.1).sum())
            .collect();
        let rank = |&customer: &usize| {
            let own = &customers[customer];
            // |a − b|² = |a|² + |b|² − 2 a·b, and |a|² is the same for all.
            let mut near: Vec<f32> = squares.iter().map(|square| -square).collect();
            for &(item, weight) in own {
                for &(other, theirs) in &by_item[item as usize] {
                    near[other as usize] += 2.0 * weight * theirs;
                }
            }
            let nearest = top_k(&near, self.neighbours, |other| other != customer);
            let mut scores = vec![0.0f32; sequences.n_items];
            for &(other, _) in &nearest {
                for &(item, weight) in &customers[other as usize] {
                    scores[item as usize] += (1.0 - self.alpha) * weight / nearest.len() as f32;
                }
            }
            for &(item, weight) in own {
                scores[item as usize] += self.alpha * weight;
            }
            top_k(&scores, n, |_| true).iter().map(|best| best.0).collect()
        };
        asked.par_iter().map(rank).collect()
    }

    /// What a customer's baskets weigh, items ascending.
    pub fn vector(&self, sequence: &Sequence) -> Vector {
        let baskets = sequence.len();
        let groups = self.groups.min(baskets);
        if groups == 0 {
            return Vec::new();
        }
        let (size, larger) = (baskets / groups, baskets % groups);
        let mut sums = BTreeMap::<u32, f64>::new();
        let mut first = 0;
        for group in 0..groups {
            let n = size + usize::from(group >= groups - larger);
            let decay = self.group_decay.powf((groups - 1 - group) as f64);
            for (at, basket) in sequence.iter().enumerate().skip(first).take(n) {
                let within = self.basket_decay.powf((baskets - 1 - at) as f64);
                for item in basket {
                    *sums.entry(item.as_u32()).or_default() += decay * within / (groups * n) as f64;
                }
            }
            first += n;
        }
        sums.into_iter()
            .map(|(item, weight)| (item, weight as f32))
            .collect()
    }
}

/// Recall and NDCG at `k` over the customers of `test`, each of whose first basket is foretold from `train`.
///
/// # Panics
/// When the names are more than a table holds.
pub fn evaluate_tifu(train: &[BasketRow], test: &[BasketRow], model: &Tifu, k: usize) -> RankingMetrics {
    let (mut customers, mut items) = Default::default();
    let past = Sequences::from_rows(train, &mut customers, &mut items).unwrap();
    let future = Sequences::from_rows(test, &mut customers, &mut items).unwrap();
    let asked: Vec<usize> = (0..past.of.len())
        .filter(|&customer| !future.of[customer].is_empty())
        .collect();
    let lists: Vec<RankingMetrics> = model
        .rank(&past, &asked, k)
        .into_iter()
        .zip(&asked)
        .filter_map(|(ranked, &customer)| {
            let basket: &[ItemIdx] = &future.of[customer][0];
            let known: Vec<u32> = basket.iter().map(|item| item.as_u32()).collect();
            RankingMetrics::of(ranked, &known, known.len(), k)
        })
        .collect();
    RankingMetrics::mean(&lists)
}
