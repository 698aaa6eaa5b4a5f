//! What came into the shop lately, and the fair chance that it gets.
//!
//! Enters: the catalogue, how many events each item has, and when its first one was. Leaves: [`Newcomers`], which level
//! the scores of items with few events with those of their neighbours by category and price.
//!
//! # Formula
//! `score_j = n / (n + m) · own_j + m / (n + m) · Σ_k near_jk own_k / Σ_k near_jk`, with `n` the events of the item and `m`
//! the recipe's `recommend.new_arrivals.strength`.
//!
//! The one decision: only items that are new are levelled. An old item with few events has had its chance.

use hashbrown::HashMap;

use crate::catalog::Catalog;
use crate::history::Histories;
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::recommend::NewArrivalsParams;
use crate::recommend::relations::{ContentNeighbours, ContentRules};
use crate::time::Timestamp;

/// A log must be this many times as long as items are new: else everything is.
const LEAST_PERIODS: f64 = 3.0;

/// How an item with few events is levelled.
#[derive(Debug)]
struct Levelled {
    /// `n / (n + m)`.
    trust: f32,
    /// Neighbours with `m / (n + m) · near / Σ near`.
    neighbours: Vec<(ItemIdx, f32)>,
}

/// The items that are new.
#[derive(Debug, Default)]
pub(super) struct Newcomers {
    by_item: HashMap<ItemIdx, Option<Levelled>>,
    /// In row order, so that levelling always goes the same way.
    order: Vec<ItemIdx>,
}

impl Newcomers {
    /// The items launched within the recipe's days before `through`; where nothing says when, those first seen then.
    pub(super) fn find(
        histories: &Histories,
        catalog: &Catalog,
        params: &NewArrivalsParams,
        through: Timestamp,
    ) -> Self {
        let raw = params.raw();
        let n_items = histories.items().len();
        let since = through.plus_days(-raw.days);
        let columns = histories.columns();
        let mut events = vec![0u32; n_items];
        let mut first: Vec<Option<Timestamp>> = vec![None; n_items];
        for ((item, kind), at) in columns.items.iter().zip(columns.kinds).zip(columns.times) {
            if *kind != EventKind::Return {
                events[item.index()] += 1;
                let first = &mut first[item.index()];
                *first = Some(first.map_or(*at, |first| first.min(*at)));
            }
        }
        let is_long = histories
            .period()
            .is_some_and(|(from, _)| from <= through.plus_days(-LEAST_PERIODS * raw.days));
        let is_new = |item: usize| {
            let launched = catalog.items()[item].launched_at;
            let first = first[item].filter(|_| is_long);
            launched.or(first).is_some_and(|at| at > since && at <= through)
        };
        // Item rows are u32.
        let order: Vec<ItemIdx> = (0..n_items)
            .filter(|&item| is_new(item))
            .map(|item| ItemIdx::from_u32(item as u32))
            .collect();
        if order.is_empty() {
            return Self::default();
        }
        let known: Vec<bool> = (0..n_items)
            .map(|item| events[item] > 0 && !is_new(item))
            .collect();
        let rules = ContentRules {
            neighbours: raw.neighbours,
            price_tolerance: raw.price_tolerance,
        };
        let content = ContentNeighbours::find_of(catalog, &known, rules, is_new);
        let by_item = order
            .iter()
            .map(|&item| {
                let (neighbours, nearness) = content.nearness().row(item.index());
                let total: f32 = nearness.iter().sum();
                let n = events[item.index()] as f32;
                let trust = n / (n + raw.strength as f32);
                let levelled = (total > 0.0).then(|| Levelled {
                    trust,
                    neighbours: neighbours
                        .iter()
                        .zip(nearness)
                        .map(|(&other, near)| (ItemIdx::from_u32(other), (1.0 - trust) * near / total))
                        .collect(),
                });
                (item, levelled)
            })
            .collect();
        Self { by_item, order }
    }

    /// Whether the item is new.
    pub(super) fn is_new(&self, item: ItemIdx) -> bool {
        self.by_item.contains_key(&item)
    }

    /// The new items for which neighbours speak: they can be ranked although nobody may have touched them.
    pub(super) fn rankable(&self) -> impl Iterator<Item = ItemIdx> + '_ {
        self.order
            .iter()
            .copied()
            .filter(|&item| self.levelled(item).is_some())
    }

    /// What of an item's own score counts.
    pub(super) fn trust(&self, item: ItemIdx) -> f32 {
        self.levelled(item).map_or(1.0, |levelled| levelled.trust)
    }

    /// The neighbours whose scores count for an item, and how much; none of them is new itself.
    pub(super) fn neighbours(&self, item: ItemIdx) -> impl Iterator<Item = (ItemIdx, f32)> + '_ {
        self.levelled(item)
            .into_iter()
            .flat_map(|levelled| levelled.neighbours.iter().copied())
    }

    /// Levels the scores of the new items.
    pub(super) fn level(&self, scores: &mut [f32]) {
        for &item in &self.order {
            if let Some(levelled) = self.levelled(item) {
                let neighbours = levelled.neighbours.iter();
                let theirs: f32 = neighbours
                    .map(|&(other, weight)| weight * scores[other.index()])
                    .sum();
                scores[item.index()] = levelled.trust * scores[item.index()] + theirs;
            }
        }
    }

    fn levelled(&self, item: ItemIdx) -> Option<&Levelled> {
        self.by_item.get(&item)?.as_ref()
    }
}
