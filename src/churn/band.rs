//! Bands of risk, by calibrated probability.

use serde::{Deserialize, Serialize};

use super::ChurnParams;

/// How high a risk is. Limits are probabilities, not quantiles: a shop that most customers leave has most in the high
/// band.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Band {
    /// Below `low_below`.
    Low,
    /// Between the limits, both included.
    Medium,
    /// Above `high_above`.
    High,
}

impl Band {
    /// The band of a probability.
    #[must_use]
    pub fn of(probability: f64, params: &ChurnParams) -> Self {
        if probability < params.raw().low_below {
            Self::Low
        } else if probability > params.raw().high_above {
            Self::High
        } else {
            Self::Medium
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_belong_to_the_middle() {
        let of = |p| Band::of(p, &ChurnParams::default());
        assert_eq!(
            [of(0.32), of(0.33), of(0.66), of(0.67)],
            [Band::Low, Band::Medium, Band::Medium, Band::High]
        );
    }
}
