//! What cross-sell is measured against: plain counts of baskets.

use crate::id::{ItemIdx, Row};

use super::BasketModel;
use crate::recommend::relations::Together;
use crate::recommend::relations::groups::Groups;

/// Baskets with both items from which on the baseline `lift` ranks a pair.
pub const LIFT_SUPPORT: u32 = 5;

/// Score of a pair from its counts.
type OfPair = fn(Together) -> f64;

/// Whole baskets, counted all alike.
pub(super) struct Baselines<'a> {
    pub baskets: &'a Groups,
    /// Baskets by item.
    pub counts: &'a [u32],
}

struct Baseline<'a> {
    name: &'static str,
    counts: &'a Baselines<'a>,
    /// Score of a pair from its counts; `None` for popularity, which needs no pair.
    pair: Option<OfPair>,
}

impl<'a> Baselines<'a> {
    pub(super) fn all(&'a self) -> impl Iterator<Item = Box<dyn BasketModel + 'a>> {
        let models: [(&'static str, Option<OfPair>); 5] = [
            ("popularity", None),
            ("co-occurrence", Some(|pair| pair.both)),
            (
                "cosine",
                Some(|pair| pair.both / (pair.first * pair.second).sqrt()),
            ),
            (
                "lift",
                Some(|pair| {
                    if pair.both >= f64::from(LIFT_SUPPORT) {
                        pair.lift()
                    } else {
                        0.0
                    }
                }),
            ),
            (
                "llr",
                Some(|pair| {
                    if pair.lift() > 1.0 {
                        pair.log_likelihood_ratio()
                    } else {
                        0.0
                    }
                }),
            ),
        ];
        models.into_iter().map(move |(name, pair)| {
            let model: Box<dyn BasketModel + 'a> = Box::new(Baseline {
                name,
                counts: self,
                pair,
            });
            model
        })
    }
}

impl BasketModel for Baseline<'_> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn score(&self, given: ItemIdx, scores: &mut [f32]) {
        let Baselines { baskets, counts } = self.counts;
        let Some(of_pair) = self.pair else {
            for (score, &count) in scores.iter_mut().zip(*counts) {
                *score = count as f32;
            }
            return;
        };
        scores.fill(0.0);
        for &basket in baskets.by_item.row(given.index()).0 {
            for &other in baskets.by_group.row(basket as usize).0 {
                scores[other as usize] += 1.0;
            }
        }
        for (score, &count) in scores.iter_mut().zip(*counts).filter(|(score, _)| **score > 0.0) {
            let pair = Together {
                both: f64::from(*score),
                first: f64::from(counts[given.index()]),
                second: f64::from(count),
                of: baskets.len() as f64,
            };
            *score = of_pair(pair) as f32;
        }
    }
}
