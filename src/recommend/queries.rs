//! Scores that are dot products: a profile becomes a query, and the query meets the factors of every item.
//!
//! Enters: a model that makes queries ([`Queries`]). Leaves: what is the same for all such models, the scores of many
//! profiles and the best items of many.

use std::ops::Range;

use rayon::prelude::*;

use super::Ranking;
use super::batch::{BatchScorer, is_masked, named};
use crate::history::Csr;
use crate::numeric::{PackedRows, Screen, multiply};

/// A model whose scores are dot products of a query with the items' factors.
pub(super) trait Queries: Sync {
    /// What making a query needs room for.
    type Room: Default + Send;

    /// Length of a query.
    fn width(&self) -> usize;

    /// The factors of every item, items × width.
    fn factors(&self) -> &[f32];

    /// Writes the query of a profile, given as items and their weights, over what `query` held.
    fn query(&self, room: &mut Self::Room, items: &[u32], weights: &[f32], query: &mut [f32]);
}

fn queries<Q: Queries>(model: &Q, room: &mut Q::Room, profiles: &Csr, rows: Range<usize>) -> Vec<f32> {
    let width = model.width();
    let mut queries = vec![0.0; rows.len() * width];
    for (row, query) in rows.zip(queries.chunks_exact_mut(width.max(1))) {
        let (items, weights) = profiles.row(row);
        model.query(room, items, weights, query);
    }
    queries
}

/// The best `k` items of each row, without the entries of the same row of `masked`.
pub(super) fn rank_all<Q: Queries>(
    model: &Q,
    profiles: &Csr,
    masked: Option<&Csr>,
    k: usize,
) -> Vec<Ranking> {
    /// Queries that stay in the second cache while the items pass by.
    const ROWS: usize = 64;
    let items = Screen::new(model.factors(), model.width());
    let n_rows = profiles.n_rows();
    (0..n_rows.div_ceil(ROWS))
        .into_par_iter()
        .map_init(Q::Room::default, |room, at| {
            let rows = at * ROWS..((at + 1) * ROWS).min(n_rows);
            let queries = queries(model, room, profiles, rows.clone());
            let unmasked = |query: usize, item| !is_masked(masked, rows.start + query, item);
            let best = items.best(&queries, k, unmasked);
            best.into_iter().map(named).collect::<Vec<_>>()
        })
        .flatten_iter()
        .collect()
}

/// The items' factors laid out for whole blocks of profiles.
pub(super) struct Batch<'a, Q> {
    model: &'a Q,
    items: PackedRows,
}

impl<'a, Q: Queries> Batch<'a, Q> {
    pub(super) fn new(model: &'a Q) -> Self {
        Self {
            model,
            items: PackedRows::new(model.factors(), model.width()),
        }
    }
}

impl<Q: Queries> BatchScorer for Batch<'_, Q> {
    fn n_items(&self) -> usize {
        self.items.n_rows()
    }

    fn score_rows(&self, profiles: &Csr, rows: Range<usize>, scores: &mut [f32]) {
        let queries = queries(self.model, &mut Q::Room::default(), profiles, rows);
        multiply(&queries, &self.items, scores);
    }
}
