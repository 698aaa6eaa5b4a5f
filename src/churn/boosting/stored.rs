//! Boosted trees as a bundle stores them: plain numbers with names, checked on the way in.

use serde::{Deserialize, Serialize};

use super::Boosted;
use super::tree::{LEAVES, Leaf, TESTS, Test, Tree};
use crate::churn::ChurnError;

/// A model, unchecked.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stored {
    columns: usize,
    pub(super) base: f64,
    pub(super) trees: Vec<StoredTree>,
}

/// A tree in heap order: the tests of node `i` lead to the nodes `2i + 1` (below the limit) and `2i + 2`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredTree {
    /// Seven; nothing where all rows go left.
    pub(super) tests: Vec<Option<Test>>,
    /// Eight.
    pub(super) leaves: Vec<Leaf>,
}

impl Serialize for Boosted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tree = |tree: &Tree| StoredTree {
            tests: tree
                .tests
                .iter()
                .map(|&test| (!test.is_none()).then_some(test))
                .collect(),
            leaves: tree.leaves.to_vec(),
        };
        Stored {
            columns: self.columns,
            base: self.base,
            trees: self.trees.iter().map(tree).collect(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Boosted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Stored::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn broken<T>(field: &'static str, problem: String) -> Result<T, ChurnError> {
    Err(ChurnError::BrokenModel { field, problem })
}

impl TryFrom<Stored> for Boosted {
    type Error = ChurnError;

    fn try_from(stored: Stored) -> Result<Self, ChurnError> {
        let Stored { columns, base, trees } = stored;
        if !base.is_finite() {
            return broken("boosted.base", format!("= {base} is not finite"));
        }
        if columns == 0 {
            return broken("boosted.columns", "= 0: a row has at least one value".to_owned());
        }
        let trees = trees
            .into_iter()
            .enumerate()
            .map(|(at, tree)| checked(at, tree, columns))
            .collect::<Result<_, _>>()?;
        Ok(Self::new(columns, base, trees))
    }
}

fn checked(at: usize, stored: StoredTree, columns: usize) -> Result<Tree, ChurnError> {
    let found = (stored.tests.len(), stored.leaves.len());
    let (Ok(tests), Ok(leaves)) = (
        <[Option<Test>; TESTS]>::try_from(stored.tests),
        <[Leaf; LEAVES]>::try_from(stored.leaves),
    ) else {
        return broken(
            "boosted.trees",
            format!(
                "has a tree {at} with {} tests and {} leaves, not {TESTS} and {LEAVES}",
                found.0, found.1
            ),
        );
    };
    for (node, test) in tests.iter().enumerate() {
        let Some(Test { column, below }) = test else {
            continue;
        };
        if *column as usize >= columns {
            return broken(
                "boosted.trees.tests.column",
                format!("= {column} of tree {at}, test {node} is not below {columns}"),
            );
        }
        if !below.is_finite() {
            return broken(
                "boosted.trees.tests.below",
                format!("= {below} of tree {at}, test {node} is not finite"),
            );
        }
    }
    for (place, Leaf { weight, cover }) in leaves.iter().enumerate() {
        if !weight.is_finite() {
            return broken(
                "boosted.trees.leaves.weight",
                format!("= {weight} of tree {at}, leaf {place} is not finite"),
            );
        }
        if !cover.is_finite() || *cover < 0.0 {
            return broken(
                "boosted.trees.leaves.cover",
                format!("= {cover} of tree {at}, leaf {place} is not a finite number from 0"),
            );
        }
    }
    let tree = Tree {
        tests: tests.map(|test| test.unwrap_or(Test::NONE)),
        leaves,
    };
    check_covers(at, &tree)?;
    Ok(tree)
}

/// Rows come to both sides of a test, and to the left side only where there is none.
fn check_covers(at: usize, tree: &Tree) -> Result<(), ChurnError> {
    let covers = tree.covers();
    if !covers[0].is_finite() || covers[0] <= 0.0 {
        return broken(
            "boosted.trees.leaves.cover",
            format!(
                "of tree {at} sums to {}, not to a finite number above 0",
                covers[0]
            ),
        );
    }
    for (node, test) in tree.tests.iter().enumerate() {
        let (left, right) = (covers[2 * node + 1], covers[2 * node + 2]);
        let right_is_reached = right > 0.0;
        if right_is_reached == test.is_none() || (right_is_reached && left <= 0.0) {
            return broken(
                "boosted.trees.leaves.cover",
                format!(
                    "of tree {at} is {left} and {right} on the two sides of test {node}, {}",
                    if test.is_none() {
                        "where no test sends rows to the right"
                    } else {
                        "not above 0 on both"
                    }
                ),
            );
        }
    }
    Ok(())
}
