//! One tree of depth three: seven tests and eight leaves in heap order, so that it has no indices that could go astray.

use serde::{Deserialize, Serialize};

/// Tests on the way from the root to a leaf.
pub(super) const DEPTH: usize = 3;
/// Tests of a tree; those of node `i` lead to the nodes `2i + 1` and `2i + 2`.
pub(super) const TESTS: usize = (1 << DEPTH) - 1;
/// Leaves of a tree; leaf `l` is node `TESTS + l`.
pub(super) const LEAVES: usize = 1 << DEPTH;

/// A test: a value below the limit goes left, any other goes right.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    pub(super) column: u32,
    /// `+∞` where the tree has no test: all rows go left.
    pub(super) below: f64,
}

impl Test {
    /// What stands in for a test below a leaf that is less than three tests deep.
    pub(super) const NONE: Self = Self {
        column: 0,
        below: f64::INFINITY,
    };

    pub(super) fn is_none(&self) -> bool {
        self.below.is_infinite()
    }
}

/// A leaf.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Leaf {
    /// Log-odds that it adds.
    pub(super) weight: f64,
    /// Sum of the hessian `p (1 − p)` of the training rows in it, at the time the tree was grown; 0 right of an absent
    /// test.
    pub(super) cover: f64,
}

/// A tree.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Tree {
    pub(super) tests: [Test; TESTS],
    pub(super) leaves: [Leaf; LEAVES],
}

impl Tree {
    /// The weight of the leaf that a row falls into.
    pub(super) fn weight(&self, value: impl Fn(usize) -> f64) -> f64 {
        let mut node = 0;
        for _ in 0..DEPTH {
            let Test { column, below } = self.tests[node];
            node = 2 * node + if value(column as usize) < below { 1 } else { 2 };
        }
        self.leaves[node - TESTS].weight
    }

    /// The covers of all nodes, each that of its leaves.
    pub(super) fn covers(&self) -> [f64; TESTS + LEAVES] {
        let mut covers = [0.0; TESTS + LEAVES];
        for (cover, leaf) in covers[TESTS..].iter_mut().zip(&self.leaves) {
            *cover = leaf.cover;
        }
        for node in (0..TESTS).rev() {
            covers[node] = covers[2 * node + 1] + covers[2 * node + 2];
        }
        covers
    }
}
