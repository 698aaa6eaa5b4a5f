//! What is known of every item's being bought again: its rhythm, its chance of a repeat, its sales of late.
//!
//! # Formulas
//! Chance of a repeat, with purchases too young to tell counted by how much of the rhythm they have lived through:
//! `π_i = (R_i + a π) / (Σ_e F_i(age_e) + a)` over the item's purchase days `e`, `R_i` of which were followed by another;
//! `F_i` is the distribution of the item's intervals, `a` is `repeat_prior` and `π` the same for the shop. Repeats of an owner
//! in a day, of late: `(Σ_r 2^(−age_r/h) + a ρ/ρ') / (Σ_p ∫ 2^(−t/h) dt + a/ρ')`, over repeats and the days since each pair began.

use crate::id::Row;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::logistic::logit;
use super::params::RawBuyAgainParams;
use super::past::Past;
use super::rhythm::{Rhythms, ShopRhythm, normal_cdf};

/// What all items and customers of a shop have in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopFacts {
    /// Intervals.
    pub rhythm: ShopRhythm,
    /// `π`: chance that a purchase of an item is followed by another.
    pub repeat_chance: f64,
    /// Repeats of one owner of one item in a day, of late.
    pub repeat_rate: f64,
    /// Part of the item days of a customer that are repeats.
    pub repeat_share: f64,
    /// Mean days between two purchase days of a customer.
    pub order_gap_days: f64,
    /// Days after which a purchase counts half in an item's sales of late, in the features.
    pub sales_half_life_days: f64,
    /// Chance of a repeat from which a single purchase gets a due date.
    pub due_from_chance: f64,
}

/// What is known of one item.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct ItemFacts {
    pub log_interval: f64,
    pub log_quantity: f64,
    pub intervals: u32,
    /// Part of the interval that is the item's own.
    pub own: f64,
    pub repeat_chance: f64,
    /// Its logit, kept because an answer needs it for every item.
    pub repeat_logit: f64,
    /// Log of the repeats of one owner in a day, of late.
    pub log_repeat_rate: f64,
    /// Log of the decayed number of sales.
    pub log_sales: f64,
    /// Log of sales of late over those of always, per day.
    pub sales_trend: f64,
}

/// What is known of all items, by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ItemTable {
    pub shop: ShopFacts,
    pub rows: Vec<ItemFacts>,
}

impl ItemFacts {
    /// The same in the precision in which they are stored, so that a stored model gives the same answers.
    fn rounded(self) -> Self {
        let round = |value: f64| f64::from(value as f32);
        Self {
            log_interval: round(self.log_interval),
            log_quantity: round(self.log_quantity),
            intervals: self.intervals,
            own: round(self.own),
            repeat_chance: round(self.repeat_chance),
            repeat_logit: logit(round(self.repeat_chance)),
            log_repeat_rate: round(self.log_repeat_rate),
            log_sales: round(self.log_sales),
            sales_trend: round(self.sales_trend),
        }
    }
}

/// `ln 2`.
const LN2: f64 = std::f64::consts::LN_2;

/// Repeats that an item's own rate is shrunk by.
const RATE_PRIOR_REPEATS: f64 = 2.0;

/// Factor from the memory of sales of late to that of sales of always.
const LONG_MEMORY: f64 = 8.0;

#[derive(Clone, Copy, Default)]
struct Sums {
    repeats: f64,
    exposure: f64,
    late_repeats: f64,
    late_days: f64,
    sales: f64,
    long_sales: f64,
}

impl ItemTable {
    /// Learns from everybody's past before `now`.
    pub(crate) fn fit(
        pasts: &[Past],
        n_items: usize,
        category: &dyn Fn(usize) -> Option<usize>,
        params: &RawBuyAgainParams,
        now: Timestamp,
    ) -> Self {
        let rhythms = Rhythms::fit(pasts, n_items, category);
        let spread = rhythms.shop.within_deviation.hypot(rhythms.shop.pair_deviation);
        let (short, long) = (
            params.sales_half_life_days,
            LONG_MEMORY * params.sales_half_life_days,
        );
        let memory = params.repeat_half_life_days;
        let mut sums = vec![Sums::default(); n_items];
        let (mut item_days, mut pairs, mut gap_days, mut gaps) = (0.0, 0.0, 0.0, 0.0);
        for past in pasts {
            item_days += past.item_days() as f64;
            pairs += past.pairs().len() as f64;
            if let (Some(first), Some(last)) = (past.days().first(), past.days().last()) {
                gap_days += f64::from(last - first);
                gaps += (past.days().len() - 1) as f64;
            }
            for pair in past.pairs() {
                let sum = &mut sums[pair.item.index()];
                let bought = past.bought(pair);
                sum.repeats += (bought.len() - 1) as f64;
                let mean = rhythms.log_intervals[pair.item.index()];
                for (at, day) in bought.iter().enumerate() {
                    let age = now.days_since(day.at).max(0.01);
                    sum.exposure += normal_cdf((age.ln() - mean) / spread);
                    sum.sales += (-age / short).exp2();
                    sum.long_sales += (-age / long).exp2();
                    if at > 0 {
                        sum.late_repeats += (-age / memory).exp2();
                    } else {
                        sum.late_days += (1.0 - (-age / memory).exp2()) * memory / LN2;
                    }
                }
            }
        }
        let all = sums.iter().fold(Sums::default(), |all, item| Sums {
            repeats: all.repeats + item.repeats,
            exposure: all.exposure + item.exposure,
            late_repeats: all.late_repeats + item.late_repeats,
            late_days: all.late_days + item.late_days,
            ..all
        });
        let repeat_chance = chance(all.repeats + 0.5, all.exposure + 1.0);
        let repeat_rate = (all.late_repeats + 0.5) / (all.late_days + 365.0);
        let shop = ShopFacts {
            rhythm: rhythms.shop,
            repeat_chance,
            repeat_rate,
            repeat_share: (item_days - pairs + 1.0) / (item_days + 2.0),
            order_gap_days: ((gap_days + 30.0) / (gaps + 1.0)).max(1.0),
            sales_half_life_days: short,
            due_from_chance: params.due_from_chance,
        };
        let prior = params.repeat_prior;
        let facts = |(row, sum): (usize, &Sums)| ItemFacts {
            log_interval: rhythms.log_intervals[row],
            log_quantity: rhythms.log_quantities[row],
            intervals: rhythms.counts[row],
            own: rhythms.own[row],
            repeat_chance: chance(sum.repeats + prior * repeat_chance, sum.exposure + prior),
            repeat_logit: 0.0,
            log_repeat_rate: ((sum.late_repeats + RATE_PRIOR_REPEATS)
                / (sum.late_days + RATE_PRIOR_REPEATS / repeat_rate))
                .ln(),
            log_sales: (sum.sales + 0.1).ln(),
            sales_trend: ((sum.sales + 0.5) * LONG_MEMORY / (sum.long_sales + 0.5 * LONG_MEMORY)).ln(),
        };
        Self {
            shop,
            rows: sums.iter().enumerate().map(|sum| facts(sum).rounded()).collect(),
        }
    }

    /// What is known of an item; of one that came after the fit, what holds for the shop.
    pub(crate) fn of(&self, item: usize) -> ItemFacts {
        self.rows.get(item).copied().unwrap_or(ItemFacts {
            log_interval: self.shop.rhythm.log_interval,
            log_quantity: 0.0,
            intervals: 0,
            own: 0.0,
            repeat_chance: self.shop.repeat_chance,
            repeat_logit: logit(self.shop.repeat_chance),
            log_repeat_rate: self.shop.repeat_rate.ln(),
            log_sales: 0.1f64.ln(),
            sales_trend: 0.0,
        })
    }
}

/// A chance is never certain: the rhythm divides by what is left of it.
fn chance(repeats: f64, exposure: f64) -> f64 {
    (repeats / exposure).clamp(0.001, 0.98)
}
