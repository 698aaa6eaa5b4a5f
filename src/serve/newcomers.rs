//! What came into the shop lately, and the fair chance that it gets.
//!
//! Enters: the catalogue, how many events each item has, when its first one was, and the log's period. Leaves: [`Newcomers`], which level
//! the scores of items with few events with those of their neighbours by category and price.
//!
//! # Formula
//! `score_j = n / (n + m) · own_j + m / (n + m) · Σ_k near_jk own_k / Σ_k near_jk`, with `n` the events of the item and `m`
//! the recipe's `recommend.new_arrivals.strength`.
//!
//! The one decision: only items that are new are levelled. An old item with few events has had its chance.

use hashbrown::HashMap;

use crate::catalog::Catalog;
use crate::history::{Activity, Histories};
use crate::id::{ItemIdx, Row};
use crate::numeric::axpy;
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
        activity: &Activity,
        catalog: &Catalog,
        params: &NewArrivalsParams,
        through: Timestamp,
    ) -> Self {
        let raw = params.raw();
        let since = through.plus_days(-raw.days);
        let is_long = histories
            .period()
            .is_some_and(|(from, _)| from <= through.plus_days(-LEAST_PERIODS * raw.days));
        let is_new = |item: ItemIdx| {
            let launched = catalog.item(item).launched_at;
            let first = activity.first(item).filter(|_| is_long);
            launched.or(first).is_some_and(|at| at > since && at <= through)
        };
        let order: Vec<ItemIdx> = histories.items().rows().filter(|&item| is_new(item)).collect();
        if order.is_empty() {
            return Self::default();
        }
        let known: Vec<bool> = histories
            .items()
            .rows()
            .map(|item| activity.events(item) > 0 && !is_new(item))
            .collect();
        let rules = ContentRules {
            neighbours: raw.neighbours,
            price_tolerance: raw.price_tolerance,
        };
        let content = ContentNeighbours::find_of(catalog, &known, rules, |item| {
            // Item rows are u32.
            is_new(ItemIdx::from_u32(item as u32))
        });
        let by_item = order
            .iter()
            .map(|&item| {
                let (neighbours, nearness) = content.nearness().row(item.index());
                let total: f32 = nearness.iter().sum();
                let n = activity.events(item) as f32;
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
            // No neighbour is new itself, so that none is levelled already.
            scores[item.index()] = self.levelled_score(item, |of| scores[of.index()]);
        }
    }

    /// Levels rows of `width` numbers, one for each item.
    pub(super) fn level_rows(&self, rows: &mut [f32], width: usize) {
        let mut row = vec![0.0; width];
        for &item in &self.order {
            let Some(levelled) = self.levelled(item) else {
                continue;
            };
            // No neighbour is new itself, so that none is levelled already.
            row.fill(0.0);
            let own = [(item, levelled.trust)];
            for &(of, weight) in own.iter().chain(&levelled.neighbours) {
                axpy(weight, &rows[of.index() * width..][..width], &mut row);
            }
            rows[item.index() * width..][..width].copy_from_slice(&row);
        }
    }

    /// One item's levelled score, from the scores of itself and of its neighbours.
    pub(super) fn levelled_score(&self, item: ItemIdx, score: impl Fn(ItemIdx) -> f32) -> f32 {
        match self.levelled(item) {
            None => score(item),
            Some(levelled) => {
                let theirs = levelled.neighbours.iter();
                let theirs: f32 = theirs.map(|&(other, weight)| weight * score(other)).sum();
                levelled.trust * score(item) + theirs
            }
        }
    }

    /// The new items, in row order.
    pub(super) fn items(&self) -> impl Iterator<Item = ItemIdx> + '_ {
        self.order.iter().copied()
    }

    fn levelled(&self, item: ItemIdx) -> Option<&Levelled> {
        self.by_item.get(&item)?.as_ref()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::catalog::Item;
    use crate::history::HistoriesBuilder;
    use crate::log::{Event, EventKind};
    use crate::recommend::RawNewArrivalsParams;

    /// Four items of one category, at 10, 20, 10 and 10: `a` and `b` are old, `new` has one event, `empty` has none.
    pub(in crate::serve) fn find(strength: f64) -> Newcomers {
        let start: Timestamp = "2024-01-01".parse().unwrap();
        let mut builder = HistoriesBuilder::default();
        for item_id in ["a", "b", "new", "empty"] {
            builder.add_item(item_id).unwrap();
        }
        for (item_id, day) in [("a", 0.0), ("b", 1.0), ("a", 2.0), ("new", 195.0)] {
            let event = Event {
                event_id: None,
                customer_id: "u",
                item_id,
                kind: EventKind::View,
                occurred_at: start.plus_days(day),
                quantity: 1.0,
                unit_price: None,
                order_id: None,
                session_id: None,
            };
            builder.push(&event).unwrap();
        }
        let item = |price: f64, launched: f64| Item {
            category: Some("kitchen".into()),
            price: Some(price),
            launched_at: Some(start.plus_days(launched)),
            ..Item::default()
        };
        let catalog = Catalog::new(vec![
            item(10.0, -9.0),
            item(20.0, -9.0),
            item(10.0, 190.0),
            item(10.0, 199.0),
        ]);
        let params = NewArrivalsParams::try_from(RawNewArrivalsParams {
            strength,
            price_tolerance: 1.0,
            ..RawNewArrivalsParams::default()
        })
        .unwrap();
        let histories = builder.finish();
        let activity = histories.activity();
        Newcomers::find(&histories, &activity, &catalog, &params, start.plus_days(200.0))
    }

    #[test]
    fn what_is_new_is_worth_what_its_neighbours_are_until_it_has_events() {
        let newcomers = find(3.0);
        let rows: Vec<u32> = newcomers.rankable().map(Row::as_u32).collect();
        assert_eq!(rows, [2, 3]);
        let mut scores = [8.0, 2.0, 100.0, -50.0];
        let before = scores;
        newcomers.level(&mut scores);
        let mut rows: Vec<f32> = before.iter().flat_map(|&x| [x, -2.0 * x]).collect();
        newcomers.level_rows(&mut rows, 2);
        for (row, score) in rows.chunks_exact(2).zip(scores) {
            assert!(
                (row[0] - score).abs() < 1e-4 && (row[1] + 2.0 * score).abs() < 1e-4,
                "{rows:?}"
            );
        }
        // Nearness 1 at the same price, e^(−ln 2) = 1/2 at twice that.
        let mean = (8.0 + 0.5 * 2.0) / 1.5;
        assert_eq!(
            scores[..2].iter().map(|score| *score as i32).collect::<Vec<_>>(),
            [8, 2]
        );
        assert!(
            (scores[2] - (0.25 * 100.0 + 0.75 * mean)).abs() < 1e-4,
            "{scores:?}"
        );
        assert!((scores[3] - mean).abs() < 1e-4, "nobody touched it: {scores:?}");
        // What it is levelled with is what its score is explained by.
        let new = ItemIdx::from_u32(2);
        let theirs: f32 = newcomers.neighbours(new).map(|(_, weight)| weight).sum();
        assert!((newcomers.trust(new) + theirs - 1.0).abs() < 1e-6);
        assert!(
            newcomers
                .neighbours(new)
                .all(|(neighbour, _)| newcomers.items().all(|new| new != neighbour))
        );
        let old = ItemIdx::from_u32(0);
        assert!((newcomers.trust(old) - 1.0).abs() < 1e-6 && newcomers.neighbours(old).next().is_none());
    }
}
