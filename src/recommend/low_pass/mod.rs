//! The soft low-pass model: what a profile says along the strongest directions of the matrix, the smooth ones strongest.
//!
//! Enters: the weighted customer × item matrix. Leaves: a [`LowRank`] model, fitted without any iteration over epochs:
//! one truncated singular value decomposition.
//!
//! # Objective
//! `R̃ = (D_u + s)^−a R (D_i + s)^−b`, of which `σ` and `V` are the `factors` largest singular values and their right
//! vectors; `score = x D_i^−c V diag(g(σ / σ₁)) Vᵀ D_i^d`.
//!
//! # Shapes
//! | symbol | shape | meaning |
//! |---|---|---|
//! | `R` | customers × items, sparse | weight of what was seen, above zero |
//! | `D_u`, `D_i` | customers, items | degrees: sums of weights |
//! | `V` | items × factors | directions |
//! | `g` | factors | the filter: [`Filter`] |
//! | `a`, `b`, `s`, `c`, `d` | numbers | [`LowPassParams`] |
//!
//! With `a = b = c = d = ½`, `s = 0` and the ideal filter it is the low-pass part of GF-CF; with the power filter at 2 and
//! every direction kept, its linear part with `D_i` on both sides. The Chebyshev filter is ChebyCF's, cut off after
//! `factors` directions: with fewer directions than items the plateau's foot, close to zero, is taken for zero.
//!
//! An item without an entry scores 0 and says nothing.
//!
//! # Source
//! Shen et al., "How Powerful is Graph Convolution for Recommendation?" (GF-CF), CIKM 2021; the exponents, the smoothing
//! and the power filter: Peng et al., "How Powerful is Graph Filtering for Recommendation" (SGFCF), KDD 2024; the
//! Chebyshev filter: Kim et al., "Graph Spectral Filtering with Chebyshev Interpolation for Recommendation" (ChebyCF),
//! SIGIR 2025.
//!
//! The one decision: the spectrum itself, not a polynomial of the matrix, so that a filter costs nothing and every filter is
//! one product of low rank when it is asked.

mod params;
#[cfg(test)]
mod tests;
mod transfer;

use ndarray::Array2;
use rayon::prelude::*;

use super::fit_error::check;
use super::{FitError, LowRank};
use crate::history::Csr;
use crate::id::{ItemIdx, Row};
use crate::numeric::{SparseRows, truncated_svd};
use crate::progress::Progress;
pub use params::{Filter, LowPassParams, LowPassParamsError, RawChebyshev, RawLowPassParams};

/// The model's name.
pub const NAME: &str = "low-pass";

/// Fits the model to a customer × item matrix. Rows and columns without an entry change nothing.
///
/// Memory: `truncated_svd`'s panels, about `18 · factors · items + 4.5 · factors · customers` bytes at the peak.
///
/// # Errors
/// [`FitError`] when the matrix is empty, holds something that is no weight, or weights too far apart.
///
/// # Determinism
/// The same matrix, parameters and seed give the same bits for any number of threads on one machine.
pub fn fit(
    matrix: &Csr,
    params: &LowPassParams,
    seed: u64,
    progress: &dyn Progress,
) -> Result<LowRank, FitError> {
    Spectrum::of(matrix, params, seed, progress)?.filtered(params)
}

/// The decomposition by itself: what the filter and the read-out are applied to, which costs next to nothing beside it.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// `σ`, descending.
    values: Vec<f64>,
    /// `V` of the items with an entry, row by row.
    vectors: Vec<f32>,
    /// Their columns in the matrix.
    columns: Vec<u32>,
    /// Their degrees.
    degrees: Vec<f64>,
    n_items: usize,
}

/// Whether two parameter sets ask for the same decomposition of a matrix.
#[must_use]
pub fn same_spectrum(a: &RawLowPassParams, b: &RawLowPassParams) -> bool {
    let key = |raw: &RawLowPassParams| {
        let numbers = [raw.customer_exponent, raw.item_exponent, raw.degree_smoothing];
        (raw.factors, numbers.map(f64::to_bits))
    };
    key(a) == key(b)
}

impl Spectrum {
    /// Decomposes `R̃`. Of the parameters, only those that [`same_spectrum`] compares matter.
    ///
    /// # Errors
    /// As [`fit`].
    pub fn of(
        matrix: &Csr,
        params: &LowPassParams,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<Self, FitError> {
        /// Steps of the progress.
        const STEPS: f64 = 100.0;
        check(matrix)?;
        let raw = params.raw();
        let (filled, columns) = matrix.without_empty();
        let degrees = filled.column_sums();
        let normalised = normalised(&filled, &degrees, raw);
        drop(filled);
        let transposed = normalised.transposed();
        progress.begin("Finding smooth directions", STEPS as u64);
        let told = std::cell::Cell::new(0u64);
        let found = truncated_svd(
            sparse(&normalised),
            sparse(&transposed),
            raw.factors,
            seed,
            &|done| {
                let now = (done * STEPS) as u64;
                progress.advance(now - told.replace(now));
            },
        );
        progress.end();
        Ok(Self {
            values: found.values,
            vectors: found.vectors,
            columns,
            degrees,
            n_items: matrix.n_columns(),
        })
    }

    /// The model that reads the decomposition with these parameters.
    ///
    /// # Errors
    /// [`FitError::Degrees`] when degrees are too far apart for the read-out.
    pub fn filtered(&self, params: &LowPassParams) -> Result<LowRank, FitError> {
        let raw = params.raw();
        let rank = self.values.len();
        let largest = self.values.first().copied().unwrap_or(1.0);
        let sigma: Vec<f64> = self.values.iter().map(|value| value / largest).collect();
        let gain = transfer::gains(raw, &sigma)
            .into_iter()
            .map(|gain| gain as f32)
            .collect();
        let mut directions = Array2::zeros((self.n_items, rank));
        let mut input = vec![0.0; self.n_items];
        let rows = self.vectors.chunks_exact(rank.max(1)).zip(&self.columns);
        for ((vector, &column), degree) in rows.zip(&self.degrees) {
            let out = degree.powf(raw.output_exponent);
            input[column as usize] = (degree.powf(-raw.input_exponent) / out) as f32;
            for (slot, &x) in directions.row_mut(column as usize).iter_mut().zip(vector) {
                *slot = (f64::from(x) * out) as f32;
            }
        }
        LowRank::new(NAME, directions, input, gain).map_err(FitError::Degrees)
    }
}

/// `R̃` times a number that keeps its singular values at most 1.
fn normalised(matrix: &Csr, item_degrees: &[f64], raw: &RawLowPassParams) -> Csr {
    let power = |degree: f64, exponent: f64| (degree + raw.degree_smoothing).powf(-exponent);
    let item: Vec<f64> = item_degrees
        .iter()
        .map(|&degree| power(degree, raw.item_exponent))
        .collect();
    let rows: Vec<Vec<(ItemIdx, f64)>> = (0..matrix.n_rows())
        .into_par_iter()
        .map(|row| {
            let (columns, weights) = matrix.row(row);
            let degree = weights.iter().copied().map(f64::from).sum();
            let customer = power(degree, raw.customer_exponent);
            let entry = |(&column, &weight): (&u32, &f32)| {
                let value = customer * f64::from(weight) * item[column as usize];
                (ItemIdx::from_u32(column), value)
            };
            columns.iter().zip(weights).map(entry).collect()
        })
        .collect();
    // σ₁² is at most the largest row sum times the largest column sum.
    let mut column_sums = vec![0.0; matrix.n_columns()];
    let mut largest_row = 0.0f64;
    for row in &rows {
        largest_row = largest_row.max(row.iter().map(|entry| entry.1).sum());
        for (column, value) in row {
            column_sums[column.index()] += value;
        }
    }
    let largest_column = column_sums.into_iter().fold(0.0, f64::max);
    let bound = largest_row.sqrt() * largest_column.sqrt();
    let scaled: Vec<Vec<(ItemIdx, f32)>> = rows
        .into_par_iter()
        .map(|row| {
            row.into_iter()
                .map(|(column, value)| (column, (value / bound) as f32))
                .collect()
        })
        .collect();
    Csr::from_rows(&scaled, matrix.n_columns())
}

fn sparse(matrix: &Csr) -> SparseRows<'_> {
    SparseRows {
        offsets: matrix.offsets(),
        columns: matrix.columns(),
        values: matrix.values(),
        n_columns: matrix.n_columns(),
    }
}
