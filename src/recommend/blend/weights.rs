//! How much each part of a blend counts, and how that changes with the length of a history.

use serde::{Deserialize, Serialize};

/// One part's weight as a recipe writes it: `weight · (n / usual_length)^length_exponent` for a profile of `n` items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTerm {
    /// Weight for a profile of the usual length; 0 leaves the part out.
    pub weight: f64,
    /// How the weight grows with the length of the profile: below 0, the part is for short histories.
    #[serde(default)]
    pub length_exponent: f64,
}

/// The recipe section `[recommend.blend.weights]`: what `tune` writes, and what a training without it learns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawWeights {
    /// Number of items at which the weights are as written.
    pub usual_length: f64,
    /// Share of the local ridge within the links; the rest is the neighbours'.
    pub ridge_share: f64,
    /// Neighbours and local ridge together.
    pub links: RawTerm,
    /// The soft low-pass part.
    pub low_pass: RawTerm,
    /// Matrix factorisation.
    pub ials: RawTerm,
    /// What everybody buys.
    pub popularity: RawTerm,
}

/// Which weight cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("recommend.blend.weights.{key} = {value} is not {rule}")]
pub struct WeightsError {
    key: String,
    value: f64,
    rule: &'static str,
}

/// The terms of a blend, in the order of every array of terms.
pub(super) const TERMS: [&str; 4] = ["links", "low_pass", "ials", "popularity"];

/// Lengths beyond this many times the usual one, or below as many parts of it, weigh as if they were there: a power
/// law is not believed beyond what it was learned on.
const FARTHEST: f64 = 8.0;

/// Checked weights.
///
/// | name | purpose | range |
/// |---|---|---|
/// | `usual_length` | items in a profile at which the weights are as written | 1 or more |
/// | `ridge_share` | the ridge's share within the links | 0 to 1 |
/// | `*.weight` | weight of the part, each brought to length one | 0 to 1000, one above 0 |
/// | `*.length_exponent` | power of the profile's length | −2 to 2 |
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    raw: RawWeights,
}

impl RawWeights {
    pub(super) fn terms(&self) -> [RawTerm; 4] {
        [self.links, self.low_pass, self.ials, self.popularity]
    }
}

impl Weights {
    /// The weights as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawWeights {
        &self.raw
    }

    /// A blend of factorisation alone.
    #[must_use]
    pub fn ials_alone() -> Self {
        Self {
            raw: RawWeights {
                usual_length: 1.0,
                ridge_share: 0.0,
                links: RawTerm::default(),
                low_pass: RawTerm::default(),
                ials: RawTerm {
                    weight: 1.0,
                    length_exponent: 0.0,
                },
                popularity: RawTerm::default(),
            },
        }
    }

    /// The weight of each term for a profile of `n` items.
    pub(super) fn at(&self, n: usize) -> [f32; 4] {
        let ratio = (n as f64 / self.raw.usual_length).clamp(1.0 / FARTHEST, FARTHEST);
        self.raw
            .terms()
            .map(|term| (term.weight * ratio.powf(term.length_exponent)) as f32)
    }
}

impl TryFrom<RawWeights> for Weights {
    type Error = WeightsError;

    fn try_from(raw: RawWeights) -> Result<Self, WeightsError> {
        let error = |key: String, value, rule| WeightsError { key, value, rule };
        if !(1.0..=1e6).contains(&raw.usual_length) {
            return Err(error(
                "usual_length".to_owned(),
                raw.usual_length,
                "between 1 and 1000000",
            ));
        }
        if !(0.0..=1.0).contains(&raw.ridge_share) {
            return Err(error(
                "ridge_share".to_owned(),
                raw.ridge_share,
                "between 0 and 1",
            ));
        }
        for (name, term) in TERMS.into_iter().zip(raw.terms()) {
            if !(0.0..=1e3).contains(&term.weight) {
                return Err(error(format!("{name}.weight"), term.weight, "between 0 and 1000"));
            }
            if !(-2.0..=2.0).contains(&term.length_exponent) {
                let key = format!("{name}.length_exponent");
                return Err(error(key, term.length_exponent, "between -2 and 2"));
            }
        }
        if raw.terms().iter().all(|term| term.weight <= 0.0) {
            return Err(error(
                "links.weight".to_owned(),
                0.0,
                "above 0, and neither is any other weight",
            ));
        }
        Ok(Self { raw })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_follow_the_length_and_stop_where_nobody_was() {
        let raw: RawWeights = toml::from_str(
            "usual_length = 10\nridge_share = 0.5\nlinks = { weight = 2, length_exponent = 1 }\nlow_pass = { weight = 3 }\n\
             ials = { weight = 1, length_exponent = -1 }\npopularity = { weight = 0 }",
        )
        .unwrap();
        let weights = Weights::try_from(raw.clone()).unwrap();
        assert_eq!(weights.at(10).map(|w| (w * 100.0) as i32), [200, 300, 100, 0]);
        assert_eq!(weights.at(20).map(|w| (w * 100.0) as i32), [400, 300, 50, 0]);
        assert_eq!(
            weights.at(80).map(f32::to_bits),
            weights.at(8000).map(f32::to_bits)
        );
        let bad = RawWeights {
            ridge_share: 1.5,
            ..raw.clone()
        };
        let message = Weights::try_from(bad).unwrap_err().to_string();
        assert!(
            message.contains("recommend.blend.weights.ridge_share = 1.5"),
            "{message}"
        );
        let mut bad = raw;
        bad.ials.weight = -1.0;
        let message = Weights::try_from(bad).unwrap_err().to_string();
        assert!(message.contains("ials.weight = -1"), "{message}");
    }
}
