//! What is known of an item beyond its id.
//!
//! Enters: item tables and what the log itself says of items (titles, prices). Leaves: [`Catalog`], one [`Item`] per
//! item row; rows of which nothing is known hold the default: no title, no price, available.
//!
//! The one decision: the catalogue is facts for answers and rules, never input of a model's fit, so that a price
//! change needs no training.

use crate::id::{ItemIdx, Row};
use crate::time::Timestamp;

/// Separates the levels of a category path: `kitchen/baking/tins`.
pub const CATEGORY_SEPARATOR: char = '/';

/// What is known of one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Name to show.
    pub title: Option<String>,
    /// Path of categories, widest first, joined by [`CATEGORY_SEPARATOR`].
    pub category: Option<String>,
    /// Current price of one piece, finite and not negative.
    pub price: Option<f64>,
    /// What one piece costs the shop, finite and not negative.
    pub cost: Option<f64>,
    /// Whether it can be sold now.
    pub available: bool,
    /// When it was first offered.
    pub launched_at: Option<Timestamp>,
}

impl Default for Item {
    fn default() -> Self {
        Self {
            title: None,
            category: None,
            price: None,
            cost: None,
            available: true,
            launched_at: None,
        }
    }
}

impl Item {
    /// Whether the item's category is `prefix` or below it, level by level: `kitchen/baking` is below `kitchen` but not
    /// below `kit`. An item without a category is below nothing.
    #[must_use]
    pub fn is_in_category(&self, prefix: &str) -> bool {
        let prefix = prefix.trim_end_matches(CATEGORY_SEPARATOR);
        self.category
            .as_deref()
            .and_then(|category| category.strip_prefix(prefix))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(CATEGORY_SEPARATOR))
    }
}

/// What is known of every item, by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    items: Vec<Item>,
}

impl Catalog {
    /// A catalogue whose row `i` is `items[i]`.
    #[must_use]
    pub fn new(items: Vec<Item>) -> Self {
        Self { items }
    }

    /// What is known of an item.
    ///
    /// # Panics
    /// When the row is not from the table that this catalogue was built beside.
    #[must_use]
    pub fn item(&self, row: ItemIdx) -> &Item {
        &self.items[row.index()]
    }

    /// All items in row order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_prefix_ends_at_a_level() {
        let item = Item {
            category: Some("kitchen/baking/tins".into()),
            ..Item::default()
        };
        for (prefix, expected) in [
            ("kitchen", true),
            ("kitchen/", true),
            ("kitchen/baking/tins", true),
            ("kit", false),
            ("tins", false),
        ] {
            assert_eq!(item.is_in_category(prefix), expected, "{prefix}");
        }
        assert!(!Item::default().is_in_category("kitchen"));
    }
}
