//! Where prices stand among their like: standardised log prices within leaf categories.

use crate::catalog::Catalog;
use crate::history::History;
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;

use super::super::leaves::{Leaves, log_price};

/// Items that the shop's own spread counts as in a leaf category's.
const SPREAD_STRENGTH: f64 = 5.0;
/// Least standard deviation of log prices: a category of one price has none of its own.
const LEAST_DEVIATION: f64 = 0.05;
/// What a look and a full cart say of a customer's price level, against a purchase.
const VIEW: f64 = 0.2;
const CART: f64 = 0.5;

/// The price level of every item: 0 at its leaf category's mean log price, 1 one standard deviation above.
///
/// Made from a catalogue in one pass; a new price needs a new one.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceLevels {
    levels: Vec<Option<f64>>,
}

/// What a customer is used to pay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CustomerLevel {
    /// Mean price level of what was bought, drawn towards 0.
    pub level: f64,
    /// How much is known of it, between 0 and 1.
    pub trust: f64,
}

#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.n += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn mean(&self) -> f64 {
        if self.n > 0.0 { self.sum / self.n } else { 0.0 }
    }

    /// Sum of squared deviations.
    fn scatter(&self) -> f64 {
        (self.squares - self.sum * self.mean()).max(0.0)
    }
}

impl PriceLevels {
    /// The levels of a catalogue. Items without a category stand together; those without a price have no level.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let n_items = catalog.items().len();
        let leaves = Leaves::of(catalog, n_items);
        let group = |item: usize| {
            leaves
                .leaf(ItemIdx::from_u32(item as u32))
                .map_or(leaves.len(), |leaf| leaf as usize)
        };
        let mut groups = vec![Moments::default(); leaves.len() + 1];
        for item in 0..n_items {
            if let Some(price) = log_price(catalog, item) {
                groups[group(item)].add(price);
            }
        }
        let (scatter, n) = groups.iter().fold((0.0, 0.0), |(scatter, n), group| {
            (scatter + group.scatter(), n + group.n)
        });
        let usual = if n > 0.0 { scatter / n } else { 0.0 };
        let deviation = |group: &Moments| {
            let variance = (group.scatter() + SPREAD_STRENGTH * usual) / (group.n + SPREAD_STRENGTH);
            variance.sqrt().max(LEAST_DEVIATION)
        };
        let level = |item: usize| {
            let group = &groups[group(item)];
            Some((log_price(catalog, item)? - group.mean()) / deviation(group))
        };
        Self {
            levels: (0..n_items).map(level).collect(),
        }
    }

    /// The item's level; `None` without a price above zero.
    #[must_use]
    pub fn level(&self, item: ItemIdx) -> Option<f64> {
        self.levels.get(item.index()).copied().flatten()
    }

    /// What a customer is used to: `Σ w z / (Σ w + m)`, with `Σ w / (Σ w + m)` as trust; a purchase weighs 1, a cart 0.5,
    /// a look 0.2. Today's prices stand for those of the past.
    #[must_use]
    pub fn customer(&self, history: History<'_>, strength: f64) -> CustomerLevel {
        let (mut weight, mut sum) = (0.0, 0.0);
        for (&item, &kind) in history.items().iter().zip(history.kinds()) {
            let worth = match kind {
                EventKind::View => VIEW,
                EventKind::Cart => CART,
                EventKind::Purchase => 1.0,
                EventKind::Return => 0.0,
            };
            if let Some(level) = self.level(item) {
                weight += worth;
                sum += worth * level;
            }
        }
        CustomerLevel {
            level: sum / (weight + strength),
            trust: weight / (weight + strength),
        }
    }
}
