//! The recipe section `[recommend]`: the parameters of all models that rank.

use serde::{Deserialize, Serialize};

use super::blend::{BlendParams, BlendParamsError, RawBlendParams};
use super::buy_again::next_basket::{NextBasketParams, NextBasketParamsError, RawNextBasketParams};
use super::buy_again::{BuyAgainParams, BuyAgainParamsError, RawBuyAgainParams};
use super::ials::{IalsParams, IalsParamsError, RawIalsParams};
use super::low_pass::{LowPassParams, LowPassParamsError, RawLowPassParams};
use super::neighbours::{NeighboursParams, RawNeighboursParams};
use super::new_arrivals::{NewArrivalsParams, RawNewArrivalsParams};
use super::popularity::{PopularityError, PopularityParams, RawPopularityParams};
use super::range::OutOfRange;
use super::relations::{
    CrossSellParams, RawCrossSellParams, RawSimilarParams, RawTrendingParams, RawUpSellParams, SimilarParams,
    TrendingParams, UpSellParams,
};
use super::ridge::{RawRidgeParams, RidgeParams, RidgeParamsError};
use super::sessions::{RawSessionParams, SessionParams};

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
    /// What is wanted more than usual.
    pub trending: RawTrendingParams,
    /// What goes with a cart.
    pub cross_sell: RawCrossSellParams,
    /// What could be taken instead.
    pub similar: RawSimilarParams,
    /// What is the better one.
    pub up_sell: RawUpSellParams,
    /// What is due again.
    pub buy_again: RawBuyAgainParams,
    /// What the next order holds.
    pub next_basket: RawNextBasketParams,
    /// How visits go on.
    pub sessions: RawSessionParams,
    /// How new arrivals get a chance.
    pub new_arrivals: RawNewArrivalsParams,
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
            trending: RawTrendingParams::default(),
            cross_sell: RawCrossSellParams::default(),
            similar: RawSimilarParams::default(),
            up_sell: RawUpSellParams::default(),
            buy_again: RawBuyAgainParams::default(),
            next_basket: RawNextBasketParams::default(),
            sessions: RawSessionParams::default(),
            new_arrivals: RawNewArrivalsParams::default(),
        }
    }
}

/// Which model's parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecommendParamsError {
    /// A number of item neighbours, of the relations between items, of sessions or of new arrivals.
    #[error(transparent)]
    Range(#[from] OutOfRange),
    /// Those of the blend.
    #[error(transparent)]
    Blend(#[from] BlendParamsError),
    /// Those of local ridge regression.
    #[error(transparent)]
    Ridge(#[from] RidgeParamsError),
    /// Those of the low-pass model.
    #[error(transparent)]
    LowPass(#[from] LowPassParamsError),
    /// Those of iALS.
    #[error(transparent)]
    Ials(#[from] IalsParamsError),
    /// Those of popularity.
    #[error(transparent)]
    Popularity(#[from] PopularityError),
    /// Those of buying again.
    #[error(transparent)]
    BuyAgain(#[from] BuyAgainParamsError),
    /// Those of the next basket.
    #[error(transparent)]
    NextBasket(#[from] NextBasketParamsError),
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
    /// What is wanted more than usual.
    pub trending: TrendingParams,
    /// What goes with a cart.
    pub cross_sell: CrossSellParams,
    /// What could be taken instead.
    pub similar: SimilarParams,
    /// What is the better one.
    pub up_sell: UpSellParams,
    /// What is due again.
    pub buy_again: BuyAgainParams,
    /// What the next order holds.
    pub next_basket: NextBasketParams,
    /// How visits go on.
    pub sessions: SessionParams,
    /// How new arrivals get a chance.
    pub new_arrivals: NewArrivalsParams,
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
            cross_sell: self.cross_sell.raw().clone(),
            similar: self.similar.raw().clone(),
            up_sell: self.up_sell.raw().clone(),
            buy_again: self.buy_again.raw().clone(),
            next_basket: self.next_basket.raw().clone(),
            sessions: self.sessions.raw().clone(),
            new_arrivals: self.new_arrivals.raw().clone(),
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
            cross_sell: raw.cross_sell.try_into()?,
            similar: raw.similar.try_into()?,
            up_sell: raw.up_sell.try_into()?,
            buy_again: raw.buy_again.try_into()?,
            next_basket: raw.next_basket.try_into()?,
            sessions: raw.sessions.try_into()?,
            new_arrivals: raw.new_arrivals.try_into()?,
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
