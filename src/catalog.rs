//! What is known of an item beyond its id.
//!
//! Enters: item tables and what the log itself says of items (titles, prices). Leaves: [`Catalog`], one [`Item`] per
//! item row; rows of which nothing is known hold the default: no title, no price, available.
//!
//! The one decision: the catalogue is facts for answers and rules. Of all that it holds only the top categories, which
//! hardly ever change, are input of a model ([`Categories`]), so that a new price or an empty shelf needs no training.

use hashbrown::HashMap;

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

/// The top category of every item, as dense codes in the order of first sight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Categories {
    /// By item; empty where no item has a category.
    codes: Vec<Option<u32>>,
}

impl Categories {
    /// The widest level of each item's category path.
    #[must_use]
    pub fn of(catalog: &Catalog) -> Self {
        let mut known: HashMap<&str, u32> = HashMap::new();
        let codes: Vec<Option<u32>> = catalog
            .items
            .iter()
            .map(|item| {
                let path = item.category.as_deref()?;
                let top = path
                    .split(CATEGORY_SEPARATOR)
                    .next()
                    .filter(|top| !top.is_empty())?;
                let next = u32::try_from(known.len()).ok()?;
                Some(*known.entry(top).or_insert(next))
            })
            .collect();
        Self {
            codes: if known.is_empty() { Vec::new() } else { codes },
        }
    }

    /// Whether no item has a category.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The item's code; `None` without a category, and for an item that the catalogue does not know.
    #[must_use]
    pub fn code(&self, item: ItemIdx) -> Option<u32> {
        self.codes.get(item.index()).copied().flatten()
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
    #[test]
    fn the_widest_level_is_the_category() {
        let of = |category: Option<&str>| Item {
            category: category.map(Into::into),
            ..Item::default()
        };
        let categories = Categories::of(&Catalog::new(vec![
            of(Some("kitchen/baking")),
            of(None),
            of(Some("garden")),
            of(Some("kitchen")),
            of(Some("")),
        ]));
        let codes: Vec<_> = (0..6).map(|at| categories.code(ItemIdx::from_u32(at))).collect();
        assert_eq!(codes, [Some(0), None, Some(1), Some(0), None, None]);
        assert!(Categories::of(&Catalog::new(vec![of(None)])).is_empty());
    }
}
