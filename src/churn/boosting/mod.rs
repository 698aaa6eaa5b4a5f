//! Gradient-boosted trees for churn: log-odds of plain columns, with exact Shapley values fast enough to serve.
//!
//! Enters: columns, their monotone directions and outcomes. Leaves: a [`Boosted`] that turns a row into log-odds and into
//! one contribution a column, which add up to them.
//!
//! The one decision: forust grows the trees, and each is converted at once into a form of ours ([`Tree`]), seven tests
//! and eight leaves in heap order. So the stored model does not depend on a young crate, a fit can repair what the
//! crate's monotone constraints let through, and contributions are looked up instead of computed.
//!
//! Deliberately not here: which features there are, calibration, and whether boosting is worth it in a shop.

mod fit;
mod shapley;
mod stored;
mod tree;

use self::shapley::Shapley;
use self::tree::Tree;

/// Which way the log-odds may go when a column rises and everything else stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Monotone {
    /// Never up.
    Falling,
    /// Either way.
    Free,
    /// Never down.
    Rising,
}

/// Boosted trees: the log-odds of churn are `base` and one leaf's weight a tree.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Boosted {
    columns: usize,
    base: f64,
    trees: Vec<Tree>,
    shapley: Shapley,
}

impl Boosted {
    fn new(columns: usize, base: f64, trees: Vec<Tree>) -> Self {
        let shapley = Shapley::of(&trees);
        Self {
            columns,
            base,
            trees,
            shapley,
        }
    }

    /// How many values a row has.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// What the trees say on average over the rows that they grew on.
    pub(crate) fn expectation(&self) -> f64 {
        self.base + self.shapley.expectation()
    }

    /// Log-odds of churn.
    pub(crate) fn log_odds(&self, row: &[f64]) -> f64 {
        assert_eq!(row.len(), self.columns, "a value a column");
        let leaves = self.trees.iter().map(|tree| tree.weight(|column| row[column]));
        self.base + leaves.sum::<f64>()
    }

    /// What each column adds to the log-odds, in `out`; returns the expectation that they are added to, the same for
    /// every row: `expectation + Σ out = log_odds` to rounding.
    ///
    /// These are the exact Shapley values of the path-dependent game: what a tree says when only some columns are
    /// known is the mean of the leaves that remain possible, weighted by the hessian that the training rows had there.
    ///
    /// # Source
    /// Lundberg et al., *Consistent Individualized Feature Attribution for Tree Ensembles* (2018), Algorithm 1 for the
    /// game; its Algorithm 2 computes the same values in polynomial time.
    pub(crate) fn contributions(&self, row: &[f64], out: &mut [f64]) -> f64 {
        assert_eq!(row.len(), self.columns, "a value a column");
        assert_eq!(out.len(), self.columns, "a contribution a column");
        out.fill(0.0);
        self.shapley.add(&self.trees, row, out);
        self.expectation()
    }
}

#[cfg(test)]
mod tests;
