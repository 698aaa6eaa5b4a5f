//! How new arrivals get a fair chance: the recipe section `[recommend.new_arrivals]`.

use serde::{Deserialize, Serialize};

use crate::recommend::range::{OutOfRange, check};

/// The section as a recipe writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawNewArrivalsParams {
    /// Days after its launch during which an item is new.
    pub days: f64,
    /// Events at which an item's own score counts as much as its neighbours'.
    pub strength: f64,
    /// Neighbours by category and price that speak for a new item.
    pub neighbours: usize,
    /// Difference of log prices over which a neighbour's say falls to 1/e.
    pub price_tolerance: f64,
}

impl Default for RawNewArrivalsParams {
    fn default() -> Self {
        Self {
            days: 30.0,
            strength: 20.0,
            neighbours: 20,
            price_tolerance: 0.5,
        }
    }
}

/// Checked parameters.
///
/// A new item's score is `own · n / (n + strength)` and, for the rest, the mean of its neighbours' scores, with `n` its events.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `days` | 30 | days after its launch, or first event, during which an item is new; 0 for no such thing | 0 to 365 |
/// | `strength` | 20 | events at which its own score counts as much as its neighbours' | 0.1 to 10,000 |
/// | `neighbours` | 20 | items nearest by category and price that speak for it | 1 to 1,000 |
/// | `price_tolerance` | 0.5 | difference of log prices over which a neighbour's say falls to 1/e | 0.01 to 10 |
#[derive(Clone, Debug, PartialEq)]
pub struct NewArrivalsParams {
    raw: RawNewArrivalsParams,
}

impl NewArrivalsParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawNewArrivalsParams {
        &self.raw
    }
}

impl TryFrom<RawNewArrivalsParams> for NewArrivalsParams {
    type Error = OutOfRange;

    fn try_from(raw: RawNewArrivalsParams) -> Result<Self, OutOfRange> {
        let rules = [
            ("days", raw.days, 0.0, 365.0),
            ("strength", raw.strength, 0.1, 10_000.0),
            ("neighbours", raw.neighbours as f64, 1.0, 1_000.0),
            ("price_tolerance", raw.price_tolerance, 0.01, 10.0),
        ];
        check("new_arrivals", &rules)?;
        Ok(Self { raw })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_their_key() {
        for text in [
            "days = -1.0",
            "strength = 0.0",
            "neighbours = 0",
            "price_tolerance = nan",
        ] {
            let key = text.split(' ').next().unwrap();
            let raw: RawNewArrivalsParams = toml::from_str(text).unwrap();
            let message = NewArrivalsParams::try_from(raw).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("recommend.new_arrivals.{key} = ")),
                "{message}"
            );
        }
        assert!(NewArrivalsParams::try_from(RawNewArrivalsParams::default()).is_ok());
    }
}
