//! How a customer's worth is counted: the `[value]` part of a recipe.

use serde::{Deserialize, Serialize};

/// The parameters as a recipe writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawValueParams {
    /// Months ahead that a value counts.
    pub months: u32,
    /// Share of the revenue that the shop keeps; 1: a value is revenue.
    pub margin: f64,
    /// What money loses of its worth in a year.
    pub annual_discount_rate: f64,
    /// A next order that is further away is no date.
    pub longest_wait_days: u32,
    /// Fewer customers who bought on a second day: refuse.
    pub min_repeat_buyers: u32,
}

impl Default for RawValueParams {
    fn default() -> Self {
        Self {
            months: 12,
            margin: 1.0,
            annual_discount_rate: 0.1,
            longest_wait_days: 365,
            min_repeat_buyers: 50,
        }
    }
}

/// Why parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("value.{key} = {value} is not {rule}")]
pub struct ValueParamsError {
    key: &'static str,
    value: f64,
    rule: &'static str,
}

/// Checked parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `months` | 12 | months of 365.25 / 12 days ahead whose purchases count | 1 to 60 |
/// | `margin` | 1 | share of the revenue that the shop keeps; 1 counts revenue | above 0, to 1 |
/// | `annual_discount_rate` | 0.1 | `d` of the factor `1 / (1 + d)^(m/12)` on what comes in month `m` | 0 to 1 |
/// | `longest_wait_days` | 365 | a median wait for the next order that is longer is no date | 1 to 3650 |
/// | `min_repeat_buyers` | 50 | least number of customers with two purchase days, and of those with prices, to learn from them | 1 or more |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ValueParams {
    raw: RawValueParams,
}

impl ValueParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawValueParams {
        &self.raw
    }
}

impl TryFrom<RawValueParams> for ValueParams {
    type Error = ValueParamsError;

    fn try_from(raw: RawValueParams) -> Result<Self, ValueParamsError> {
        let checks = [
            (
                (1..=60).contains(&raw.months),
                "months",
                f64::from(raw.months),
                "between 1 and 60",
            ),
            (
                raw.margin > 0.0 && raw.margin <= 1.0,
                "margin",
                raw.margin,
                "above 0 and at most 1",
            ),
            (
                (0.0..=1.0).contains(&raw.annual_discount_rate),
                "annual_discount_rate",
                raw.annual_discount_rate,
                "between 0 and 1",
            ),
            (
                (1..=3650).contains(&raw.longest_wait_days),
                "longest_wait_days",
                f64::from(raw.longest_wait_days),
                "between 1 and 3650",
            ),
            (
                raw.min_repeat_buyers >= 1,
                "min_repeat_buyers",
                f64::from(raw.min_repeat_buyers),
                "1 or more",
            ),
        ];
        match checks.into_iter().find(|check| !check.0) {
            Some((_, key, value, rule)) => Err(ValueParamsError { key, value, rule }),
            None => Ok(Self { raw }),
        }
    }
}
