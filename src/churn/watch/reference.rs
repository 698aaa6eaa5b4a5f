//! What a model keeps of the customers whom it was fitted to score.

use indexmap::IndexMap;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::healthy_until;
use crate::churn::features::Schema;
use crate::churn::sample::{Sampling, Snapshot, snapshot};
use crate::churn::thin::Pupils;
use crate::churn::{ChurnModel, Shop};
use crate::history::Histories;
use crate::id::CustomerIdx;
use crate::log::EventKind;
use crate::measure::stability::Reference;
use crate::time::Timestamp;

/// Quantiles of the probability that are kept: those of 0, 1, …, 100 %.
const QUANTILES: usize = 101;

/// How features and scores of the eligible customers were spread at the end of the data that a model was fitted to: the
/// customers whom it is going to score. Data that end in an outage are looked at as of its start.
///
/// A few kilobytes, however many customers there are.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The instant.
    pub(super) as_of: Timestamp,
    /// By the code of each feature that the model reads, in its order.
    pub(super) features: IndexMap<String, Reference>,
    /// Of the calibrated probability.
    pub(super) score: Reference,
    /// Quantiles of the probability, ascending.
    quantiles: Vec<f64>,
    /// Customers of whom a kind of event was logged in the horizon's days before, by the kind's code.
    pub(super) seen: [u64; EventKind::ALL.len()],
}

impl Watch {
    /// Learns from the customers who are eligible at the end of the model's data; `None` when nobody is.
    ///
    /// # Determinism
    /// The same for any number of threads.
    pub(in crate::churn) fn learn(model: &ChurnModel, histories: &Histories, shop: Shop<'_>) -> Option<Self> {
        let end = model.data_end();
        let now = healthy_until(histories, shop.calendar, end).map_or(end, |outage| outage.since);
        let eligible = at(model, histories, shop, now);
        let mut probabilities = probabilities(model, &eligible);
        let score = Reference::learn(&probabilities)?;
        probabilities.par_sort_unstable_by(f64::total_cmp);
        let features = columns(model.schema(), &eligible)
            .map(|(code, values)| Some((code.to_owned(), Reference::learn(&values)?)))
            .collect::<Option<Vec<_>>>()?;
        Some(Self {
            as_of: now,
            features: features.into_iter().collect(),
            score,
            quantiles: quantiles(&probabilities),
            seen: seen(model, histories, &eligible.customers, now),
        })
    }

    /// Eligible customers that it was learned from.
    #[must_use]
    pub fn customers(&self) -> u64 {
        self.score.rows()
    }

    /// Per cent of the eligible customers with a lower probability, from the kept quantiles with straight lines between
    /// them; in the middle of those of equal probability.
    pub(in crate::churn) fn percentile(&self, probability: f64) -> f64 {
        let below = self.quantiles.partition_point(|&q| q < probability);
        let through = self.quantiles.partition_point(|&q| q <= probability);
        if through > below {
            return f64::midpoint(below as f64, (through - 1) as f64);
        }
        match (below.checked_sub(1), self.quantiles.get(below)) {
            (None, _) => 0.0,
            (Some(last), None) => last as f64,
            (Some(before), Some(next)) => {
                let from = self.quantiles[before];
                before as f64 + (probability - from) / (next - from)
            }
        }
    }

    /// What is wrong with a stored one, if anything.
    pub(in crate::churn) fn check(&self, schema: &Schema) -> Result<(), String> {
        if !self
            .features
            .keys()
            .map(String::as_str)
            .eq(schema.features().map(|f| f.code))
        {
            return Err("must have one reference for each feature of the model, in its order".to_owned());
        }
        let ascend = self.quantiles.is_sorted_by(|a, b| a <= b);
        let probabilities = self.quantiles.iter().all(|q| (0.0..=1.0).contains(q));
        if self.quantiles.len() != QUANTILES || !ascend || !probabilities {
            return Err(format!(
                "must have {QUANTILES} ascending quantiles between 0 and 1"
            ));
        }
        let customers = self.customers();
        match self.seen.iter().find(|&&seen| seen > customers) {
            Some(seen) => Err(format!("knows events of {seen} customers of {customers}")),
            None => Ok(()),
        }
    }
}

impl ChurnModel {
    /// Where a probability stands among the customers who were eligible at the end of the model's data: the per cent of them
    /// who had a lower one, 0 to 100. `None` in models that keep no reference.
    #[must_use]
    pub fn percentile(&self, probability: f64) -> Option<f64> {
        Some(self.watch.as_ref()?.percentile(probability))
    }

    /// How features and scores were spread when it was fitted; `None` in models that are older than this.
    #[must_use]
    pub fn watch(&self) -> Option<&Watch> {
        self.watch.as_ref()
    }
}

/// The eligible customers at an instant, by the model's own parameters and norms.
pub(super) fn at(model: &ChurnModel, histories: &Histories, shop: Shop<'_>, now: Timestamp) -> Snapshot {
    snapshot(
        Sampling {
            histories,
            shop,
            params: &model.params,
            norms: &model.norms,
            pupils: Pupils::ALL,
        },
        now,
    )
}

/// Calibrated probabilities, by row.
pub(super) fn probabilities(model: &ChurnModel, eligible: &Snapshot) -> Vec<f64> {
    eligible
        .values
        .par_iter()
        .map(|values| model.probability(values))
        .collect()
}

/// The code of each feature of a schema and its values, by row.
pub(super) fn columns<'a>(
    schema: &'a Schema,
    eligible: &'a Snapshot,
) -> impl Iterator<Item = (&'static str, Vec<f64>)> + 'a {
    schema.features().zip(schema.places()).map(|(feature, &place)| {
        let values = eligible.values.par_iter().map(|values| values[place]).collect();
        (feature.code, values)
    })
}

/// Of how many customers each kind of event was logged in the horizon's days before `now`.
pub(super) fn seen(
    model: &ChurnModel,
    histories: &Histories,
    customers: &[CustomerIdx],
    now: Timestamp,
) -> [u64; EventKind::ALL.len()] {
    let from = now.plus_days(-f64::from(model.horizon_days()));
    let none = || [0; EventKind::ALL.len()];
    customers
        .par_iter()
        .map(|&customer| {
            let mut seen = none();
            for kind in histories.of(customer).within(from, now).kinds() {
                seen[usize::from(kind.code())] = 1;
            }
            seen
        })
        .reduce(none, |mut all, more| {
            all.iter_mut().zip(more).for_each(|(all, more)| *all += more);
            all
        })
}

/// Quantiles of ascending values, between neighbours in proportion: the value at place `(n − 1) k / 100` for each `k`.
fn quantiles(sorted: &[f64]) -> Vec<f64> {
    let last = sorted.len() - 1;
    (0..QUANTILES)
        .map(|k| {
            let scaled = last * k;
            let (at, share) = (scaled / 100, (scaled % 100) as f64 / 100.0);
            let (low, high) = (sorted[at], sorted[(at + 1).min(last)]);
            (low + share * (high - low)).min(high)
        })
        .collect()
}
