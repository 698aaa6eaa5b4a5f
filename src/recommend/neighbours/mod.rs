//! Item neighbours: what is bought by the same customers, as links from item to item.
//!
//! Enters: the weighted customer × item matrix. Leaves: [`ItemLinks`] with the strongest links of each item.
//!
//! # Formula
//! `S_ij = (c_ij / (c_ij + λ) · G_ij / (d_i^e₁ d_j^e₂))^s` with `G_ij = Σ_u x_ui x_uj / n_u^(2a)`, and of each row `i`
//! the `neighbours` largest. A profile scores `score_j = Σ_i w_i S_ij`.
//!
//! # Shapes
//! | symbol | shape | meaning |
//! |---|---|---|
//! | `x` | customers × items, sparse | weight of what was seen, above zero |
//! | `n` | customers | sum of a customer's weights |
//! | `c` | items × items, sparse | number of customers who have both |
//! | `d` | items | size of an item, [`ItemSize`] |
//! | `a`, `e₁`, `e₂`, `λ`, `s` | numbers | [`NeighboursParams`] |
//!
//! # Source
//! The damped Gram matrix and the elementwise power: Park, Shin, Shin, "Turbo-CF: Matrix Decomposition-Free Graph
//! Filtering for Fast Recommendation", SIGIR 2024; its special case `a = e₁ = e₂ = 0.5`: Shen et al., "How Powerful is
//! Graph Convolution for Recommendation?" (GF-CF), CIKM 2021; exponents by side: Paudel et al., "Updatable, Accurate,
//! Diverse, and Scalable Recommendations for Interactive Applications" (RP3β), 2017; shrinkage: Bell, Koren, "Improved
//! Neighborhood-based Collaborative Filtering", 2007; norms of the Gram matrix: Spišák et al., "Scalable Approximate
//! NonSymmetric Autoencoder for Collaborative Filtering" (SANSA), RecSys 2023.
//!
//! The one decision: the strongest links are kept by item of the profile (row), not by recommended item. On held-out
//! slices of two logs that ranked better at every size, and it bounds what a request costs: `neighbours` additions for
//! each item of the profile.

mod params;
#[cfg(test)]
mod tests;

use super::FitError;
use super::ItemLinks;
use super::item_gram::{GramEntry, GramRow, ItemGram, square, strongest};
use crate::history::Csr;
use crate::progress::Progress;

pub use params::{ItemSize, NeighboursParams, RawNeighboursParams};

/// Name of the model.
pub const NAME: &str = "neighbours";

/// Links every item to those that share its customers.
///
/// With `neighbours` above zero the memory is that of the links; with 0 all pairs of items that share a customer are
/// held, twice for a moment: 8 bytes each, tens of millions of pairs on a log of a million.
///
/// # Errors
/// [`FitError`] when there is no entry, one that is no weight, or weights of which no finite link comes.
///
/// # Determinism
/// The same bits for any number of threads. Of equally strong links those to items of lower row are kept.
pub fn fit(matrix: &Csr, params: &NeighboursParams, progress: &dyn Progress) -> Result<ItemLinks, FitError> {
    let raw = params.raw();
    let gram = ItemGram::new(matrix, raw.customer_exponent)?;
    let sizes = match raw.item_size {
        ItemSize::Weights => matrix.column_sums(),
        ItemSize::Diagonal => gram.diagonal(),
        ItemSize::Norms => gram.norms(progress),
    };
    let link = Link {
        params: raw,
        source: damping(&sizes, raw.source_exponent),
        target: damping(&sizes, raw.target_exponent),
    };
    let rows = gram.map_rows("Linking items", progress, |item, row| link.row(item, row));
    Ok(ItemLinks::new(NAME, square(rows)?))
}

/// `d^−e` of each item; an item without an entry has no link to damp.
pub(super) fn damping(sizes: &[f64], exponent: f64) -> Vec<f32> {
    let damped = |&size: &f64| {
        if size > 0.0 {
            size.powf(-exponent) as f32
        } else {
            0.0
        }
    };
    sizes.iter().map(damped).collect()
}

/// What makes links of a row of the Gram matrix.
struct Link<'a> {
    params: &'a RawNeighboursParams,
    source: Vec<f32>,
    target: Vec<f32>,
}

impl Link<'_> {
    fn row(&self, item: usize, row: &GramRow) -> Vec<(u32, f32)> {
        let keep = match self.params.neighbours {
            0 => usize::MAX,
            most => most,
        };
        // A power does not change the order, and neither does what all links of a row have in common.
        let others = row.entries().filter(|entry| entry.item as usize != item);
        let mut links = strongest(others.map(|entry| self.relative(entry)).collect(), keep);
        if self.params.self_links
            && let Some(own) = row.entries().find(|entry| entry.item as usize == item)
        {
            let at = links.partition_point(|&(other, _)| other < own.item);
            links.insert(at, self.relative(own));
        }
        let power = self.params.power as f32;
        for (_, value) in &mut links {
            *value *= self.source[item];
            if (power - 1.0).abs() > f32::EPSILON {
                *value = value.powf(power);
            }
        }
        links
    }

    /// A link without its source's damping and before the power.
    fn relative(&self, entry: GramEntry) -> (u32, f32) {
        let common = f64::from(entry.customers);
        let trust = common / (common + self.params.shrinkage);
        let value = trust as f32 * entry.sum * self.target[entry.item as usize];
        (entry.item, value)
    }
}
