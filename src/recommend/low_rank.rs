//! Linear scores of low rank: the smooth part of what goes with what.

use ndarray::{Array2, ArrayView2, aview1};

use super::batch::BatchScorer;
use super::queries::{self, Queries};
use super::{Contribution, Explanation, Ranking, Recommender};
use crate::column::{Column, Rows, position};
use crate::history::{Csr, Profile};
use crate::id::{ItemIdx, Row};
use crate::numeric::{axpy, dot, matvec};

/// Scores through a few directions: `score_j = d_j · q` with `q = gain ∘ Σ_i w_i · input_i · d_i` over the profile.
///
/// # Shapes
/// | symbol | shape | meaning |
/// |---|---|---|
/// | `d` | items × rank | direction of each item, as it is read out |
/// | `input` | items | what an item of the profile counts beside its direction |
/// | `gain` | rank | how strongly each direction passes |
#[derive(Clone, Debug, PartialEq)]
pub struct LowRank {
    name: &'static str,
    directions: Column<f32>,
    input: Vec<f32>,
    gain: Vec<f32>,
}

/// Why arrays are no model of low rank.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LowRankError {
    /// Arrays that do not belong together.
    #[error("directions of {items} items in {rank} dimensions, but {inputs} inputs and {gains} gains")]
    Shapes {
        /// Rows of the directions.
        items: usize,
        /// Columns of the directions.
        rank: usize,
        /// Length of the inputs.
        inputs: usize,
        /// Length of the gains.
        gains: usize,
    },
    /// A number that is none.
    #[error("{array} holds {value} at {at}, it must be finite")]
    NotFinite {
        /// Which array.
        array: &'static str,
        /// Where, in row-major order.
        at: usize,
        /// What is there.
        value: f32,
    },
}

impl LowRank {
    /// A model of these arrays.
    ///
    /// # Errors
    /// [`LowRankError`] when the shapes do not agree or a number is not finite.
    pub fn new(
        name: &'static str,
        directions: Array2<f32>,
        input: Vec<f32>,
        gain: Vec<f32>,
    ) -> Result<Self, LowRankError> {
        let width = directions.ncols();
        let values = match directions.is_standard_layout() {
            true => directions.into_raw_vec_and_offset().0,
            false => directions.iter().copied().collect(),
        };
        let directions = Rows {
            values: values.into(),
            width,
        };
        Self::of_rows(name, directions, input, gain)
    }

    /// The same of directions that may stand in a mapped file.
    ///
    /// # Errors
    /// Those of [`Self::new`].
    pub fn of_rows(
        name: &'static str,
        directions: Rows,
        input: Vec<f32>,
        gain: Vec<f32>,
    ) -> Result<Self, LowRankError> {
        let Rows {
            values: directions,
            width: rank,
        } = directions;
        if directions.len() != input.len() * rank || gain.len() != rank || rank == 0 {
            return Err(LowRankError::Shapes {
                items: directions.len() / rank.max(1),
                rank,
                inputs: input.len(),
                gains: gain.len(),
            });
        }
        for (array, values) in [("directions", &*directions), ("input", &input), ("gain", &gain)] {
            if let Some(at) = position(values, |value| !value.is_finite()) {
                let value = values[at];
                return Err(LowRankError::NotFinite { array, at, value });
            }
        }
        Ok(Self {
            name,
            directions,
            input,
            gain,
        })
    }

    /// Directions, items × rank.
    #[must_use]
    pub fn directions(&self) -> ArrayView2<'_, f32> {
        // The lengths agree: the constructor took whole rows.
        aview1(&self.directions)
            .into_shape_with_order((self.input.len(), self.rank()))
            .unwrap_or_else(|_| ArrayView2::from(&[[]; 0]))
    }

    /// What each item counts in a profile.
    #[must_use]
    pub fn input(&self) -> &[f32] {
        &self.input
    }

    /// How strongly each direction passes.
    #[must_use]
    pub fn gain(&self) -> &[f32] {
        &self.gain
    }

    /// Number of directions.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.gain.len()
    }

    fn direction(&self, item: usize) -> &[f32] {
        &self.directions[item * self.rank()..][..self.rank()]
    }

    /// `q`, written over what `query` held.
    fn encode(&self, entries: impl Iterator<Item = (u32, f32)>, query: &mut [f32]) {
        query.fill(0.0);
        for (item, weight) in entries {
            axpy(
                weight * self.input[item as usize],
                self.direction(item as usize),
                query,
            );
        }
        for (q, gain) in query.iter_mut().zip(&self.gain) {
            *q *= gain;
        }
    }
}

impl Recommender for LowRank {
    fn name(&self) -> &'static str {
        self.name
    }

    fn n_items(&self) -> usize {
        self.input.len()
    }

    fn score(&self, profile: &Profile, scores: &mut [f32]) {
        let mut query = vec![0.0; self.rank()];
        let entries = profile.iter().map(|&(item, weight)| (item.as_u32(), weight));
        self.encode(entries, &mut query);
        matvec(&self.directions, &query, scores);
    }

    fn explain(&self, profile: &Profile, items: &[ItemIdx]) -> Vec<Explanation> {
        let explained = |&to: &ItemIdx| {
            let passed: Vec<f32> = self
                .direction(to.index())
                .iter()
                .zip(&self.gain)
                .map(|(d, gain)| d * gain)
                .collect();
            let part = |&(item, weight): &(ItemIdx, f32)| Contribution {
                item,
                part: weight * self.input[item.index()] * dot(self.direction(item.index()), &passed),
            };
            Explanation {
                parts: profile.iter().map(part).collect(),
                everybody: 0.0,
            }
        };
        items.iter().map(explained).collect()
    }

    fn batch(&self) -> Box<dyn BatchScorer + '_> {
        Box::new(queries::Batch::new(self))
    }

    fn rank_all(&self, profiles: &Csr, masked: Option<&Csr>, k: usize) -> Vec<Ranking> {
        queries::rank_all(self, profiles, masked, k)
    }
}

impl Queries for LowRank {
    type Room = ();

    fn width(&self) -> usize {
        self.rank()
    }

    fn factors(&self) -> &[f32] {
        &self.directions
    }

    fn query(&self, (): &mut (), items: &[u32], weights: &[f32], query: &mut [f32]) {
        self.encode(items.iter().copied().zip(weights.iter().copied()), query);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn every_way_gives_the_dense_product() {
        let item = ItemIdx::from_u32;
        let directions = array![[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]];
        let model = LowRank::new("low", directions, vec![1.0, 2.0, 0.5], vec![2.0, 0.1]).unwrap();
        // q = (2 · (1·1·1 + 3·2·0.5), 0.1 · (2 − 6)) = (8, −0.4)
        let profile = vec![(item(0), 1.0), (item(1), 3.0)];
        let expected = [8.0 - 0.8, 4.0 + 0.4, 24.0];
        let mut scores = [0.0; 3];
        model.score(&profile, &mut scores);
        let profiles = Csr::from_rows(std::slice::from_ref(&profile), 3);
        let mut batch = [0.0; 3];
        model.batch().score_rows(&profiles, 0..1, &mut batch);
        for to in 0..3 {
            assert!((scores[to] - expected[to]).abs() < 1e-5 && (batch[to] - expected[to]).abs() < 1e-5);
            let parts = &model.explain(&profile, &[item(to as u32)])[0].parts;
            assert!((parts.iter().map(|c| c.part).sum::<f32>() - expected[to]).abs() < 1e-5);
        }
    }

    #[test]
    fn arrays_that_do_not_fit_are_named() {
        assert!(LowRank::new("low", Array2::zeros((3, 0)), vec![1.0; 3], Vec::new()).is_err());
        let error = LowRank::new("low", Array2::zeros((3, 2)), vec![1.0; 3], vec![1.0]).unwrap_err();
        assert!(error.to_string().contains("1 gains"), "{error}");
        let error = LowRank::new("low", Array2::zeros((1, 2)), vec![f32::NAN], vec![1.0; 2]).unwrap_err();
        assert!(error.to_string().starts_with("input holds NaN at 0"), "{error}");
    }
}
