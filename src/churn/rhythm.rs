//! Churn by the rhythm of buying alone: MBG/NBD, which needs no outcomes to learn from.

use serde::{Deserialize, Serialize};

use super::btyd::{MbgNbd, Summary};
use super::explain::shapley;
use super::features::{FEATURES, FREQUENCY, FeatureValues, RECENCY, Schema, TENURE};
use super::platt::logit;
use super::reasons::Part;

/// How a shop's customers come back, and how far ahead is asked. Time in days.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Buying {
    /// The model of all customers.
    pub model: MbgNbd,
    /// Days ahead that its probability and its expectation speak of.
    pub horizon_days: u32,
}

impl Buying {
    /// `P(no purchase in the horizon)` of a customer with so many purchase days, the last and the first so many days ago.
    #[must_use]
    pub fn no_purchase(&self, days: f64, recency: f64, tenure: f64) -> f64 {
        self.model
            .probability_no_purchase(&summary(days, recency, tenure), f64::from(self.horizon_days))
    }

    /// Purchase days expected within the horizon.
    #[must_use]
    pub fn purchases(&self, days: f64, recency: f64, tenure: f64) -> f64 {
        self.model
            .expected_purchases(&summary(days, recency, tenure), f64::from(self.horizon_days))
    }
}

/// `(x, t_x, T)` of any three values, put in order where they contradict one another, as those of two customers mixed may.
fn summary(days: f64, recency: f64, tenure: f64) -> Summary {
    let repeats = (days - 1.0).round().max(0.0);
    let age = tenure.max(recency).max(0.0);
    Summary {
        // Whole and not negative; a customer has fewer purchase days than there are days.
        repeats: repeats as u32,
        recency: if repeats > 0.0 {
            (age - recency.max(0.0)).max(0.0)
        } else {
            0.0
        },
        age,
    }
}

/// MBG/NBD as a model of the ladder: raw log-odds are those of `P(no purchase in the horizon)`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Rhythm {
    pub(super) buying: Buying,
    /// Purchase days, recency and tenure of a typical eligible customer.
    pub(super) typical: [f64; 3],
    pub(super) schema: Schema,
}

/// The features that it reads.
const READ: [usize; 3] = [FREQUENCY, RECENCY, TENURE];

impl Rhythm {
    pub(super) fn new(buying: Buying, typical: [f64; 3]) -> Self {
        Self {
            buying,
            typical,
            schema: Schema::only(&READ),
        }
    }

    /// Medians of the three features over rows, of which there is at least one.
    pub(super) fn typical_of<'a>(rows: &(impl Iterator<Item = &'a FeatureValues> + Clone)) -> [f64; 3] {
        READ.map(|place| {
            let mut values: Vec<f64> = rows.clone().map(|row| row[place]).collect();
            values.sort_unstable_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(1.0)
        })
    }

    fn of(&self, [days, recency, tenure]: [f64; 3]) -> f64 {
        // Held away from certainty, where log-odds have no end.
        logit(
            self.buying
                .no_purchase(days, recency, tenure)
                .clamp(1e-9, 1.0 - 1e-9),
        )
    }

    pub(super) fn log_odds(&self, values: &FeatureValues) -> f64 {
        self.of(READ.map(|place| values[place]))
    }

    pub(super) fn base(&self) -> f64 {
        self.of(self.typical)
    }

    /// Shapley values of the three features against the typical customer, exact and therefore adding up.
    pub(super) fn parts(&self, values: &FeatureValues) -> Vec<Part> {
        let own = READ.map(|place| values[place]);
        let contributions = shapley(|mixed| self.of(mixed), own, self.typical);
        READ.iter()
            .zip(contributions)
            .zip(own.into_iter().zip(self.typical))
            .map(|((&place, contribution), (value, typical))| Part {
                feature: &FEATURES[place],
                value,
                typical,
                contribution,
            })
            .collect()
    }
}
