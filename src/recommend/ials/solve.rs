//! One row's exact solution, and what each of its entries adds to a score.
//!
//! With `D = α₀ diag(energy) + λ_row I`, the row's `n` factor rows `V` of the other side and their weights `C`, the
//! normal equations are `(D + Vᵀ C V) x = Vᵀ C 1`, of the size of the factors. Where the row has fewer entries than
//! factors they are solved in the entries' space instead, by the push-through identity
//! `(D + Vᵀ C V)⁻¹ Vᵀ C = D⁻¹ Vᵀ (C⁻¹ + V D⁻¹ Vᵀ)⁻¹`: the same solution, from an `n × n` matrix.

use super::axes::Axes;
use super::params::IalsParams;
use crate::numeric::{Cholesky, PANEL_ROWS, PackedRows, Panel, add_row_gram, axpy, dot};

/// A row of the matrix: columns with weights above zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries<'a> {
    pub(super) columns: &'a [u32],
    pub(super) weights: &'a [f32],
}

/// Which of the two equal systems is the smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As many unknowns as factors.
    Factors,
    /// As many unknowns as entries.
    Entries,
}

impl Form {
    pub(super) fn of(entries: Entries<'_>, factors: usize) -> Self {
        if entries.columns.len() < factors {
            Self::Entries
        } else {
            Self::Factors
        }
    }
}

/// Room to solve one row after another.
#[derive(Debug, Default)]
pub(in crate::recommend) struct RowSolver {
    room: Cholesky,
    packed: PackedRows,
    panel: Panel,
    /// `D`, then its inverse root.
    diagonal: Vec<f32>,
    inverse_root: Vec<f32>,
    right: Vec<f32>,
}

impl RowSolver {
    /// Writes the row's factors to `out`; zero for a row without entries.
    pub(super) fn solve(&mut self, other: &Axes, params: &IalsParams, entries: Entries<'_>, out: &mut [f32]) {
        self.solve_in(Form::of(entries, other.energy.len()), other, params, entries, out);
    }

    pub(super) fn solve_in(
        &mut self,
        form: Form,
        other: &Axes,
        params: &IalsParams,
        entries: Entries<'_>,
        out: &mut [f32],
    ) {
        let width = other.energy.len();
        out.fill(0.0);
        if entries.columns.is_empty() {
            return;
        }
        self.factor(form, other, params, entries);
        match form {
            Form::Entries => {
                self.right.clear();
                self.right.resize(self.room.step(), 0.0);
                self.right[..entries.columns.len()].fill(1.0);
                self.room.solve(&mut self.right);
                for (&column, &y) in entries.columns.iter().zip(&self.right) {
                    axpy(y, row(other, column), out);
                }
                for (x, &d) in out.iter_mut().zip(&self.diagonal) {
                    *x /= d;
                }
            }
            Form::Factors => {
                for (&column, &weight) in entries.columns.iter().zip(entries.weights) {
                    axpy(weight, row(other, column), out);
                }
                self.right.clear();
                self.right.extend_from_slice(out);
                self.right.resize(self.room.step(), 0.0);
                self.room.solve(&mut self.right);
                out.copy_from_slice(&self.right[..width]);
            }
        }
    }

    /// What each entry adds to the score of the other side's row `target`: `c_j h_targetᵀ A⁻¹ h_j`.
    ///
    /// Follows a call of [`Self::factor`] with the same form and entries.
    pub(super) fn parts(&mut self, form: Form, other: &Axes, entries: Entries<'_>, target: u32) -> Vec<f32> {
        let target = row(other, target);
        self.right.clear();
        match form {
            Form::Entries => {
                let scaled: Vec<f32> = target.iter().zip(&self.diagonal).map(|(&h, &d)| h / d).collect();
                self.right.extend(
                    entries
                        .columns
                        .iter()
                        .map(|&column| dot(row(other, column), &scaled)),
                );
                self.right.resize(self.room.step(), 0.0);
                self.room.solve(&mut self.right);
                self.right[..entries.columns.len()].to_vec()
            }
            Form::Factors => {
                self.right.extend_from_slice(target);
                self.right.resize(self.room.step(), 0.0);
                self.room.solve(&mut self.right);
                let solved = &self.right[..target.len()];
                let entries = entries.columns.iter().zip(entries.weights);
                entries
                    .map(|(&column, &weight)| weight * dot(row(other, column), solved))
                    .collect()
            }
        }
    }

    /// Builds and factors the matrix of the row's system.
    pub(super) fn factor(&mut self, form: Form, other: &Axes, params: &IalsParams, entries: Entries<'_>) {
        let weight = entries.weights.iter().map(|&w| f64::from(w)).sum();
        let regularization = params.row_regularization(weight, other.n_touched);
        let unobserved = params.unobserved_weight();
        self.diagonal.clear();
        self.diagonal.extend(
            other
                .energy
                .iter()
                .map(|&energy| (unobserved * f64::from(energy) + regularization) as f32),
        );
        match form {
            Form::Entries => {
                self.inverse_root.clear();
                self.inverse_root
                    .extend(self.diagonal.iter().map(|d| d.sqrt().recip()));
                self.packed
                    .gather(&other.factors, entries.columns, &self.inverse_root);
                self.room.reset(entries.columns.len());
                add_row_gram(&self.packed, self.room.step(), self.room.matrix_mut());
                for (at, &weight) in entries.weights.iter().enumerate() {
                    self.room.add_diagonal(at, weight.recip());
                }
            }
            Form::Factors => {
                self.room.reset(other.energy.len());
                self.add_panels(other, entries);
                for (at, &d) in self.diagonal.iter().enumerate() {
                    self.room.add_diagonal(at, d);
                }
            }
        }
        self.room.factor();
    }

    /// Adds `Vᵀ C V`, a panel of entries at a time.
    fn add_panels(&mut self, other: &Axes, entries: Entries<'_>) {
        self.panel.reset(other.energy.len());
        for (columns, weights) in entries
            .columns
            .chunks(PANEL_ROWS)
            .zip(entries.weights.chunks(PANEL_ROWS))
        {
            for (&column, &weight) in columns.iter().zip(weights) {
                self.panel.push(row(other, column), weight.sqrt());
            }
            self.panel.add_gram(self.room.matrix_mut());
        }
    }
}

fn row(side: &Axes, row: u32) -> &[f32] {
    let width = side.energy.len();
    &side.factors[row as usize * width..][..width]
}
