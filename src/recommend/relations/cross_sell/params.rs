//! The parameters of cross-sell: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

use crate::recommend::range::{OutOfRange, check};

/// The recipe section `[recommend.cross_sell]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawCrossSellParams {
    /// Partners kept of each item.
    pub partners: usize,
    /// Days after which a basket counts half; 0 for never.
    pub half_life_days: f64,
    /// How strongly large baskets are damped.
    pub size_exponent: f64,
    /// How strongly popular partners are damped.
    pub popularity_exponent: f64,
    /// Weight of what is known without the item's own baskets.
    pub prior_weight: f64,
    /// Weight, within that, of what everybody buys against what goes with the category.
    pub category_prior_weight: f64,
    /// A partner's lift is above this.
    pub least_lift: f64,
    /// A partner's log-likelihood ratio is above this.
    pub least_llr: f64,
    /// How much of being looked at together is taken from being bought together.
    pub view_discount: f64,
    /// Baskets with more distinct items are left out.
    pub largest_basket: usize,
}

impl Default for RawCrossSellParams {
    fn default() -> Self {
        Self {
            partners: 200,
            half_life_days: 180.0,
            size_exponent: 0.5,
            popularity_exponent: 0.1,
            prior_weight: 5.0,
            category_prior_weight: 20.0,
            least_lift: 1.0,
            least_llr: 10.83,
            view_discount: 0.5,
            largest_basket: 200,
        }
    }
}

/// Checked parameters of cross-sell.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `partners` | 200 | partners kept of each item, the strongest | 1 to 10,000 |
/// | `half_life_days` | 180 | age at which a basket counts half; 0 never ages | 0 to 100,000 |
/// | `size_exponent` | 0.5 | `s`: a basket of `n` items gives each pair `1 / (n − 1)^s`: with 0 every pair counts alike, with 1 every item of a basket | 0 to 2 |
/// | `popularity_exponent` | 0.1 | `g`: damping of popular partners; 0 ranks by `P(b\|a)`, 1 by lift | 0 to 1 |
/// | `prior_weight` | 5 | `m`: weighted pairs that the category's partners count as | 0.000001 to 1,000,000 |
/// | `category_prior_weight` | 20 | `m₂`: weighted pairs that popularity counts as, against the category's | 0.000001 to 1,000,000 |
/// | `least_lift` | 1 | what a partner's lift must exceed | 0 to 1,000 |
/// | `least_llr` | 10.83 | what its log-likelihood ratio must exceed; 10.83 is one false alarm in a thousand | 0 to 10,000 |
/// | `view_discount` | 0.5 | `c`: a partner's shrunk PMI of purchases exceeds `c` times that of views | 0 to 2 |
/// | `largest_basket` | 200 | distinct items beyond which a basket is left out: the work grows with their square | 2 to 100,000 |
#[derive(Clone, Debug, PartialEq)]
pub struct CrossSellParams {
    raw: RawCrossSellParams,
}

impl CrossSellParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawCrossSellParams {
        &self.raw
    }
}

impl TryFrom<RawCrossSellParams> for CrossSellParams {
    type Error = OutOfRange;

    fn try_from(raw: RawCrossSellParams) -> Result<Self, OutOfRange> {
        let rules = [
            ("partners", raw.partners as f64, 1.0, 10_000.0),
            ("half_life_days", raw.half_life_days, 0.0, 100_000.0),
            ("size_exponent", raw.size_exponent, 0.0, 2.0),
            ("popularity_exponent", raw.popularity_exponent, 0.0, 1.0),
            ("prior_weight", raw.prior_weight, 1e-6, 1e6),
            ("category_prior_weight", raw.category_prior_weight, 1e-6, 1e6),
            ("least_lift", raw.least_lift, 0.0, 1_000.0),
            ("least_llr", raw.least_llr, 0.0, 10_000.0),
            ("view_discount", raw.view_discount, 0.0, 2.0),
            ("largest_basket", raw.largest_basket as f64, 2.0, 100_000.0),
        ];
        check("cross_sell", &rules)?;
        Ok(Self { raw })
    }
}
