//! The recipe section `[recommend]`: the parameters of all models that rank.

use serde::{Deserialize, Serialize};

use super::blend::{BlendParams, BlendParamsError, RawBlendParams};
use super::ials::{IalsParams, IalsParamsError, RawIalsParams};
use super::low_pass::{LowPassParams, LowPassParamsError, RawLowPassParams};
use super::neighbours::{NeighboursParams, RawNeighboursParams};
use super::popularity::{PopularityError, PopularityParams, RawPopularityParams};
use super::range::OutOfRange;
use super::ridge::{RawRidgeParams, RidgeParams, RidgeParamsError};

/// The section as a recipe writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRecommendParams {
    /// How the models go together.
    pub blend: RawBlendParams,
    /// Links to what the same customers buy.
    pub neighbours: RawNeighboursParams,
    /// Links that foretell each item from those most like it.
    pub ridge: RawRidgeParams,
    /// Smooth directions.
    pub low_pass: RawLowPassParams,
    /// Matrix factorisation.
    pub ials: RawIalsParams,
    /// What everybody buys.
    pub popularity: RawPopularityParams,
    /// What everybody buys just now.
    pub trending: RawPopularityParams,
}

impl Default for RawRecommendParams {
    fn default() -> Self {
        Self {
            blend: RawBlendParams::default(),
            neighbours: RawNeighboursParams::default(),
            ridge: RawRidgeParams::default(),
            low_pass: RawLowPassParams::default(),
            ials: RawIalsParams::default(),
            popularity: RawPopularityParams { half_life_days: 30.0 },
            trending: RawPopularityParams { half_life_days: 7.0 },
        }
    }
}

/// Which model's parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecommendParamsError {
    /// Those of the blend.
    #[error(transparent)]
    Blend(#[from] BlendParamsError),
    /// Those of item neighbours.
    #[error(transparent)]
    Neighbours(#[from] OutOfRange),
    /// Those of local ridge regression.
    #[error(transparent)]
    Ridge(#[from] RidgeParamsError),
    /// Those of the low-pass model.
    #[error(transparent)]
    LowPass(#[from] LowPassParamsError),
    /// Those of iALS.
    #[error(transparent)]
    Ials(#[from] IalsParamsError),
    /// Those of popularity or trending.
    #[error(transparent)]
    Popularity(#[from] PopularityError),
}

/// Checked parameters of all models that rank.
#[derive(Clone, Debug, PartialEq)]
pub struct RecommendParams {
    /// How the models go together.
    pub blend: BlendParams,
    /// Links to what the same customers buy.
    pub neighbours: NeighboursParams,
    /// Links that foretell each item from those most like it.
    pub ridge: RidgeParams,
    /// Smooth directions.
    pub low_pass: LowPassParams,
    /// Matrix factorisation.
    pub ials: IalsParams,
    /// What everybody buys.
    pub popularity: PopularityParams,
    /// What everybody buys just now.
    pub trending: PopularityParams,
}

impl RecommendParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> RawRecommendParams {
        RawRecommendParams {
            blend: self.blend.raw().clone(),
            neighbours: self.neighbours.raw().clone(),
            ridge: self.ridge.raw().clone(),
            low_pass: self.low_pass.raw().clone(),
            ials: self.ials.raw().clone(),
            popularity: self.popularity.raw().clone(),
            trending: self.trending.raw().clone(),
        }
    }
}

impl TryFrom<RawRecommendParams> for RecommendParams {
    type Error = RecommendParamsError;

    fn try_from(raw: RawRecommendParams) -> Result<Self, RecommendParamsError> {
        Ok(Self {
            blend: raw.blend.try_into()?,
            neighbours: raw.neighbours.try_into()?,
            ridge: raw.ridge.try_into()?,
            low_pass: raw.low_pass.try_into()?,
            ials: raw.ials.try_into()?,
            popularity: raw.popularity.try_into()?,
            trending: raw.trending.try_into()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_may_name_some_keys_and_no_unknown_ones() {
        let raw: RawRecommendParams =
            toml::from_str("[ials]\nfactors = 32\n[trending]\nhalf_life_days = 3.0").unwrap();
        assert_eq!(raw.ials.factors, 32);
        assert_eq!(raw.ials.epochs, RawIalsParams::default().epochs);
        assert!((raw.trending.half_life_days - 3.0).abs() < f64::EPSILON);
        assert!((raw.popularity.half_life_days - 30.0).abs() < f64::EPSILON);
        let error = toml::from_str::<RawRecommendParams>("[ials]\nfactor = 32").unwrap_err();
        assert!(error.to_string().contains("factor"), "{error}");
        assert!(RecommendParams::try_from(RawRecommendParams::default()).is_ok());
    }
}
