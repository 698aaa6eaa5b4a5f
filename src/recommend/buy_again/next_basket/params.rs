//! The parameters of the next basket: raw as a recipe writes them, and checked.

use crate::recommend::OutOfRange;
use crate::recommend::neighbours::RawNeighboursParams;
use crate::recommend::ridge::{RawRidgeParams, RidgeParamsError};
use crate::recommend::{NeighboursParams, RidgeParams};
use serde::{Deserialize, Serialize};

/// The recipe section `[recommend.next_basket]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawNextBasketParams {
    /// What a purchase counts one basket later.
    pub decay: f64,
    /// Power of an item's fading sum in the profile.
    pub saturation: f64,
    /// Items of each kind of links, and of popularity, among which the next are looked for.
    pub candidates: usize,
    /// Items that are kept of what follows each item.
    pub successors: usize,
    /// Strength of the penalty on the coefficients of standardised features.
    pub l2: f64,
    /// Candidates that the regression may learn from.
    pub examples: usize,
    /// Links to what the same customers buy.
    pub neighbours: RawNeighboursParams,
    /// Links that foretell each item from those most like it.
    pub ridge: RawRidgeParams,
}

impl Default for RawNextBasketParams {
    fn default() -> Self {
        Self {
            decay: 0.9,
            saturation: 0.5,
            candidates: 100,
            successors: 200,
            l2: 10.0,
            examples: 6_000_000,
            neighbours: RawNeighboursParams::default(),
            ridge: RawRidgeParams {
                customer_exponent: 0.3,
                l2: 300.0,
                popularity_exponent: 0.3,
                ..RawRidgeParams::default()
            },
        }
    }
}

/// Why parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NextBasketParamsError {
    /// A number outside its range.
    #[error("recommend.next_basket.{key} = {value} is not between {least} and {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// The rejected value.
        value: f64,
        /// Smallest allowed value.
        least: f64,
        /// Largest allowed value.
        most: f64,
    },
    /// Those of the links to what the same customers buy.
    #[error("in recommend.next_basket")]
    Neighbours(#[from] OutOfRange),
    /// Those of the links that foretell.
    #[error("in recommend.next_basket")]
    Ridge(#[from] RidgeParamsError),
}

/// Checked parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `decay` | 0.9 | what a purchase counts one basket later | 0.01 to 1 |
/// | `saturation` | 0.5 | power of an item's fading sum in the profile | 0 to 1 |
/// | `candidates` | 100 | items from each kind of links and from popularity | 10 to 10,000 |
/// | `successors` | 200 | items kept of what the next baskets hold, for each item | 1 to 100,000 |
/// | `l2` | 10 | ridge penalty of the regression | 0 to 10⁶ |
/// | `examples` | 6,000,000 | candidates to learn from; customers beyond are left out evenly | 1000 to 10⁸ |
/// | `neighbours`, `ridge` | | as in `[recommend.neighbours]` and `[recommend.ridge]` | |
#[derive(Clone, Debug, PartialEq)]
pub struct NextBasketParams {
    raw: RawNextBasketParams,
    pub(super) neighbours: NeighboursParams,
    pub(super) ridge: RidgeParams,
}

impl NextBasketParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawNextBasketParams {
        &self.raw
    }
}

impl TryFrom<RawNextBasketParams> for NextBasketParams {
    type Error = NextBasketParamsError;

    fn try_from(raw: RawNextBasketParams) -> Result<Self, NextBasketParamsError> {
        let rules = [
            ("decay", raw.decay, 0.01, 1.0),
            ("saturation", raw.saturation, 0.0, 1.0),
            ("candidates", raw.candidates as f64, 10.0, 10_000.0),
            ("successors", raw.successors as f64, 1.0, 100_000.0),
            ("l2", raw.l2, 0.0, 1e6),
            ("examples", raw.examples as f64, 1e3, 1e8),
        ];
        for (key, value, least, most) in rules {
            if !(least..=most).contains(&value) {
                return Err(NextBasketParamsError::Range {
                    key,
                    value,
                    least,
                    most,
                });
            }
        }
        Ok(Self {
            neighbours: raw.neighbours.clone().try_into()?,
            ridge: raw.ridge.clone().try_into()?,
            raw,
        })
    }
}
