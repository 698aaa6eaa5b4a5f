//! Learning who buys again: one regression for each window, on pairs at instants of the past.

use crate::catalog::{Catalog, Item};
use crate::history::Histories;
use crate::id::{CustomerIdx, ItemIdx, Row};
use crate::time::{Calendar, Timestamp};
use rayon::prelude::*;
use serde::Serialize;

use super::error::BuyAgainError;
use super::features::{Customer, FEATURES, PairFacts, WIDTH};
use super::items::ItemTable;
use super::logistic;
use super::params::BuyAgainParams;
use super::past::Past;
use super::{BuyAgain, WindowModel};

/// What the fit of one window learned from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WindowReport {
    /// The window.
    pub window_days: f64,
    /// Instants of the past.
    pub cut_offs: Vec<Timestamp>,
    /// Pairs known then.
    pub pairs: usize,
    /// How many of them were bought again within the window.
    pub repeats: usize,
    /// By feature: what one unit of it adds to the logit, name first.
    pub coefficients: Vec<(&'static str, f64)>,
}

/// What the fit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BuyAgainReport {
    /// What holds for the shop.
    pub shop: super::ShopFacts,
    /// By window.
    pub windows: Vec<WindowReport>,
}

/// What a fit reads.
#[derive(Clone, Copy, Debug)]
pub struct BuyAgainInputs<'a> {
    /// Everybody's history.
    pub histories: &'a Histories,
    /// Leaf categories, over which rhythms are shared, where they are known.
    pub catalog: Option<&'a Catalog>,
    /// The shop's days.
    pub calendar: &'a Calendar,
}

impl BuyAgainInputs<'_> {
    fn pasts(&self, before: Timestamp) -> Vec<Past> {
        let customers: Vec<CustomerIdx> = self.histories.customers().rows().collect();
        customers
            .into_par_iter()
            .map(|customer| Past::of(self.histories.of(customer).before(before), self.calendar))
            .collect()
    }

    /// By item: its leaf category, dense from 0.
    fn leaves(&self) -> Vec<Option<usize>> {
        let Some(catalog) = self.catalog else {
            return Vec::new();
        };
        let mut known = hashbrown::HashMap::<&str, usize>::new();
        let leaf = |item| -> Option<usize> {
            let item: &Item = item;
            let path = item.category.as_deref().filter(|path| !path.is_empty())?;
            let next = known.len();
            Some(*known.entry(path).or_insert(next))
        };
        catalog.items().iter().map(leaf).collect()
    }
}

/// Rows of one regression.
#[derive(Default)]
struct Lessons {
    features: Vec<f32>,
    positive: Vec<bool>,
}

impl BuyAgain {
    /// Learns from everything strictly before `before`.
    ///
    /// # Errors
    /// [`BuyAgainError::NothingToLearn`] when for the shortest window no pair was bought again, or every one; longer windows without lessons
    /// are left out of the model.
    ///
    /// # Determinism
    /// The same bits for any number of threads. Where there are more pairs than `pairs` allows, who is left out goes by the row of the customer.
    pub fn fit(
        inputs: BuyAgainInputs<'_>,
        params: &BuyAgainParams,
        before: Timestamp,
    ) -> Result<(Self, BuyAgainReport), BuyAgainError> {
        let raw = params.raw();
        let n_items = inputs.histories.items().len();
        let leaves = inputs.leaves();
        let category = |item: usize| leaves.get(item).copied().flatten();
        let table_at = |pasts: &[Past], at| ItemTable::fit(pasts, n_items, &category, raw, at);
        let begin = inputs.histories.period().map_or(before, |period| period.0);
        let mut models = Vec::new();
        let mut reports = Vec::new();
        for &window in &raw.windows_days {
            let mut lessons = Lessons::default();
            let mut cut_offs = Vec::new();
            for back in 0..raw.cut_offs {
                let at = before.plus_days(-window - back as f64 * raw.cut_off_spacing_days);
                if at <= begin {
                    break;
                }
                cut_offs.push(at);
                let pasts = inputs.pasts(at);
                let later = inputs.pasts(at.plus_days(window));
                let table = table_at(&pasts, at);
                let pairs: usize = pasts.iter().map(|past| past.pairs().len()).sum();
                // Of n customers with more pairs than allowed every one is taken with the same chance, by her row.
                let share = raw.pairs as f64 / raw.cut_offs as f64 / pairs.max(1) as f64;
                lessons.learn(
                    &table,
                    &pasts,
                    &later,
                    &Moment {
                        at,
                        window,
                        share,
                        inputs,
                    },
                );
            }
            let repeats = lessons.positive.iter().filter(|&&hit| hit).count();
            let rows = logistic::Rows {
                features: &lessons.features,
                width: WIDTH,
                positive: &lessons.positive,
            };
            let Some(regression) = logistic::fit(rows, raw.l2) else {
                if models.is_empty() {
                    return Err(BuyAgainError::NothingToLearn {
                        before,
                        window_days: window,
                        cut_offs: cut_offs.len(),
                        pairs: lessons.positive.len(),
                        repeats,
                    });
                }
                break;
            };
            let names = FEATURES.iter().map(|feature| feature.0);
            reports.push(WindowReport {
                window_days: window,
                cut_offs,
                pairs: lessons.positive.len(),
                repeats,
                coefficients: names.zip(regression.coefficients.iter().copied()).collect(),
            });
            models.push(WindowModel::new(window, &regression));
        }
        let table = table_at(&inputs.pasts(before), before);
        let report = BuyAgainReport {
            shop: table.shop,
            windows: reports,
        };
        Ok((
            Self {
                table,
                models,
                calendar: inputs.calendar.clone(),
            },
            report,
        ))
    }
}

/// An instant of the past and what is asked then.
struct Moment<'a> {
    at: Timestamp,
    window: f64,
    share: f64,
    inputs: BuyAgainInputs<'a>,
}

impl Lessons {
    fn learn(&mut self, table: &ItemTable, pasts: &[Past], later: &[Past], moment: &Moment<'_>) {
        let today = moment.inputs.calendar.day(moment.at);
        let of = |(row, (past, later)): (usize, (&Past, &Past))| {
            let mut lessons = Self::default();
            if lot(row as u64) >= moment.share {
                return lessons;
            }
            let customer = Customer::of(past, &table.shop, today);
            for pair in past.pairs() {
                let item: ItemIdx = pair.item;
                let facts = table.of(item.index());
                let pair_facts = PairFacts::of(table, &facts, past, pair, moment.at);
                let features = pair_facts.features(moment.window);
                let features = features.iter().chain(&customer.0);
                lessons.features.extend(features.map(|&x| x as f32));
                lessons.positive.push(later.bought_since(item, moment.at));
            }
            lessons
        };
        let parts: Vec<Self> = pasts.par_iter().zip(later).enumerate().map(of).collect();
        for part in parts {
            self.features.extend(part.features);
            self.positive.extend(part.positive);
        }
    }
}

/// A number from 0 to 1 for a row, as good as random and always the same.
///
/// # Source
/// The mixing of SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
fn lot(row: u64) -> f64 {
    let mut z = row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}
