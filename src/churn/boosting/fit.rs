//! Growing the trees: forust's histograms and splits, one tree a round.

use std::collections::HashMap;

use forust_ml::Matrix;
use forust_ml::binning::bin_matrix;
use forust_ml::constraints::{Constraint, ConstraintMap};
use forust_ml::gradientbooster::GrowPolicy;
use forust_ml::sampler::SampleMethod;
use forust_ml::splitter::MissingImputerSplitter;
use rayon::prelude::*;

use super::tree::{DEPTH, LEAVES, Leaf, TESTS, Test, Tree};
use super::{Boosted, Monotone};
use crate::churn::ChurnError;
use crate::churn::platt::sigmoid;

/// Rounds of boosting. With [`LEARNING_RATE`] the setting of the published comparison on the Telco data, AUC 0.848.
pub(super) const TREES: usize = 200;
/// Share of a tree's optimal weights that is taken.
pub(super) const LEARNING_RATE: f32 = 0.03;
/// Least hessian `Σ p (1 − p)` of a leaf: at least 80 rows, and more where the outcome is nearly certain. The rows are
/// customers at up to twelve cut-offs, and a leaf should tell more than a handful of different customers.
pub(super) const MIN_LEAF_WEIGHT: f32 = 20.0;
/// L2 penalty of a leaf's weight, the usual one.
pub(super) const L2: f32 = 1.0;
/// Quantiles of a column among which splits are sought.
pub(super) const BINS: u16 = 256;

impl Boosted {
    /// Boosts trees on columns, one after the other in `columns`, each with a value a row.
    ///
    /// `start` holds the log-odds that each row begins with: what all rows of a group have in common need not be learned.
    /// The model's own base is their mean.
    ///
    /// Objective: log loss; each tree is the Newton step of the rounds before it, shrunken by the learning rate:
    ///
    /// | setting | value |
    /// |---|---|
    /// | trees | 200 |
    /// | learning rate | 0.03 |
    /// | depth | 3 tests |
    /// | least leaf weight | a hessian of 20, at least 80 rows |
    /// | L2 penalty of leaf weights | 1 |
    /// | bins of a column | 256 quantiles |
    ///
    /// # Errors
    /// [`ChurnError::NotBoosted`] when a value is not finite, the shapes do not agree or only one outcome occurs.
    ///
    /// # Determinism
    /// Nothing is drawn: all rows and all columns teach every tree. The same numbers for any number of threads.
    ///
    /// # Source
    /// Chen and Guestrin, *XGBoost* (2016), equations 5 to 7.
    pub(crate) fn fit(
        start: &[f64],
        columns: &[f64],
        monotone: &[Monotone],
        churned: &[bool],
    ) -> Result<Self, ChurnError> {
        let (rows, width) = (churned.len(), monotone.len());
        check(columns, width, churned)?;
        let weights = vec![1.0; rows];
        let values = Matrix::new(columns, rows, width);
        let bins =
            bin_matrix(&values, &weights, BINS, f64::NAN, true).map_err(|error| ChurnError::NotBoosted {
                detail: error.to_string(),
            })?;
        let binned = Matrix::new(&bins.binned_data, rows, width);
        let splitter = splitter(monotone);
        let all_columns: Vec<usize> = (0..width).collect();
        let base = start.iter().sum::<f64>() / rows as f64;
        let mut log_odds = start.to_vec();
        let mut trees = Vec::with_capacity(TREES);
        for _ in 0..TREES {
            let (gradients, hessians): (Vec<f32>, Vec<f32>) = log_odds
                .par_iter()
                .zip(churned)
                .map(|(&log_odds, &churned)| {
                    let p = sigmoid(log_odds);
                    ((p - f64::from(u8::from(churned))) as f32, (p * (1.0 - p)) as f32)
                })
                .unzip();
            let mut grown = forust_ml::tree::Tree::new();
            grown.fit(
                &binned,
                binned.index.clone(),
                &all_columns,
                &bins.cuts,
                &gradients,
                &hessians,
                &splitter,
                usize::MAX,
                DEPTH,
                true,
                &SampleMethod::None,
                &GrowPolicy::DepthWise,
            );
            let tree = converted(&grown, monotone);
            log_odds
                .par_iter_mut()
                .enumerate()
                .for_each(|(row, log_odds)| *log_odds += tree.weight(|column| columns[column * rows + row]));
            trees.push(tree);
        }
        Ok(Self::new(width, base, trees))
    }
}

fn check(columns: &[f64], width: usize, churned: &[bool]) -> Result<(), ChurnError> {
    let detail = if width == 0 || columns.len() != width * churned.len() {
        format!(
            "{} values are not {width} columns of {} rows",
            columns.len(),
            churned.len()
        )
    } else if let Some(value) = columns.iter().find(|value| !value.is_finite()) {
        format!("the value {value} is not finite")
    } else if !(churned.contains(&true) && churned.contains(&false)) {
        "only one outcome occurs".to_owned()
    } else {
        return Ok(());
    };
    Err(ChurnError::NotBoosted { detail })
}

fn splitter(monotone: &[Monotone]) -> MissingImputerSplitter {
    let constraints_map: ConstraintMap = monotone
        .iter()
        .enumerate()
        .filter_map(|(column, monotone)| match monotone {
            Monotone::Falling => Some((column, Constraint::Negative)),
            Monotone::Free => None,
            Monotone::Rising => Some((column, Constraint::Positive)),
        })
        .collect::<HashMap<_, _>>();
    MissingImputerSplitter {
        l1: 0.0,
        l2: L2,
        max_delta_step: 0.0,
        gamma: 0.0,
        min_leaf_weight: MIN_LEAF_WEIGHT,
        learning_rate: LEARNING_RATE,
        // No value is missing.
        allow_missing_splits: false,
        constraints_map,
    }
}

/// A tree of forust in our form, with its leaves inside the bounds of the monotone tests above them.
///
/// Below a monotone test the weights of the one side must stay on their side of the middle between the two. forust 0.8
/// keeps a split within the bounds only where the split's own column is monotone, so that a free column below can break
/// them; here every weight is held, as in XGBoost. The rounds to come learn from the weights as held.
fn converted(grown: &forust_ml::tree::Tree, monotone: &[Monotone]) -> Tree {
    let mut tree = Tree {
        tests: [Test::NONE; TESTS],
        leaves: [Leaf::default(); LEAVES],
    };
    // Of each node still to do: its place in forust's tree, its place in ours, its bounds.
    let mut todo = vec![(0, 0, f64::NEG_INFINITY, f64::INFINITY)];
    while let Some((from, to, low, high)) = todo.pop() {
        let node = &grown.nodes[from];
        let held = |node: usize| f64::from(grown.nodes[node].weight_value).clamp(low, high);
        if node.is_leaf {
            // Rows go left where there is no test; the leaves to the right are never reached.
            let (mut first, mut last) = (to, to);
            while first < TESTS {
                (first, last) = (2 * first + 1, 2 * last + 2);
            }
            for leaf in first..=last {
                tree.leaves[leaf - TESTS].weight = held(from);
            }
            tree.leaves[first - TESTS].cover = f64::from(node.hessian_sum);
            continue;
        }
        tree.tests[to] = Test {
            column: node.split_feature as u32,
            below: node.split_value,
        };
        let (left, right) = (node.left_child, node.right_child);
        let middle = (held(left) + held(right)) / 2.0;
        let (of_left, of_right) = match monotone[node.split_feature] {
            Monotone::Falling => ((middle, high), (low, middle)),
            Monotone::Free => ((low, high), (low, high)),
            Monotone::Rising => ((low, middle), (middle, high)),
        };
        todo.push((left, 2 * to + 1, of_left.0, of_left.1));
        todo.push((right, 2 * to + 2, of_right.0, of_right.1));
    }
    tree
}
