//! How good churn scores would have been: models fitted as of past instants, judged by what happened next.
//!
//! Each fold fits with the end of the data at its instant, by the same function that fits for service, so that
//! whatever service would not have known no fold knows. Beside the model stand the two questions that any shop can
//! ask without one: who has not bought for long, and who has bought seldom.

use serde::Serialize;

use super::features::{FREQUENCY, RECENCY, Schema};
use super::fit::Lessons;
use super::judge::{Comparison, ModelMetrics, Scored, judge};
use super::model::ChurnModel;
use super::sample::{Shop, Snapshot, snapshot};
use super::{ChurnError, ChurnParams};
use crate::history::Histories;
use crate::measure::bootstrap::Bootstrap;
use crate::measure::calibration::{ReliabilityBin, reliability};
use crate::progress::Progress;
use crate::time::{Calendar, MICROS_PER_DAY, Timestamp};

/// When to stand in the past, and how to draw intervals.
#[derive(Clone, PartialEq, Debug)]
pub struct BacktestOptions {
    /// The folds' instants, newest first; [`BacktestOptions::evenly`] chooses them.
    pub as_of: Vec<Timestamp>,
    /// How intervals over customers are drawn.
    pub bootstrap: Bootstrap,
}

impl BacktestOptions {
    /// Folds whose horizons follow one another without overlap, up to `folds` of them, the newest one the last
    /// midnight (UTC) whose horizon is over at `data_end`.
    #[must_use]
    pub fn evenly(params: &ChurnParams, data_end: Timestamp, folds: usize, seed: u64) -> Self {
        let horizon = f64::from(params.horizon_days());
        let newest = data_end.plus_days(-horizon).as_micros();
        let midnight = newest.div_euclid(MICROS_PER_DAY) * MICROS_PER_DAY;
        let newest = Timestamp::from_micros(midnight).unwrap_or(Timestamp::MIN);
        Self {
            as_of: (0..folds)
                .map(|fold| newest.plus_days(-horizon * fold as f64))
                .collect(),
            bootstrap: Bootstrap {
                seed,
                ..Bootstrap::default()
            },
        }
    }
}

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
    /// Training cut-offs of the model.
    pub train_cut_offs: usize,
    /// Training rows of the model.
    pub train_rows: usize,
    /// Metrics of each model on the same customers.
    pub models: Models<ModelMetrics>,
    /// How much the logistic's AUC is above recency's, on the same resamples.
    pub auc_over_recency: Comparison,
    /// The logistic's reliability table.
    pub reliability: Vec<ReliabilityBin>,
}

/// One value for each model.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Models<T> {
    /// The churn model.
    pub logistic: T,
    /// Days since the last purchase alone.
    pub recency: T,
    /// Number of purchase days alone.
    pub frequency: T,
}

/// Means over folds.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Means {
    /// Mean of each model's metrics.
    pub models: Models<MeanMetrics>,
    /// Mean of the AUC differences.
    pub auc_over_recency: f64,
}

/// Means of one model's metrics.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct MeanMetrics {
    /// Mean AUC.
    pub auc: f64,
    /// Standard deviation of the AUC over folds; 0 for one fold.
    pub auc_sd: f64,
    /// Mean Brier score.
    pub brier: f64,
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

/// Measures churn models at past instants.
///
/// # Errors
/// [`ChurnError::NoFold`] when no fold could be measured, with the reason of the first; another error when a solver
/// failed.
///
/// # Determinism
/// The same histories, options and seed give the same numbers for any number of threads.
pub fn backtest(
    histories: &Histories,
    calendar: &Calendar,
    params: &ChurnParams,
    data_end: Timestamp,
    options: &BacktestOptions,
    progress: &dyn Progress,
) -> Result<ChurnBacktest, ChurnError> {
    let mut folds = Vec::new();
    let mut skipped = Vec::new();
    for &as_of in &options.as_of {
        let ends = as_of.plus_days(f64::from(params.horizon_days()));
        let reason = if ends > data_end {
            format!("its horizon ends at {ends}, after the data, which end at {data_end}")
        } else {
            match fold(histories, calendar, params, as_of, options, progress) {
                Ok(fold) => {
                    folds.push(fold);
                    continue;
                }
                Err(error @ ChurnError::NotSolved { .. }) => return Err(error),
                Err(refused) => refused.to_string(),
            }
        };
        skipped.push(SkippedFold { as_of, reason });
    }
    if folds.is_empty() {
        let (as_of, reason) = skipped
            .into_iter()
            .next()
            .map_or((data_end, "none was asked for".to_owned()), |s| {
                (s.as_of, s.reason)
            });
        return Err(ChurnError::NoFold { as_of, reason });
    }
    Ok(ChurnBacktest {
        horizon_days: params.horizon_days(),
        eligible_days: params.eligible_days(),
        mean: Means {
            models: Models {
                logistic: mean(&folds, |models| models.logistic),
                recency: mean(&folds, |models| models.recency),
                frequency: mean(&folds, |models| models.frequency),
            },
            auc_over_recency: folds.iter().map(|f| f.auc_over_recency.difference).sum::<f64>()
                / folds.len() as f64,
        },
        folds,
        skipped,
    })
}

fn fold(
    histories: &Histories,
    calendar: &Calendar,
    params: &ChurnParams,
    as_of: Timestamp,
    options: &BacktestOptions,
    progress: &dyn Progress,
) -> Result<ChurnFold, ChurnError> {
    let lessons = Lessons::gather(histories, calendar, params, as_of, progress)?;
    let single = |place| lessons.teach(&Schema::only(&[place]));
    let (taught, (recency, frequency)) = rayon::join(
        || lessons.teach(lessons.schema()),
        || rayon::join(|| single(RECENCY), || single(FREQUENCY)),
    );
    let ((model, report), (recency, _), (frequency, _)) = (taught?, recency?, frequency?);
    let norms = model.norms;
    let judged = snapshot(
        Shop {
            histories,
            calendar,
            params,
            norms: &norms,
        },
        as_of,
    );
    // The single numbers rank as they are; only their probabilities come from a regression.
    let rows = Models {
        logistic: scored(&judged, &model, |_, p| p),
        recency: scored(&judged, &recency, |values, _| values[RECENCY]),
        frequency: scored(&judged, &frequency, |values, _| -values[FREQUENCY]),
    };
    let (models, auc_over_recency) =
        judge(&rows, &judged.churned, &options.bootstrap).ok_or_else(|| ChurnError::NoFold {
            as_of,
            reason: "all eligible customers had the same outcome".to_owned(),
        })?;
    Ok(ChurnFold {
        as_of,
        eligible: judged.churned.len(),
        churn_rate: judged.churned.iter().filter(|&&c| c).count() as f64 / judged.churned.len().max(1) as f64,
        train_cut_offs: report.cut_offs.len(),
        train_rows: report.rows,
        models,
        auc_over_recency,
        reliability: reliability(&rows.logistic.probabilities, &judged.churned),
    })
}

fn scored(
    judged: &Snapshot,
    model: &ChurnModel,
    rank: impl Fn(&super::features::FeatureValues, f64) -> f64,
) -> Scored {
    let probabilities: Vec<f64> = judged
        .values
        .iter()
        .map(|values| model.probability(values))
        .collect();
    Scored {
        ranks: judged
            .values
            .iter()
            .zip(&probabilities)
            .map(|(values, &p)| rank(values, p))
            .collect(),
        probabilities,
    }
}

fn mean(folds: &[ChurnFold], of: impl Fn(&Models<ModelMetrics>) -> ModelMetrics) -> MeanMetrics {
    let n = folds.len() as f64;
    let mean = |value: fn(&ModelMetrics) -> f64| folds.iter().map(|f| value(&of(&f.models))).sum::<f64>() / n;
    let auc = mean(|m| m.auc);
    let spread: f64 = folds.iter().map(|f| (of(&f.models).auc - auc).powi(2)).sum();
    MeanMetrics {
        auc,
        auc_sd: (spread / (n - 1.0).max(1.0)).sqrt(),
        brier: mean(|m| m.brier),
        average_precision: mean(|m| m.average_precision),
        ece: mean(|m| m.ece),
        log_loss: mean(|m| m.log_loss),
    }
}
