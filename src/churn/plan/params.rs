//! What a retention campaign may cost, and what is assumed of it.

use serde::{Deserialize, Serialize};

use super::Terms;
use crate::id::check_name;

/// Mean of the Beta(6, 14) that Verbraken et al. (2013) take for the acceptance.
const BETA_6_14_MEAN: f64 = 0.3;
/// No sum of money is larger: what is above is a slip of the pen, and sums stay finite.
pub(super) const MOST_MONEY: f64 = 1e12;

/// The parameters as a request writes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPlanParams {
    /// The most that the plan may be expected to cost.
    pub budget: f64,
    /// What the offer costs when a customer takes it, such as the worth of a voucher.
    pub offer_cost: f64,
    /// What it costs to reach a customer, whether she takes the offer or not.
    pub contact_cost: f64,
    /// Share of the would-be churners who take the offer and stay.
    #[serde(default = "default_acceptance")]
    pub acceptance: f64,
    /// Share of the customers worth an offer who get none, to measure by.
    #[serde(default = "default_control_share")]
    pub control_share: f64,
    /// The most that one segment may take, as a share of the budget.
    #[serde(default = "default_most_per_segment")]
    pub most_per_segment: f64,
    /// Name of the policy. Control groups of one name are the same people every time.
    #[serde(default = "default_policy")]
    pub policy: String,
    /// Whether customers who have left already may get an offer.
    #[serde(default)]
    pub include_lapsed: bool,
}

fn default_acceptance() -> f64 {
    BETA_6_14_MEAN
}

fn default_control_share() -> f64 {
    0.1
}

fn default_most_per_segment() -> f64 {
    1.0
}

fn default_policy() -> String {
    "retention".to_owned()
}

impl RawPlanParams {
    /// A campaign with these costs, the rest by default.
    #[must_use]
    pub fn new(budget: f64, offer_cost: f64, contact_cost: f64) -> Self {
        Self {
            budget,
            offer_cost,
            contact_cost,
            acceptance: default_acceptance(),
            control_share: default_control_share(),
            most_per_segment: default_most_per_segment(),
            policy: default_policy(),
            include_lapsed: false,
        }
    }
}

/// Why parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanParamsError {
    /// A number out of range.
    #[error("plan.{key} = {value} is not {rule}")]
    Number {
        /// The field.
        key: &'static str,
        /// Its value.
        value: f64,
        /// What is allowed.
        rule: &'static str,
    },
    /// An offer that costs nothing needs no plan: everybody gets it.
    #[error("plan.offer_cost and plan.contact_cost are both 0: what costs nothing needs no plan")]
    Free,
    /// A policy that has no name.
    #[error("plan.policy {0}")]
    Policy(#[from] crate::id::IdError),
}

impl PlanParamsError {
    /// The field that breaks the rule.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::Number { key, .. } => key,
            Self::Free => "offer_cost",
            Self::Policy(_) => "policy",
        }
    }

    /// The rule and the offending value.
    #[must_use]
    pub fn rule(&self) -> String {
        match self {
            Self::Number { value, rule, .. } => format!("must be {rule}, got {value}"),
            Self::Free => {
                "must not be 0 beside a contact_cost of 0: what costs nothing needs no plan".to_owned()
            }
            Self::Policy(error) => error.to_string(),
        }
    }
}

/// Checked parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `budget` | none | most expected cost | above 0, to 10¹² |
/// | `offer_cost` | none | cost `d` of an offer that is taken | 0 to 10¹² |
/// | `contact_cost` | none | cost `f` of reaching a customer; not 0 when `offer_cost` is | 0 to 10¹² |
/// | `acceptance` | 0.3 | share `γ` of would-be churners whom the offer keeps; an assumption | above 0, to 1 |
/// | `control_share` | 0.1 | share held back at random; without a control group no plan can ever be judged, so that 0 is refused | 0.01 to 0.5 |
/// | `most_per_segment` | 1 | most of the budget that one segment takes | above 0, to 1 |
/// | `policy` | `retention` | names the plan and seeds the control draw | an id |
/// | `include_lapsed` | false | whether those who left already are candidates | |
#[derive(Clone, Debug, PartialEq)]
pub struct PlanParams {
    raw: RawPlanParams,
}

impl PlanParams {
    /// The parameters as they were written.
    #[must_use]
    pub fn raw(&self) -> &RawPlanParams {
        &self.raw
    }

    /// The terms of the offer.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            offer_cost: self.raw.offer_cost,
            contact_cost: self.raw.contact_cost,
            acceptance: self.raw.acceptance,
        }
    }

    /// What the plan takes for granted, in words; every output of a plan shows it.
    #[must_use]
    pub fn assumption(&self) -> String {
        let acceptance = self.raw.acceptance;
        let source = if acceptance.to_bits() == BETA_6_14_MEAN.to_bits() {
            ", the mean of Beta(6, 14) in Verbraken et al. (2013)"
        } else {
            ""
        };
        format!(
            "assumed, not measured: {} % of the customers who would leave take the offer and stay{source}; everybody who would stay anyway takes it, too",
            (1e4 * acceptance).round() / 100.0
        )
    }
}

impl TryFrom<RawPlanParams> for PlanParams {
    type Error = PlanParamsError;

    fn try_from(raw: RawPlanParams) -> Result<Self, PlanParamsError> {
        let within = |value: f64, low: f64, high: f64| (low..=high).contains(&value);
        let checks = [
            (
                raw.budget > 0.0 && raw.budget <= MOST_MONEY,
                "budget",
                raw.budget,
                "above 0 and at most 1e12",
            ),
            (
                within(raw.offer_cost, 0.0, MOST_MONEY),
                "offer_cost",
                raw.offer_cost,
                "between 0 and 1e12",
            ),
            (
                within(raw.contact_cost, 0.0, MOST_MONEY),
                "contact_cost",
                raw.contact_cost,
                "between 0 and 1e12",
            ),
            (
                raw.acceptance > 0.0 && raw.acceptance <= 1.0,
                "acceptance",
                raw.acceptance,
                "above 0 and at most 1",
            ),
            (
                within(raw.control_share, 0.01, 0.5),
                "control_share",
                raw.control_share,
                "between 0.01 and 0.5 (a plan without a control group can never be judged)",
            ),
            (
                raw.most_per_segment > 0.0 && raw.most_per_segment <= 1.0,
                "most_per_segment",
                raw.most_per_segment,
                "above 0 and at most 1",
            ),
        ];
        if let Some((_, key, value, rule)) = checks.into_iter().find(|check| !check.0) {
            return Err(PlanParamsError::Number { key, value, rule });
        }
        if raw.offer_cost + raw.contact_cost <= 0.0 {
            return Err(PlanParamsError::Free);
        }
        check_name(&raw.policy)?;
        Ok(Self { raw })
    }
}
