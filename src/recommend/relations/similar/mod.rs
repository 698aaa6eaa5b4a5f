//! Alternatives: what would serve the same need as the item that is looked at.
//!
//! Enters: what was looked at together and bought by the same customers apart, and nearness by category and price. Leaves:
//! [`Similar`], which scores every item for one or several page items.
//!
//! # Formula
//! ```text
//! counted(a, b) = (1 − c) · views_ab / (views_a views_b)^e + c · apart_ab / (bought_a bought_b)^e
//! like(a, b) = sub(a, b) · (n / (n + m) · counted(a, b) + m / (n + m) · content weight · nearness(a, b))    with views
//!            = sub(a, b) · (nearness(a, b) + content weight · n / (n + m) · counted(a, b))                   with orders alone,
//!              where nearness across leaf categories counts a tenth
//! score(b) = Σ_{a on the page} like(a, b)
//! ```
//! with `n = views_ab + c · apart_ab` the evidence, `sub` the probability that the two are substitutes, and complements
//! left out. Where nothing is known of views, `c` is 1. A new arrival has no evidence, so that its alternatives are its
//! neighbours by content, and by the same way it is an alternative of others only once somebody looked at it.
//!
//! The one decision: what is bought by the same customer *in different orders* speaks for the same need, what is bought in
//! one order does not.

mod params;

pub use params::{RawSimilarParams, SimilarParams};

use crate::column::Column;
use crate::history::Csr;
use crate::id::{ItemIdx, Row};
use crate::numeric::scatter;
use crate::recommend::{Contribution, Explanation, Ranking};

use super::stored::{Sparse, StoredError, check_len};
use super::verdict::Basis;

/// What else would do.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `likeness` | items × items, sparse | row: an item on the page; column: an alternative |
/// | `visits` | entries of `likeness` | visits in which both were looked at |
/// | `customers` | entries of `likeness` | customers with several baskets who bought both |
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    likeness: Csr,
    visits: Column<u32>,
    customers: Column<u32>,
    basis: Basis,
}

/// What a link from one item to an alternative rests on; both 0 where only content speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meetings {
    /// Visits in which both were looked at.
    pub visits: u32,
    /// Customers with several baskets who bought both.
    pub customers: u32,
}

/// What was counted of all alternatives, by item: alternative, likeness, visits, customers; ascending.
pub(crate) struct AlternativeTable<'a> {
    pub rows: Vec<&'a [(u32, f32, u32, u32)]>,
    pub basis: Basis,
}

/// The arrays of a model, in the shapes of [`Similar`].
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarArrays {
    /// Likeness, items × items.
    pub likeness: Sparse,
    /// Visits by entry.
    pub visits: Column<u32>,
    /// Customers by entry.
    pub customers: Column<u32>,
    /// What the shop was judged by, for a bundle's JSON.
    pub basis: Basis,
}

impl Similar {
    pub(crate) fn assemble(table: &AlternativeTable<'_>) -> Self {
        let links = |row: &&[(u32, f32, u32, u32)]| -> Vec<(ItemIdx, f32)> {
            row.iter()
                .map(|link| (ItemIdx::from_u32(link.0), link.1))
                .collect()
        };
        let rows: Vec<_> = table.rows.iter().map(links).collect();
        let entries = || table.rows.iter().flat_map(|row| row.iter());
        Self {
            likeness: Csr::from_rows(&rows, rows.len()),
            visits: entries().map(|link| link.2).collect(),
            customers: entries().map(|link| link.3).collect(),
            basis: table.basis,
        }
    }

    /// Number of items that are scored.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.likeness.n_columns()
    }

    /// The alternatives of each item, items × items.
    #[must_use]
    pub fn likeness(&self) -> &Csr {
        &self.likeness
    }

    /// What told substitutes from complements.
    #[must_use]
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// What the link from `from` to its alternative `to` rests on; `None` where `to` is no alternative.
    #[must_use]
    pub fn meetings(&self, from: ItemIdx, to: ItemIdx) -> Option<Meetings> {
        let at = self
            .likeness
            .row(from.index())
            .0
            .binary_search(&to.as_u32())
            .ok()?;
        let at = self.likeness.offsets()[from.index()] + at;
        Some(Meetings {
            visits: self.visits[at],
            customers: self.customers[at],
        })
    }

    /// Writes the score of every item; the page's own items, and those for which nothing speaks, get 0.
    ///
    /// # Panics
    /// When `scores` does not have one place per item, or the page holds an item that is not from the model's table.
    pub fn score(&self, page: &[ItemIdx], scores: &mut [f32]) {
        assert_eq!(scores.len(), self.n_items(), "one score for each item");
        scores.fill(0.0);
        for &item in &distinct(page) {
            let (columns, values) = self.likeness.row(item.index());
            scatter(1.0, columns, values, scores);
        }
        for item in page {
            scores[item.index()] = 0.0;
        }
    }

    /// The best `k` alternatives among those that `keep` lets through, best first: of [`Self::score`], looking only at what
    /// something speaks for.
    #[must_use]
    pub fn rank(&self, page: &[ItemIdx], k: usize, keep: impl Fn(ItemIdx) -> bool) -> Ranking {
        let page = distinct(page);
        let mut found: Vec<(ItemIdx, f32)> = Vec::new();
        for &item in &page {
            let (columns, values) = self.likeness.row(item.index());
            found.extend(
                columns
                    .iter()
                    .map(|&to| ItemIdx::from_u32(to))
                    .zip(values.iter().copied()),
            );
        }
        // Stable: what several items of the page say of one is added in their order.
        found.sort_by_key(|of| of.0);
        found.dedup_by(|next, first| {
            let is_same = next.0 == first.0;
            if is_same {
                first.1 += next.1;
            }
            is_same
        });
        found.retain(|&(item, score)| score > 0.0 && page.binary_search(&item).is_err() && keep(item));
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(k);
        found
    }

    /// What each distinct item of the page added to the score of each of `items`, in the order of rows.
    #[must_use]
    pub fn explain(&self, page: &[ItemIdx], items: &[ItemIdx]) -> Vec<Explanation> {
        let distinct = distinct(page);
        let part = |from: ItemIdx, to: ItemIdx| Contribution {
            item: from,
            part: if page.contains(&to) {
                0.0
            } else {
                self.between(from, to)
            },
        };
        let explained = |&to: &ItemIdx| Explanation {
            parts: distinct.iter().map(|&from| part(from, to)).collect(),
            everybody: 0.0,
        };
        items.iter().map(explained).collect()
    }

    /// Likeness of one alternative; 0 where it is none.
    #[must_use]
    pub fn between(&self, from: ItemIdx, to: ItemIdx) -> f32 {
        let (columns, values) = self.likeness.row(from.index());
        columns.binary_search(&to.as_u32()).map_or(0.0, |at| values[at])
    }

    /// The model as arrays.
    #[must_use]
    pub fn to_arrays(&self) -> SimilarArrays {
        SimilarArrays {
            likeness: Sparse::of(&self.likeness),
            visits: self.visits.clone(),
            customers: self.customers.clone(),
            basis: self.basis,
        }
    }

    /// The model of these arrays.
    ///
    /// # Errors
    /// [`StoredError`] when they do not fit together, with the array and the row.
    pub fn from_arrays(arrays: SimilarArrays) -> Result<Self, StoredError> {
        let n_items = arrays.likeness.offsets.len().saturating_sub(1);
        let likeness = arrays.likeness.matrix("similar.likeness", n_items, n_items)?;
        check_len("similar.visits", arrays.visits.len(), likeness.n_entries())?;
        check_len("similar.customers", arrays.customers.len(), likeness.n_entries())?;
        Ok(Self {
            likeness,
            visits: arrays.visits,
            customers: arrays.customers,
            basis: arrays.basis,
        })
    }
}

pub(crate) fn distinct(items: &[ItemIdx]) -> Vec<ItemIdx> {
    let mut items = items.to_vec();
    items.sort_unstable();
    items.dedup();
    items
}
