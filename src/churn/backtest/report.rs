//! What a backtest found, as reports and JSON have it.

use indexmap::IndexMap;
use serde::Serialize;

use super::customers::{RepeatBuyers, RfmCell, RiskSpread};
use super::judge::{Comparison, ModelMetrics};
use crate::churn::{ChurnModelKind, Rung};
use crate::measure::bootstrap::Interval;
use crate::measure::calibration::ReliabilityBin;
use crate::measure::gains::GainsTable;
use crate::time::Timestamp;

/// What a backtest found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ChurnBacktest {
    /// The horizon of label and probability.
    pub horizon_days: u32,
    /// Who was judged: customers with a purchase in so many days before.
    pub eligible_days: u32,
    /// The folds that could be measured, in the order that was asked for.
    pub folds: Vec<ChurnFold>,
    /// Means over the folds.
    pub mean: Means,
    /// The folds that could not, and why.
    pub skipped: Vec<SkippedFold>,
}

/// One instant in the past.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ChurnFold {
    /// Scores are as of this instant.
    pub as_of: Timestamp,
    /// Customers judged.
    pub eligible: usize,
    /// Share of them who churned.
    pub churn_rate: f64,
    /// Training cut-offs of the models.
    pub train_cut_offs: usize,
    /// Training rows of the models.
    pub train_rows: usize,
    /// The model that would have served.
    pub served: ChurnModelKind,
    /// The models that there were, and why one of them would have served.
    pub ladder: Vec<Rung>,
    /// Metrics of each model on the same customers, the one that would have served first.
    pub models: IndexMap<&'static str, ModelMetrics>,
    /// How much better the model that would have served is than each of the others, on the same resamples.
    pub advantage: IndexMap<&'static str, Comparison>,
    /// Reliability table of the model that would have served.
    pub reliability: Vec<ReliabilityBin>,
    /// By each model, those who left among the tenths at highest risk; the model that would have served first.
    pub gains: IndexMap<&'static str, GainsTable>,
    /// How the risk was spread, by the model that would have served.
    pub risk: RiskSpread,
    /// Risk and outcome by recency and frequency. The scores compare with all who had bought before the instant, lapsed
    /// or not; the customers in the cells are those who were judged.
    pub rfm: Vec<RfmCell>,
    /// The model that would have served on repeat buyers alone; `None` without one.
    pub repeat_buyers: Option<RepeatBuyers>,
}

/// Means over the folds in which a model was judged.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Means {
    /// Mean of each model's metrics.
    pub models: IndexMap<&'static str, MeanMetrics>,
    /// Mean advantage of the model that would have served over each of the others. Intervals are over customers: one
    /// who stands in several folds is drawn in all of them or in none.
    pub advantage: IndexMap<&'static str, Comparison>,
}

/// Means of one model's metrics.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct MeanMetrics {
    /// Folds in which it was judged.
    pub folds: usize,
    /// Mean AUC.
    pub auc: f64,
    /// Its interval over resamples of customers across all folds.
    pub auc_interval: Interval,
    /// Standard deviation of the AUC over folds; 0 for one fold.
    pub auc_sd: f64,
    /// Mean Brier score.
    pub brier: f64,
    /// Mean Brier skill.
    pub brier_skill: f64,
    /// Mean average precision.
    pub average_precision: f64,
    /// Mean calibration error.
    pub ece: f64,
    /// Mean log loss.
    pub log_loss: f64,
}

/// A fold that could not be measured.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct SkippedFold {
    /// The instant asked for.
    pub as_of: Timestamp,
    /// The rule that refused.
    pub reason: String,
}
