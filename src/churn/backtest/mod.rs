//! How good churn scores would have been: models fitted as of past instants, judged by what happened next.
//!
//! Each fold fits with the end of the data at its instant, by the same function that fits for service, so that
//! whatever service would not have known no fold knows. Beside the model that would have served stand the other
//! models of the ladder and the two questions that any shop can ask without one: who has not bought for long, and who
//! has bought seldom. All are judged on the same eligible customers; who lapsed before is in no metric.

mod customers;
mod judge;
mod report;

pub use customers::{RISK_BINS, RepeatBuyers, RfmCell, RiskSpread};
pub use judge::{Comparison, ModelMetrics};
pub use report::{ChurnBacktest, ChurnFold, MeanMetrics, Means, SkippedFold};

use customers::rfm_cells;
use indexmap::IndexMap;
use judge::{FoldScores, Scored, judge};
use rayon::prelude::*;

use super::features::{FREQUENCY, FeatureValues, Norms, RECENCY, Schema};
use super::fit::{Lessons, Wanted};
use super::model::ChurnModel;
use super::sample::{Sampling, Snapshot, snapshot};
use super::segment::{Rfm, Segmentation};
use super::thin::Pupils;
use super::{ChurnError, ChurnParams, Shop};
use crate::history::{Histories, purchase_days};
use crate::measure::bootstrap::Bootstrap;
use crate::progress::Progress;
use crate::time::{MICROS_PER_DAY, Timestamp};

/// Name of the ranking by days since the last purchase.
pub const RECENCY_ONLY: &str = "recency";
/// Name of the ranking by the number of purchase days.
pub const FREQUENCY_ONLY: &str = "frequency";

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
    shop: Shop<'_>,
    params: &ChurnParams,
    data_end: Timestamp,
    options: &BacktestOptions,
    progress: &dyn Progress,
) -> Result<ChurnBacktest, ChurnError> {
    let params = &params.with_horizon_of(histories, shop.calendar, data_end);
    let mut folds = Vec::new();
    let mut skipped = Vec::new();
    for &as_of in &options.as_of {
        let ends = as_of.plus_days(f64::from(params.horizon_days()));
        let reason = if ends > data_end {
            format!("its horizon ends at {ends}, after the data, which end at {data_end}")
        } else {
            match fold(histories, shop, params, as_of, progress) {
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
    let Some((folds, mean)) = judge(&folds, &options.bootstrap) else {
        let (as_of, reason) = skipped
            .into_iter()
            .next()
            .map_or((data_end, "none was asked for".to_owned()), |s| {
                (s.as_of, s.reason)
            });
        return Err(ChurnError::NoFold { as_of, reason });
    };
    Ok(ChurnBacktest {
        horizon_days: params.horizon_days(),
        eligible_days: params.eligible_days(),
        folds,
        mean,
        skipped,
    })
}

/// What each model says at one instant, and what happened.
fn fold(
    histories: &Histories,
    shop: Shop<'_>,
    params: &ChurnParams,
    as_of: Timestamp,
    progress: &dyn Progress,
) -> Result<FoldScores, ChurnError> {
    let lessons = Lessons::gather(histories, shop, params, as_of, progress)?;
    let single = |place| lessons.teach_logistic(&Schema::only(&[place]));
    let (taught, (recency, frequency)) = rayon::join(
        || lessons.climb(Wanted::All),
        || rayon::join(|| single(RECENCY), || single(FREQUENCY)),
    );
    let (taught, recency, frequency) = (taught?, recency?, frequency?);
    let norms = taught.served.0.norms;
    let judged = snapshot(
        Sampling {
            histories,
            shop,
            params,
            norms: &norms,
            pupils: Pupils::ALL,
        },
        as_of,
    );
    if !(judged.churned.contains(&true) && judged.churned.contains(&false)) {
        return Err(ChurnError::NoFold {
            as_of,
            reason: "all eligible customers had the same outcome".to_owned(),
        });
    }
    let (served, report) = &taught.served;
    let models = std::iter::once(served).chain(&taught.others).map(|model| {
        (
            model.kind().name(),
            scored(&judged, model, |_, probability| probability),
        )
    });
    // The single numbers rank as they are; only their probabilities come from a regression.
    let baselines = [
        (
            RECENCY_ONLY,
            scored(&judged, &recency, |values, _| values[RECENCY]),
        ),
        (
            FREQUENCY_ONLY,
            scored(&judged, &frequency, |values, _| -values[FREQUENCY]),
        ),
    ];
    let models: IndexMap<_, _> = models.chain(baselines).collect();
    let said = &models[0].probabilities;
    let scores = rfm_scores(histories, shop, &norms, &judged, as_of);
    let repeat: Vec<bool> = judged
        .values
        .iter()
        .map(|values| values[FREQUENCY] >= 2.0)
        .collect();
    Ok(FoldScores {
        as_of,
        train_cut_offs: report.cut_offs.len(),
        train_rows: report.rows,
        served: served.kind(),
        ladder: report.ladder.clone(),
        risk: RiskSpread::of(said, params),
        rfm: rfm_cells(&scores, said, &judged.churned),
        repeat_buyers: RepeatBuyers::of(said, &judged.churned, &repeat),
        models,
        customers: judged.customers,
        churned: judged.churned,
    })
}

/// The scores of the judged customers among all who had bought before the instant.
fn rfm_scores(
    histories: &Histories,
    shop: Shop<'_>,
    norms: &Norms,
    judged: &Snapshot,
    as_of: Timestamp,
) -> Vec<Option<Rfm>> {
    let segmentation = Segmentation::fit(histories, shop.calendar, as_of, norms);
    judged
        .customers
        .par_iter()
        .map(|&customer| {
            let past = histories.of(customer).before(as_of);
            let purchases = purchase_days(past, shop.calendar);
            Some(segmentation.as_ref()?.of(&purchases, as_of)?.rfm)
        })
        .collect()
}

fn scored(judged: &Snapshot, model: &ChurnModel, rank: impl Fn(&FeatureValues, f64) -> f64) -> Scored {
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
