//! What a regression sees of a pair at an instant.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::items::{ItemFacts, ItemTable, ShopFacts};
use super::logistic::logit;
use super::past::{Bought, Pair, Past};
use super::rhythm::{LogInterval, normal_cdf};

/// What a feature is about, by which the parts of an explanation go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Where the customer is between the last purchase and the next that is due.
    Rhythm,
    /// How long ago the item was bought.
    Recency,
    /// How often the customer buys the item.
    Frequency,
    /// How often anybody buys the item again, and how it sells.
    Item,
    /// Whether the customer still buys, how often and how loyal to items.
    Customer,
}

/// Number of features.
pub(crate) const WIDTH: usize = 22;

/// Features that describe the pair; those after them describe the customer, and are the same for all of her pairs.
pub(crate) const PAIR_WIDTH: usize = 14;

/// Features of the customer.
const CUSTOMER_WIDTH: usize = WIDTH - PAIR_WIDTH;

/// Name and family of each feature, in order; a family's stand together.
pub const FEATURES: [(&str, Family); WIDTH] = [
    ("rhythm_logit", Family::Rhythm),
    ("due_position", Family::Rhythm),
    ("due_position_squared", Family::Rhythm),
    ("log_silence", Family::Recency),
    ("log_silence_squared", Family::Recency),
    ("log_orders_since", Family::Recency),
    ("log_times", Family::Frequency),
    ("log_recent_times", Family::Frequency),
    ("log_share_of_orders", Family::Frequency),
    ("bought_once", Family::Frequency),
    ("repeat_logit", Family::Item),
    ("log_repeat_rate", Family::Item),
    ("log_sales", Family::Item),
    ("sales_trend", Family::Item),
    ("log_order_rate", Family::Customer),
    ("log_customer_silence", Family::Customer),
    ("silence_in_gaps", Family::Customer),
    ("log_orders", Family::Customer),
    ("repeat_share_logit", Family::Customer),
    ("log_basket_size", Family::Customer),
    ("log_recent_orders", Family::Customer),
    ("new_item_share_logit", Family::Customer),
];

/// Purchases of a pair that the item's chance of a repeat counts beside what the customer did.
const CHANCE_PRIOR: f64 = 3.0;

/// Days after which a purchase counts half among the recent ones.
const RECENT_DAYS: f64 = 60.0;

/// Gaps between orders that the shop's mean gap counts beside the customer's own.
const GAP_PRIOR: f64 = 1.0;

/// Silence is at least this long, in days: a logarithm needs some.
const LEAST_SILENCE: f64 = 0.02;

/// What a customer's whole past says of each of her pairs: the last features.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Customer(pub [f64; CUSTOMER_WIDTH]);

impl Customer {
    /// `today` is the local day of `now`.
    pub(crate) fn of(past: &Past, shop: &ShopFacts, today: i32) -> Self {
        let days = past.days();
        let orders = days.len().max(1) as f64;
        let (first, last) = (
            days.first().copied().unwrap_or(today),
            days.last().copied().unwrap_or(today),
        );
        let silence = f64::from((today - last).max(0));
        let gap = (f64::from(last - first) + GAP_PRIOR * shop.order_gap_days) / (orders - 1.0 + GAP_PRIOR);
        let known = f64::from((today - first).max(0));
        let rate = orders / (known + shop.order_gap_days);
        let item_days = past.item_days() as f64;
        let repeats = item_days - past.pairs().len() as f64;
        let recent: f64 = days
            .iter()
            .rev()
            .map(|&day| (-f64::from((today - day).max(0)) / RECENT_DAYS).exp2())
            .sum();
        // Items of the last few orders that were new then say whether she explores now.
        let late_from = days.len().saturating_sub(3);
        let late_day = days.get(late_from).copied().unwrap_or(today);
        let (mut late, mut late_new) = (0.0, 0.0);
        for pair in past.pairs() {
            for (at, bought) in past.bought(pair).iter().enumerate().rev() {
                if bought.day < late_day {
                    break;
                }
                late += 1.0;
                late_new += f64::from(u8::from(at == 0));
            }
        }
        Self([
            rate.ln(),
            (1.0 + silence).ln(),
            ((1.0 + silence) / (1.0 + gap)).ln().clamp(-4.0, 4.0),
            orders.ln(),
            logit((repeats + 5.0 * shop.repeat_share) / (item_days + 5.0)),
            (item_days.max(1.0) / orders).ln(),
            (recent + 0.1).ln(),
            logit((late_new + 5.0 * (1.0 - shop.repeat_share)) / (late + 5.0)),
        ])
    }
}

/// Everything about a pair that does not depend on the window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PairFacts {
    pub interval: LogInterval,
    /// Log of the days from the last purchase until the next is due, its pieces taken into account.
    pub log_due: f64,
    /// Chance that the last purchase is followed by another.
    pub chance: f64,
    silence: f64,
    reached: f64,
    fixed: [f64; PAIR_WIDTH],
}

impl PairFacts {
    pub(crate) fn of(table: &ItemTable, item: &ItemFacts, past: &Past, pair: &Pair, now: Timestamp) -> Self {
        let bought = past.bought(pair);
        let rhythm = &table.shop.rhythm;
        let interval = rhythm.pair(bought, item.log_interval, item.log_quantity);
        let (first, last) = (&bought[0], &bought[bought.len() - 1]);
        let log_due =
            interval.mean + rhythm.quantity_exponent * (f64::from(last.pieces).ln() - item.log_quantity);
        let silence = now.days_since(last.at).max(LEAST_SILENCE);
        let times = bought.len() as f64;
        let chance = (CHANCE_PRIOR * item.repeat_chance + times - 1.0) / (CHANCE_PRIOR + times - 1.0);
        let position = ((silence.ln() - log_due) / interval.deviation).clamp(-5.0, 5.0);
        let reached = normal_cdf(position);
        let log_silence = (1.0 + silence).ln();
        let later_orders = past.days_after(first.day) as f64;
        let mut fixed = [0.0; PAIR_WIDTH];
        fixed[1] = position;
        fixed[2] = position * position;
        fixed[3] = log_silence;
        fixed[4] = log_silence * log_silence;
        fixed[5] = (1.0 + past.days_after(last.day) as f64).ln();
        fixed[6] = times.ln();
        fixed[7] = (recent_times(bought, now) + 0.05).ln();
        fixed[8] = ((times - 0.5) / (later_orders + 2.0)).ln();
        fixed[9] = f64::from(u8::from(bought.len() == 1));
        fixed[10] = item.repeat_logit;
        fixed[11] = item.log_repeat_rate;
        fixed[12] = item.log_sales;
        fixed[13] = item.sales_trend;
        Self {
            interval,
            log_due,
            chance,
            silence,
            reached,
            fixed,
        }
    }

    /// The features of the pair for a window of this many days.
    ///
    /// The first is the logit of `π (F(s + W) − F(s)) / (1 − π F(s))`: of a purchase that is followed by another with chance `π`,
    /// after a log-normal time with distribution `F`, and was not within the silence `s`.
    pub(crate) fn features(&self, window_days: f64) -> [f64; PAIR_WIDTH] {
        let position = ((self.silence + window_days).ln() - self.log_due) / self.interval.deviation;
        let then = normal_cdf(position.min(8.0));
        let within = self.chance * (then - self.reached).max(0.0) / (1.0 - self.chance * self.reached);
        let mut features = self.fixed;
        // A pair far before its rhythm is as good as impossible, not beyond measure.
        features[0] = logit(within.clamp(1e-3, 1.0 - 1e-3));
        features
    }
}

fn recent_times(bought: &[Bought], now: Timestamp) -> f64 {
    bought
        .iter()
        .map(|day| (-now.days_since(day.at).max(0.0) / RECENT_DAYS).exp2())
        .sum()
}
