//! The recipe section `[recommend.blend]`: how the weights of the parts are found.

use serde::{Deserialize, Serialize};

use super::held_out::Share;
use super::weights::{RawWeights, Weights, WeightsError};

/// The section as a recipe writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBlendParams {
    /// Days at the end of a log that the weights are learned on.
    pub held_out_days: f64,
    /// Share of each customer's items that the weights are learned on, where there is no time.
    pub held_out_share: f64,
    /// Share of the customers who lose items that go together, instead of items chosen by chance.
    pub held_out_together: f64,
    /// Customers that the weights are learned on, at most.
    pub most_judged: usize,
    /// Part of the NDCG that low-pass must bring beside the others, where the weights are learned.
    pub worth: f64,
    /// The weights; learned where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<RawWeights>,
}

impl Default for RawBlendParams {
    fn default() -> Self {
        Self {
            held_out_days: 30.0,
            held_out_share: 0.2,
            held_out_together: 0.5,
            most_judged: 10_000,
            worth: 1e-3,
            weights: None,
        }
    }
}

/// Why the section cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BlendParamsError {
    /// A value outside its range.
    #[error("recommend.blend.{key} = {value} is not {rule}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: f64,
        /// The range.
        rule: &'static str,
    },
    /// A weight outside its range.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// Checked parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `held_out_days` | 30 | last days of a log that the weights are learned on | above 0, up to 3650 |
/// | `held_out_share` | 0.2 | share of each customer's items that they are learned on, where there is no time | 0.01 to 0.5 |
/// | `held_out_together` | 0.5 | share of the customers who lose items that go together: [`Share`] | 0 to 1 |
/// | `most_judged` | 10,000 | customers that they are learned on, at most | 10 to 1,000,000 |
/// | `worth` | 0.001 | part of the NDCG that low-pass must bring, or it is left out, because it lengthens every row that an answer reads; `tune` asks the same of half of the links | 0 to 0.5 |
/// | `weights` | learned | the weights: [`Weights`] | |
#[derive(Clone, Debug, PartialEq)]
pub struct BlendParams {
    raw: RawBlendParams,
    weights: Option<Weights>,
}

impl RawBlendParams {
    /// What is held out of pairs without times.
    #[must_use]
    pub fn share(&self) -> Share {
        Share {
            of_items: self.held_out_share,
            together: self.held_out_together,
        }
    }
}

impl BlendParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawBlendParams {
        &self.raw
    }

    /// The weights that the recipe gives.
    #[must_use]
    pub fn weights(&self) -> Option<&Weights> {
        self.weights.as_ref()
    }
}

impl TryFrom<RawBlendParams> for BlendParams {
    type Error = BlendParamsError;

    fn try_from(raw: RawBlendParams) -> Result<Self, BlendParamsError> {
        let rules = [
            (
                "held_out_days",
                raw.held_out_days,
                (1e-3..=3650.0).contains(&raw.held_out_days),
                "above 0, up to 3650",
            ),
            (
                "held_out_share",
                raw.held_out_share,
                (0.01..=0.5).contains(&raw.held_out_share),
                "between 0.01 and 0.5",
            ),
            (
                "held_out_together",
                raw.held_out_together,
                (0.0..=1.0).contains(&raw.held_out_together),
                "between 0 and 1",
            ),
            (
                "most_judged",
                raw.most_judged as f64,
                (10..=1_000_000).contains(&raw.most_judged),
                "between 10 and 1000000",
            ),
            (
                "worth",
                raw.worth,
                (0.0..=0.5).contains(&raw.worth),
                "between 0 and 0.5",
            ),
        ];
        if let Some((key, value, _, rule)) = rules.into_iter().find(|&(_, _, holds, _)| !holds) {
            return Err(BlendParamsError::Value { key, value, rule });
        }
        let weights = raw.weights.clone().map(Weights::try_from).transpose()?;
        Ok(Self { raw, weights })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_their_key() {
        let message = |text: &str| {
            let raw: RawBlendParams = toml::from_str(text).unwrap();
            BlendParams::try_from(raw).unwrap_err().to_string()
        };
        assert!(message("held_out_days = 0").contains("recommend.blend.held_out_days = 0"));
        assert!(message("held_out_together = -1").contains("held_out_together = -1"));
        assert!(message("held_out_share = 0.9").contains("held_out_share = 0.9"));
        assert!(message("most_judged = 1").contains("most_judged = 1"));
        assert!(message("worth = 0.6").contains("recommend.blend.worth = 0.6"));
        assert!(message("worth = nan").contains("worth = NaN"));
        assert!(
            BlendParams::try_from(RawBlendParams::default())
                .unwrap()
                .weights()
                .is_none()
        );
    }
}
