//! The parameters of buying again: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

/// The recipe section `[recommend.buy_again]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawBuyAgainParams {
    /// Windows for which a regression is fitted; the answer for others lies between.
    pub windows_days: Vec<f64>,
    /// Instants in the past at which pairs are looked at, for each window.
    pub cut_offs: usize,
    /// Days from one such instant to the one before.
    pub cut_off_spacing_days: f64,
    /// Strength of the penalty on the coefficients of standardised features.
    pub l2: f64,
    /// Pairs that one regression may learn from.
    pub pairs: usize,
    /// Days after which a sale counts half in an item's sales of late.
    pub sales_half_life_days: f64,
    /// Days after which a repeat counts half in an item's rate of being bought again.
    pub repeat_half_life_days: f64,
    /// Purchases that the shop's chance of a repeat counts beside an item's own.
    pub repeat_prior: f64,
    /// Chance of a repeat below which something bought once gets no due date.
    pub due_from_chance: f64,
}

impl Default for RawBuyAgainParams {
    fn default() -> Self {
        Self {
            windows_days: vec![7.0, 14.0, 30.0, 60.0, 90.0],
            cut_offs: 4,
            cut_off_spacing_days: 15.0,
            l2: 10.0,
            pairs: 600_000,
            sales_half_life_days: 14.0,
            repeat_half_life_days: 90.0,
            repeat_prior: 10.0,
            due_from_chance: 0.3,
        }
    }
}

/// Why parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuyAgainParamsError {
    /// A number outside its range.
    #[error("recommend.buy_again.{key} = {value} is not between {least} and {most}")]
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
    /// Windows that are none.
    #[error(
        "recommend.buy_again.windows_days = {windows:?} must be 1 to {MOST_WINDOWS} ascending numbers of days from 1 to 730"
    )]
    Windows {
        /// The rejected value.
        windows: Vec<f64>,
    },
}

/// Windows at most: each is one regression.
pub(crate) const MOST_WINDOWS: usize = 12;

/// Checked parameters.
///
/// For each window of `windows_days` one regression learns which of the pairs known at a past instant were bought again within the
/// window. The instants are the fit's end less the window, and `cut_offs − 1` more, each `cut_off_spacing_days` earlier.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `windows_days` | 7, 14, 30, 60, 90 | windows with a regression of their own; no longer one than the last can be asked for | 1 to 730, ascending, at most 12 |
/// | `cut_offs` | 4 | past instants to learn from | 1 to 50 |
/// | `cut_off_spacing_days` | 15 | days between them | 1 to 365 |
/// | `l2` | 10 | ridge penalty | 0 to 10⁶ |
/// | `pairs` | 600,000 | pairs a regression learns from at most; customers beyond are left out by lot | 1000 to 10⁸ |
/// | `sales_half_life_days` | 14 | memory of an item's sales of late | 1 to 3650 |
/// | `repeat_half_life_days` | 90 | memory of how often owners buy an item again | 1 to 3650 |
/// | `repeat_prior` | 10 | shrinkage of an item's chance of a repeat, in purchases | 0.1 to 10⁶ |
/// | `due_from_chance` | 0.3 | chance of a repeat from which a single purchase gets a due date | 0 to 1 |
#[derive(Clone, Debug, PartialEq)]
pub struct BuyAgainParams {
    raw: RawBuyAgainParams,
}

impl BuyAgainParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawBuyAgainParams {
        &self.raw
    }
}

impl TryFrom<RawBuyAgainParams> for BuyAgainParams {
    type Error = BuyAgainParamsError;

    fn try_from(raw: RawBuyAgainParams) -> Result<Self, BuyAgainParamsError> {
        let rules = [
            ("cut_offs", raw.cut_offs as f64, 1.0, 50.0),
            ("cut_off_spacing_days", raw.cut_off_spacing_days, 1.0, 365.0),
            ("l2", raw.l2, 0.0, 1e6),
            ("pairs", raw.pairs as f64, 1e3, 1e8),
            ("sales_half_life_days", raw.sales_half_life_days, 1.0, 3650.0),
            ("repeat_half_life_days", raw.repeat_half_life_days, 1.0, 3650.0),
            ("repeat_prior", raw.repeat_prior, 0.1, 1e6),
            ("due_from_chance", raw.due_from_chance, 0.0, 1.0),
        ];
        for (key, value, least, most) in rules {
            if !(least..=most).contains(&value) {
                return Err(BuyAgainParamsError::Range {
                    key,
                    value,
                    least,
                    most,
                });
            }
        }
        if are_windows(&raw.windows_days) {
            Ok(Self { raw })
        } else {
            Err(BuyAgainParamsError::Windows {
                windows: raw.windows_days,
            })
        }
    }
}

/// Whether these are windows that a model can have: ascending, from 1 to 730 days, not too many.
pub(crate) fn are_windows(days: &[f64]) -> bool {
    (1..=MOST_WINDOWS).contains(&days.len())
        && days.iter().all(|days| (1.0..=730.0).contains(days))
        && days.is_sorted_by(|a, b| a < b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_their_key() {
        for text in [
            "cut_offs = 0",
            "cut_off_spacing_days = 0.5",
            "l2 = -1.0",
            "pairs = 10",
            "sales_half_life_days = nan",
            "repeat_half_life_days = 0.0",
            "repeat_prior = 0.0",
            "due_from_chance = 1.5",
            "windows_days = []",
            "windows_days = [30.0, 7.0]",
            "windows_days = [0.5]",
        ] {
            let key = text.split(' ').next().unwrap();
            let raw: RawBuyAgainParams = toml::from_str(text).unwrap();
            let message = BuyAgainParams::try_from(raw).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("recommend.buy_again.{key} = ")),
                "{message}"
            );
        }
        assert!(BuyAgainParams::try_from(RawBuyAgainParams::default()).is_ok());
        assert!(toml::from_str::<RawBuyAgainParams>("window = 3").is_err());
    }
}
