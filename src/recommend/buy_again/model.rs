//! Answers: what is due for a history at an instant.

use std::ops::Range;

use crate::history::History;
use crate::id::{ItemIdx, Row};
use crate::time::{Calendar, Timestamp};
use serde::Serialize;

use super::error::BuyAgainError;
use super::features::{Customer, PAIR_WIDTH, PairFacts, WIDTH};
use super::items::{ItemFacts, ItemTable};
use super::logistic::{Regression, logit, sigmoid};
use super::params::MOST_WINDOWS;
use super::past::{Pair, Past};

/// A fitted model of buying again.
#[derive(Clone, Debug)]
pub struct BuyAgain {
    pub(crate) table: ItemTable,
    /// By rising window; never empty.
    pub(crate) models: Vec<WindowModel>,
    pub(crate) calendar: Calendar,
}

/// The regression of one window: `logit = base + Σ_k coefficients_k (x_k − means_k)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WindowModel {
    pub window_days: f64,
    pub base: f64,
    pub coefficients: [f64; WIDTH],
    pub means: [f64; WIDTH],
}

/// What most of an interval rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The customer's own intervals with this item.
    Own,
    /// What others do with this item.
    Item,
    /// What is usual in its category or in the shop.
    Shop,
}

/// What made the logit of a probability: base and families sum to it.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize)]
pub struct DueParts {
    /// An average pair of the training.
    pub base: f64,
    /// See [`Family::Rhythm`](super::Family::Rhythm).
    pub rhythm: f64,
    /// See [`Family::Recency`](super::Family::Recency).
    pub recency: f64,
    /// See [`Family::Frequency`](super::Family::Frequency).
    pub frequency: f64,
    /// See [`Family::Item`](super::Family::Item).
    pub item: f64,
    /// See [`Family::Customer`](super::Family::Customer).
    pub customer: f64,
    /// What a window shorter than any that was learned takes off.
    pub window: f64,
}

impl DueParts {
    /// The logit of the probability.
    #[must_use]
    pub fn logit(&self) -> f64 {
        self.base + self.rhythm + self.recency + self.frequency + self.item + self.customer + self.window
    }

    /// `self · (1 − share) + other · share`.
    fn between(&self, other: &Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a + share * (b - a);
        Self {
            base: mix(self.base, other.base),
            rhythm: mix(self.rhythm, other.rhythm),
            recency: mix(self.recency, other.recency),
            frequency: mix(self.frequency, other.frequency),
            item: mix(self.item, other.item),
            customer: mix(self.customer, other.customer),
            window: mix(self.window, other.window),
        }
    }
}

/// An item that may be bought again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Due {
    /// The item.
    pub item: ItemIdx,
    /// Probability that it is bought again within the window.
    pub probability: f64,
    /// When the next purchase is due; may be past. `None` for what is hardly ever bought twice.
    pub due_at: Option<Timestamp>,
    /// Usual days between purchases of this customer and item, for its usual quantity.
    pub interval_days: f64,
    /// Standard deviation of the log of the days until the next purchase: a half to twice as long lies within about `ln 2` of it.
    pub log_deviation: f64,
    /// What most of the interval rests on.
    pub basis: Basis,
    /// Intervals of this customer with this item.
    pub own_intervals: u32,
    /// Intervals of all customers with this item, at the fit.
    pub item_intervals: u32,
    /// Chance that the last purchase is followed by another at any time.
    pub repeat_chance: f64,
    /// First instant of the last day on which it was bought and kept.
    pub last_bought_at: Timestamp,
    /// Days on which it was bought and kept.
    pub times_bought: u32,
    /// What made the probability.
    pub parts: DueParts,
}

impl WindowModel {
    pub(crate) fn new(window_days: f64, regression: &Regression) -> Self {
        let mut model = Self {
            window_days,
            base: regression.base,
            coefficients: [0.0; WIDTH],
            means: [0.0; WIDTH],
        };
        model.coefficients.copy_from_slice(&regression.coefficients);
        model.means.copy_from_slice(&regression.means);
        model
    }

    /// What the customer adds to the logit of each of her pairs, and what all pairs have.
    fn customer(&self, customer: &Customer) -> CustomerParts {
        let own: f64 = self.sum(PAIR_WIDTH..WIDTH, &customer.0);
        let means: f64 = self.coefficients[..PAIR_WIDTH]
            .iter()
            .zip(&self.means)
            .map(|(weight, mean)| weight * mean)
            .sum();
        CustomerParts {
            own,
            offset: self.base + own - means,
        }
    }

    /// The logit of a pair.
    fn logit(&self, facts: &PairFacts, customer: CustomerParts) -> f64 {
        let features = facts.features(self.window_days);
        let products = features
            .iter()
            .zip(&self.coefficients)
            .map(|(x, weight)| x * weight);
        customer.offset + products.sum::<f64>()
    }

    fn parts(&self, facts: &PairFacts, customer: CustomerParts) -> DueParts {
        let x = facts.features(self.window_days);
        DueParts {
            base: self.base,
            rhythm: self.sum(RHYTHM, &x[RHYTHM]),
            recency: self.sum(RECENCY, &x[RECENCY]),
            frequency: self.sum(FREQUENCY, &x[FREQUENCY]),
            item: self.sum(ITEM, &x[ITEM]),
            customer: customer.own,
            window: 0.0,
        }
    }

    fn sum(&self, places: Range<usize>, features: &[f64]) -> f64 {
        let (weights, means) = (&self.coefficients[places.clone()], &self.means[places]);
        let terms = features.iter().zip(weights).zip(means);
        terms.map(|((x, weight), mean)| weight * (x - mean)).sum()
    }
}

/// What is the same for all pairs of a customer in one regression.
#[derive(Clone, Copy, Debug, Default)]
struct CustomerParts {
    own: f64,
    offset: f64,
}

/// Places of the families of a pair among the features.
const RHYTHM: Range<usize> = 0..3;
const RECENCY: Range<usize> = 3..6;
const FREQUENCY: Range<usize> = 6..10;
const ITEM: Range<usize> = 10..PAIR_WIDTH;

impl BuyAgain {
    /// Name of the model.
    pub const NAME: &'static str = "buy-again";

    /// The windows that were learned, in days, rising.
    pub fn windows_days(&self) -> impl ExactSizeIterator<Item = f64> + '_ {
        self.models.iter().map(|model| model.window_days)
    }

    /// What is known of the shop.
    #[must_use]
    pub fn shop(&self) -> &super::ShopFacts {
        &self.table.shop
    }

    /// Every item that the customer bought and kept before `now`, by falling probability of being bought again in
    /// `[now, now + window_days)`, then by row.
    ///
    /// Between two learned windows the logit is interpolated along the log of the window; below the shortest the rate of purchases
    /// is taken as constant. A longer window never has a lower probability: where the regression of a longer one says less, the shorter
    /// one's answer holds.
    ///
    /// # Errors
    /// [`BuyAgainError::Window`] for a window that is no span of time or longer than the longest learned.
    pub fn due(
        &self,
        history: History<'_>,
        now: Timestamp,
        window_days: f64,
    ) -> Result<Vec<Due>, BuyAgainError> {
        let longest = self.models[self.models.len() - 1].window_days;
        if !(window_days > 0.0 && window_days <= longest) {
            return Err(BuyAgainError::Window { window_days, longest });
        }
        let past = Past::of(history.before(now), &self.calendar);
        let customer = Customer::of(&past, &self.table.shop, self.calendar.day(now));
        let mut parts = [CustomerParts::default(); MOST_WINDOWS];
        for (part, model) in parts.iter_mut().zip(&self.models) {
            *part = model.customer(&customer);
        }
        let due: Vec<Due> = past
            .pairs()
            .iter()
            .map(|pair| {
                let item = self.table.of(pair.item.index());
                let facts = PairFacts::of(&self.table, &item, &past, pair, now);
                let parts = self.parts(&facts, &parts, window_days);
                self.answer(&past, pair, &item, &facts, parts)
            })
            .collect();
        // Pairs ascend by item, so that their order is the order of rows; an answer is too large to be moved about by a sort.
        let mut order: Vec<usize> = (0..due.len()).collect();
        order.sort_unstable_by(|&a, &b| due[b].probability.total_cmp(&due[a].probability).then(a.cmp(&b)));
        Ok(order.into_iter().map(|at| due[at]).collect())
    }

    fn answer(&self, past: &Past, pair: &Pair, item: &ItemFacts, facts: &PairFacts, parts: DueParts) -> Due {
        let bought = past.bought(pair);
        let last = bought[bought.len() - 1];
        let has_rhythm = bought.len() > 1 || facts.chance >= self.table.shop.due_from_chance;
        let basis = if facts.interval.own >= 0.5 {
            Basis::Own
        } else if item.own >= 0.5 {
            Basis::Item
        } else {
            Basis::Shop
        };
        Due {
            item: pair.item,
            probability: sigmoid(parts.logit()),
            due_at: has_rhythm.then(|| last.at.plus_days(facts.log_due.exp())),
            interval_days: facts.interval.mean.exp(),
            log_deviation: facts.interval.deviation,
            basis,
            // A history has fewer events than a u32 counts.
            own_intervals: (bought.len() - 1) as u32,
            item_intervals: item.intervals,
            repeat_chance: facts.chance,
            last_bought_at: last.at,
            times_bought: bought.len() as u32,
            parts,
        }
    }

    fn parts(&self, facts: &PairFacts, customer: &[CustomerParts], window_days: f64) -> DueParts {
        let above = self
            .models
            .partition_point(|model| model.window_days < window_days)
            .min(self.models.len() - 1);
        let logit_of = |at: usize| self.models[at].logit(facts, customer[at]);
        let parts_of = |at: usize| self.models[at].parts(facts, customer[at]);
        if above == 0 {
            let mut parts = parts_of(0);
            // The chance of none, e^(−rate · days), of a shorter time.
            let none = (-sigmoid(parts.logit())).ln_1p() * window_days / self.models[0].window_days;
            parts.window = logit(-none.exp_m1()) - parts.logit();
            return parts;
        }
        let (mut below, mut below_logit) = (0, logit_of(0));
        for at in 1..above {
            let logit = logit_of(at);
            if logit > below_logit {
                (below, below_logit) = (at, logit);
            }
        }
        if logit_of(above) <= below_logit {
            return parts_of(below);
        }
        let (from, to) = (self.models[above - 1].window_days, self.models[above].window_days);
        let share = (window_days / from).ln() / (to / from).ln();
        if share >= 1.0 {
            return parts_of(above);
        }
        parts_of(below).between(&parts_of(above), share)
    }
}
