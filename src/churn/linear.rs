//! The regression as a predictor: scales and weights of its features.

use super::features::{FeatureValues, Schema};
use super::logistic::Logistic;
use super::reasons::Part;
use super::standard::Standard;

/// Raw log-odds of `intercept + Σ_j w_j z_j` over standardised features.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Linear {
    pub(super) standard: Standard,
    pub(super) logistic: Logistic,
}

impl Linear {
    pub(super) fn schema(&self) -> &Schema {
        &self.standard.schema
    }

    pub(super) fn log_odds(&self, values: &FeatureValues) -> f64 {
        self.logistic.log_odds(self.standard.z(values))
    }

    /// Columns are standardised over eligible training rows, so a typical customer has zeros everywhere.
    pub(super) fn base(&self) -> f64 {
        self.logistic.intercept
    }

    pub(super) fn parts(&self, values: &FeatureValues) -> Vec<Part> {
        self.schema()
            .features()
            .zip(self.schema().places())
            .zip(self.standard.z(values))
            .zip(self.standard.typical())
            .zip(&self.logistic.weights)
            .map(|((((feature, &place), z), typical), weight)| Part {
                feature,
                value: values[place],
                typical,
                contribution: weight * z,
            })
            .collect()
    }
}
