//! What the judging of baskets found, as it is published.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evaluate::temporal_ranking::Estimate;
use crate::measure::bootstrap::Bootstrap;
use crate::time::Timestamp;

use super::{BasketRules, CROSS_SELL, Judged};

/// What one model reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BasketModelReport {
    /// Share of given items for which another item of the basket is among the first `k`.
    pub hit_rate: Estimate,
    /// Mean reciprocal rank of the first of the basket's other items.
    pub mrr: Estimate,
    /// Share of the recommended items that are in the given item's leaf category; none where no item has a category.
    pub same_category_share: Option<f64>,
    /// Share of the known items that were recommended at all.
    pub coverage: f64,
}

/// How much better cross-sell is than another model, basket by basket.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BasketAdvantage {
    /// Difference of the hit rate.
    pub hit_rate: Estimate,
    /// Difference of the mean reciprocal rank.
    pub mrr: Estimate,
}

/// The report of one window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CrossSellReport {
    /// Everything strictly before was known.
    pub as_of: Timestamp,
    /// The window ended here.
    pub until: Timestamp,
    /// Cut-off of the rankings.
    pub k: usize,
    /// Baskets that the figures are averaged over.
    pub baskets: usize,
    /// Items that were given in turn.
    pub given_items: usize,
    /// By name of the model.
    pub models: BTreeMap<&'static str, BasketModelReport>,
    /// Cross-sell less each other model.
    pub cross_sell_minus: BTreeMap<&'static str, BasketAdvantage>,
}

/// What the report is made of.
pub(super) struct Judgement<'a> {
    pub from: Timestamp,
    pub rules: BasketRules,
    pub tasks: usize,
    pub known_items: usize,
    pub has_leaves: bool,
    pub judged: &'a [(&'static str, Judged)],
    pub bootstrap: Bootstrap,
}

pub(super) fn report(judgement: &Judgement<'_>) -> CrossSellReport {
    let estimate = |values: &[f64]| Estimate {
        // Adding zero: the sum of nothing is a negative zero.
        value: values.iter().sum::<f64>() / values.len().max(1) as f64 + 0.0,
        interval: judgement.bootstrap.mean(values),
    };
    let share = |part: usize, of: usize| part as f64 / of.max(1) as f64;
    let models = judgement.judged.iter().map(|(name, judged)| {
        let report = BasketModelReport {
            hit_rate: estimate(&judged.hits),
            mrr: estimate(&judged.reciprocal_ranks),
            same_category_share: judgement
                .has_leaves
                .then(|| share(judged.same_leaf, judged.listed)),
            coverage: share(judged.covered, judgement.known_items),
        };
        (*name, report)
    });
    let minus = |ours: &[f64], theirs: &[f64]| {
        estimate(
            &ours
                .iter()
                .zip(theirs)
                .map(|(ours, theirs)| ours - theirs)
                .collect::<Vec<_>>(),
        )
    };
    let ours = judgement.judged.iter().find(|(name, _)| *name == CROSS_SELL);
    let others = judgement.judged.iter().filter(|(name, _)| *name != CROSS_SELL);
    let cross_sell_minus = ours.into_iter().flat_map(|(_, ours)| {
        others.clone().map(move |(name, theirs)| {
            let advantage = BasketAdvantage {
                hit_rate: minus(&ours.hits, &theirs.hits),
                mrr: minus(&ours.reciprocal_ranks, &theirs.reciprocal_ranks),
            };
            (*name, advantage)
        })
    });
    CrossSellReport {
        as_of: judgement.from,
        until: judgement.rules.end,
        k: judgement.rules.k,
        baskets: ours.map_or(0, |(_, ours)| ours.hits.len()),
        given_items: judgement.tasks,
        models: models.collect(),
        cross_sell_minus: cross_sell_minus.collect(),
    }
}
