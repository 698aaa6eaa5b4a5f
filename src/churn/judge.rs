//! The metrics of models at one instant, with their intervals.

use serde::Serialize;

use super::{Models, Outcome};
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::measure::calibration::{calibration_error_if_perfect, expected_calibration_error};
use crate::measure::classification::{ScoredRows, brier, brier_skill, log_loss};

/// Share of the customers that a campaign can reach, for the lift.
const TOP_SHARE: f64 = 0.1;
/// Samples of the null band of the calibration error.
const NULL_SAMPLES: usize = 200;

/// What a model says of each customer: a rank (higher leaves sooner) and a probability.
#[derive(Clone, Debug)]
pub(super) struct Scored {
    pub(super) ranks: Vec<f64>,
    pub(super) probabilities: Vec<f64>,
}

/// The metrics of one model at one instant.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ModelMetrics {
    /// Chance that a customer who left was ranked above one who stayed.
    pub auc: f64,
    /// Its interval over resamples of customers.
    pub auc_interval: Interval,
    /// Mean squared error of the probabilities.
    pub brier: f64,
    /// How much better than always saying the fold's own churn rate; 0 is no better.
    pub brier_skill: f64,
    /// Average precision for the rarer outcome.
    pub average_precision: f64,
    /// The rarer outcome.
    pub average_precision_of: Outcome,
    /// Expected calibration error, ten bins of equally many customers.
    pub ece: f64,
    /// What perfect probabilities would stay below in 95 of 100 folds.
    pub ece_if_perfect: f64,
    /// Mean negative log likelihood, in nats.
    pub log_loss: f64,
    /// Churn rate of the tenth at highest risk over that of all.
    pub lift_at_10_percent: f64,
    /// The best lift that any model could reach.
    pub lift_ceiling: f64,
    /// Mean probability: what the churn rate was expected to be.
    pub mean_probability: f64,
}

/// How much better one model ranks than another.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Comparison {
    /// Difference of the AUCs.
    pub difference: f64,
    /// Its interval over resamples of customers, the same for both models.
    pub interval: Interval,
}

/// The metrics of each model on the same customers, and how far the churn model's AUC is above recency's; `None` when all
/// customers had the same outcome.
///
/// Every interval is over the same resamples of customers, so that each is drawn, and each AUC of it computed, once.
pub(super) fn judge(
    models: &Models<Scored>,
    churned: &[bool],
    bootstrap: &Bootstrap,
) -> Option<(Models<ModelMetrics>, Comparison)> {
    let sorted = |scored: &Scored| ScoredRows::new(&scored.ranks, churned);
    let rows = Models {
        logistic: sorted(&models.logistic),
        recency: sorted(&models.recency),
        frequency: sorted(&models.frequency),
    };
    let [logistic, recency, frequency, interval] = bootstrap.intervals(churned.len(), |drawn| {
        // Each customer stands in a fold once.
        let mut draws = vec![0; churned.len()];
        drawn.iter().for_each(|&customer| draws[customer as usize] += 1);
        // Not a number when all who were drawn had the same outcome.
        let auc = |rows: &ScoredRows| rows.auc_of_draws(&draws).unwrap_or(f64::NAN);
        let (logistic, recency) = (auc(&rows.logistic), auc(&rows.recency));
        [logistic, recency, auc(&rows.frequency), logistic - recency]
    })?;
    let metrics = |scored, rows, interval| metrics(scored, rows, interval, churned, bootstrap.seed);
    let metrics = Models {
        logistic: metrics(&models.logistic, &rows.logistic, logistic)?,
        recency: metrics(&models.recency, &rows.recency, recency)?,
        frequency: metrics(&models.frequency, &rows.frequency, frequency)?,
    };
    let difference = metrics.logistic.auc - metrics.recency.auc;
    Some((metrics, Comparison { difference, interval }))
}

fn metrics(
    scored: &Scored,
    rows: &ScoredRows,
    auc_interval: Interval,
    churned: &[bool],
    seed: u64,
) -> Option<ModelMetrics> {
    let stayed: Vec<bool> = churned.iter().map(|c| !c).collect();
    let rate = churned.iter().filter(|&&c| c).count() as f64 / churned.len().max(1) as f64;
    let (average_precision, average_precision_of) = if rate <= 0.5 {
        (rows.average_precision()?, Outcome::Churned)
    } else {
        let reversed: Vec<f64> = scored.ranks.iter().map(|rank| -rank).collect();
        let rows = ScoredRows::new(&reversed, &stayed);
        (rows.average_precision()?, Outcome::Stayed)
    };
    let probabilities = &scored.probabilities;
    let lift = rows.lift(TOP_SHARE)?;
    Some(ModelMetrics {
        auc: rows.auc()?,
        auc_interval,
        brier: brier(probabilities, churned),
        brier_skill: brier_skill(probabilities, churned)?,
        average_precision,
        average_precision_of,
        ece: expected_calibration_error(probabilities, churned),
        ece_if_perfect: calibration_error_if_perfect(probabilities, NULL_SAMPLES, seed),
        log_loss: log_loss(probabilities, churned),
        lift_at_10_percent: lift.lift,
        lift_ceiling: lift.ceiling,
        mean_probability: probabilities.iter().sum::<f64>() / probabilities.len() as f64,
    })
}
