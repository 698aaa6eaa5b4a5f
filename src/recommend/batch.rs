//! Many profiles at once: the scores of a block of rows, and the best of each.
//!
//! Enters: a model's [`BatchScorer`], profiles as rows of a matrix, what is masked. Leaves: one ranking a row.
//!
//! The one decision: what a model lays out once for all rows (packed factors, merged weights) lives in the scorer, so that
//! no block pays for it again.

use std::ops::Range;

use rayon::prelude::*;

use super::{Ranking, Recommender};
use crate::history::{Csr, Profile};
use crate::id::{ItemIdx, Row};
use crate::numeric::top_k;

/// Scores of one block stay within about this many numbers (16 MiB).
const BLOCK_SCORES: usize = 1 << 22;
/// Every block reads all factors of all items once: with few rows that is what takes the time, beyond this many no more.
const ROWS: std::ops::RangeInclusive<usize> = 16..=128;

/// Scores blocks of profiles; made once by [`Recommender::batch`], used from many threads.
pub trait BatchScorer: Sync {
    /// Number of items that it scores.
    fn n_items(&self) -> usize;

    /// Writes the scores of every item for each of `rows` of `profiles`, one row after another.
    ///
    /// # Panics
    /// When `scores` is not `rows.len() × n_items`, or a profile holds an item that the model does not know.
    fn score_rows(&self, profiles: &Csr, rows: Range<usize>, scores: &mut [f32]);
}

/// Scores one profile after another: what a model without a faster way does.
pub(super) struct OneByOne<'a, R: ?Sized>(pub(super) &'a R);

impl<R: Recommender + ?Sized> BatchScorer for OneByOne<'_, R> {
    fn n_items(&self) -> usize {
        self.0.n_items()
    }

    fn score_rows(&self, profiles: &Csr, rows: Range<usize>, scores: &mut [f32]) {
        for (row, scores) in rows.zip(scores.chunks_exact_mut(self.n_items().max(1))) {
            self.0.score(&profile(profiles, row), scores);
        }
    }
}

/// One row as a profile.
pub(super) fn profile(profiles: &Csr, row: usize) -> Profile {
    let (items, weights) = profiles.row(row);
    let items = items.iter().copied().map(ItemIdx::from_u32);
    items.zip(weights.iter().copied()).collect()
}

/// How many rows one block has.
pub(super) fn rows_per_block(n_items: usize) -> usize {
    (BLOCK_SCORES / n_items.max(1)).clamp(*ROWS.start(), *ROWS.end())
}

/// Does something with the scores of every row, in parallel over blocks; the results are in row order.
pub(super) fn for_each_row<T: Send>(
    scorer: &dyn BatchScorer,
    profiles: &Csr,
    visit: impl Fn(usize, &[f32]) -> T + Sync,
) -> Vec<T> {
    let n_items = scorer.n_items();
    let block = rows_per_block(n_items);
    (0..profiles.n_rows().div_ceil(block))
        .into_par_iter()
        .map_init(
            || vec![0.0; block * n_items],
            |scores, at| {
                let rows = at * block..((at + 1) * block).min(profiles.n_rows());
                let scores = &mut scores[..rows.len() * n_items];
                scorer.score_rows(profiles, rows.clone(), scores);
                let found: Vec<T> = rows
                    .enumerate()
                    .map(|(at, row)| visit(row, &scores[at * n_items..][..n_items]))
                    .collect();
                found
            },
        )
        .flatten_iter()
        .collect()
}

/// The best `k` items of each row, without the entries of the same row of `masked`.
pub(super) fn rank_all(
    scorer: &dyn BatchScorer,
    profiles: &Csr,
    masked: Option<&Csr>,
    k: usize,
) -> Vec<Ranking> {
    for_each_row(scorer, profiles, |row, scores| {
        named(top_k(scores, k, |item| !is_masked(masked, row, item)))
    })
}

/// Whether the mask has this entry; item rows are `u32`, so the cast loses nothing.
pub(super) fn is_masked(masked: Option<&Csr>, row: usize, item: usize) -> bool {
    masked.is_some_and(|masked| masked.row(row).0.binary_search(&(item as u32)).is_ok())
}

/// Rows as items.
pub(super) fn named(best: Vec<(u32, f32)>) -> Ranking {
    best.into_iter()
        .map(|(item, score)| (ItemIdx::from_u32(item), score))
        .collect()
}
