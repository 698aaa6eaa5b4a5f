//! Next baskets foretold: the evaluation of public files of baskets.
//!
//! Enters: everybody's baskets to learn from, and the baskets that followed. Leaves: recall and NDCG at `k` of each model,
//! with intervals over customers, and recall apart for what the customer had bought before and for what was new.
//!
//! Of each customer of the test the first basket there is foretold from all of hers in the training. All items of the training
//! are ranked, those bought before among them; an item that the training never saw is a miss. A customer whom the training
//! never saw is asked about with no basket. NDCG is divided by that of the best list of `min(k, items of the basket)` places.
//!
//! The one decision: what everybody could do stands beside the model, because most of what next-basket models find is what
//! the customer buys anyway (Li, Jullien, Ariannezhad, de Rijke: A Next Basket Recommendation Reality Check, TOIS 2023).

mod simple;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use crate::id::{CustomerIdx, IdError, IdTable, ItemIdx, Row};
use crate::log::BasketRow;
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::measure::ranking::RankingMetrics;
use crate::progress::Progress;
use crate::recommend::Popularity;
use crate::recommend::buy_again::next_basket::{NextBasket, NextBasketError, NextBasketParams, Sequences};

use simple::Counts;

/// What the customer bought in most of her baskets, then what is popular.
pub const PERSONAL_TOP: &str = "personal-top";

/// Names of the models.
pub const MODELS: [&str; 3] = [NextBasket::NAME, PERSONAL_TOP, Popularity::POPULARITY];

/// What is asked of the evaluation.
#[derive(Clone, Copy, Debug)]
pub struct BasketsOptions<'a> {
    /// Cut-off of the rankings.
    pub k: usize,
    /// Only this of [`MODELS`]; all when `None`.
    pub model: Option<&'a str>,
    /// How the intervals are made.
    pub bootstrap: Bootstrap,
}

/// What one model reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelReport {
    /// Mean over customers of the part of the basket that is among the first `k`.
    pub recall: f64,
    /// Where it lies in most samples of the customers.
    pub recall_interval: Option<Interval>,
    /// Mean over customers of the NDCG at `k`.
    pub ndcg: f64,
    /// Where it lies in most samples of the customers.
    pub ndcg_interval: Option<Interval>,
    /// The same as `recall` of what the customer had bought before, over customers with such an item in the basket.
    pub repeat_recall: f64,
    /// The same as `recall` of what the customer had not bought before, over customers with such an item in the basket.
    pub explore_recall: f64,
    /// Seconds that fitting took.
    pub fit_seconds: f64,
    /// Seconds that the answers for all customers took, on all threads.
    pub rank_seconds: f64,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BasketsReport {
    /// Cut-off of the rankings.
    pub k: usize,
    /// Customers with a basket to foretell: what the metrics are averaged over.
    pub customers: usize,
    /// Baskets that were learned from.
    pub train_baskets: usize,
    /// Items of the training.
    pub items: usize,
    /// Items of the baskets to foretell.
    pub test_items: usize,
    /// Of these, items that their customer had bought before.
    pub repeated_test_items: usize,
    /// Of these, items that the training never saw.
    pub unknown_test_items: usize,
    /// By name of the model.
    pub models: BTreeMap<String, ModelReport>,
}

/// Why baskets cannot be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BasketsError {
    /// More names than rows.
    #[error("too many customers or items")]
    Id(#[from] IdError),
    /// Nothing to foretell.
    #[error("the test half holds no basket")]
    NothingToForetell,
    /// A cut-off that leaves nothing.
    #[error("k = 0: a ranking has at least one place")]
    NoPlaces,
    /// A name that is no model.
    #[error("no model {name:?} (known: {})", MODELS.join(", "))]
    UnknownModel {
        /// The rejected name.
        name: String,
    },
    /// The model could not be fitted.
    #[error(transparent)]
    Fit(#[from] NextBasketError),
}

/// A basket to foretell.
struct Asked<'a> {
    /// What the customer bought before.
    past: &'a [Vec<ItemIdx>],
    /// Items of the basket that the training knows, ascending.
    known: Vec<u32>,
    /// Those of them that the customer had bought before, ascending.
    repeated: Vec<u32>,
    /// Items of the basket.
    size: usize,
}

/// From a customer's baskets to the rows of the best items.
type Answer = Box<dyn Fn(&[Vec<ItemIdx>]) -> Vec<u32> + Sync>;

/// What one list found: of a customer's basket, of its repeated items, of its new ones.
struct Found {
    all: RankingMetrics,
    repeated: Option<f64>,
    new: Option<f64>,
}

/// Fits on `train`, foretells the first basket of each customer of `test`.
///
/// # Errors
/// [`BasketsError`] when nothing is to be foretold, the model is unknown or cannot be fitted.
///
/// # Determinism
/// All but the seconds is the same for any number of threads.
pub fn evaluate_baskets(
    train: &[BasketRow],
    test: &[BasketRow],
    params: &NextBasketParams,
    options: &BasketsOptions<'_>,
    progress: &dyn Progress,
) -> Result<BasketsReport, BasketsError> {
    if options.k == 0 {
        return Err(BasketsError::NoPlaces);
    }
    if let Some(name) = options.model.filter(|name| !MODELS.contains(name)) {
        return Err(BasketsError::UnknownModel {
            name: name.to_owned(),
        });
    }
    let (mut customers, mut items) = (IdTable::<CustomerIdx>::default(), IdTable::<ItemIdx>::default());
    let known = Sequences::from_rows(train, &mut customers, &mut items)?;
    let followed = Sequences::from_rows(test, &mut customers, &mut items)?;
    let asked: Vec<Asked<'_>> = followed
        .of
        .iter()
        .enumerate()
        .filter_map(|(customer, baskets)| {
            let past = known.of.get(customer).map_or(&[][..], Vec::as_slice);
            Some(Asked::new(past, baskets.first()?, known.n_items))
        })
        .collect();
    if asked.is_empty() {
        return Err(BasketsError::NothingToForetell);
    }
    let mut models = BTreeMap::new();
    for name in MODELS {
        if options.model.is_none_or(|only| only == name) {
            models.insert(
                name.to_owned(),
                judge(name, &known, &asked, params, options, progress)?,
            );
        }
    }
    let sum = |part: fn(&Asked<'_>) -> usize| asked.iter().map(part).sum();
    Ok(BasketsReport {
        k: options.k,
        customers: asked.len(),
        train_baskets: known.of.iter().map(Vec::len).sum(),
        items: known.n_items,
        test_items: sum(|asked| asked.size),
        repeated_test_items: sum(|asked| asked.repeated.len()),
        unknown_test_items: sum(|asked| asked.size - asked.known.len()),
        models,
    })
}

fn judge(
    name: &str,
    known: &Sequences,
    asked: &[Asked<'_>],
    params: &NextBasketParams,
    options: &BasketsOptions<'_>,
    progress: &dyn Progress,
) -> Result<ModelReport, NextBasketError> {
    let k = options.k;
    let start = Instant::now();
    let answer: Answer = match name {
        NextBasket::NAME => {
            let (model, _) = NextBasket::fit(known, params, progress)?;
            Box::new(move |past| {
                model
                    .next(past, k)
                    .iter()
                    .map(|best| best.item.as_u32())
                    .collect()
            })
        }
        _ => {
            let counts = Counts::of(known);
            if name == PERSONAL_TOP {
                Box::new(move |past| counts.personal(past, k))
            } else {
                Box::new(move |_| counts.popular(k))
            }
        }
    };
    let fitted = Instant::now();
    let found: Vec<Found> = asked
        .par_iter()
        .filter_map(|asked| asked.found(&answer(asked.past), k))
        .collect();
    Ok(ModelReport {
        fit_seconds: (fitted - start).as_secs_f64(),
        rank_seconds: fitted.elapsed().as_secs_f64(),
        ..report(&found, &options.bootstrap)
    })
}

impl<'a> Asked<'a> {
    fn new(past: &'a [Vec<ItemIdx>], basket: &[ItemIdx], n_items: usize) -> Self {
        // Items are numbered by the training first: what it does not know comes after.
        let known = basket.iter().filter(|item| item.index() < n_items);
        let known: Vec<u32> = known.map(|item| item.as_u32()).collect();
        let before = |&item: &u32| past.iter().flatten().any(|bought| bought.as_u32() == item);
        Self {
            past,
            repeated: known.iter().copied().filter(before).collect(),
            known,
            size: basket.len(),
        }
    }

    fn found(&self, ranked: &[u32], k: usize) -> Option<Found> {
        let new: Vec<u32> = self
            .known
            .iter()
            .copied()
            .filter(|item| self.repeated.binary_search(item).is_err())
            .collect();
        let of = |relevant: &[u32], all: usize| RankingMetrics::of(ranked.iter().copied(), relevant, all, k);
        Some(Found {
            all: of(&self.known, self.size)?,
            repeated: of(&self.repeated, self.repeated.len()).map(|metrics| metrics.recall),
            new: of(&new, self.size - self.repeated.len()).map(|metrics| metrics.recall),
        })
    }
}

/// Means over customers, with intervals; no seconds yet.
fn report(found: &[Found], bootstrap: &Bootstrap) -> ModelReport {
    let all: Vec<RankingMetrics> = found.iter().map(|found| found.all).collect();
    let mean = RankingMetrics::mean(&all);
    let intervals = bootstrap.intervals(found.len(), |drawn| {
        let n = drawn.len() as f64;
        let sum = |part: fn(&RankingMetrics) -> f64| -> f64 {
            drawn.iter().map(|&at| part(&all[at as usize])).sum()
        };
        vec![sum(|one| one.recall) / n, sum(|one| one.ndcg) / n]
    });
    let mean_of = |part: fn(&Found) -> Option<f64>| {
        let values: Vec<f64> = found.iter().filter_map(part).collect();
        values.iter().sum::<f64>() / values.len().max(1) as f64 + 0.0
    };
    ModelReport {
        recall: mean.recall,
        recall_interval: intervals.as_ref().map(|both| both[0]),
        ndcg: mean.ndcg,
        ndcg_interval: intervals.map(|both| both[1]),
        repeat_recall: mean_of(|found| found.repeated),
        explore_recall: mean_of(|found| found.new),
        fit_seconds: 0.0,
        rank_seconds: 0.0,
    }
}
