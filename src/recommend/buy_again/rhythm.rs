//! Rhythms: how long it takes until something is bought again, shrunk from the pair to the item to its category to the
//! shop.
//!
//! # Model
//! The log of the days between two purchases of a pair `p` of item `i` in category `c` is normal:
//! `y = m_p + β (ln q − ln q̄_i) + e`, `m_p ~ N(m_i, τ_p²)`, `m_i ~ N(m_c, τ_i²)`, `m_c ~ N(m, τ_c²)`, `e ~ N(0, σ²)`, where `q` are the pieces
//! that had to last. The variances are those of the analysis of variance by moments; every mean is the posterior one
//! given the level above it. `β` is the regression within pairs, zero unless it is twice its standard error away from
//! it.
//!
//! # Source
//! Moments of unbalanced nested designs: Searle, Casella and McCulloch, *Variance Components*, 1992, §5.3. Shrinkage
//! by posterior means: Gelman and Hill, *Data Analysis Using Regression and Multilevel Models*, 2007, §12.

use super::past::{Bought, Past, intervals};
use crate::id::Row;

/// How sure the log interval of something is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LogInterval {
    /// Mean of the log of the days.
    pub mean: f64,
    /// Standard deviation of the next one: that of intervals and that of the mean.
    pub deviation: f64,
    /// Part of the mean that comes from the pair's own intervals, 0 to 1.
    pub own: f64,
}

/// What all rhythms of a shop have in common.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopRhythm {
    /// Mean of the log of the days between two purchases of a pair.
    pub log_interval: f64,
    /// `σ`: deviation of a pair's log intervals from each other.
    pub within_deviation: f64,
    /// `τ_p`: deviation of customers of one item from each other.
    pub pair_deviation: f64,
    /// `β`: with twice the pieces the interval is `2^β` as long.
    pub quantity_exponent: f64,
    /// Intervals that all this was learned from.
    pub intervals: u64,
}

impl ShopRhythm {
    /// The log interval of a pair from its purchase days and what is known of its item, for the item's usual quantity.
    pub(crate) fn pair(&self, bought: &[Bought], item_mean: f64, item_log_quantity: f64) -> LogInterval {
        let within = self.within_deviation * self.within_deviation;
        let between = self.pair_deviation * self.pair_deviation;
        let sum: f64 = intervals(bought)
            .map(|(days, pieces)| {
                days.ln() - self.quantity_exponent * (f64::from(pieces).ln() - item_log_quantity)
            })
            .sum();
        let known = (bought.len() - 1) as f64 / within;
        let precision = known + 1.0 / between;
        LogInterval {
            mean: (sum / within + item_mean / between) / precision,
            deviation: (within + 1.0 / precision).sqrt(),
            own: known / precision,
        }
    }
}

/// Deviations are not taken below a twentieth: no shop knows the day to that.
const LEAST_VARIANCE: f64 = 0.05 * 0.05;

/// The interval of a shop in which nothing was ever bought twice: a year, and nobody knows.
const UNKNOWN: (f64, f64) = (365.0, 1.0);

/// `β` has a normal prior around zero with this deviation.
const QUANTITY_PRIOR_DEVIATION: f64 = 0.5;

/// Rhythms of the shop and of each item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rhythms {
    pub shop: ShopRhythm,
    /// By item: mean log interval for its usual quantity.
    pub log_intervals: Vec<f64>,
    /// By item: mean log of the pieces bought on a day.
    pub log_quantities: Vec<f64>,
    /// By item: intervals seen.
    pub counts: Vec<u32>,
    /// By item: part of its mean that is its own, 0 to 1.
    pub own: Vec<f64>,
}

/// Purchases that the shop's mean log quantity counts beside an item's own.
const QUANTITY_PRIOR: f64 = 5.0;

/// Sums of one group of an unbalanced design.
#[derive(Clone, Copy, Default)]
struct Group {
    /// Observations.
    n: f64,
    /// Their sum.
    sum: f64,
    /// Σ over subgroups of (observations)².
    squares: f64,
    /// Σ over subgroups of observations · mean².
    between: f64,
    /// Subgroups.
    parts: f64,
}

impl Group {
    fn add(&mut self, n: f64, sum: f64) {
        self.n += n;
        self.sum += sum;
        self.squares += n * n;
        self.between += sum * sum / n;
        self.parts += 1.0;
    }

    /// Sum of squares between the subgroups.
    fn spread(&self) -> f64 {
        (self.between - self.sum * self.sum / self.n).max(0.0)
    }

    fn size(&self) -> f64 {
        self.n - self.squares / self.n
    }
}

impl Rhythms {
    /// Learns from everybody's purchase days. `category` gives the category of an item, dense from 0, where one is known.
    pub(crate) fn fit(pasts: &[Past], n_items: usize, category: &dyn Fn(usize) -> Option<usize>) -> Self {
        let log_quantities = usual_quantities(pasts, n_items);
        let beta = quantity_exponent(pasts);
        let (items, within_pairs) = observed(pasts, &log_quantities, beta);
        let total: f64 = items.iter().map(|item| item.n).sum();
        if total < 1.0 {
            return Self::unknown(n_items, log_quantities);
        }
        let (sigma, pair) = within_items(&items, within_pairs);
        // Items without a category are one category of their own.
        let known = |item: usize| category(item).map_or(0, |code| code + 1);
        let n_categories = (0..n_items).map(known).max().map_or(1, |most| most + 1);
        let mut categories = vec![Group::default(); n_categories];
        for (row, item) in seen(&items) {
            categories[known(row)].add(item.n, item.sum);
        }
        let noise = |item: &Group| per_observation(sigma, pair, item) / item.n;
        let expected = seen(&items)
            .map(|(row, item)| item.n * (1.0 - item.n / categories[known(row)].n) * noise(item))
            .sum();
        let tau_item = within_categories(&categories, expected, pair);
        let (shop, tau_category) = within_shop(&categories, sigma, tau_item);
        let mean = shop.sum / shop.n;
        let category_means: Vec<f64> = categories
            .iter()
            .map(|of| {
                if of.n > 0.0 {
                    let noise = per_observation(sigma, tau_item, of) / of.n;
                    posterior(of.sum / of.n, noise, mean, tau_category).0
                } else {
                    mean
                }
            })
            .collect();
        let of_items: Vec<(f64, f64)> = items
            .iter()
            .enumerate()
            .map(|(row, item)| {
                let above = category_means[known(row)];
                if item.n > 0.0 {
                    posterior(item.sum / item.n, noise(item), above, tau_item)
                } else {
                    (above, 0.0)
                }
            })
            .collect();
        Self {
            shop: ShopRhythm {
                log_interval: mean,
                within_deviation: sigma.sqrt(),
                pair_deviation: pair.sqrt(),
                quantity_exponent: beta,
                intervals: total as u64,
            },
            log_intervals: of_items.iter().map(|of| of.0).collect(),
            log_quantities,
            // There are fewer events than a u32 counts.
            counts: items.iter().map(|item| item.n as u32).collect(),
            own: of_items.iter().map(|of| of.1).collect(),
        }
    }

    fn unknown(n_items: usize, log_quantities: Vec<f64>) -> Self {
        Self {
            shop: ShopRhythm {
                log_interval: UNKNOWN.0.ln(),
                within_deviation: UNKNOWN.1,
                pair_deviation: UNKNOWN.1,
                quantity_exponent: 0.0,
                intervals: 0,
            },
            log_intervals: vec![UNKNOWN.0.ln(); n_items],
            log_quantities,
            counts: vec![0; n_items],
            own: vec![0.0; n_items],
        }
    }
}

/// The groups with an observation, each with its place.
fn seen(groups: &[Group]) -> impl Iterator<Item = (usize, &Group)> {
    groups.iter().enumerate().filter(|(_, group)| group.n > 0.0)
}

/// Sum of squares within pairs, and its degrees of freedom.
type WithinPairs = (f64, f64);

/// Log intervals at the usual quantity: by item the sums over its pairs, and what is within pairs.
fn observed(pasts: &[Past], log_quantities: &[f64], beta: f64) -> (Vec<Group>, WithinPairs) {
    let mut within = (0.0, 0.0);
    let mut items = vec![Group::default(); log_quantities.len()];
    for past in pasts {
        for pair in past.pairs() {
            let bought = past.bought(pair);
            if bought.len() < 2 {
                continue;
            }
            let usual = log_quantities[pair.item.index()];
            let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
            for (days, pieces) in intervals(bought) {
                let y = days.ln() - beta * (f64::from(pieces).ln() - usual);
                n += 1.0;
                sum += y;
                squares += y * y;
            }
            within.0 += (squares - sum * sum / n).max(0.0);
            within.1 += n - 1.0;
            items[pair.item.index()].add(n, sum);
        }
    }
    (items, within)
}

/// `σ²` and `τ_p²`: what pairs do from one interval to the next, and what tells the pairs of an item apart.
fn within_items(items: &[Group], within_pairs: WithinPairs) -> (f64, f64) {
    let (mut spread, mut freedom, mut size) = (0.0, 0.0, 0.0);
    for (_, item) in seen(items) {
        spread += item.spread();
        freedom += item.parts - 1.0;
        size += item.size();
    }
    // Where nobody bought three times, all that is seen is the spread between pairs: half of it is taken for each.
    let sigma = if within_pairs.1 > 0.0 {
        (within_pairs.0 / within_pairs.1).max(LEAST_VARIANCE)
    } else if freedom > 0.0 {
        (0.5 * spread / freedom).max(LEAST_VARIANCE)
    } else {
        UNKNOWN.1
    };
    let pair = if size > 0.0 {
        ((spread - freedom * sigma) / size).max(LEAST_VARIANCE)
    } else {
        sigma
    };
    (sigma, pair)
}

/// `τ_i²`, given the sum of squares that noise alone would make; `pair` where no category has two items.
fn within_categories(categories: &[Group], expected: f64, pair: f64) -> f64 {
    let (mut between, mut size) = (0.0, 0.0);
    for (_, of) in seen(categories) {
        between += of.spread();
        size += of.size();
    }
    if size > 0.0 {
        ((between - expected) / size).max(LEAST_VARIANCE)
    } else {
        pair
    }
}

/// The sums over categories, and `τ_c²`; `tau_item` where there is one category alone.
fn within_shop(categories: &[Group], sigma: f64, tau_item: f64) -> (Group, f64) {
    let mut shop = Group::default();
    for (_, of) in seen(categories) {
        shop.add(of.n, of.sum);
    }
    let noise: f64 = seen(categories)
        .map(|(_, of)| (1.0 - of.n / shop.n) * per_observation(sigma, tau_item, of))
        .sum();
    let tau_category = if shop.size() > 0.0 {
        ((shop.spread() - noise) / shop.size()).max(LEAST_VARIANCE)
    } else {
        tau_item
    };
    (shop, tau_category)
}

/// What the mean of a group varies by, times its observations: the variance within subgroups, and between them.
fn per_observation(within: f64, between: f64, group: &Group) -> f64 {
    within + between * group.squares / group.n
}

/// The posterior mean of a normal mean, and the part of it that the observations have.
fn posterior(seen: f64, noise: f64, above: f64, spread: f64) -> (f64, f64) {
    let own = spread / (spread + noise);
    (above + own * (seen - above), own)
}

/// By item: mean log pieces of a purchase day, shrunk to the shop's.
fn usual_quantities(pasts: &[Past], n_items: usize) -> Vec<f64> {
    let mut sums = vec![(0.0f64, 0.0f64); n_items];
    for past in pasts {
        for pair in past.pairs() {
            let sum = &mut sums[pair.item.index()];
            for bought in past.bought(pair) {
                sum.0 += f64::from(bought.pieces).ln();
                sum.1 += 1.0;
            }
        }
    }
    let all = sums
        .iter()
        .fold((0.0, 0.0), |all, item| (all.0 + item.0, all.1 + item.1));
    let mean = if all.1 > 0.0 { all.0 / all.1 } else { 0.0 };
    sums.iter()
        .map(|(sum, n)| (sum + QUANTITY_PRIOR * mean) / (n + QUANTITY_PRIOR))
        .collect()
}

/// `β` by regression of log intervals on log pieces, both less their mean of the pair.
fn quantity_exponent(pasts: &[Past]) -> f64 {
    let (mut xx, mut xy, mut yy, mut freedom) = (0.0, 0.0, 0.0, 0.0);
    for past in pasts {
        for pair in past.pairs() {
            let bought = past.bought(pair);
            if bought.len() < 3 {
                continue;
            }
            let n = (bought.len() - 1) as f64;
            let logs = intervals(bought).map(|(days, pieces)| (f64::from(pieces).ln(), days.ln()));
            let sum = logs
                .clone()
                .fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x, sum.1 + y));
            for (x, y) in logs {
                let (x, y) = (x - sum.0 / n, y - sum.1 / n);
                xx += x * x;
                xy += x * y;
                yy += y * y;
            }
            freedom += n - 1.0;
        }
    }
    if xx <= 1e-12 || freedom < 2.0 {
        return 0.0;
    }
    let residual = (yy - xy * xy / xx).max(0.0) / (freedom - 1.0);
    let found = xy / xx;
    if found <= 2.0 * (residual / xx).sqrt() {
        return 0.0;
    }
    (xy / (xx + residual / (QUANTITY_PRIOR_DEVIATION * QUANTITY_PRIOR_DEVIATION))).min(1.5)
}

/// Distribution function of the standard normal law.
///
/// # Source
/// Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.2.17: the error is below 7.5e-8.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = 0.398_942_280_401_432_7 * (-0.5 * x * x).exp() * poly;
    if x >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::EventKind::Purchase;
    use crate::recommend::buy_again::testing::histories;
    use crate::time::Calendar;

    fn pasts(lines: impl IntoIterator<Item = (u32, u32, f64, f32)>) -> (Vec<Past>, usize) {
        let told = histories(lines.into_iter().map(|(c, i, day, q)| (c, i, Purchase, day, q)));
        let calendar = Calendar::new("UTC").unwrap();
        let all = told.customers().rows().map(|c| Past::of(told.of(c), &calendar));
        (all.collect(), told.items().len())
    }

    #[test]
    fn levels_shrink_to_the_one_above() {
        // Item 0 every 10 days, item 1 every 40, item 2 seldom seen; each of two customers with four intervals.
        let mut lines = Vec::new();
        for customer in 0..6u32 {
            for time in 0..5 {
                let wobble = [0.0, 1.0, -1.0, 2.0, 0.0][(time + customer as usize) % 5];
                lines.push((customer, 0, f64::from(time as u32) * 10.0 + wobble, 1.0));
                lines.push((customer, 1, f64::from(time as u32) * 40.0 + wobble, 1.0));
            }
        }
        lines.push((9, 2, 0.0, 1.0));
        lines.push((9, 2, 300.0, 1.0));
        let (pasts, n) = pasts(lines);
        let rhythms = Rhythms::fit(&pasts, n, &|_| None);
        let days = |item: usize| rhythms.log_intervals[item].exp();
        assert!((days(0) - 10.0).abs() < 1.5, "{}", days(0));
        assert!((days(1) - 40.0).abs() < 3.0, "{}", days(1));
        assert!((100.0..300.0).contains(&days(2)), "{}", days(2));
        assert_eq!(rhythms.counts, [24, 24, 1]);
        // A pair without an interval has its item's; with each interval it moves towards its own.
        let mean = rhythms.log_intervals[0];
        let bought = pasts[0].bought(&pasts[0].pairs()[1]);
        let none = rhythms.shop.pair(&bought[..1], mean, 0.0);
        assert!((none.mean - mean).abs() < 1e-12 && none.own < 1e-12);
        let two = rhythms.shop.pair(&bought[..3], mean, 0.0);
        let four = rhythms.shop.pair(bought, mean, 0.0);
        assert!(none.mean < two.mean && two.mean < four.mean && four.mean < 40f64.ln() + 0.02);
        assert!(none.deviation > two.deviation && two.own < four.own);
    }

    #[test]
    fn the_exponent_of_quantity_is_found_and_zero_where_nothing_speaks_for_it() {
        let mut lines = Vec::new();
        let mut plain = Vec::new();
        for customer in 0..40u32 {
            let (mut day, mut other) = (0.0, 0.0);
            for time in 0..8u32 {
                let pieces = [1.0f32, 2.0, 4.0][((customer * 7 + time * 5) % 3) as usize];
                lines.push((customer, 0, day, pieces));
                plain.push((customer, 0, other, pieces));
                let noise = f64::from((customer * 13 + time * 11) % 7) - 3.0;
                day += (10.0 * f64::from(pieces) + noise).round();
                other += 20.0 + 2.0 * noise;
            }
        }
        let (pasts_of, n) = pasts(lines);
        let beta = Rhythms::fit(&pasts_of, n, &|_| None).shop.quantity_exponent;
        assert!((0.9..1.1).contains(&beta), "{beta}");
        let (pasts_of, n) = pasts(plain);
        let beta = Rhythms::fit(&pasts_of, n, &|_| None).shop.quantity_exponent;
        assert!(beta.abs() < f64::MIN_POSITIVE, "{beta}");
    }

    #[test]
    fn nothing_repeated_is_no_rhythm() {
        let (pasts, n) = pasts([(0, 0, 0.0, 1.0), (1, 1, 3.0, 1.0)]);
        let rhythms = Rhythms::fit(&pasts, n, &|_| None);
        assert_eq!((rhythms.shop.intervals, rhythms.counts), (0, vec![0, 0]));
        assert!((rhythms.log_intervals[1].exp() - 365.0).abs() < 1e-9);
    }

    #[test]
    fn the_normal_law_has_its_known_values() {
        for (x, p) in [(0.0, 0.5), (1.96, 0.975_002_1), (-1.0, 0.158_655_25), (6.0, 1.0)] {
            assert!((normal_cdf(x) - p).abs() < 2e-7, "{x}");
        }
    }
}
