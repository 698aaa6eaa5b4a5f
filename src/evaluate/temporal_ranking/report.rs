//! What a temporal split found: metrics of each model by each protocol, with intervals over customers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::id::Row;
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::measure::ranking::RankingMetrics;
use crate::recommend::{Blend, Ranking, RawWeights};
use crate::time::Timestamp;

/// A metric with its 95 % interval over customers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// Mean over customers.
    pub value: f64,
    /// Where the mean lies in 95 % of resampled customers.
    pub interval: Option<Interval>,
}

/// What one model reached by one protocol.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelReport {
    /// The metrics, averaged over customers.
    #[serde(flatten)]
    pub metrics: RankingMetrics,
    /// Interval of the recall.
    pub recall_interval: Option<Interval>,
    /// Interval of the NDCG.
    pub ndcg_interval: Option<Interval>,
}

/// How much better the blend is than another model, customer by customer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Advantage {
    /// Difference of the recall.
    pub recall: Estimate,
    /// Difference of the NDCG.
    pub ndcg: Estimate,
}

/// One protocol's report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProtocolReport {
    /// Customers that the metrics are averaged over.
    pub customers: usize,
    /// Items that these customers were to be found with.
    pub test_items: usize,
    /// By name of the model.
    pub models: BTreeMap<&'static str, ModelReport>,
    /// The blend less each other model.
    pub blend_minus: BTreeMap<&'static str, Advantage>,
}

/// The report of one temporal split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TemporalReport {
    /// Everything strictly before was known.
    pub as_of: Timestamp,
    /// The test window ended here.
    pub until: Timestamp,
    /// Cut-off of the rankings.
    pub k: usize,
    /// Customers who bought in the window and had no profile before it.
    pub cold_customers: usize,
    /// First purchases only, what was bought before masked.
    #[serde(flatten)]
    pub new: ProtocolReport,
    /// All purchases, nothing masked.
    pub repeats_allowed: ProtocolReport,
    /// How much each part of the blend counts.
    pub blend_weights: RawWeights,
}

/// The metrics of every model's rankings, customer by customer, against the items that were to be found.
pub(super) fn report(
    rankings: &BTreeMap<&'static str, Vec<Ranking>>,
    wanted: &[Vec<u32>],
    k: usize,
    bootstrap: &Bootstrap,
) -> ProtocolReport {
    // A customer without an item to find has no metrics, in every model alike: the lists stay paired.
    let lists: BTreeMap<&'static str, Vec<RankingMetrics>> = rankings
        .iter()
        .map(|(&name, rankings)| {
            let pairs = rankings.iter().zip(wanted);
            let lists = pairs.filter_map(|(ranked, wanted)| {
                RankingMetrics::of(ranked.iter().map(|best| best.0.as_u32()), wanted, wanted.len(), k)
            });
            (name, lists.collect())
        })
        .collect();
    let blend = lists.get(Blend::NAME).map_or(&[][..], Vec::as_slice);
    let over = |other: &[RankingMetrics], part: fn(&RankingMetrics) -> f64| {
        let differences: Vec<f64> = blend
            .iter()
            .zip(other)
            .map(|(blend, other)| part(blend) - part(other))
            .collect();
        Estimate {
            // Adding zero: the sum of nothing is a negative zero.
            value: differences.iter().sum::<f64>() / differences.len().max(1) as f64 + 0.0,
            interval: bootstrap.mean(&differences),
        }
    };
    let blend_minus = lists
        .iter()
        .filter(|(name, _)| **name != Blend::NAME)
        .map(|(&name, other)| {
            let advantage = Advantage {
                recall: over(other, |list| list.recall),
                ndcg: over(other, |list| list.ndcg),
            };
            (name, advantage)
        })
        .collect();
    let models = lists
        .iter()
        .map(|(&name, lists)| {
            let interval = |part: fn(&RankingMetrics) -> f64| {
                bootstrap.mean(&lists.iter().map(part).collect::<Vec<f64>>())
            };
            let report = ModelReport {
                metrics: RankingMetrics::mean(lists),
                recall_interval: interval(|list| list.recall),
                ndcg_interval: interval(|list| list.ndcg),
            };
            (name, report)
        })
        .collect();
    ProtocolReport {
        customers: blend.len(),
        test_items: wanted.iter().map(Vec::len).sum(),
        models,
        blend_minus,
    }
}
