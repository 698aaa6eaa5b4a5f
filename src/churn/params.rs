//! How churn is defined and learned in a shop: the `[churn]` part of a recipe.

use serde::{Deserialize, Serialize};

/// The parameters as a recipe writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawChurnParams {
    /// A customer who buys nothing for so many days has churned; 0: found from the gaps between purchases.
    pub horizon_days: u32,
    /// Only customers whose last purchase is at most so many days ago can churn; 0 for min(365, 4 × horizon).
    pub eligible_days: u32,
    /// Days between training cut-offs; 0 for max(7, horizon / 3).
    pub cut_off_spacing_days: u32,
    /// Which model scores; by itself the ladder chooses the one that the data are enough for.
    pub model: ModelChoice,
    /// At most so many training cut-offs, the newest ones.
    pub max_cut_offs: u32,
    /// L2 penalty of the logistic regression, on standardised features and summed over rows.
    pub l2: f64,
    /// A probability below this is low risk.
    pub low_below: f64,
    /// A probability above this is high risk.
    pub high_above: f64,
    /// Fewer customers who ever bought: refuse.
    pub min_purchasers: u32,
    /// Fewer customers who ever bought: MBG/NBD instead of the regression.
    pub logistic_min_purchasers: u32,
    /// Fewer days from the first purchase to the end of the data: MBG/NBD instead of the regression.
    pub logistic_min_days: u32,
    /// Fewer training rows: no boosted trees.
    pub boosting_min_rows: u32,
    /// Fewer training rows of the rarer outcome: no boosted trees.
    pub boosting_min_outcomes: u32,
    /// Fewer customers of either outcome in training: MBG/NBD instead of the regression. Fewer rows of either outcome to calibrate on: do not
    /// calibrate.
    pub min_outcomes: u32,
    /// No purchase for more days at the end of the log: refuse.
    pub max_days_since_purchase: u32,
}

impl Default for RawChurnParams {
    fn default() -> Self {
        Self {
            horizon_days: 0,
            eligible_days: 0,
            cut_off_spacing_days: 0,
            model: ModelChoice::Auto,
            max_cut_offs: 12,
            // The best of 1, 10 and 100 on the folds of Online Retail II before its last one.
            l2: 10.0,
            low_below: 0.33,
            high_above: 0.66,
            min_purchasers: 100,
            logistic_min_purchasers: 500,
            logistic_min_days: 180,
            boosting_min_rows: 5000,
            boosting_min_outcomes: 500,
            min_outcomes: 100,
            max_days_since_purchase: 30,
        }
    }
}

/// Which model of the ladder scores.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelChoice {
    /// The one that the data are enough for and that foresees best.
    #[default]
    Auto,
    /// MBG/NBD.
    MbgNbd,
    /// L2 logistic regression.
    Logistic,
    /// Boosted trees.
    Boosting,
}

impl std::fmt::Display for ModelChoice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::MbgNbd => "mbg-nbd",
            Self::Logistic => "logistic",
            Self::Boosting => "boosting",
        })
    }
}

/// Why parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("churn.{key} = {value} is not {rule}")]
pub struct ChurnParamsError {
    key: &'static str,
    value: f64,
    rule: &'static str,
}

/// Checked parameters.
///
/// A customer is *eligible* at `t` when she bought before `t` and at most `eligible_days` before; an eligible customer
/// *churned* when she has no purchase day in `[t, t + horizon_days)`.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `horizon_days` | 0 | length of the window without a purchase; 0 is the smallest of 30, 60, 90 and 180 within which four gaps of five between purchases end | 0, or 1 to 730 |
/// | `eligible_days` | 0 | how long after the last purchase a customer can still churn; 0 is min(365, 4 × horizon) | 0, or 1 to 3650 |
/// | `cut_off_spacing_days` | 0 | days between training cut-offs; 0 is max(7, horizon / 3) | 0 to 365 |
/// | `model` | "auto" | "mbg-nbd", "logistic", "boosting", or the one that the data are enough for | |
/// | `max_cut_offs` | 12 | how many training cut-offs at most: older behaviour teaches little | 1 to 100 |
/// | `l2` | 10 | penalty `l2 / 2 · ‖w‖²` beside the log loss summed over rows | above 0, to 10⁶ |
/// | `low_below`, `high_above` | 0.33, 0.66 | limits of the risk bands | 0 to 1, in order |
/// | `min_purchasers` | 100 | least number of customers who bought | 1 or more |
/// | `logistic_min_purchasers`, `logistic_min_days` | 500, 180 | a smaller shop or a shorter log gets MBG/NBD | 1 or more |
/// | `boosting_min_rows`, `boosting_min_outcomes` | 5000, 500 | with fewer rows, or rows of the rarer outcome, no trees are grown | 1 or more |
/// | `min_outcomes` | 100 | least number of customers who stayed, and who churned, to learn from them | 1 or more |
/// | `max_days_since_purchase` | 30 | how stale the log may be | 1 to 3650 |
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChurnParams {
    raw: RawChurnParams,
}

impl ChurnParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawChurnParams {
        &self.raw
    }

    /// Days without a purchase that make a customer churned. While it is left to a log that nobody has looked at
    /// ([`Self::with_horizon_of`]), 90.
    #[must_use]
    pub fn horizon_days(&self) -> u32 {
        match self.raw.horizon_days {
            0 => 90,
            days => days,
        }
    }

    pub(super) fn with_horizon(&self, horizon_days: u32) -> Self {
        Self {
            raw: RawChurnParams {
                horizon_days,
                ..self.raw.clone()
            },
        }
    }

    /// Days since the last purchase after which a customer counts as lapsed.
    #[must_use]
    pub fn eligible_days(&self) -> u32 {
        match self.raw.eligible_days {
            0 => (4 * self.horizon_days()).min(365),
            days => days,
        }
    }

    /// Days between training cut-offs.
    #[must_use]
    pub fn cut_off_spacing_days(&self) -> u32 {
        match self.raw.cut_off_spacing_days {
            0 => (self.horizon_days() / 3).max(7),
            days => days,
        }
    }
}

impl TryFrom<RawChurnParams> for ChurnParams {
    type Error = ChurnParamsError;

    fn try_from(raw: RawChurnParams) -> Result<Self, ChurnParamsError> {
        let checks = [
            (
                raw.horizon_days <= 730,
                "horizon_days",
                f64::from(raw.horizon_days),
                "between 0 and 730",
            ),
            (
                raw.eligible_days <= 3650,
                "eligible_days",
                f64::from(raw.eligible_days),
                "between 0 and 3650",
            ),
            (
                raw.cut_off_spacing_days <= 365,
                "cut_off_spacing_days",
                f64::from(raw.cut_off_spacing_days),
                "between 0 and 365",
            ),
            (
                (1..=100).contains(&raw.max_cut_offs),
                "max_cut_offs",
                f64::from(raw.max_cut_offs),
                "between 1 and 100",
            ),
            (
                raw.l2 > 0.0 && raw.l2 <= 1e6,
                "l2",
                raw.l2,
                "above 0 and at most 1000000",
            ),
            (
                (0.0..=1.0).contains(&raw.low_below),
                "low_below",
                raw.low_below,
                "between 0 and 1",
            ),
            (
                raw.high_above >= raw.low_below && raw.high_above <= 1.0,
                "high_above",
                raw.high_above,
                "between low_below and 1",
            ),
            (
                raw.min_purchasers >= 1,
                "min_purchasers",
                f64::from(raw.min_purchasers),
                "1 or more",
            ),
            (
                raw.min_outcomes >= 1,
                "min_outcomes",
                f64::from(raw.min_outcomes),
                "1 or more",
            ),
            (
                raw.logistic_min_purchasers >= 1,
                "logistic_min_purchasers",
                f64::from(raw.logistic_min_purchasers),
                "1 or more",
            ),
            (
                raw.logistic_min_days >= 1,
                "logistic_min_days",
                f64::from(raw.logistic_min_days),
                "1 or more",
            ),
            (
                raw.boosting_min_rows >= 1,
                "boosting_min_rows",
                f64::from(raw.boosting_min_rows),
                "1 or more",
            ),
            (
                raw.boosting_min_outcomes >= 1,
                "boosting_min_outcomes",
                f64::from(raw.boosting_min_outcomes),
                "1 or more",
            ),
            (
                (1..=3650).contains(&raw.max_days_since_purchase),
                "max_days_since_purchase",
                f64::from(raw.max_days_since_purchase),
                "between 1 and 3650",
            ),
        ];
        match checks.into_iter().find(|check| !check.0) {
            Some((_, key, value, rule)) => Err(ChurnParamsError { key, value, rule }),
            None => Ok(Self { raw }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_means_what_the_table_says() {
        let of = |horizon_days| {
            let params = ChurnParams::try_from(RawChurnParams {
                horizon_days,
                ..RawChurnParams::default()
            });
            params
                .map(|p| (p.eligible_days(), p.cut_off_spacing_days()))
                .unwrap()
        };
        assert_eq!(of(90), (360, 30));
        assert_eq!(of(180), (365, 60));
        assert_eq!(of(14), (56, 7));
    }

    #[test]
    fn bad_parameters_name_the_key_and_the_range() {
        let error = |raw: RawChurnParams| ChurnParams::try_from(raw).unwrap_err().to_string();
        let defaults = RawChurnParams::default;
        assert_eq!(
            error(RawChurnParams {
                horizon_days: 731,
                ..defaults()
            }),
            "churn.horizon_days = 731 is not between 0 and 730"
        );
        assert!(
            error(RawChurnParams {
                l2: f64::NAN,
                ..defaults()
            })
            .starts_with("churn.l2 = NaN")
        );
        assert_eq!(
            error(RawChurnParams {
                high_above: 0.2,
                ..defaults()
            }),
            "churn.high_above = 0.2 is not between low_below and 1"
        );
        assert!(
            serde_json::from_str::<RawChurnParams>(r#"{"horizon": 30}"#)
                .unwrap_err()
                .to_string()
                .contains("horizon")
        );
    }
}
