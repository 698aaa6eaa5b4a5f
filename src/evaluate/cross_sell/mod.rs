//! Cross-sell against the future: one item of a basket is given, the others are to be found.
//!
//! Enters: a shop's past and the window after it. Leaves: how often one of a basket's other items is among the first `k`,
//! and how high the first of them stands, for the model and the baselines, with intervals over baskets.
//!
//! Everything strictly before the cut-off is learned from. A basket of the window counts when at least two of its distinct
//! items were bought before the cut-off; the rest of its items are left out. Each of its items is given in turn, but at
//! most `given_per_basket` of them, drawn by the seed; a basket's figures are the means over its given items, and every
//! basket counts alike, however large. The reciprocal rank is that of the full ranking; an item that a model does not rank
//! at all has 0.
//!
//! | model | ranks by |
//! |---|---|
//! | `cross-sell` | [`CrossSell`] |
//! | `popularity` | `n_b` |
//! | `co-occurrence` | `n_ab` |
//! | `cosine` | `n_ab / √(n_a n_b)` |
//! | `lift` | `n n_ab / (n_a n_b)` where `n_ab` is at least [`LIFT_SUPPORT`] |
//! | `llr` | Dunning's log-likelihood ratio where the lift is above 1 |
//!
//! The baselines count whole baskets, all alike, of the same size at most as the model's.

mod baselines;
mod report;

use rand::SeedableRng;
use rand::seq::index;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::history::Histories;
use crate::id::{CustomerIdx, ItemIdx, Row};
use crate::measure::bootstrap::Bootstrap;
use crate::progress::Progress;
use crate::time::Timestamp;

use crate::recommend::relations::groups::{Largest, Purchases, distinct_baskets};
use crate::recommend::relations::{CrossSell, CrossSellParams, Leaves, Relations, Shop, SimilarParams};
use baselines::Baselines;

pub use baselines::LIFT_SUPPORT;
pub use report::{BasketAdvantage, BasketModelReport, CrossSellReport};

/// Name of the model in reports.
pub const CROSS_SELL: &str = "cross-sell";

/// How baskets are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BasketRules {
    /// The window is `[shop.now, end)`.
    pub end: Timestamp,
    /// Cut-off of the rankings.
    pub k: usize,
    /// Items of a basket that are given in turn, at most.
    pub given_per_basket: usize,
    /// Seed of the draws and of the intervals.
    pub seed: u64,
}

/// Why cross-sell cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BasketError {
    /// No basket with two known items.
    #[error(
        "no basket from {from} until {end} holds two items that were bought before: choose an earlier cut-off"
    )]
    NothingToFind {
        /// Begin of the window.
        from: Timestamp,
        /// End of the window.
        end: Timestamp,
    },
    /// Rules that leave nothing.
    #[error("k = {k} and given_per_basket = {given_per_basket}: both are at least 1")]
    NoPlaces {
        /// Cut-off of the rankings.
        k: usize,
        /// Items given.
        given_per_basket: usize,
    },
}

/// One model's figures of one given item.
#[derive(Clone, Copy, Default, Debug)]
struct Found {
    hit: f64,
    reciprocal_rank: f64,
    /// Of the first `k`: how many there are, and how many of them are in the given item's leaf category.
    listed: usize,
    same_leaf: usize,
}

/// A model that is judged.
trait BasketModel: Sync {
    fn name(&self) -> &'static str;
    /// Scores every item; 0 is not ranked.
    fn score(&self, given: ItemIdx, scores: &mut [f32]);
}

impl BasketModel for &CrossSell {
    fn name(&self) -> &'static str {
        CROSS_SELL
    }

    fn score(&self, given: ItemIdx, scores: &mut [f32]) {
        CrossSell::score(self, &[given], scores);
    }
}

/// Fits on what was before `shop.now` and looks for the rest of the baskets bought from then until `rules.end`.
///
/// # Errors
/// [`BasketError`] when there is nothing to find.
///
/// # Determinism
/// The same for any number of threads.
pub fn evaluate_cross_sell(
    shop: Shop<'_>,
    cross_sell: &CrossSellParams,
    similar: &SimilarParams,
    rules: BasketRules,
    progress: &dyn Progress,
) -> Result<CrossSellReport, BasketError> {
    if rules.k == 0 || rules.given_per_basket == 0 {
        return Err(BasketError::NoPlaces {
            k: rules.k,
            given_per_basket: rules.given_per_basket,
        });
    }
    let n_items = shop.histories.items().len();
    let largest = Largest {
        basket: cross_sell.raw().largest_basket,
        visit: 0,
        customer: 0,
    };
    let purchases = Purchases::before(shop.histories, shop.calendar, shop.now, largest);
    let counts = purchases.baskets.sizes();
    let tasks = tasks(shop, &counts, rules);
    if tasks.is_empty() {
        return Err(BasketError::NothingToFind {
            from: shop.now,
            end: rules.end,
        });
    }
    let relations = Relations::fit(shop, cross_sell, similar, progress);
    let leaves = Leaves::of(shop.catalog, n_items);
    let baselines = Baselines {
        baskets: &purchases.baskets,
        counts: &counts,
    };
    let model = &relations.cross_sell;
    let mut models: Vec<Box<dyn BasketModel + '_>> = vec![Box::new(model)];
    models.extend(baselines.all());
    progress.begin("Judging cross-sell", models.len() as u64);
    let judged: Vec<(&'static str, Judged)> = models
        .iter()
        .map(|model| {
            let judged = judge(&**model, &tasks, n_items, &leaves, rules.k);
            progress.advance(1);
            (model.name(), judged)
        })
        .collect();
    progress.end();
    let bootstrap = Bootstrap {
        seed: rules.seed,
        ..Bootstrap::default()
    };
    Ok(report::report(&report::Judgement {
        from: shop.now,
        rules,
        tasks: tasks.iter().map(|task| task.given.len()).sum(),
        known_items: counts.iter().filter(|&&count| count > 0).count(),
        has_leaves: !leaves.is_empty(),
        judged: &judged,
        bootstrap,
    }))
}

/// A basket of the window.
struct Task {
    /// Its known items, ascending.
    items: Vec<u32>,
    /// Those that are given in turn.
    given: Vec<u32>,
}

/// What one model found in all baskets.
struct Judged {
    /// By basket: means over its given items.
    hits: Vec<f64>,
    reciprocal_ranks: Vec<f64>,
    listed: usize,
    same_leaf: usize,
    /// Distinct items that were among the first `k` of any ranking.
    covered: usize,
}

fn tasks(shop: Shop<'_>, counts: &[u32], rules: BasketRules) -> Vec<Task> {
    let window = |histories: &Histories, customer: CustomerIdx| {
        distinct_baskets(histories.of(customer).within(shop.now, rules.end), shop.calendar)
    };
    let mut tasks = Vec::new();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(rules.seed);
    for customer in shop.histories.customers().rows() {
        for (_, mut items) in window(shop.histories, customer) {
            items.retain(|&item| counts[item as usize] > 0);
            if items.len() < 2 {
                continue;
            }
            let amount = rules.given_per_basket.min(items.len());
            let given = if amount == items.len() {
                items.clone()
            } else {
                let mut drawn = index::sample(&mut random, items.len(), amount).into_vec();
                drawn.sort_unstable();
                drawn.into_iter().map(|at| items[at]).collect()
            };
            tasks.push(Task { items, given });
        }
    }
    tasks
}

fn judge(model: &dyn BasketModel, tasks: &[Task], n_items: usize, leaves: &Leaves, k: usize) -> Judged {
    let found: Vec<(Vec<Found>, Vec<u32>)> = tasks
        .par_iter()
        .map_init(
            || vec![0.0; n_items],
            |scores, task| {
                let mut listed = Vec::new();
                let found = task.given.iter().map(|&given| {
                    model.score(ItemIdx::from_u32(given), scores);
                    scores[given as usize] = 0.0;
                    one(scores, given, &task.items, leaves, k, &mut listed)
                });
                let found = found.collect();
                listed.sort_unstable();
                listed.dedup();
                (found, listed)
            },
        )
        .collect();
    let mean = |basket: &[Found], part: fn(&Found) -> f64| {
        basket.iter().map(part).sum::<f64>() / basket.len() as f64
    };
    let mut covered = vec![false; n_items];
    for &item in found.iter().flat_map(|(_, listed)| listed) {
        covered[item as usize] = true;
    }
    let all = || found.iter().flat_map(|(found, _)| found);
    Judged {
        hits: found
            .iter()
            .map(|(found, _)| mean(found, |found| found.hit))
            .collect(),
        reciprocal_ranks: found
            .iter()
            .map(|(found, _)| mean(found, |found| found.reciprocal_rank))
            .collect(),
        listed: all().map(|found| found.listed).sum(),
        same_leaf: all().map(|found| found.same_leaf).sum(),
        covered: covered.into_iter().filter(|&covered| covered).count(),
    }
}

fn one(scores: &[f32], given: u32, items: &[u32], leaves: &Leaves, k: usize, listed: &mut Vec<u32>) -> Found {
    let before = |a: (u32, f32), b: (u32, f32)| a.1 > b.1 || (a.1 >= b.1 && a.0 < b.0);
    let wanted = items.iter().copied().filter(|&item| item != given);
    let best = wanted
        .map(|item| (item, scores[item as usize]))
        .filter(|&(_, score)| score > 0.0)
        .reduce(|best, other| if before(other, best) { other } else { best });
    let reciprocal_rank = best.map_or(0.0, |best| {
        let better = (0u32..)
            .zip(scores)
            .filter(|&(item, &score)| before((item, score), best))
            .count();
        1.0 / (better + 1) as f64
    });
    let top = crate::numeric::top_k(scores, k, |item| scores[item] > 0.0);
    let leaf = leaves.leaf(ItemIdx::from_u32(given));
    let same = |&&(item, _): &&(u32, f32)| leaf.is_some() && leaves.leaf(ItemIdx::from_u32(item)) == leaf;
    listed.extend(top.iter().map(|&(item, _)| item));
    Found {
        // A rank within the first k is a hit; a hair is added because a reciprocal is rounded.
        hit: f64::from(u8::from(reciprocal_rank * k as f64 > 1.0 - 1e-9)),
        reciprocal_rank,
        listed: top.len(),
        same_leaf: top.iter().filter(same).count(),
    }
}
