//! Truth: what became of scores whose horizon is over.

use serde::Serialize;

use super::WatchError;
use super::reference::{at, probabilities};
use crate::churn::features::RECENCY;
use crate::churn::{ChurnModel, Outcome, Shop};
use crate::history::{Histories, Outage, outages};
use crate::log::EventKind;
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::measure::calibration::{
    CalibrationInTheLarge, calibration_error_if_perfect, calibration_in_the_large, expected_calibration_error,
};
use crate::measure::classification::{ScoredRows, brier, brier_skill};
use crate::time::Timestamp;

/// Standard errors that a normal variable lies within 99 times in 100.
const NINETY_NINE_PERCENT: f64 = 2.575_829_303_548_900_4;
/// Samples of the null band of the calibration error.
const NULL_SAMPLES: usize = 200;

/// What a model said of its eligible customers at an instant, against what happened in the horizon from it on.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TruthReport {
    /// Instant of the scores.
    pub as_of: Timestamp,
    /// Days that they speak of.
    pub horizon_days: u32,
    /// Eligible customers.
    pub customers: usize,
    /// Mean probability against the share who left.
    pub large: CalibrationInTheLarge,
    /// A difference further from 0 than this is more than the model said it may be wrong:
    /// `2.576 · √(s² + (e · mean p(1 − p))²)`, with the difference's standard error `s` and the model's error of the level
    /// `e` in log-odds, 0 where it states none. `mean p(1 − p)` is how much the mean moves with the level.
    pub level_alarm_above: f64,
    /// Whether it is.
    pub level_alarms: bool,
    /// Area under the ROC curve of the scores.
    pub auc: f64,
    /// That of the days since the last purchase.
    pub recency_auc: f64,
    /// 95 % interval over customers of the first less the second.
    pub auc_over_recency: Interval,
    /// Whether days since the last purchase alone were better by more than chance.
    pub ranking_alarms: bool,
    /// Mean squared error.
    pub brier: f64,
    /// How much better than saying the observed rate of everybody.
    pub brier_skill: f64,
    /// Expected calibration error.
    pub ece: f64,
    /// 95th percentile of that of perfect probabilities.
    pub ece_if_perfect: f64,
    /// Outages of purchases in the horizon: customers who seem to have left may have bought there.
    pub purchase_outages: Vec<Outage>,
}

impl TruthReport {
    /// Whether level or ranking alarm.
    #[must_use]
    pub fn alarms(&self) -> bool {
        self.level_alarms || self.ranking_alarms
    }
}

/// Scores the customers eligible at `as_of` with what was known then, and judges the scores by what the log says
/// happened until `as_of + horizon`. `data_end` is the first instant of which the log tells nothing.
///
/// How many leave swings with the season for all customers alike, which rows cannot tell; the limit of the level's alarm
/// therefore holds the error that the model itself states of its level.
///
/// # Errors
/// [`WatchError::NotYet`] while the horizon is not over, with the instant at which it is; [`WatchError::Hindsight`] when
/// the model's data end after `as_of`; [`WatchError::NobodyEligible`]; [`WatchError::OneOutcome`].
///
/// # Determinism
/// The same for any number of threads; draws are seeded.
pub fn truth(
    model: &ChurnModel,
    histories: &Histories,
    shop: Shop<'_>,
    as_of: Timestamp,
    data_end: Timestamp,
) -> Result<TruthReport, WatchError> {
    let horizon_days = model.horizon_days();
    let known_at = as_of.plus_days(f64::from(horizon_days));
    if as_of < model.data_end {
        return Err(WatchError::Hindsight {
            as_of,
            fitted_through: model.data_end,
        });
    }
    if known_at > data_end {
        return Err(WatchError::NotYet {
            as_of,
            horizon_days,
            known_at,
            data_end,
        });
    }
    let eligible = at(model, histories, shop, as_of);
    let customers = eligible.customers.len();
    let churned = &eligible.churned;
    let said = probabilities(model, &eligible);
    let scores = ScoredRows::new(&said, churned);
    let days: Vec<f64> = eligible.values.iter().map(|values| values[RECENCY]).collect();
    let recency = ScoredRows::new(&days, churned);
    let (Some(auc), Some(recency_auc), Some(large), Some(brier_skill)) = (
        scores.auc(),
        recency.auc(),
        calibration_in_the_large(&said, churned),
        brier_skill(&said, churned),
    ) else {
        return Err(one_outcome(model, as_of, churned));
    };
    let bootstrap = Bootstrap::default();
    let difference = |draws: &[u32]| {
        let mut counts = vec![0; customers];
        draws.iter().for_each(|&row| counts[row as usize] += 1);
        let auc = |rows: &ScoredRows| rows.auc_of_draws(&counts).unwrap_or(f64::NAN);
        auc(&scores) - auc(&recency)
    };
    let auc_over_recency = bootstrap
        .interval(customers, difference)
        .ok_or_else(|| one_outcome(model, as_of, churned))?;
    let slope = said.iter().map(|p| p * (1.0 - p)).sum::<f64>() / customers as f64;
    let of_level = model.level_error.unwrap_or(0.0) * slope;
    let level_alarm_above = NINETY_NINE_PERCENT * large.standard_error.hypot(of_level);
    Ok(TruthReport {
        as_of,
        horizon_days,
        customers,
        large,
        level_alarm_above,
        level_alarms: large.difference.abs() > level_alarm_above,
        auc,
        recency_auc,
        auc_over_recency,
        ranking_alarms: auc_over_recency.high < 0.0,
        brier: brier(&said, churned),
        brier_skill,
        ece: expected_calibration_error(&said, churned),
        ece_if_perfect: calibration_error_if_perfect(&said, NULL_SAMPLES, bootstrap.seed),
        purchase_outages: purchase_outages(histories, shop, as_of, known_at),
    })
}

fn one_outcome(model: &ChurnModel, as_of: Timestamp, churned: &[bool]) -> WatchError {
    match churned.first() {
        None => WatchError::NobodyEligible {
            at: as_of,
            eligible_days: model.params.eligible_days(),
        },
        Some(&left) => WatchError::OneOutcome {
            as_of,
            customers: churned.len(),
            outcome: if left { Outcome::Churned } else { Outcome::Stayed },
        },
    }
}

/// Outages of purchases that reach into `[from, to)`.
fn purchase_outages(histories: &Histories, shop: Shop<'_>, from: Timestamp, to: Timestamp) -> Vec<Outage> {
    let found = outages(histories, shop.calendar, to);
    found
        .past
        .into_iter()
        .chain(found.lasting)
        .filter(|outage| outage.kind == EventKind::Purchase)
        .filter(|outage| outage.since.plus_days(f64::from(outage.days)) > from)
        .collect()
}
