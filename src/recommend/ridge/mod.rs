//! Local ridge regression: each item foretold from the items that are most like it, all at once.
//!
//! Enters: the weighted customer × item matrix. Leaves: [`ItemLinks`]: what each item of a profile says for others,
//! beyond what its fellows in the profile say already.
//!
//! # Objective
//! For each item `j`, over the weights `w` of its support `N`, the `K` items most like it and never itself:
//! `Σ_u n_u^(−2a) (x_uj − Σ_{i ∈ N} x_ui w_i)² + Σ_{i ∈ N} L_i w_i²`, which `(G_NN + L_N) w = G_Nj` solves, with
//! `G_ij = Σ_u x_ui x_uj / n_u^(2a)` and `L_i = λ ḡ (G_ii / ḡ)^α + p / (1 − p) · G_ii`. `ḡ` is what an average entry of
//! the matrix adds to `G_ii`, so that `λ` counts entries whatever the weights and the damping are.
//!
//! # Shapes
//! | symbol | shape | meaning |
//! |---|---|---|
//! | `x` | customers × items, sparse | weight of what was seen, above zero |
//! | `n` | customers | sum of a customer's weights |
//! | `N` | items × at most `K` | support: of the items that share a customer with `j` the `K` largest `G_ij / d_i^e` |
//! | `d` | items | sum of an item's weights |
//! | `w` | items × at most `K` | weights, which become column `j` of the links |
//! | `a`, `e`, `λ`, `α`, `p`, `K` | numbers | [`RidgeParams`] |
//!
//! # Source
//! With all items as support, where all share customers, it is EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019),
//! with dropout EDLAE (Steck, "Autoencoders that don't overfit towards the Identity", NeurIPS 2020). Local supports
//! and `α`: Steck, "Markov Random Fields for Collaborative Filtering", NeurIPS 2019, with one solve for each item.
//!
//! The one decision: a system is gathered from rows of the Gram matrix as they are computed (`gather`), many items at a
//! time, so that neither that matrix nor its inverse is ever held and the memory does not depend on the catalogue.

mod gather;
mod params;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

use super::FitError;
use super::ItemLinks;
use super::item_gram::{ItemGram, square, strongest};
use super::neighbours::damping;
use crate::history::Csr;
use crate::numeric::Cholesky;
use crate::progress::Progress;
use gather::{Systems, batches};

pub use params::{RawRidgeParams, RidgeParams, RidgeParamsError};

/// Name of the model.
pub const NAME: &str = "ridge";

/// Numbers that the gathered systems may hold at a time: half a gigabyte, the systems of 16,000 items with a support of 128.
const GATHERED: usize = 1 << 27;

/// Fits one regression for each item.
///
/// # Errors
/// [`FitError`] when there is no entry, one that is no weight, or weights of which no finite link comes.
///
/// # Determinism
/// The same bits for any number of threads on one machine; see [`numeric`](crate::numeric).
pub fn fit(matrix: &Csr, params: &RidgeParams, progress: &dyn Progress) -> Result<ItemLinks, FitError> {
    fit_within(matrix, params, GATHERED, progress)
}

fn fit_within(
    matrix: &Csr,
    params: &RidgeParams,
    gathered: usize,
    progress: &dyn Progress,
) -> Result<ItemLinks, FitError> {
    let raw = params.raw();
    let gram = ItemGram::new(matrix, raw.customer_exponent)?;
    let sizes = matrix.column_sums();
    let supports = supports(&gram, &sizes, raw, progress)?;
    let penalty = penalty(&gram, raw);
    let mut columns = Vec::with_capacity(supports.n_rows());
    progress.begin("Solving for items", gram.n_items() as u64);
    for targets in batches(&supports, gathered) {
        let systems = Systems::gather(&gram, &supports, targets.clone());
        let solved = targets.into_par_iter().map_init(Room::default, |room, target| {
            progress.advance(1);
            room.solve(&systems, &supports, &penalty, target);
            let (sources, _) = supports.row(target);
            weights(raw, sources, &room.solution)
        });
        columns.par_extend(solved);
    }
    progress.end();
    Ok(ItemLinks::new(NAME, square(columns)?.transposed()))
}

/// By item: the items that may speak for it. The values are how like they are.
fn supports(
    gram: &ItemGram,
    sizes: &[f64],
    params: &RawRidgeParams,
    progress: &dyn Progress,
) -> Result<Csr, FitError> {
    let source = damping(sizes, params.support_exponent);
    let rows = gram.map_rows("Choosing the support of items", progress, |item, row| {
        let others = row.entries().filter(|entry| entry.item as usize != item);
        let like = others.map(|entry| (entry.item, entry.sum * source[entry.item as usize]));
        strongest(like.collect(), params.support)
    });
    square(rows)
}

/// What is added to the diagonal for each item.
fn penalty(gram: &ItemGram, params: &RawRidgeParams) -> Vec<f32> {
    let diagonal = gram.diagonal();
    let entry = diagonal.iter().sum::<f64>() / gram.n_entries() as f64;
    let dropped = params.dropout / (1.0 - params.dropout);
    let of = |&own: &f64| params.l2 * entry * (own / entry).powf(params.popularity_exponent) + dropped * own;
    diagonal.iter().map(|own| of(own) as f32).collect()
}

/// The weights that are kept, by source ascending.
fn weights(params: &RawRidgeParams, sources: &[u32], solution: &[f32]) -> Vec<(u32, f32)> {
    let found = sources.iter().copied().zip(solution.iter().copied());
    let mut found: Vec<(u32, f32)> = found
        .filter(|&(_, weight)| !(params.clip && weight <= 0.0))
        .collect();
    if (1..found.len()).contains(&params.keep) {
        let sizes = found.iter().map(|&(source, weight)| (source, weight.abs()));
        let kept = strongest(sizes.collect(), params.keep);
        found.retain(|&(source, _)| kept.binary_search_by_key(&source, |kept| kept.0).is_ok());
    }
    found
}

/// Room for one system after the other.
#[derive(Default)]
struct Room {
    matrix: Cholesky,
    solution: Vec<f32>,
}

impl Room {
    /// Leaves the weights of the target's support in `solution`.
    fn solve(&mut self, systems: &Systems, supports: &Csr, penalty: &[f32], target: usize) {
        let (sources, _) = supports.row(target);
        self.matrix.reset(sources.len());
        let step = self.matrix.step();
        self.solution.clear();
        self.solution.resize(step, 0.0);
        for (at, &source) in sources.iter().enumerate() {
            let (with_target, row) = systems.row(target, at);
            self.solution[at] = with_target;
            self.matrix.matrix_mut()[at * step + at..][..row.len()].copy_from_slice(row);
            self.matrix.add_diagonal(at, penalty[source as usize]);
        }
        self.matrix.factor();
        self.matrix.solve(&mut self.solution);
    }
}
