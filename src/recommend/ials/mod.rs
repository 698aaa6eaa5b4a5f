//! iALS: matrix factorisation of implicit feedback by alternating least squares.
//!
//! Enters: the weighted customer × item matrix. Leaves: [`Ials`], factors of the items; a profile is folded in by one exact
//! solve, so a customer of the training and a visitor are treated alike and no customer is stored.
//!
//! # Objective
//! `Σ_{(u,i) ∈ S} c_ui (w_u·h_i − 1)² + α₀ Σ_u Σ_i (w_u·h_i)² + Σ_u λ_u |w_u|² + Σ_i λ_i |h_i|²`
//! with `λ_u = λ (Σ_i c_ui + α₀ |I|)^ν` and `λ_i = λ (Σ_u c_ui + α₀ |U|)^ν`. With all weights 1 it is the paper's.
//! `U` and `I` are the customers and items with an entry. Whoever has none, such as an item that only the catalogue knows or
//! a customer who came after the cut-off of an evaluation, has factors of zero and changes nothing.
//!
//! # Shapes
//! | symbol | shape | meaning |
//! |---|---|---|
//! | `c` | customers × items, sparse | weight of what was seen, above zero |
//! | `w`, `h` | customers × factors, items × factors | factors |
//! | `α₀`, `λ`, `ν` | numbers | [`IalsParams`] |
//!
//! # Source
//! Rendle, Krichene, Zhang, Koren, "Revisiting the Performance of iALS on Item Recommendation Benchmarks", 2021,
//! arXiv:2110.14037; the explanation of scores: Hu, Koren, Volinsky, "Collaborative Filtering for Implicit Feedback
//! Datasets", ICDM 2008, section 5.
//!
//! The one decision: training improves every row by a few steps of conjugate gradients from where the last epoch left it
//! (`conjugate`), which costs `n · factors` instead of `factors³`; whoever asks afterwards is solved exactly, and with fewer
//! entries than factors in the space of the entries (`solve`), which costs `n² · factors`.

mod axes;
mod conjugate;
mod fit;
mod params;
mod solve;
#[cfg(test)]
mod tests;

use ndarray::{Array2, ArrayView2, aview1};
use rayon::prelude::*;

use crate::column::{Column, Rows, position};
use crate::history::{Csr, Profile};
use crate::id::{ItemIdx, Row};
use crate::numeric::{dot, matvec, top_k};
use crate::progress::Progress;

use super::batch::BatchScorer;
use super::fit_error::{FitError, check};
use super::queries::{self, Queries};
use super::{Contribution, Explanation, Ranking, Recommender, named};
use axes::Axes;
pub use params::{IalsParams, IalsParamsError, RawIalsParams};
use solve::{Entries, Form, RowSolver};

/// A fitted iALS model: the item factors in their principal axes, strongest first.
#[derive(Clone, Debug)]
pub struct Ials {
    params: IalsParams,
    items: Axes,
    /// Length of each item's factors, for cosines.
    norms: Vec<f32>,
}

/// Why factors cannot be a model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FactorsError {
    /// The width is not the one of the parameters.
    #[error("item factors have {found} columns, the recipe says recommend.ials.factors = {expected}")]
    Width {
        /// Columns found.
        found: usize,
        /// Columns that the parameters ask for.
        expected: usize,
    },
    /// The parameters are not those of a fitted model.
    #[error(
        "recommend.ials.unobserved_weight is missing: keep the parameters of the fitted model beside its factors"
    )]
    NotFitted,
    /// A factor that is no number.
    #[error("factor {column} of item row {item} is {value}, it must be finite")]
    NotFinite {
        /// Row of the factor.
        item: usize,
        /// Column of the factor.
        column: usize,
        /// The value found there.
        value: f32,
    },
}

impl Ials {
    /// The model's name.
    pub const NAME: &'static str = "ials";

    /// Fits the model to a customer × item matrix.
    ///
    /// # Errors
    /// [`FitError`] when the matrix is empty or holds something that is no weight.
    ///
    /// # Determinism
    /// The same matrix, parameters and seed give the same bits for any number of threads on one machine.
    pub fn fit(
        matrix: &Csr,
        params: &IalsParams,
        seed: u64,
        progress: &dyn Progress,
    ) -> Result<Self, FitError> {
        check(matrix)?;
        let (filled, columns) = matrix.without_empty();
        let params = params.resolved(&filled);
        let first = fit::first_items(filled.n_columns(), &params, seed);
        let found = fit::fit_items(&filled, &params, first, progress)?;
        let items = fit::placed(found, &columns, matrix.n_columns(), params.raw().factors);
        Ok(Self::new(params, items.into()))
    }

    /// The model of given item factors (items × factors), as a bundle keeps them.
    ///
    /// [`Self::params`] and [`Self::item_factors`] of a model give back the same model, bit for bit.
    ///
    /// # Errors
    /// [`FactorsError`] when the width is not the parameters', a factor is not finite, or the parameters are a recipe's
    /// that leave the unobserved weight to the training, instead of the fitted model's.
    pub fn from_factors(params: IalsParams, item_factors: Array2<f32>) -> Result<Self, FactorsError> {
        let width = item_factors.ncols();
        let values = match item_factors.is_standard_layout() {
            true => item_factors.into_raw_vec_and_offset().0,
            false => item_factors.iter().copied().collect(),
        };
        let rows = Rows {
            values: values.into(),
            width,
        };
        Self::from_rows(params, rows)
    }

    /// The same of factors that may stand in a mapped file; they stay there when they are in their principal axes already.
    ///
    /// # Errors
    /// Those of [`Self::from_factors`].
    pub fn from_rows(params: IalsParams, item_factors: Rows) -> Result<Self, FactorsError> {
        if params.raw().unobserved_weight.is_none() {
            return Err(FactorsError::NotFitted);
        }
        let Rows { values, width: found } = item_factors;
        let expected = params.raw().factors;
        if found != expected {
            return Err(FactorsError::Width { found, expected });
        }
        if let Some(at) = position(&values, |value| !value.is_finite()) {
            return Err(FactorsError::NotFinite {
                item: at / expected,
                column: at % expected,
                value: values[at],
            });
        }
        Ok(Self::new(params, values))
    }

    fn new(params: IalsParams, items: Column<f32>) -> Self {
        let width = params.raw().factors;
        let items = Axes::new(items, width);
        let norms = items
            .factors
            .par_chunks_exact(width)
            .map(|row| dot(row, row).sqrt())
            .collect();
        Self { params, items, norms }
    }

    /// The parameters that it was fitted with; what a recipe left open is filled in.
    #[must_use]
    pub fn params(&self) -> &IalsParams {
        &self.params
    }

    /// The item factors, items × factors.
    #[must_use]
    pub fn item_factors(&self) -> ArrayView2<'_, f32> {
        let shape = (self.n_items(), self.params.raw().factors);
        // The lengths agree: every constructor makes whole rows.
        aview1(&self.items.factors)
            .into_shape_with_order(shape)
            .unwrap_or_else(|_| ArrayView2::from(&[[]; 0]))
    }

    /// The factors of whoever has this profile: the exact minimiser of the objective with the item factors held.
    ///
    /// All zero for an empty profile.
    ///
    /// # Panics
    /// When the profile holds an item that the model does not know.
    #[must_use]
    pub fn fold_in(&self, profile: &Profile) -> Vec<f32> {
        let (columns, weights) = split(profile);
        let entries = Entries {
            columns: &columns,
            weights: &weights,
        };
        let mut factors = vec![0.0; self.params.raw().factors];
        RowSolver::default().solve(&self.items, &self.params, entries, &mut factors);
        factors
    }

    /// Length of the scores that factors give all items: `√(Σ_k energy_k x_k²)`, because the items' Gram matrix is diagonal.
    pub(in crate::recommend) fn length(&self, factors: &[f32]) -> f64 {
        let square = |(&x, &energy): (&f32, &f32)| f64::from(energy) * f64::from(x) * f64::from(x);
        let square: f64 = factors.iter().zip(&self.items.energy).map(square).sum();
        square.sqrt()
    }

    /// The `k` items that are most like this one, by the cosine of their factors, without the item itself.
    ///
    /// Empty for an item that nobody touched: its factors are zero. Ties go to the lower row.
    ///
    /// # Panics
    /// When the model does not know the item.
    #[must_use]
    pub fn similar(&self, item: ItemIdx, k: usize) -> Vec<(ItemIdx, f32)> {
        let width = self.params.raw().factors;
        let norm = self.norms[item.index()];
        if norm <= 0.0 {
            return Vec::new();
        }
        let mut cosines = vec![0.0; self.n_items()];
        matvec(
            &self.items.factors,
            &self.items.factors[item.index() * width..][..width],
            &mut cosines,
        );
        for (cosine, &other) in cosines.iter_mut().zip(&self.norms) {
            *cosine = if other > 0.0 {
                (*cosine / (norm * other)).clamp(-1.0, 1.0)
            } else {
                f32::NEG_INFINITY
            };
        }
        named(top_k(&cosines, k, |other| other != item.index()))
    }
}

impl Recommender for Ials {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn n_items(&self) -> usize {
        self.norms.len()
    }

    fn score(&self, profile: &Profile, scores: &mut [f32]) {
        matvec(&self.items.factors, &self.fold_in(profile), scores);
    }

    fn explain(&self, profile: &Profile, items: &[ItemIdx]) -> Vec<Explanation> {
        let (columns, weights) = split(profile);
        if columns.is_empty() {
            return vec![Explanation::default(); items.len()];
        }
        let entries = Entries {
            columns: &columns,
            weights: &weights,
        };
        let mut solver = RowSolver::default();
        let form = Form::of(entries, self.params.raw().factors);
        solver.factor(form, &self.items, &self.params, entries);
        let contributions = |item: &ItemIdx| {
            let parts = solver.parts(form, &self.items, entries, item.as_u32());
            let named = profile.iter().zip(parts);
            Explanation {
                parts: named
                    .map(|(&(item, _), part)| Contribution { item, part })
                    .collect(),
                everybody: 0.0,
            }
        };
        items.iter().map(contributions).collect()
    }

    fn batch(&self) -> Box<dyn BatchScorer + '_> {
        Box::new(queries::Batch::new(self))
    }

    fn rank_all(&self, profiles: &Csr, masked: Option<&Csr>, k: usize) -> Vec<Ranking> {
        queries::rank_all(self, profiles, masked, k)
    }
}

impl Queries for Ials {
    type Room = RowSolver;

    fn width(&self) -> usize {
        self.params.raw().factors
    }

    fn factors(&self) -> &[f32] {
        &self.items.factors
    }

    fn query(&self, solver: &mut RowSolver, columns: &[u32], weights: &[f32], query: &mut [f32]) {
        solver.solve(&self.items, &self.params, Entries { columns, weights }, query);
    }
}

fn split(profile: &Profile) -> (Vec<u32>, Vec<f32>) {
    profile
        .iter()
        .map(|&(item, weight)| (item.as_u32(), weight))
        .unzip()
}
