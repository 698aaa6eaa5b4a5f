//! Exact Shapley values of shallow trees, tabulated: what a tree's columns contribute depends only on the outcomes of
//! its seven tests, so that all 128 answers are computed once and a row costs seven comparisons a tree.
//!
//! A tree's game is the sum of its leaves' games. With `D` the distinct columns on a leaf's path, `o_j` whether the row
//! passes all tests on column `j` there, and `z_j` the product of the cover shares that these tests keep, the leaf's
//! value when the columns `S` are known is `weight · Π_{j∈S} o_j · Π_{j∈D∖S} z_j`, and `j` contributes
//!
//! ```text
//! φ_j = weight · (o_j − z_j) · Σ_{S ⊆ D∖{j}} |S|! (|D| − |S| − 1)! / |D|! · Π_{k∈S} o_k · Π_{k∉S} z_k
//! ```
//!
//! # Shapes
//! A table is 128 × (distinct columns of the tree, at most 7) numbers: 200 trees take at most 1.5 MB.

use super::tree::{DEPTH, LEAVES, TESTS, Tree};

/// Combinations of test outcomes.
const OUTCOMES: usize = 1 << TESTS;

/// The tables of a model's trees.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Shapley {
    tables: Vec<Table>,
    expectation: f64,
}

/// One tree's contributions.
#[derive(Clone, PartialEq, Debug)]
struct Table {
    /// The distinct columns of its tests.
    columns: Vec<usize>,
    /// One row for each combination of outcomes, one contribution for each of `columns`.
    contributions: Vec<f64>,
}

impl Shapley {
    pub(super) fn of(trees: &[Tree]) -> Self {
        let mut expectation = 0.0;
        let tables = trees
            .iter()
            .map(|tree| {
                let all = tree.covers()[0];
                expectation += tree
                    .leaves
                    .iter()
                    .map(|leaf| leaf.weight * (leaf.cover / all))
                    .sum::<f64>();
                Table::of(tree)
            })
            .collect();
        Self { tables, expectation }
    }

    /// What the trees say of a row of which nothing is known.
    pub(super) fn expectation(&self) -> f64 {
        self.expectation
    }

    /// Adds the contributions to a row's log-odds.
    pub(super) fn add(&self, trees: &[Tree], row: &[f64], out: &mut [f64]) {
        for (tree, table) in trees.iter().zip(&self.tables) {
            let mut outcomes = 0;
            for (at, test) in tree.tests.iter().enumerate() {
                outcomes |= usize::from(row[test.column as usize] < test.below) << at;
            }
            let width = table.columns.len();
            let contributions = &table.contributions[outcomes * width..][..width];
            for (&column, contribution) in table.columns.iter().zip(contributions) {
                out[column] += contribution;
            }
        }
    }
}

impl Table {
    fn of(tree: &Tree) -> Self {
        let mut columns: Vec<usize> = tree
            .tests
            .iter()
            .filter(|test| !test.is_none())
            .map(|test| test.column as usize)
            .collect();
        columns.sort_unstable();
        columns.dedup();
        let mut contributions = vec![0.0; OUTCOMES * columns.len()];
        for leaf in 0..LEAVES {
            let path = Path::to(tree, leaf);
            for outcomes in 0..OUTCOMES {
                let row = &mut contributions[outcomes * columns.len()..][..columns.len()];
                for (column, contribution) in path.contributions(outcomes) {
                    if let Ok(at) = columns.binary_search(&column) {
                        row[at] += tree.leaves[leaf].weight * contribution;
                    }
                }
            }
        }
        Self {
            columns,
            contributions,
        }
    }
}

/// The way from the root to a leaf, by distinct columns.
struct Path {
    steps: Vec<Step>,
}

/// All that a path asks of one column.
struct Step {
    column: usize,
    /// The tests' bits in a combination of outcomes.
    tests: usize,
    /// What they must be.
    wanted: usize,
    /// Share of the rows that pass them: the product over the tests.
    share: f64,
}

impl Path {
    fn to(tree: &Tree, leaf: usize) -> Self {
        let covers = tree.covers();
        let mut steps: Vec<Step> = Vec::with_capacity(DEPTH);
        let mut node = TESTS + leaf;
        while node > 0 {
            let parent = (node - 1) / 2;
            let test = tree.tests[parent];
            let bit = 1 << parent;
            let wanted = if node % 2 == 1 { bit } else { 0 };
            // No row comes here; any share is right, since the leaf below has a share of 0 already.
            let share = if covers[parent] > 0.0 {
                covers[node] / covers[parent]
            } else {
                0.0
            };
            let column = test.column as usize;
            match steps.iter_mut().find(|step| step.column == column) {
                Some(step) => {
                    step.tests |= bit;
                    step.wanted |= wanted;
                    step.share *= share;
                }
                None => steps.push(Step {
                    column,
                    tests: bit,
                    wanted,
                    share,
                }),
            }
            node = parent;
        }
        Self { steps }
    }

    /// Each column's part in how much of the leaf is taken, for one combination of outcomes.
    fn contributions(&self, outcomes: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let n = self.steps.len();
        let passed = move |step: &Step| f64::from(u8::from(outcomes & step.tests == step.wanted));
        (0..n).map(move |own| {
            let others = (0..1_usize << n).filter(|known| known >> own & 1 == 0);
            let sum: f64 = others
                .map(|known| {
                    let product: f64 = (0..n)
                        .filter(|&at| at != own)
                        .map(|at| {
                            let step = &self.steps[at];
                            if known >> at & 1 == 1 {
                                passed(step)
                            } else {
                                step.share
                            }
                        })
                        .product();
                    order_share(known.count_ones() as usize, n) * product
                })
                .sum();
            let step = &self.steps[own];
            (step.column, (passed(step) - step.share) * sum)
        })
    }
}

/// `s! (n − s − 1)! / n!`: the share of orders in which exactly the `s` given of `n` columns come before a further one.
fn order_share(s: usize, n: usize) -> f64 {
    let factorial = |k: usize| (1..=k).product::<usize>() as f64;
    factorial(s) * factorial(n - s - 1) / factorial(n)
}
