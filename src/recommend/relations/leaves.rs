//! The leaf categories of a catalogue, and how near two items are by category and price.

use hashbrown::HashMap;

use crate::catalog::{CATEGORY_SEPARATOR, Catalog};
use crate::id::{ItemIdx, Row};

/// "None" in the codes.
pub const NO_LEAF: u32 = u32::MAX;

/// The full category path of every item, as dense codes in the order of first sight.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaves {
    codes: Vec<u32>,
    n_leaves: usize,
}

impl Leaves {
    /// The leaf categories of `n_items` items; those beyond the catalogue's end have none.
    #[must_use]
    pub fn of(catalog: &Catalog, n_items: usize) -> Self {
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut codes = vec![NO_LEAF; n_items];
        for (code, item) in codes.iter_mut().zip(catalog.items()) {
            if let Some(path) = item
                .category
                .as_deref()
                .map(trimmed)
                .filter(|path| !path.is_empty())
            {
                // At most one leaf an item, and items are u32 rows.
                let next = known.len() as u32;
                *code = *known.entry(path).or_insert(next);
            }
        }
        Self {
            codes,
            n_leaves: known.len(),
        }
    }

    /// Leaves by their codes, as a bundle keeps them; a code beyond the largest item row counts as none.
    #[must_use]
    pub(crate) fn from_codes(codes: Vec<u32>, n_leaves: usize) -> Self {
        Self { codes, n_leaves }
    }

    /// Number of leaf categories.
    #[must_use]
    pub fn len(&self) -> usize {
        self.n_leaves
    }

    /// Whether no item has a category.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.n_leaves == 0
    }

    /// The item's leaf; `None` without a category.
    #[must_use]
    pub fn leaf(&self, item: ItemIdx) -> Option<u32> {
        self.codes
            .get(item.index())
            .copied()
            .filter(|&code| code != NO_LEAF)
    }

    /// The codes by item, [`NO_LEAF`] for none.
    #[must_use]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }
}

/// A path without separators at its end.
pub(crate) fn trimmed(path: &str) -> &str {
    path.trim_end_matches(CATEGORY_SEPARATOR)
}

/// Logarithm of a price above zero.
pub(crate) fn log_price(catalog: &Catalog, item: usize) -> Option<f64> {
    let price = catalog.items().get(item)?.price?;
    (price > 0.0).then(|| price.ln())
}

/// What is known of two items' nearness before anything happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nearness {
    /// The same leaf category, and prices at most a factor of two apart.
    Near,
    /// The same leaf category, another price or none.
    SameLeaf,
    /// Different leaf categories.
    Apart,
    /// One of them has no category.
    Unknown,
}

/// Largest difference of log prices that is near.
const NEAR_LOG_PRICE: f64 = std::f64::consts::LN_2;

impl Nearness {
    pub(crate) fn of(leaves: &Leaves, log_prices: &[Option<f64>], a: usize, b: usize) -> Self {
        // Item rows are u32 by construction.
        let leaf = |item: usize| leaves.leaf(ItemIdx::from_u32(item as u32));
        match (leaf(a), leaf(b)) {
            (Some(one), Some(other)) if one != other => Self::Apart,
            (Some(_), Some(_)) => match (log_prices[a], log_prices[b]) {
                (Some(one), Some(other)) if (one - other).abs() <= NEAR_LOG_PRICE => Self::Near,
                _ => Self::SameLeaf,
            },
            _ => Self::Unknown,
        }
    }

    /// How probable it is, before anything is counted, that one of the two stands in for the other.
    pub(crate) fn substitute_prior(self) -> f64 {
        match self {
            Self::Near => 0.75,
            Self::SameLeaf => 0.6,
            Self::Unknown => 0.5,
            Self::Apart => 0.25,
        }
    }
}
