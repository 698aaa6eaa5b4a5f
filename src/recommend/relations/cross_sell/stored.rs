//! Cross-sell as plain arrays, for a bundle, and back.

use crate::column::Column;
use crate::history::Csr;

use super::super::leaves::{Leaves, NO_LEAF};
use super::super::stored::{Sparse, StoredError, check_finite, check_len};
use super::CrossSell;

/// The arrays of a model, in the shapes of [`CrossSell`].
#[derive(Clone, Debug, PartialEq)]
pub struct CrossSellArrays {
    /// Partners, items × items.
    pub partners: Sparse,
    /// Baskets with both, by entry of `partners`.
    pub counts: Column<u32>,
    /// Substitutes, items × items.
    pub substitutes: Sparse,
    /// Baskets by item.
    pub basket_counts: Vec<u32>,
    /// Part of the prior by item.
    pub backing: Vec<f32>,
    /// Popularity by item.
    pub everybody: Vec<f32>,
    /// Leaf category by item, `u32::MAX` for none.
    pub leaves: Vec<u32>,
    /// Partners, leaf categories × items.
    pub category_partners: Sparse,
    /// Part of the prior by leaf category.
    pub category_backing: Vec<f32>,
    /// The numbers beside the arrays.
    pub counted: CrossSellCounts,
}

/// The numbers beside the arrays, for a bundle's JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CrossSellCounts {
    /// All baskets.
    pub n_baskets: u64,
}

impl CrossSell {
    /// The model as arrays.
    #[must_use]
    pub fn to_arrays(&self) -> CrossSellArrays {
        CrossSellArrays {
            partners: Sparse::of(&self.partners),
            counts: self.counts.clone(),
            substitutes: Sparse::of(&self.substitutes),
            basket_counts: self.basket_counts.clone(),
            backing: self.backing.clone(),
            everybody: self.everybody.clone(),
            leaves: self.leaves.codes().to_vec(),
            category_partners: Sparse::of(&self.category_partners),
            category_backing: self.category_backing.clone(),
            counted: CrossSellCounts {
                n_baskets: self.n_baskets,
            },
        }
    }

    /// The model of these arrays.
    ///
    /// # Errors
    /// [`StoredError`] when they do not fit together, with the array and the row.
    pub fn from_arrays(arrays: CrossSellArrays) -> Result<Self, StoredError> {
        let n_items = arrays.everybody.len();
        let n_leaves = arrays.category_backing.len();
        let square =
            |name, sparse: Sparse| -> Result<Csr, StoredError> { sparse.matrix(name, n_items, n_items) };
        let partners = square("cross_sell.partners", arrays.partners)?;
        let substitutes = square("cross_sell.substitutes", arrays.substitutes)?;
        let category_partners =
            arrays
                .category_partners
                .matrix("cross_sell.category_partners", n_leaves, n_items)?;
        check_len("cross_sell.counts", arrays.counts.len(), partners.n_entries())?;
        check_len("cross_sell.basket_counts", arrays.basket_counts.len(), n_items)?;
        check_len("cross_sell.backing", arrays.backing.len(), n_items)?;
        check_len("cross_sell.leaves", arrays.leaves.len(), n_items)?;
        check_finite("cross_sell.backing", &arrays.backing)?;
        check_finite("cross_sell.everybody", &arrays.everybody)?;
        check_finite("cross_sell.category_backing", &arrays.category_backing)?;
        let is_leaf = |&code: &u32| code == NO_LEAF || (code as usize) < n_leaves;
        if let Some(row) = arrays.leaves.iter().position(|code| !is_leaf(code)) {
            return Err(StoredError::Value {
                array: "cross_sell.leaves",
                row,
                value: f64::from(arrays.leaves[row]),
            });
        }
        Ok(Self {
            partners,
            counts: arrays.counts,
            substitutes,
            basket_counts: arrays.basket_counts,
            n_baskets: arrays.counted.n_baskets,
            backing: arrays.backing,
            everybody: arrays.everybody,
            leaves: Leaves::from_codes(arrays.leaves, n_leaves),
            category_partners,
            category_backing: arrays.category_backing,
        })
    }
}
