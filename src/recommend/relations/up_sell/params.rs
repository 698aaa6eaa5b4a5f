//! The parameters of up-sell: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

use crate::recommend::range::{OutOfRange, check};

/// The recipe section `[recommend.up_sell]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawUpSellParams {
    /// What a better item costs more, at least, as a share of the price.
    pub least_rise: f64,
    /// What it costs more at most.
    pub most_rise: f64,
    /// Choices that the mean acceptance counts as, at each price ratio.
    pub prior_choices: f64,
    /// Purchases at which a customer's own price level weighs half.
    pub price_level_purchases: f64,
    /// Standard deviations from the customer's price level at which the fit falls to 0.61.
    pub price_tolerance: f64,
}

impl Default for RawUpSellParams {
    fn default() -> Self {
        Self {
            least_rise: 0.1,
            most_rise: 0.6,
            prior_choices: 20.0,
            price_level_purchases: 3.0,
            price_tolerance: 1.0,
        }
    }
}

/// Checked parameters of up-sell.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `least_rise` | 0.1 | what a better item costs more, at least: 0.1 is 10 % | 0 to 4 |
/// | `most_rise` | 0.6 | … and at most | `least_rise` to 4 |
/// | `prior_choices` | 20 | choices that the mean acceptance counts as, at each price ratio | 0.000001 to 1,000,000 |
/// | `price_level_purchases` | 3 | purchases at which a customer's price level weighs half | 0.000001 to 1,000,000 |
/// | `price_tolerance` | 1 | width of the fit, in standard deviations of a leaf category's log prices | 0.01 to 100 |
#[derive(Clone, Debug, PartialEq)]
pub struct UpSellParams {
    raw: RawUpSellParams,
}

impl UpSellParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawUpSellParams {
        &self.raw
    }
}

impl TryFrom<RawUpSellParams> for UpSellParams {
    type Error = OutOfRange;

    fn try_from(raw: RawUpSellParams) -> Result<Self, OutOfRange> {
        check("up_sell", &[("least_rise", raw.least_rise, 0.0, 4.0)])?;
        let rules = [
            ("most_rise", raw.most_rise, raw.least_rise, 4.0),
            ("prior_choices", raw.prior_choices, 1e-6, 1e6),
            ("price_level_purchases", raw.price_level_purchases, 1e-6, 1e6),
            ("price_tolerance", raw.price_tolerance, 0.01, 100.0),
        ];
        check("up_sell", &rules)?;
        Ok(Self { raw })
    }
}
