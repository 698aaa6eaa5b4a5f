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
pub mod btyd;
#[cfg_attr(not(test), expect(dead_code, reason = "no churn model is made of trees yet"))]
mod boosting;
mod error;
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "no model of few inputs is explained yet")
)]
mod explain;
pub mod features;
mod fit;
mod judge;
mod label;
mod logistic;
mod model;
mod params;
pub mod plan;
mod platt;
mod reasons;
mod sample;
pub mod segment;
mod standard;
mod stored;
#[cfg_attr(not(test), expect(dead_code, reason = "the fit does not thin its rows yet"))]
mod thin;
pub mod value;

pub use backtest::{
    BacktestOptions, ChurnBacktest, ChurnFold, MeanMetrics, Means, Models, SkippedFold, backtest,
};
pub use band::Band;
pub use error::{ChurnError, Outcome};
pub use features::{Family, FeatureTable, describe, feature_table};
pub use fit::{Calibration, ChurnFitReport};
pub use judge::{Comparison, ModelMetrics};
pub use label::{Standing, churned, standing};
pub use model::{ChurnModel, ChurnScore, Coefficient, SMALLEST_PROBABILITY};
pub use params::{ChurnParams, ChurnParamsError, RawChurnParams};
pub use platt::{Platt, logit, sigmoid};
pub use reasons::ChurnReason;

#[cfg(test)]
mod telco;
#[cfg(test)]
mod tests;
