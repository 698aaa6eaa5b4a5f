//! What the margin dial was found to cost, as it is published.

use serde::Serialize;

use crate::evaluate::temporal_ranking::{Estimate, TemporalSplit};
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::time::Timestamp;

use super::{CANDIDATES, Tally, WEIGHTS};

/// The report of one window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarginReport {
    /// Everything strictly before was known.
    pub as_of: Timestamp,
    /// The window ended here.
    pub until: Timestamp,
    /// Items shown.
    pub k: usize,
    /// Items that they were chosen from.
    pub candidates: usize,
    /// Customers that the figures are averaged over.
    pub customers: usize,
    /// Items with a price and a cost.
    pub items_with_margin: usize,
    /// By weight, ascending.
    pub dial: Vec<MarginPoint>,
}

/// One place of the dial.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarginPoint {
    /// The rule `margin_weight`.
    pub margin_weight: f64,
    /// NDCG at `k` of first purchases.
    pub ndcg: Estimate,
    /// Recall at `k` of first purchases.
    pub recall: Estimate,
    /// Mean margin of the items shown whose margin is known.
    pub margin: Estimate,
    /// Mean margin of those that were bought; `None` where none was.
    pub hit_margin: Option<f64>,
    /// Margin of what was shown and bought, for each customer.
    pub margin_found: Estimate,
    /// Against the dial at 0, customer by customer; `None` at 0.
    pub change: Option<MarginCost>,
}

/// What a place of the dial changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MarginCost {
    /// Difference of the NDCG.
    pub ndcg: Estimate,
    /// Difference of the mean margin of the items shown.
    pub margin: Estimate,
    /// Difference of the margin found.
    pub margin_found: Estimate,
}

/// Figures of one place: NDCG, recall, margin, margin found.
const FIGURES: usize = 4;

pub(super) fn report(
    split: &TemporalSplit,
    items_with_margin: usize,
    tallies: &[[Tally; WEIGHTS.len()]],
    bootstrap: &Bootstrap,
) -> MarginReport {
    let values = figures(tallies.iter());
    let intervals = bootstrap.intervals(tallies.len(), |drawn| {
        figures(drawn.iter().map(|&customer| &tallies[customer as usize]))
    });
    let estimate = |at: usize| -> Estimate {
        let interval: Option<Interval> = intervals.as_ref().map(|intervals| intervals[at]);
        Estimate {
            value: values[at],
            interval,
        }
    };
    let dial = WEIGHTS.iter().enumerate().map(|(place, &margin_weight)| {
        let at = place * FIGURES;
        let change = (place > 0).then(|| {
            let at = (WEIGHTS.len() + place - 1) * FIGURES;
            MarginCost {
                ndcg: estimate(at),
                margin: estimate(at + 2),
                margin_found: estimate(at + 3),
            }
        });
        let hits: f64 = tallies.iter().map(|at| at[place].hits).sum();
        let margins: f64 = tallies.iter().map(|at| at[place].hit_margin).sum();
        MarginPoint {
            margin_weight,
            ndcg: estimate(at),
            recall: estimate(at + 1),
            margin: estimate(at + 2),
            hit_margin: (hits > 0.0).then(|| margins / hits),
            margin_found: estimate(at + 3),
            change,
        }
    });
    MarginReport {
        as_of: split.cut_off,
        until: split.end,
        k: split.k,
        candidates: CANDIDATES.max(split.k),
        customers: tallies.len(),
        items_with_margin,
        dial: dial.collect(),
    }
}

/// The figures of every place, then of every place but the first what they are more than at the first.
fn figures<'a>(customers: impl Iterator<Item = &'a [Tally; WEIGHTS.len()]>) -> Vec<f64> {
    let mut sums = [Tally::default(); WEIGHTS.len()];
    let mut n = 0.0;
    for customer in customers {
        n += 1.0;
        for (sum, tally) in sums.iter_mut().zip(customer) {
            sum.ndcg += tally.ndcg;
            sum.recall += tally.recall;
            sum.shown += tally.shown;
            sum.shown_margin += tally.shown_margin;
            sum.hit_margin += tally.hit_margin;
        }
    }
    let of = |sum: &Tally| -> [f64; FIGURES] {
        [
            sum.ndcg / n,
            sum.recall / n,
            sum.shown_margin / sum.shown,
            sum.hit_margin / n,
        ]
    };
    let without = of(&sums[0]);
    let places = sums.iter().flat_map(of);
    let changes = sums[1..].iter().flat_map(|sum| {
        let with = of(sum);
        std::array::from_fn::<f64, FIGURES, _>(|at| with[at] - without[at])
    });
    places.chain(changes).collect()
}
