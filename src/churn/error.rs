//! Why there is no churn model: the shop's data does not allow one, a parameter is out of range, or a stored model is
//! broken.

use crate::time::Timestamp;

/// Which outcome there is too little of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Bought again within the horizon.
    Stayed,
    /// Bought nothing within the horizon.
    Churned,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stayed => "stayed",
            Self::Churned => "churned",
        })
    }
}

/// Why churn cannot be learned from a log, or a stored model cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ChurnError {
    /// Rule: enough customers who ever bought.
    #[error(
        "too few customers to learn churn from: {found} bought something before {data_end}, {needed} are needed (churn.min_purchasers)"
    )]
    TooFewPurchasers {
        /// Customers with a purchase day before the end of the data.
        found: usize,
        /// The least number.
        needed: usize,
        /// End of the data.
        data_end: Timestamp,
    },
    /// Rule: a history of at least two horizons, one to look back on and one to see what happened.
    #[error(
        "the log is too short to learn churn from: purchases span {days:.1} days, twice the horizon, {needed} days, is needed (a shorter churn.horizon_days needs less)"
    )]
    HistoryTooShort {
        /// Days from the first purchase to the end of the data.
        days: f64,
        /// Twice the horizon.
        needed: u32,
    },
    /// Rule: somebody bought lately. A log without recent purchases looks like a shop that everybody left.
    #[error(
        "no purchase in the last {allowed} days: the last one is {days:.1} days before {data_end}; is the log complete? (churn.max_days_since_purchase)"
    )]
    NoRecentPurchase {
        /// Days from the last purchase to the end of the data.
        days: f64,
        /// The most days allowed.
        allowed: u32,
        /// End of the data.
        data_end: Timestamp,
    },
    /// Rule: enough data for the model that the recipe names.
    #[error("churn.model = \"{model}\" cannot be learned: {why}")]
    ModelRefused {
        /// The model.
        model: String,
        /// The rule and its numbers.
        why: String,
    },
    /// Rule: somebody came back.
    #[error("no customer bought on a second day before {data_end}: there is no rhythm to learn from")]
    NobodyReturned {
        /// End of the data.
        data_end: Timestamp,
    },
    /// Rule: enough customers of either outcome.
    #[error(
        "too few customers who {outcome}: {found} within {horizon_days} days after any training cut-off, {needed} are needed (churn.min_outcomes)"
    )]
    TooFewOfOutcome {
        /// The outcome.
        outcome: Outcome,
        /// Different customers with it at any training cut-off.
        found: usize,
        /// The least number.
        needed: usize,
        /// The horizon.
        horizon_days: u32,
    },
    /// A backtest without one fold that could be measured.
    #[error("no backtest fold could be measured; the newest one at {as_of}: {reason}")]
    NoFold {
        /// Cut-off of the newest fold.
        as_of: Timestamp,
        /// What was wrong with it.
        reason: String,
    },
    /// The solver gave up: not the user's fault.
    #[error("the logistic regression was not solved: {detail}")]
    NotSolved {
        /// What the solver said.
        detail: String,
    },
    /// Trees cannot be boosted on such rows: not the user's fault.
    #[error("the boosted trees were not grown: {detail}")]
    NotBoosted {
        /// What was wrong with the rows.
        detail: String,
    },
    /// A stored model that breaks a rule.
    #[error("the stored churn model is broken: {field} {problem}")]
    BrokenModel {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}
