//! What a temporal split found: metrics of each model by each protocol, with intervals over customers.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::id::Row;
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::measure::ranking::RankingMetrics;
use crate::recommend::{Ials, Popularity, Ranking};
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

/// One protocol's report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ProtocolReport {
    /// Customers that the metrics are averaged over.
    pub customers: usize,
    /// Items that these customers were to be found with.
    pub test_items: usize,
    /// By name of the model.
    pub models: BTreeMap<&'static str, ModelReport>,
    /// NDCG of iALS less that of popularity, customer by customer.
    pub ials_minus_popularity: Estimate,
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
    let ndcg = |name: &str| {
        lists
            .get(name)
            .into_iter()
            .flatten()
            .map(|list: &RankingMetrics| list.ndcg)
    };
    let differences: Vec<f64> = ndcg(Ials::NAME)
        .zip(ndcg(Popularity::POPULARITY))
        .map(|(ials, popularity)| ials - popularity)
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
        customers: differences.len(),
        test_items: wanted.iter().map(Vec::len).sum(),
        models,
        ials_minus_popularity: Estimate {
            // Adding zero: the sum of nothing is a negative zero.
            value: differences.iter().sum::<f64>() / differences.len().max(1) as f64 + 0.0,
            interval: bootstrap.mean(&differences),
        },
    }
}
