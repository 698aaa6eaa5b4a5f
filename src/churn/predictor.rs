//! What turns feature values into raw log-odds, and says which feature adds how much: one of the models of the ladder.

use serde::{Deserialize, Serialize};

use super::boosted::BoostedModel;
use super::features::{FeatureValues, Schema};
use super::linear::Linear;
use super::reasons::Part;
use super::rhythm::Rhythm;

/// The models that can score churn, from the one that asks least of the data to the one that asks most.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChurnModelKind {
    /// Buying until they die: number and times of purchases alone, no outcomes.
    MbgNbd,
    /// L2 logistic regression on all features.
    Logistic,
    /// Gradient-boosted trees on all features.
    Boosting,
}

impl ChurnModelKind {
    /// The name in recipes, reports and bundles.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MbgNbd => "mbg-nbd",
            Self::Logistic => "logistic",
            Self::Boosting => "boosting",
        }
    }
}

impl std::fmt::Display for ChurnModelKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A fitted model of the ladder.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Predictor {
    MbgNbd(Rhythm),
    Logistic(Linear),
    Boosting(BoostedModel),
}

impl Predictor {
    pub(super) fn kind(&self) -> ChurnModelKind {
        match self {
            Self::MbgNbd(_) => ChurnModelKind::MbgNbd,
            Self::Logistic(_) => ChurnModelKind::Logistic,
            Self::Boosting(_) => ChurnModelKind::Boosting,
        }
    }

    /// The features that it reads.
    pub(super) fn schema(&self) -> &Schema {
        match self {
            Self::MbgNbd(model) => &model.schema,
            Self::Logistic(model) => model.schema(),
            Self::Boosting(model) => &model.schema,
        }
    }

    /// Raw log-odds of churn.
    pub(super) fn log_odds(&self, values: &FeatureValues) -> f64 {
        match self {
            Self::MbgNbd(model) => model.log_odds(values),
            Self::Logistic(model) => model.log_odds(values),
            Self::Boosting(model) => model.log_odds(values),
        }
    }

    /// Raw log-odds from which the parts start: those of a typical customer.
    pub(super) fn base(&self) -> f64 {
        match self {
            Self::MbgNbd(model) => model.base(),
            Self::Logistic(model) => model.base(),
            Self::Boosting(model) => model.base(),
        }
    }

    /// What each feature adds to the raw log-odds: `base + Σ contribution = log_odds`, to rounding.
    pub(super) fn parts(&self, values: &FeatureValues) -> Vec<Part> {
        match self {
            Self::MbgNbd(model) => model.parts(values),
            Self::Logistic(model) => model.parts(values),
            Self::Boosting(model) => model.parts(values),
        }
    }
}
