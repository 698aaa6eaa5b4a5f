//! Trending: what sells more than it usually does.
//!
//! Enters: all histories before an instant, with what an event of each kind is worth. Leaves: for each item its recent
//! level, the level that was to be expected, and how far the one is above the other.
//!
//! # Formula
//! Per item, with ages `t` in days, weights `w` of the kinds, half-lives `h` (now) and `H` (usual):
//!
//! ```text
//! S = Σ w 2^(−t/h)                        what is happening now
//! U = Σ w (2^(−t/H) − 2^(−t/h))           what is usual, without what is happening now
//! ℓ_h(T) = h / ln 2 · (1 − 2^(−T/h))      days that S stands for, of an item that is T days old
//! ℓ_u(T) = ℓ_H(T) − ℓ_h(T)                days that U stands for
//! F = (Σ S / ℓ_h) / (Σ U / ℓ_u)           how much busier the whole shop is
//! E = F · ℓ_h(T) · (U + k) / (ℓ_u(T) + k / r)        expected: gamma-Poisson, drawn towards r events a day
//! factor = (S + m) / (E + m)        score = (S − E) / √(E + c)
//! ```
//!
//! `r` is the mean level of the item's leaf category, itself drawn towards the shop's. **An item that is younger than two
//! half-lives** has no usual level: it is expected to sell at the mean level at which the category's items sold in their own first two
//! half-lives after launch, so that a launch is measured against launches. An item is launched when the catalogue says so,
//! else with its first event.
//!
//! The score is in standard deviations of what is expected; an item below its expectation, or with fewer than
//! `least_events` recent events, has 0 and is not trending.
//!
//! The one decision: an item is compared with itself and not with the best-sellers, which popularity shows anyway.

mod params;

pub use params::{RawTrendingParams, TrendingParams};

use crate::history::Weighting;
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::numeric::top_k;
use crate::recommend::Ranking;
use crate::time::Timestamp;

use super::fit::Shop;
use super::leaves::Leaves;
use super::stored::{StoredError, check_finite, check_len};

/// Half-lives after launch over which an item is new.
const NEW_HALF_LIVES: f64 = 2.0;
/// Half-lives that events count as recent for.
const RECENT_HALF_LIVES: f64 = 3.0;
/// Items that the shop's level counts as in a category's.
const CATEGORY_STRENGTH: f64 = 3.0;

/// What sells more than usual.
///
/// # Shapes
/// Each array has one number an item, 0 or more.
#[derive(Clone, Debug, PartialEq)]
pub struct Trending {
    arrays: TrendingArrays,
}

/// The arrays of the model, by item.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TrendingArrays {
    /// Standard deviations above what is expected; 0 for what is not trending.
    pub scores: Vec<f32>,
    /// How many times what is expected, smoothed.
    pub factors: Vec<f32>,
    /// `S`.
    pub recent: Vec<f32>,
    /// `E`.
    pub expected: Vec<f32>,
}

/// What is summed of an item.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    recent: f64,
    usual: f64,
    events: usize,
    first: Option<Timestamp>,
    /// Weights within the first two half-lives after launch.
    at_launch: f64,
}

impl Trending {
    /// Compares every item's recent level with its usual one.
    #[must_use]
    pub fn fit(shop: Shop<'_>, weighting: &Weighting, params: &TrendingParams) -> Self {
        let n_items = shop.histories.items().len();
        let sums = sums(shop, weighting, params);
        let Some(begin) = sums.iter().filter_map(|sums| sums.first).min() else {
            let zeros = || vec![0.0; n_items];
            return Self {
                arrays: TrendingArrays {
                    scores: zeros(),
                    factors: vec![1.0; n_items],
                    recent: zeros(),
                    expected: zeros(),
                },
            };
        };
        let levels = Levels {
            kernel: Kernel(params),
            begin,
            shop,
            sums: &sums,
        };
        let leaves = Leaves::of(shop.catalog, n_items);
        let usual = levels.by_category(&leaves, |item| levels.usual(item));
        let at_launch = levels.by_category(&leaves, |item| levels.at_launch(item));
        let busier = levels.busier();
        let raw = params.raw();
        let mut arrays = TrendingArrays::default();
        for (item, sums) in sums.iter().enumerate() {
            let days = levels.days(item);
            let rate = if levels.is_new(item) {
                at_launch[item]
            } else {
                levels.own(item, usual[item], raw.prior_events)
            };
            let recent = sums.recent.max(0.0);
            let expected = busier * levels.kernel.recent_days(days) * rate;
            let score = if sums.events >= raw.least_events && recent > expected {
                (recent - expected) / (expected + raw.noise).sqrt()
            } else {
                0.0
            };
            arrays.scores.push(score as f32);
            arrays
                .factors
                .push(((recent + raw.factor_smoothing) / (expected + raw.factor_smoothing)) as f32);
            arrays.recent.push(recent as f32);
            arrays.expected.push(expected as f32);
        }
        Self { arrays }
    }

    /// The model with these arrays, as a bundle keeps them.
    ///
    /// # Errors
    /// [`StoredError`] when their lengths differ or a number is not finite or below zero.
    pub fn from_arrays(arrays: TrendingArrays) -> Result<Self, StoredError> {
        let n_items = arrays.scores.len();
        for (name, array) in [
            ("trending.scores", &arrays.scores),
            ("trending.factors", &arrays.factors),
            ("trending.recent", &arrays.recent),
            ("trending.expected", &arrays.expected),
        ] {
            check_len(name, array.len(), n_items)?;
            check_finite(name, array)?;
        }
        Ok(Self { arrays })
    }

    /// Scores, factors, recent and expected levels.
    #[must_use]
    pub fn arrays(&self) -> &TrendingArrays {
        &self.arrays
    }

    /// The best `k` trending items among those that `keep` lets through, best first; shorter where fewer are above what is
    /// usual.
    #[must_use]
    pub fn rank(&self, k: usize, keep: impl Fn(ItemIdx) -> bool) -> Ranking {
        let scores = &self.arrays.scores;
        // Item rows are u32.
        let open = |item: usize| scores[item] > 0.0 && keep(ItemIdx::from_u32(item as u32));
        top_k(scores, k, open)
            .into_iter()
            .map(|(item, score)| (ItemIdx::from_u32(item), score))
            .collect()
    }
}

/// One pass over all events in the order of the columns, then one for the launches that only the first pass knows.
fn sums(shop: Shop<'_>, weighting: &Weighting, params: &TrendingParams) -> Vec<Sums> {
    let raw = params.raw();
    let worth = |kind| match kind {
        EventKind::View => weighting.raw().view,
        EventKind::Cart => weighting.raw().cart,
        EventKind::Purchase => weighting.raw().purchase,
        EventKind::Return => -weighting.raw().returned,
    };
    let mut sums = vec![Sums::default(); shop.histories.items().len()];
    let customers = || shop.histories.customers().rows();
    for customer in customers() {
        let history = shop.histories.of(customer).before(shop.now);
        for ((&item, &kind), &at) in history.items().iter().zip(history.kinds()).zip(history.times()) {
            let sums = &mut sums[item.index()];
            let age = shop.now.days_since(at);
            let now = (-age / raw.half_life_days).exp2();
            sums.recent += worth(kind) * now;
            sums.usual += worth(kind) * ((-age / raw.usual_half_life_days).exp2() - now);
            sums.first = Some(sums.first.map_or(at, |first| first.min(at)));
            let is_recent = age <= RECENT_HALF_LIVES * raw.half_life_days;
            sums.events += usize::from(is_recent && kind != EventKind::Return);
        }
    }
    let launches: Vec<Option<Timestamp>> = (0..sums.len()).map(|item| launch(shop, &sums, item)).collect();
    for customer in customers() {
        let history = shop.histories.of(customer).before(shop.now);
        for ((&item, &kind), &at) in history.items().iter().zip(history.kinds()).zip(history.times()) {
            let launched = launches[item.index()];
            if launched.is_some_and(|launched| at.days_since(launched) < NEW_HALF_LIVES * raw.half_life_days)
            {
                sums[item.index()].at_launch += worth(kind);
            }
        }
    }
    sums
}

/// When an item was first offered; an event before the catalogue's date is believed more than the catalogue.
fn launch(shop: Shop<'_>, sums: &[Sums], item: usize) -> Option<Timestamp> {
    let said = shop.catalog.items().get(item).and_then(|item| item.launched_at);
    match (said.filter(|&said| said < shop.now), sums[item].first) {
        (Some(said), Some(first)) => Some(said.min(first)),
        (said, first) => said.or(first),
    }
}

struct Kernel<'a>(&'a TrendingParams);

impl Kernel<'_> {
    fn recent_days(&self, days: f64) -> f64 {
        effective_days(self.0.raw().half_life_days, days)
    }

    fn usual_days(&self, days: f64) -> f64 {
        effective_days(self.0.raw().usual_half_life_days, days) - self.recent_days(days)
    }
}

/// `∫_0^T 2^(−t/h) dt`.
fn effective_days(half_life: f64, days: f64) -> f64 {
    half_life / std::f64::consts::LN_2 * (1.0 - (-days / half_life).exp2())
}

/// Levels in events a day.
struct Levels<'a> {
    kernel: Kernel<'a>,
    begin: Timestamp,
    shop: Shop<'a>,
    sums: &'a [Sums],
}

impl Levels<'_> {
    /// Days for which an item is known: since its launch, or since the log begins.
    fn days(&self, item: usize) -> f64 {
        let since =
            launch(self.shop, self.sums, item).map_or(self.begin, |launched| launched.max(self.begin));
        self.shop.now.days_since(since)
    }

    fn new_days(&self) -> f64 {
        NEW_HALF_LIVES * self.kernel.0.raw().half_life_days
    }

    fn is_new(&self, item: usize) -> bool {
        self.days(item) < self.new_days()
    }

    /// Events a day of an item, drawn towards those of its category.
    fn own(&self, item: usize, of_category: f64, prior_events: f64) -> f64 {
        let (events, days) = (
            self.sums[item].usual.max(0.0),
            self.kernel.usual_days(self.days(item)),
        );
        if of_category > 0.0 {
            (events + prior_events) / (days + prior_events / of_category)
        } else {
            0.0
        }
    }

    /// Weights and days of an item that is not new.
    fn usual(&self, item: usize) -> Option<(f64, f64)> {
        let is_old = self.sums[item].first.is_some() && !self.is_new(item);
        is_old.then(|| {
            (
                self.sums[item].usual.max(0.0),
                self.kernel.usual_days(self.days(item)),
            )
        })
    }

    /// Weights and days after launch of an item that was launched within the log and is not new any more.
    fn at_launch(&self, item: usize) -> Option<(f64, f64)> {
        let launched = launch(self.shop, self.sums, item)?;
        let seen = launched > self.begin.plus_days(self.new_days()) && !self.is_new(item);
        seen.then(|| (self.sums[item].at_launch.max(0.0), self.new_days()))
    }

    /// How much busier the shop is than usual; 1 where nothing is usual yet.
    fn busier(&self) -> f64 {
        let days = self.shop.now.days_since(self.begin);
        let recent: f64 = self.sums.iter().map(|sums| sums.recent.max(0.0)).sum();
        let usual: f64 = self.sums.iter().map(|sums| sums.usual.max(0.0)).sum();
        let level = recent / self.kernel.recent_days(days) / (usual / self.kernel.usual_days(days));
        if level.is_finite() { level } else { 1.0 }
    }

    /// By item: the mean of its leaf category, drawn towards the shop's.
    fn by_category(&self, leaves: &Leaves, level: impl Fn(usize) -> Option<(f64, f64)>) -> Vec<f64> {
        let group = |item: usize| {
            leaves
                .leaf(ItemIdx::from_u32(item as u32))
                .map_or(leaves.len(), |leaf| leaf as usize)
        };
        let mut groups = vec![(0.0, 0.0); leaves.len() + 1];
        let (mut weight, mut days, mut items) = (0.0, 0.0, 0.0);
        for item in 0..self.sums.len() {
            if let Some((item_weight, item_days)) = level(item) {
                let of_group = &mut groups[group(item)];
                *of_group = (of_group.0 + item_weight, of_group.1 + item_days);
                (weight, days, items) = (weight + item_weight, days + item_days, items + 1.0);
            }
        }
        if days <= 0.0 {
            return vec![0.0; self.sums.len()];
        }
        let (mean, strength) = (weight / days, CATEGORY_STRENGTH * days / items);
        let of_group = |&(weight, days): &(f64, f64)| (weight + strength * mean) / (days + strength);
        let levels: Vec<f64> = groups.iter().map(of_group).collect();
        (0..self.sums.len()).map(|item| levels[group(item)]).collect()
    }
}
