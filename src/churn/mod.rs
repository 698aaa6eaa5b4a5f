//! Models that score a history: will this customer buy again?
//!
//! Enters: the histories, the shop's calendar and an instant. Leaves: a [`ChurnModel`] that turns any history into the
//! probability of no purchase in the horizon, with reasons that add up to it; a [`feature_table`] for those who model
//! themselves; a [`backtest`] that says how good such scores were in the past.
//!
//! The one decision: churn is an observable outcome, "no purchase in `[t, t + horizon)`", never a state of mind.
//! Everything that a model may know lies strictly before `t`, everything that it is judged by at or after, and
//! fitting for a backtest is the same function as fitting for service, called with an earlier end of the data.
//!
//! Three rooms need no churn model: [`segment`] tells what sort of customer somebody is, [`value`] what she is worth, and
//! [`plan`] whom an offer is worth making to, given probabilities and values from anywhere.

mod backtest;
mod band;
mod boosted;
mod boosting;
pub mod btyd;
mod change;
mod error;
mod explain;
pub mod features;
mod fit;
mod gaps;
mod label;
mod linear;
mod logistic;
mod model;
mod params;
pub mod plan;
mod platt;
mod predictor;
mod profile;
mod reasons;
mod rhythm;
mod sample;
pub mod segment;
mod shop;
mod standard;
mod stored;
#[cfg(test)]
mod telco;
mod thin;
pub mod value;
pub mod watch;

pub use backtest::{
    BacktestOptions, ChurnBacktest, ChurnFold, Comparison, FREQUENCY_ONLY, MeanMetrics, Means, ModelMetrics,
    RECENCY_ONLY, RISK_BINS, RepeatBuyers, RfmCell, RiskSpread, SkippedFold, backtest,
};
pub use band::Band;
pub use change::{Asked, Change, ChangePart, change};
pub use error::{ChurnError, Outcome};
pub use features::{Family, FeatureTable, describe, feature_table};
pub use fit::{Calibration, ChurnFitReport, Level, Rung};
pub use label::{Standing, churned, standing};
pub use model::{ChurnModel, ChurnScore, Coefficient, SMALLEST_PROBABILITY};
pub use params::{ChurnParams, ChurnParamsError, ModelChoice, RawChurnParams};
pub use platt::{Platt, logit, sigmoid};
pub use predictor::ChurnModelKind;
pub use profile::{Profile, Profiler};
pub use reasons::ChurnReason;
pub use rhythm::Buying;
pub use shop::Shop;

#[cfg(test)]
mod tests;
