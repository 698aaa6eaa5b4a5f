//! Training: the two sides are solved in turn.

use std::cmp::Reverse;

use rand::SeedableRng;
use rand_distr::{Distribution, Normal};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::axes::Axes;
use super::conjugate::{HEAVY_ROW, RowImprover};
use super::params::IalsParams;
use super::solve::{Entries, RowSolver};
use crate::history::Csr;
use crate::numeric::RoundedRows;
use crate::progress::Progress;
use crate::recommend::FitError;

/// Rows that a thread takes at once, at most.
const LARGEST_SHARE: usize = 64;

/// First item factors: `N(0, (init_stddev / √factors)²)`.
pub(super) fn first_items(n_items: usize, params: &IalsParams, seed: u64) -> Vec<f32> {
    let raw = params.raw();
    let spread = (raw.init_stddev / (raw.factors as f64).sqrt()) as f32;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    // The checked spread is finite and above zero, so the distribution exists.
    Normal::new(0.0f32, spread)
        .map(|normal| {
            normal
                .sample_iter(&mut random)
                .take(n_items * raw.factors)
                .collect()
        })
        .unwrap_or_default()
}

/// The item factors after all epochs, from the given first ones, which are zero for items without an entry.
///
/// Both sides stand in the axes of the one that was solved last, so that the other's rows can start from where they were.
pub(super) fn fit_items(
    matrix: &Csr,
    params: &IalsParams,
    mut items: Vec<f32>,
    progress: &dyn Progress,
) -> Result<Vec<f32>, FitError> {
    let transposed = matrix.transposed();
    let raw = params.raw();
    let mut customers = vec![0.0; matrix.n_rows() * raw.factors];
    progress.begin("Fitting item factors", raw.epochs as u64);
    for epoch in 1..=raw.epochs {
        let axes = Axes::turned(items, &mut customers, raw.factors);
        solve_side(matrix, &axes, params, &mut customers);
        items = axes.factors.into_vec();
        let axes = Axes::turned(customers, &mut items, raw.factors);
        solve_side(&transposed, &axes, params, &mut items);
        customers = axes.factors.into_vec();
        if !items.par_iter().all(|x| x.is_finite()) {
            progress.end();
            return Err(FitError::Diverged { epoch });
        }
        progress.advance(1);
    }
    progress.end();
    Ok(items)
}

/// Solves every row of one side, given the other, or improves it where `out` already holds an approximation.
///
/// # Determinism
/// Each row is computed by one thread, except for the very heavy ones, whose entries are cut by their number alone.
pub(super) fn solve_side(matrix: &Csr, other: &Axes, params: &IalsParams, out: &mut [f32]) {
    let entries = |row: usize| {
        let (columns, weights) = matrix.row(row);
        Entries { columns, weights }
    };
    let steps = params.raw().solver_steps;
    let mut rows: Vec<(usize, &mut [f32])> = out.chunks_exact_mut(params.raw().factors).enumerate().collect();
    // Longest first, so that no thread finds the longest row when the others are done.
    rows.par_sort_by_key(|(row, _)| Reverse(matrix.row(*row).0.len()));
    if steps == 0 {
        rows.into_par_iter().with_max_len(LARGEST_SHARE).for_each_init(
            RowSolver::default,
            |solver, (row, out)| {
                solver.solve(other, params, entries(row), out);
            },
        );
        return;
    }
    let heavy = rows.partition_point(|(row, _)| matrix.row(*row).0.len() > HEAVY_ROW);
    let light = rows.split_off(heavy);
    let mut rounded = RoundedRows::default();
    rounded.refill(&other.factors, params.raw().factors);
    let mut improver = RowImprover::default();
    for (row, out) in rows {
        improver.improve(other, &rounded, params, entries(row), out);
    }
    light.into_par_iter().with_max_len(LARGEST_SHARE).for_each_init(
        RowImprover::default,
        |improver, (row, out)| {
            improver.improve(other, &rounded, params, entries(row), out);
        },
    );
}
