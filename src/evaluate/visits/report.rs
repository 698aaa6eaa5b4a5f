//! What foretelling visits found, as it is published.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evaluate::temporal_ranking::{Estimate, TemporalSplit};
use crate::id::CustomerIdx;
use crate::measure::bootstrap::Bootstrap;
use crate::recommend::Blend;
use crate::recommend::sessions::Sessions;
use crate::time::Timestamp;

/// The report of one window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VisitsReport {
    /// Everything strictly before was known.
    pub as_of: Timestamp,
    /// The window ended here.
    pub until: Timestamp,
    /// Cut-off of the rankings.
    pub k: usize,
    /// Visits that the sessions were learned from.
    pub train_sessions: usize,
    /// Visits that were foretold …
    pub visits: usize,
    /// … of as many in the window with two different items.
    pub visits_in_window: usize,
    /// Customers who made them.
    pub customers: usize,
    /// Items that were foretold.
    pub predictions: usize,
    /// By name: the blend for history and visit, and the sessions alone.
    pub models: BTreeMap<&'static str, VisitModelReport>,
    /// Both joined, by weight ascending.
    pub joined: Vec<JoinedReport>,
}

/// What one model reached.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct VisitModelReport {
    /// Mean of 1 / rank of the item, 0 beyond `k`.
    pub mrr: Estimate,
    /// Share of predictions with the item among the first `k`.
    pub hit_rate: Estimate,
    /// How much better what the recipe serves is; `None` for that itself.
    pub served_minus: Option<VisitAdvantage>,
}

/// How much better one model is than another, customer by customer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct VisitAdvantage {
    /// Difference of the MRR.
    pub mrr: Estimate,
    /// Difference of the hit rate.
    pub hit_rate: Estimate,
}

/// What blend and sessions reached together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct JoinedReport {
    /// The recipe's `recommend.sessions.beside_profile`.
    pub beside_profile: f64,
    /// Whether the recipe has this weight.
    pub serves: bool,
    /// What it reached.
    #[serde(flatten)]
    pub found: VisitModelReport,
}

/// What the report is made of.
pub(super) struct Judgement<'a> {
    pub split: &'a TemporalSplit,
    pub visits: usize,
    pub of: usize,
    pub train_sessions: usize,
    pub weights: &'a [f64],
    pub serves: f64,
    /// By prediction: whose visit it was of. Those of a customer are side by side.
    pub customers: &'a [CustomerIdx],
    /// By prediction: the rank by the blend, the sessions and each weight; 0 for none.
    pub ranks: &'a [Vec<u32>],
    pub bootstrap: Bootstrap,
}

/// One customer's sums.
struct Sums {
    predictions: f64,
    /// By model: sum of reciprocal ranks, hits.
    found: Vec<[f64; 2]>,
}

pub(super) fn report(judgement: &Judgement<'_>) -> VisitsReport {
    let n_models = 2 + judgement.weights.len();
    let is_served = |weight: &f64| weight.total_cmp(&judgement.serves).is_eq();
    let served = judgement.weights.iter().position(is_served).map(|at| at + 2);
    let sums = by_customer(judgement, n_models);
    let values = figures(sums.iter(), n_models, served);
    let intervals = judgement.bootstrap.intervals(sums.len(), |drawn| {
        let drawn = drawn.iter().map(|&customer| &sums[customer as usize]);
        figures(drawn, n_models, served)
    });
    let estimate = |at: usize| Estimate {
        value: values[at],
        interval: intervals.as_ref().map(|intervals| intervals[at]),
    };
    let found = |model: usize| VisitModelReport {
        mrr: estimate(2 * model),
        hit_rate: estimate(2 * model + 1),
        served_minus: served.filter(|&served| served != model).map(|_| VisitAdvantage {
            mrr: estimate(2 * (n_models + model)),
            hit_rate: estimate(2 * (n_models + model) + 1),
        }),
    };
    let joined = (2..)
        .zip(judgement.weights)
        .map(|(model, &beside_profile)| JoinedReport {
            beside_profile,
            serves: served == Some(model),
            found: found(model),
        });
    VisitsReport {
        as_of: judgement.split.cut_off,
        until: judgement.split.end,
        k: judgement.split.k,
        train_sessions: judgement.train_sessions,
        visits: judgement.visits,
        visits_in_window: judgement.of,
        customers: sums.len(),
        predictions: judgement.ranks.len(),
        models: BTreeMap::from([(Blend::NAME, found(0)), (Sessions::NAME, found(1))]),
        joined: joined.collect(),
    }
}

fn by_customer(judgement: &Judgement<'_>, n_models: usize) -> Vec<Sums> {
    let rows: Vec<(CustomerIdx, &Vec<u32>)> =
        judgement.customers.iter().copied().zip(judgement.ranks).collect();
    rows.chunk_by(|a, b| a.0 == b.0)
        .map(|of_customer| {
            let mut found = vec![[0.0; 2]; n_models];
            for (_, ranks) in of_customer {
                for (sum, &rank) in found.iter_mut().zip(*ranks).filter(|(_, rank)| **rank > 0) {
                    sum[0] += 1.0 / f64::from(rank);
                    sum[1] += 1.0;
                }
            }
            Sums {
                predictions: of_customer.len() as f64,
                found,
            }
        })
        .collect()
}

/// MRR and hit rate of every model, then how much more the served one's are.
fn figures<'a>(
    customers: impl Iterator<Item = &'a Sums>,
    n_models: usize,
    served: Option<usize>,
) -> Vec<f64> {
    let mut sums = vec![[0.0; 2]; n_models];
    let mut n = 0.0;
    for customer in customers {
        n += customer.predictions;
        for (sum, found) in sums.iter_mut().zip(&customer.found) {
            sum[0] += found[0];
            sum[1] += found[1];
        }
    }
    let means: Vec<f64> = sums.iter().flatten().map(|sum| sum / n).collect();
    let served = 2 * served.unwrap_or(0);
    let differences = means
        .iter()
        .enumerate()
        .map(|(at, mean)| means[served + at % 2] - mean);
    means.iter().copied().chain(differences).collect()
}
