//! What the shop sells: items with their prices, popularity, substitutes and complements.

use rand::Rng as _;
use rand::seq::SliceRandom;
use rand_distr::StandardNormal;

use super::params::ShopParams;
use super::stream::{Rng, Stream, pick, running_sums, stream};
use super::words::{GRADES, LEAVES, SERIES};
use crate::catalog::Item;

/// Standard deviation of the logarithm of prices within a leaf category.
const LOG_PRICE_SPREAD: f64 = 0.5;
/// Each grade costs this much more than the one below it.
const GRADE_STEP: f64 = 1.25;
/// Probability of 1, 2, 3 or 4 grades in a series.
const GRADE_COUNTS: [f64; 4] = [0.4, 0.25, 0.25, 0.1];
/// Share of items that come during the log and not before it.
const LAUNCHED_DURING: f64 = 0.15;
/// Share of items that cannot be sold at the end of the log.
const UNAVAILABLE: f64 = 0.04;
/// Softens the head of the power law, so that the first item is no monopoly.
const POPULARITY_OFFSET: f64 = 10.0;

/// An item as the simulation sees it.
pub(super) struct Good {
    /// What the catalogue tells.
    pub item: Item,
    /// Position in [`LEAVES`].
    pub leaf: usize,
    /// First and past-the-last item of the same series: itself and its substitutes.
    pub series: (u32, u32),
    /// Where its price stands in its leaf category: 0 at the median, 1 one standard deviation above.
    pub price_level: f64,
    /// How often it is wanted, relative to others.
    pub popularity: f64,
    /// Mean days until it is used up.
    pub rhythm_days: Option<f64>,
    /// What goes with it, and how probably.
    pub complements: Vec<(u32, f64)>,
}

/// All goods. Those of one leaf category stand together, and within it those of one series.
pub(super) struct Assortment {
    pub goods: Vec<Good>,
    /// By leaf category: first and past-the-last item.
    pub leaves: Vec<(u32, u32)>,
    /// Running sums of the popularity of the leaf categories.
    pub leaf_popularity: Vec<f64>,
}

impl Assortment {
    /// Makes the goods of a shop.
    pub(super) fn new(params: &ShopParams) -> Self {
        let mut rng = stream(params.raw().seed, Stream::Items);
        let n_items = params.raw().items as usize;
        let mut goods: Vec<Good> = Vec::with_capacity(n_items);
        let mut leaves = Vec::with_capacity(LEAVES.len());
        for leaf in 0..LEAVES.len() {
            let end = n_items * (leaf + 1) / LEAVES.len();
            let first = goods.len();
            fill_leaf(&mut goods, leaf, end, params, &mut rng);
            // There are at most a million items.
            leaves.push((first as u32, end as u32));
        }
        set_popularity(&mut goods, params.raw().popularity_exponent, &mut rng);
        let leaf_popularity = running_sums(leaves.iter().map(|&(from, to)| {
            let goods = &goods[from as usize..to as usize];
            goods.iter().map(|good| good.popularity).sum()
        }));
        let mut assortment = Self {
            goods,
            leaves,
            leaf_popularity,
        };
        assortment.plant_complements(params.raw().complement_probability, &mut rng);
        assortment
    }

    /// The goods of a leaf category.
    pub(super) fn in_leaf(&self, leaf: usize) -> &[Good] {
        let (from, to) = self.leaves[leaf];
        &self.goods[from as usize..to as usize]
    }

    fn plant_complements(&mut self, mean: f64, rng: &mut Rng) {
        for at in 0..self.goods.len() {
            let Some(path) = LEAVES[self.goods[at].leaf].complements else {
                continue;
            };
            let Some(partner) = LEAVES.iter().position(|leaf| leaf.path == path) else {
                continue;
            };
            let sums = running_sums(self.in_leaf(partner).iter().map(|good| good.popularity));
            let wanted = if rng.gen_bool(0.3) { 2 } else { 1 };
            for _ in 0..wanted {
                let other = self.leaves[partner].0 + pick(rng, &sums) as u32;
                let probability = (mean * rng.gen_range(0.6..1.4)).min(1.0);
                let series = self.goods[other as usize].series;
                let known = &mut self.goods[at].complements;
                // Two complements of one item are never each other's substitutes.
                if !known
                    .iter()
                    .any(|&(known, _)| (series.0..series.1).contains(&known))
                {
                    known.push((other, probability));
                }
            }
        }
    }
}

/// Adds series after series until there are `end` goods.
fn fill_leaf(goods: &mut Vec<Good>, leaf: usize, end: usize, params: &ShopParams, rng: &mut Rng) {
    let kind = &LEAVES[leaf];
    let mut names: Vec<(&str, &str)> = SERIES
        .iter()
        .flat_map(|&series| kind.nouns.iter().map(move |&noun| (series, noun)))
        .collect();
    names.shuffle(rng);
    let grade_counts = running_sums(GRADE_COUNTS.into_iter());
    for n in 0.. {
        let (series, noun) = names[n % names.len()];
        let edition = match n / names.len() {
            0 => String::new(),
            round => format!(" No. {}", round + 1),
        };
        let first = goods.len();
        let grades = (pick(rng, &grade_counts) + 1).min(end - first);
        let base_level: f64 = rng.sample(StandardNormal);
        for (grade, suffix) in GRADES.iter().enumerate().take(grades) {
            let title = format!("{series} {noun}{suffix}{edition}");
            let mut good = one_good(leaf, title, base_level, grade, params, rng);
            good.series = (first as u32, (first + grades) as u32);
            if n == 0 && grade == 0 {
                // No leaf category is empty when the shop opens.
                good.item.launched_at = Some(params.raw().start.plus_days(-365.0));
            }
            goods.push(good);
        }
        if goods.len() == end {
            return;
        }
    }
}

fn one_good(
    leaf: usize,
    title: String,
    base_level: f64,
    grade: usize,
    params: &ShopParams,
    rng: &mut Rng,
) -> Good {
    let kind = &LEAVES[leaf];
    let cents = |amount: f64| (amount * 100.0).round().max(1.0) / 100.0;
    let price =
        cents(kind.price * (LOG_PRICE_SPREAD * base_level).exp() * GRADE_STEP.powi(grade as i32)).max(0.5);
    let cost = cents(price * (1.0 - kind.margin * rng.gen_range(0.8..1.2)));
    let launched_after = if rng.gen_bool(LAUNCHED_DURING) {
        rng.gen_range(0.0..f64::from(params.raw().days)).floor()
    } else {
        rng.gen_range(-1_000.0_f64..0.0).floor()
    };
    Good {
        item: Item {
            title: Some(title),
            category: Some(kind.path.to_owned()),
            price: Some(price),
            cost: Some(cost),
            available: !rng.gen_bool(UNAVAILABLE),
            launched_at: Some(params.raw().start.plus_days(launched_after)),
        },
        leaf,
        series: (0, 0),
        price_level: (price / kind.price).ln() / LOG_PRICE_SPREAD,
        popularity: 0.0,
        rhythm_days: kind.rhythm_days.map(|(shortest, longest)| {
            // Log-uniform: twice as long is as far apart at any length.
            (rng.gen_range(shortest.ln()..longest.ln())).exp()
        }),
        complements: Vec::new(),
    }
}

/// Gives the item of rank `r` the popularity `(r + offset)^-exponent`, ranks shuffled over all goods.
fn set_popularity(goods: &mut [Good], exponent: f64, rng: &mut Rng) {
    let mut ranks: Vec<usize> = (0..goods.len()).collect();
    ranks.shuffle(rng);
    for (good, rank) in goods.iter_mut().zip(ranks) {
        good.popularity = (rank as f64 + POPULARITY_OFFSET).powf(-exponent);
    }
}
