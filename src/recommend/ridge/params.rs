//! The hyper-parameters of local ridge regression: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

/// The recipe section `[recommend.ridge]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRidgeParams {
    /// Items that may speak for one item.
    pub support: usize,
    /// How strongly popular items are damped when the support is chosen.
    pub support_exponent: f64,
    /// How strongly customers with long histories are damped.
    pub customer_exponent: f64,
    /// Strength of the penalty, in entries of the matrix.
    pub l2: f64,
    /// How the penalty grows with the popularity of an item.
    pub popularity_exponent: f64,
    /// Part of each history that the regression must do without.
    pub dropout: f64,
    /// Whether weights below zero become zero.
    pub clip: bool,
    /// Links that are kept of each item's support, the strongest; 0 for all.
    pub keep: usize,
}

impl Default for RawRidgeParams {
    fn default() -> Self {
        Self {
            support: 128,
            support_exponent: 0.4,
            customer_exponent: 0.16,
            l2: 40.0,
            popularity_exponent: 0.63,
            dropout: 0.0,
            clip: true,
            keep: 0,
        }
    }
}

/// Why hyper-parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("recommend.ridge.{key} = {value} is not {rule}")]
pub struct RidgeParamsError {
    key: &'static str,
    value: f64,
    rule: &'static str,
}

/// Checked hyper-parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `support` | 128 | `K`: items that may speak for one item; more is better and slower | 1 to 2000 |
/// | `support_exponent` | 0.4 | `e`: damping of popular items when the support is chosen | 0 to 2 |
/// | `customer_exponent` | 0.16 | `a`: damping of customers with long histories | 0 to 2 |
/// | `l2` | 40 | `λ`: penalty, in average entries of the matrix | 0.001 to 1,000,000 |
/// | `popularity_exponent` | 0.63 | `α`: 0 penalises all items alike, 1 in proportion to how much is known of them | 0 to 1 |
/// | `dropout` | 0 | `p`: adds `p / (1 − p)` of the diagonal to the penalty | 0 to 0.99 |
/// | `clip` | true | weights below zero become zero | |
/// | `keep` | 0 | strongest weights kept of each support; 0 keeps all | 0 to 2000 |
///
/// EASE is `α = 0, p = 0, a = 0` with a support of all items; EDLAE the same with `p` above zero; `α` is the rescaling of
/// the sparse Markov random field, whose own setting 0.75 reads `α = 0.75` here.
#[derive(Clone, Debug, PartialEq)]
pub struct RidgeParams {
    raw: RawRidgeParams,
}

impl RidgeParams {
    /// The hyper-parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawRidgeParams {
        &self.raw
    }
}

impl TryFrom<RawRidgeParams> for RidgeParams {
    type Error = RidgeParamsError;

    fn try_from(raw: RawRidgeParams) -> Result<Self, RidgeParamsError> {
        let exponent = |value: f64| (0.0..=2.0).contains(&value);
        let rules = [
            (
                "support",
                raw.support as f64,
                (1..=2000).contains(&raw.support),
                "1 to 2000",
            ),
            (
                "support_exponent",
                raw.support_exponent,
                exponent(raw.support_exponent),
                "between 0 and 2",
            ),
            (
                "customer_exponent",
                raw.customer_exponent,
                exponent(raw.customer_exponent),
                "between 0 and 2",
            ),
            // Two items that always come together are only told apart by the penalty.
            (
                "l2",
                raw.l2,
                (1e-3..=1e6).contains(&raw.l2),
                "between 0.001 and 1000000",
            ),
            (
                "popularity_exponent",
                raw.popularity_exponent,
                (0.0..=1.0).contains(&raw.popularity_exponent),
                "between 0 and 1",
            ),
            (
                "dropout",
                raw.dropout,
                (0.0..=0.99).contains(&raw.dropout),
                "between 0 and 0.99",
            ),
            ("keep", raw.keep as f64, raw.keep <= 2000, "0 to 2000"),
        ];
        match rules.into_iter().find(|&(_, _, holds, _)| !holds) {
            Some((key, value, _, rule)) => Err(RidgeParamsError { key, value, rule }),
            None => Ok(Self { raw }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_their_key() {
        for text in [
            "support = 0",
            "support_exponent = 2.5",
            "customer_exponent = nan",
            "l2 = 0.0",
            "popularity_exponent = 1.1",
            "dropout = 1.0",
            "keep = 5000",
        ] {
            let key = text.split(' ').next().unwrap();
            let raw: RawRidgeParams = toml::from_str(text).unwrap();
            let message = RidgeParams::try_from(raw).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("recommend.ridge.{key} = ")),
                "{message}"
            );
        }
        assert!(RidgeParams::try_from(RawRidgeParams::default()).is_ok());
    }
}
