//! Popularity: what everybody buys, with old events fading.
//!
//! Enters: all histories. Leaves: one score per item, the same for every profile. With a short half-life the same model
//! says what is trending.

use serde::{Deserialize, Serialize};

use super::{Explanation, Ranking, Recommender};
use crate::history::{Csr, Histories, Profile, Weighting};
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::numeric::top_k;
use crate::time::Timestamp;

/// The recipe sections `[recommend.popularity]` and `[recommend.trending]`.
///
/// The one key has no default of its own, because the two sections have different ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPopularityParams {
    /// Days after which an event counts half; 0 for never.
    pub half_life_days: f64,
}

/// Why parameters or scores cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PopularityError {
    /// A half-life that is no span of time.
    #[error(
        "half_life_days = {value} of recommend.popularity or recommend.trending is not a number of 0 or more"
    )]
    HalfLife {
        /// The rejected value.
        value: f64,
    },
    /// A stored score that is no number.
    #[error("the popularity of item row {item} is {value}, it must be finite")]
    NotFinite {
        /// Row of the score.
        item: usize,
        /// The value found there.
        value: f32,
    },
}

/// Checked parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `half_life_days` | 30, trending 7 | age at which an event counts half; 0 never ages | 0 or more |
#[derive(Clone, Debug, PartialEq)]
pub struct PopularityParams {
    raw: RawPopularityParams,
}

impl PopularityParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawPopularityParams {
        &self.raw
    }
}

impl TryFrom<RawPopularityParams> for PopularityParams {
    type Error = PopularityError;

    fn try_from(raw: RawPopularityParams) -> Result<Self, PopularityError> {
        let value = raw.half_life_days;
        if value.is_finite() && value >= 0.0 {
            Ok(Self { raw })
        } else {
            Err(PopularityError::HalfLife { value })
        }
    }
}

/// A fitted popularity model.
#[derive(Clone, Debug, PartialEq)]
pub struct Popularity {
    name: &'static str,
    scores: Vec<f32>,
}

impl Popularity {
    /// Name of the model with a long memory.
    pub const POPULARITY: &'static str = "popularity";
    /// Name of the model with a short memory.
    pub const TRENDING: &'static str = "trending";

    /// Counts every event strictly before `now`:
    /// `score_i = max(0, Σ_e sign(e) · weight(kind) · 2^(−age_days / half_life))`.
    ///
    /// The weights of the kinds are the weighting's, the half-life is the model's own, so that one weighting serves a
    /// long memory and a short one. Repeated purchases count in full: popularity is of events, not of customers.
    #[must_use]
    pub fn fit(
        histories: &Histories,
        weighting: &Weighting,
        params: &PopularityParams,
        now: Timestamp,
    ) -> Self {
        let weights = weighting.raw();
        let half_life = params.raw.half_life_days;
        let mut scores = vec![0.0f64; histories.items().len()];
        // One pass in the order of the columns: the sums have the same bits on every run.
        for customer in histories.customers().rows() {
            let history = histories.of(customer).before(now);
            for ((&item, &kind), &at) in history.items().iter().zip(history.kinds()).zip(history.times()) {
                let weight = match kind {
                    EventKind::View => weights.view,
                    EventKind::Cart => weights.cart,
                    EventKind::Purchase => weights.purchase,
                    EventKind::Return => -weights.returned,
                };
                let fading = if half_life > 0.0 {
                    (-now.days_since(at) / half_life).exp2()
                } else {
                    1.0
                };
                scores[item.index()] += weight * fading;
            }
        }
        Self {
            name: Self::POPULARITY,
            scores: scores.into_iter().map(|score| score.max(0.0) as f32).collect(),
        }
    }

    /// Popularity in a matrix of pairs without times: the sum of each column.
    #[must_use]
    pub fn of_matrix(matrix: &Csr) -> Self {
        Self {
            name: Self::POPULARITY,
            scores: matrix.column_sums().into_iter().map(|sum| sum as f32).collect(),
        }
    }

    /// The model with these scores, as a bundle keeps them.
    ///
    /// # Errors
    /// [`PopularityError::NotFinite`] when a score is no number.
    pub fn from_scores(scores: Vec<f32>) -> Result<Self, PopularityError> {
        if let Some((item, &value)) = scores.iter().enumerate().find(|(_, score)| !score.is_finite()) {
            return Err(PopularityError::NotFinite { item, value });
        }
        Ok(Self {
            name: Self::POPULARITY,
            scores,
        })
    }

    /// The same model under another name, such as [`Self::TRENDING`].
    #[must_use]
    pub fn called(self, name: &'static str) -> Self {
        Self { name, ..self }
    }

    /// The score of each item.
    #[must_use]
    pub fn scores(&self) -> &[f32] {
        &self.scores
    }
}

impl Recommender for Popularity {
    fn name(&self) -> &'static str {
        self.name
    }

    fn n_items(&self) -> usize {
        self.scores.len()
    }

    fn score(&self, _profile: &Profile, scores: &mut [f32]) {
        scores.copy_from_slice(&self.scores);
    }

    fn explain(&self, _profile: &Profile, items: &[ItemIdx]) -> Vec<Explanation> {
        let explained = |item: &ItemIdx| Explanation {
            parts: Vec::new(),
            everybody: self.scores[item.index()],
        };
        items.iter().map(explained).collect()
    }

    fn rank_all(&self, profiles: &Csr, masked: Option<&Csr>, k: usize) -> Vec<Ranking> {
        // The order is the same for all; only what is masked differs.
        let order = top_k(&self.scores, self.scores.len(), |_| true);
        let open = |row: usize| {
            let left = order
                .iter()
                .filter(move |best| !super::is_masked(masked, row, best.0 as usize));
            left.take(k)
                .map(|&(item, score)| (ItemIdx::from_u32(item), score))
                .collect()
        };
        (0..profiles.n_rows()).map(open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{HistoriesBuilder, RawWeighting};
    use crate::log::Event;

    fn fit(events: &[(&str, EventKind, f64)], half_life_days: f64) -> Vec<f32> {
        let start: Timestamp = "2024-01-01".parse().unwrap();
        let mut builder = HistoriesBuilder::default();
        for &(item_id, kind, day) in events {
            let event = Event {
                event_id: None,
                customer_id: "c",
                item_id,
                kind,
                occurred_at: start.plus_days(day),
                quantity: 3.0,
                unit_price: None,
                order_id: None,
                session_id: None,
            };
            builder.push(&event).unwrap();
        }
        let params = PopularityParams::try_from(RawPopularityParams { half_life_days }).unwrap();
        let weighting = Weighting::try_from(RawWeighting::default()).unwrap();
        Popularity::fit(&builder.finish(), &weighting, &params, start.plus_days(20.0))
            .scores()
            .to_vec()
    }

    #[test]
    fn events_count_by_kind_and_age() {
        use EventKind::{Purchase, Return, View};
        let events = [
            ("a", Purchase, 0.0),
            ("b", Purchase, 10.0),
            ("b", View, 10.0),
            ("c", Return, 19.0),
            ("d", Purchase, 20.0),
        ];
        // The last purchase happens at `now` itself and is not known yet; a return alone is not below nothing.
        assert_eq!(fit(&events, 10.0), [0.25, 0.6, 0.0, 0.0]);
        assert_eq!(fit(&events, 0.0), [1.0, 1.2, 0.0, 0.0]);
    }

    #[test]
    fn bad_values_are_named() {
        let error = PopularityParams::try_from(RawPopularityParams { half_life_days: -1.0 }).unwrap_err();
        assert_eq!(error, PopularityError::HalfLife { value: -1.0 });
        let error = Popularity::from_scores(vec![1.0, f32::NAN]).unwrap_err();
        assert!(error.to_string().contains("item row 1"), "{error}");
    }

    #[test]
    fn everybody_gets_the_same_order_less_what_is_masked() {
        let popularity = Popularity::from_scores(vec![1.0, 3.0, 3.0, 2.0]).unwrap();
        let rows = vec![vec![(ItemIdx::from_u32(1), 1.0)], Vec::new()];
        let mask = Csr::from_rows(&rows, 4);
        let ranked = popularity.rank_all(&mask, Some(&mask), 2);
        let items: Vec<Vec<u32>> = ranked
            .iter()
            .map(|r| r.iter().map(|best| best.0.as_u32()).collect())
            .collect();
        assert_eq!(items, [vec![2, 3], vec![1, 2]]);
    }
}
