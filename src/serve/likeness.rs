//! How alike every item is to a page, searched instead of computed.
//!
//! Enters: the factors of the items, and how far each can be trusted. Leaves: [`Likeness`].
//!
//! # Formula
//! `likeness_j = trust_j · (1/|page|) Σ_{i ∈ page} cos(f_i, f_j)`: the mean cosine, shrunk by how far an item's factor can be
//! trusted, because the direction of a factor that hardly any event made is chance, and chance makes large cosines. It is
//! one product of `x_j = trust_j f_j / |f_j|` with the mean of the page's directions.
//!
//! Memory: `4 · items · factors` bytes beside the index of [`ExactIndex::bytes`].

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::candidates::Workspace;
use crate::id::{ItemIdx, Row};
use crate::numeric::{ExactIndex, Search};

/// The directions of all items, ready to be searched.
#[derive(Debug)]
pub(super) struct Likeness {
    index: ExactIndex,
}

impl Likeness {
    /// Lays out the factors of items whose lengths are the inverse of `inverse_norms`.
    pub(super) fn new(factors: ArrayView2<'_, f32>, inverse_norms: &[f32], trust: &[f32]) -> Self {
        let width = factors.ncols();
        let mut rows: Vec<f32> = factors.iter().copied().collect();
        rows.par_chunks_exact_mut(width.max(1))
            .zip(inverse_norms.par_iter().zip(trust))
            .for_each(|(row, (norm, trust))| row.iter_mut().for_each(|x| *x *= norm * trust));
        Self {
            index: ExactIndex::new(rows, width, None),
        }
    }

    /// The `k` items most alike to the mean of the page's directions, of those that `keep` lets through, best first; `None`
    /// once `is_over` says so.
    pub(super) fn best(
        &self,
        centre: &[f32],
        k: usize,
        keep: impl Fn(ItemIdx) -> bool,
        is_over: &dyn Fn() -> bool,
        room: &mut Workspace,
    ) -> Option<Vec<(u32, f32)>> {
        let search = Search::new(centre, k);
        // Item rows are u32.
        let keep = |at: usize| keep(ItemIdx::from_u32(at as u32));
        self.index
            .search(&mut room.search, &search, keep, is_over, &mut room.scored)?;
        Some(room.scored.clone())
    }
}
