//! Learning the next basket: links and counts on all but the last baskets, the regression on the last ones, then links and counts on
//! everything.

use crate::history::Csr;
use crate::id::ItemIdx;
use crate::progress::Progress;
use crate::recommend::{FitError, neighbours, ridge};
use rayon::prelude::*;
use serde::Serialize;

use super::features::{Asked, Components, FEATURES, ItemCounts, Room, WIDTH};
use super::model::NextBasket;
use super::params::NextBasketParams;
use super::sequences::{Sequence, Sequences};
use super::successors;
use crate::recommend::buy_again::logistic;

/// Why there is no model of the next basket.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NextBasketError {
    /// Links cannot be fitted.
    #[error("the baskets make no links")]
    Links(#[from] FitError),
    /// No last basket to learn from.
    #[error(
        "of {customers} customers {asked} have two baskets or more, and their last ones hold {found} of the candidates: nothing to learn from"
    )]
    NothingToLearn {
        /// Sequences.
        customers: usize,
        /// Those with two baskets or more.
        asked: usize,
        /// Candidates that were bought.
        found: usize,
    },
    /// Stored arrays that do not fit together.
    #[error("{array} has {length} numbers, {expected} fit the other arrays")]
    Shape {
        /// Which array.
        array: &'static str,
        /// Its length.
        length: usize,
        /// What it should be.
        expected: usize,
    },
    /// A stored number out of range.
    #[error("{array} holds {value} in row {row}, it must be {rule}")]
    Value {
        /// Which array.
        array: &'static str,
        /// Where.
        row: usize,
        /// What is there.
        value: f64,
        /// What it must be.
        rule: &'static str,
    },
}

/// What the fit found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextBasketReport {
    /// Customers whose last basket was learned from.
    pub customers: usize,
    /// Candidates.
    pub candidates: usize,
    /// How many of them were bought.
    pub found: usize,
    /// By feature: what one unit of it adds to the score.
    pub coefficients: Vec<(&'static str, f64)>,
}

/// Rows of the regression.
#[derive(Default)]
struct Lessons {
    features: Vec<f32>,
    positive: Vec<bool>,
}

impl Lessons {
    fn of(candidates: &[(ItemIdx, [f64; WIDTH])], bought: &[ItemIdx]) -> Self {
        let hits = candidates
            .iter()
            .map(|(item, _)| bought.binary_search(item).is_ok());
        Self {
            features: candidates
                .iter()
                .flat_map(|(_, features)| features.iter().map(|&x| x as f32))
                .collect(),
            positive: hits.collect(),
        }
    }

    fn joined(parts: Vec<Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            all.features.extend(part.features);
            all.positive.extend(part.positive);
        }
        all
    }
}

impl NextBasket {
    /// Learns from everybody's baskets.
    ///
    /// # Errors
    /// [`NextBasketError`] when there is no customer with two baskets or nothing repeats or links.
    ///
    /// # Determinism
    /// The same bits for any number of threads.
    pub fn fit(
        sequences: &Sequences,
        params: &NextBasketParams,
        progress: &dyn Progress,
    ) -> Result<(Self, NextBasketReport), NextBasketError> {
        let (rest, last) = sequences.without_last();
        let known = components(&rest, params, progress)?;
        let asked: Vec<usize> = (0..last.len()).filter(|&at| !last[at].is_empty()).collect();
        // Each answer brings about three kinds of candidates.
        let most = params.raw().examples / (3 * params.raw().candidates);
        let stride = asked.len().div_ceil(most.max(1)).max(1);
        let learned: Vec<usize> = asked.iter().copied().step_by(stride).collect();
        let lessons = learned
            .par_iter()
            .map_init(Room::default, |room, &at| {
                let candidates = known.candidates(&rest.of[at], room);
                Lessons::of(&candidates, &last[at])
            })
            .collect::<Vec<_>>();
        let lessons = Lessons::joined(lessons);
        let found = lessons.positive.iter().filter(|&&hit| hit).count();
        let rows = logistic::Rows {
            features: &lessons.features,
            width: WIDTH,
            positive: &lessons.positive,
        };
        let regression = logistic::fit(rows, params.raw().l2).ok_or(NextBasketError::NothingToLearn {
            customers: sequences.of.len(),
            asked: asked.len(),
            found,
        })?;
        let report = NextBasketReport {
            customers: learned.len(),
            candidates: lessons.positive.len(),
            found,
            coefficients: FEATURES
                .iter()
                .map(|feature| feature.0)
                .zip(regression.coefficients.iter().copied())
                .collect(),
        };
        let components = components(sequences, params, progress)?;
        Ok((Self::new(components, &regression), report))
    }
}

fn components(
    sequences: &Sequences,
    params: &NextBasketParams,
    progress: &dyn Progress,
) -> Result<Components, NextBasketError> {
    let raw = params.raw();
    let counts = ItemCounts::of(&sequences.of, sequences.n_items);
    let profile = |sequence: &Sequence| {
        Asked::of(sequence, raw.decay, raw.saturation, &counts)
            .profile()
            .clone()
    };
    let rows: Vec<_> = sequences.of.par_iter().map(profile).collect();
    let matrix = Csr::from_rows(&rows, sequences.n_items);
    Ok(Components {
        neighbours: neighbours::fit(&matrix, &params.neighbours, progress)?,
        ridge: ridge::fit(&matrix, &params.ridge, progress)?,
        successors: successors::fit(&sequences.of, sequences.n_items, raw.successors),
        popular: popular(&counts, raw.candidates),
        counts,
        decay: raw.decay,
        saturation: raw.saturation,
        candidates: raw.candidates,
    })
}

/// The most popular items of late, best first.
pub(super) fn popular(counts: &ItemCounts, most: usize) -> Vec<u32> {
    crate::numeric::top_k(&counts.log_late, most, |_| true)
        .into_iter()
        .map(|best| best.0)
        .collect()
}
