//! One row's solution improved by a few steps of conjugate gradients, from where the last epoch left it.
//!
//! With `D` and `V` as in [`solve`](super::solve), a step costs two passes over the row's entries instead of a matrix:
//! `(D + Vᵀ C V) p = D p + Σ_e c_e (h_e·p) h_e`. The steps are preconditioned by the matrix's diagonal. The row's factors
//! hardly move from epoch to epoch, so that a few steps an epoch follow the exact solution closely.
//!
//! The entries' rows are read in no order and more than once, so they are read from [`RoundedRows`], half as long: what
//! that changes in a row's solution is below what few steps leave.
//!
//! # Source
//! Takács, Pilászy, Tikk, "Applications of the Conjugate Gradient Method for Implicit Feedback Collaborative
//! Filtering", RecSys 2011.

use rayon::prelude::*;

use super::params::IalsParams;
use super::solve::Entries;
use crate::numeric::{
    Conjugate, Diagonal, RoundedRows, WeightedRows, add_weighted, axpy, dot, square, weighted_square,
};

/// A row with more entries than this is computed by all threads together.
pub(super) const HEAVY_ROW: usize = 16_384;
/// Entries of a heavy row that one thread adds up at a time.
const SHARE: usize = 2_048;

/// The rows of a row's entries are widened once, instead of in each pass, where these many numbers hold them: two thirds
/// of the first cache.
const FEW_NUMBERS: usize = 8_192;

/// The side that is held while the other's rows are improved, in its principal axes.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `rows` | rows × width | one row of factors each |
/// | `energy` | width | the diagonal of their Gram matrix, which has nothing beside it |
/// | `n_touched` | | rows that are not all zero: those that training saw an entry of |
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) rows: RoundedRows,
    pub(super) energy: Vec<f32>,
    pub(super) n_touched: usize,
}

/// Room to improve one row after another.
#[derive(Debug, Default)]
pub(super) struct RowImprover {
    room: Conjugate,
    system: Diagonal,
    /// The rows of the entries of a short row, in single precision.
    wide: Vec<f32>,
}

impl RowImprover {
    /// Moves `x` towards the row's solution; to zero for a row without entries.
    pub(super) fn improve(&mut self, other: &Held, params: &IalsParams, entries: Entries<'_>, x: &mut [f32]) {
        if entries.columns.is_empty() {
            x.fill(0.0);
            return;
        }
        let width = other.energy.len();
        let short = entries.columns.len() * width <= FEW_NUMBERS;
        if short {
            other.rows.widen(entries.columns, &mut self.wide);
        }
        let chosen = WeightedRows {
            rows: &other.rows,
            chosen: entries.columns,
            weights: entries.weights,
            wide: short.then_some(self.wide.as_slice()),
        };
        let weight = entries.weights.iter().map(|&w| f64::from(w)).sum();
        let regularization = params.row_regularization(weight, other.n_touched) as f32;
        let unobserved = params.unobserved_weight() as f32;
        self.room.reset(width);
        self.room
            .begin(&other.energy, [unobserved, regularization], &mut self.system, x);
        add_entries(chosen, 1.0, -1.0, x, &mut self.room.residual);
        let mut height = square(&self.system.inverse, &self.room.residual);
        let mut beta = 0.0;
        let steps = params.raw().solver_steps;
        for step in 1..=steps {
            if height <= f32::MIN_POSITIVE {
                break;
            }
            self.room.turn(&self.system, beta);
            // The last step leaves no residual behind, so that the length of its way is all it needs.
            let last = step == steps;
            let mut curvature = 0.0;
            if last {
                curvature += square_entries(chosen, &self.room.direction);
            } else {
                add_entries(chosen, 0.0, 1.0, &self.room.direction, &mut self.room.image);
            }
            curvature += dot(&self.room.direction, &self.room.image);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            if last {
                axpy(height / curvature, &self.room.direction, x);
                break;
            }
            let next = self.room.advance(&self.system.inverse, height / curvature, x);
            (beta, height) = (next / height, next);
        }
    }
}

/// [`add_weighted`], by all threads for a heavy row: shares of a fixed size, added in order.
fn add_entries(entries: WeightedRows<'_>, offset: f32, slope: f32, x: &[f32], out: &mut [f32]) {
    if entries.chosen.len() <= HEAVY_ROW {
        return add_weighted(entries, offset, slope, x, out);
    }
    let shares = in_shares(entries, |share| {
        let mut sums = vec![0.0; x.len()];
        add_weighted(share, offset, slope, x, &mut sums);
        sums
    });
    for share in shares {
        axpy(1.0, &share, out);
    }
}

/// [`weighted_square`], by all threads for a heavy row.
fn square_entries(entries: WeightedRows<'_>, x: &[f32]) -> f32 {
    if entries.chosen.len() <= HEAVY_ROW {
        return weighted_square(entries, x);
    }
    in_shares(entries, |share| weighted_square(share, x)).iter().sum()
}

fn in_shares<T: Send>(entries: WeightedRows<'_>, of: impl Fn(WeightedRows<'_>) -> T + Sync + Send) -> Vec<T> {
    let weights = entries.weights.par_chunks(SHARE);
    let shares = entries.chosen.par_chunks(SHARE).zip(weights);
    shares
        .map(|(chosen, weights)| {
            of(WeightedRows {
                chosen,
                weights,
                ..entries
            })
        })
        .collect()
}
