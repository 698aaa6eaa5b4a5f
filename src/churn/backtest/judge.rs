//! The metrics of models at past instants, with their intervals over customers.

use hashbrown::HashMap;
use indexmap::{IndexMap, IndexSet};
use serde::Serialize;

use super::customers::{RepeatBuyers, RfmCell, RiskSpread};
use super::report::{ChurnFold, MeanMetrics, Means};
use crate::churn::{ChurnModelKind, Outcome, Rung};
use crate::id::CustomerIdx;
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::measure::calibration::{
    CalibrationInTheLarge, calibration_error_if_perfect, calibration_in_the_large,
    expected_calibration_error, reliability,
};
use crate::measure::classification::{ScoredRows, brier, brier_skill, log_loss};
use crate::measure::gains::gains;
use crate::time::Timestamp;

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

/// What each model says at one instant, and what happened; both outcomes did.
#[derive(Clone, Debug)]
pub(super) struct FoldScores {
    pub(super) as_of: Timestamp,
    pub(super) train_cut_offs: usize,
    pub(super) train_rows: usize,
    pub(super) served: ChurnModelKind,
    pub(super) ladder: Vec<Rung>,
    /// The model that would have served first.
    pub(super) models: IndexMap<&'static str, Scored>,
    pub(super) customers: Vec<CustomerIdx>,
    pub(super) churned: Vec<bool>,
    pub(super) risk: RiskSpread,
    pub(super) rfm: Vec<RfmCell>,
    pub(super) repeat_buyers: Option<RepeatBuyers>,
}

/// The metrics of one model at one instant.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ModelMetrics {
    /// Chance that a customer who left was ranked above one who stayed.
    pub auc: f64,
    /// Its interval over resamples of customers.
    pub auc_interval: Interval,
    /// Ranking quality, `2 · AUC − 1`: 0 is a random order, 1 the perfect one.
    pub gini: f64,
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
    /// By how much that was too high, with its standard error.
    pub calibration_in_the_large: CalibrationInTheLarge,
}

/// How much better one model is than another; above zero speaks for the one.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Comparison {
    /// By how much its AUC is higher.
    pub auc: f64,
    /// The interval of that over resamples of customers, the same for both models.
    pub auc_interval: Interval,
    /// By how much its Brier score is lower.
    pub brier: f64,
    /// The interval of that.
    pub brier_interval: Interval,
}

/// The statistics of one model in one fold that intervals are drawn for.
#[derive(Clone, Copy)]
struct Drawn {
    auc: f64,
    brier: f64,
}

/// One fold, made ready to be resampled.
struct Ready<'a> {
    scores: &'a FoldScores,
    rows: Vec<ScoredRows>,
    /// By row of the fold: the customer's place among all customers of the backtest.
    units: Vec<u32>,
}

impl Ready<'_> {
    /// Each model's statistics when every customer counts so often.
    fn statistics(&self, counts: &[u32]) -> Vec<Drawn> {
        let draws: Vec<u32> = self.units.iter().map(|&unit| counts[unit as usize]).collect();
        let n: f64 = draws.iter().copied().map(f64::from).sum();
        self.rows
            .iter()
            .zip(self.scores.models.values())
            .map(|(rows, scored)| {
                let squares: f64 = scored
                    .probabilities
                    .iter()
                    .zip(&self.scores.churned)
                    .zip(&draws)
                    .map(|((p, &churned), &times)| {
                        f64::from(times) * (p - f64::from(u8::from(churned))).powi(2)
                    })
                    .sum();
                Drawn {
                    // Not a number when all who were drawn had the same outcome.
                    auc: rows.auc_of_draws(&draws).unwrap_or(f64::NAN),
                    brier: squares / n,
                }
            })
            .collect()
    }
}

/// How the statistics of all folds lie in one list: those of each fold, then their means.
struct Layout {
    /// By fold, the number of models.
    models: Vec<usize>,
    /// Names of all models in the order of first sight.
    names: IndexSet<&'static str>,
    /// By fold, the place of each of its models in `names`.
    places: Vec<Vec<usize>>,
}

impl Layout {
    fn of(folds: &[FoldScores]) -> Self {
        let mut names = IndexSet::new();
        let places = folds
            .iter()
            .map(|fold| {
                fold.models
                    .keys()
                    .map(|name| names.insert_full(*name).0)
                    .collect()
            })
            .collect();
        Self {
            models: folds.iter().map(|fold| fold.models.len()).collect(),
            names,
            places,
        }
    }

    /// For each fold and model its AUC and how much better the fold's first model is on AUC and Brier; then for each
    /// name the means of the same over the folds that have it.
    fn flatten(&self, folds: &[Vec<Drawn>]) -> Vec<f64> {
        let mut flat = Vec::new();
        let mut sums = vec![[0.0; 3]; self.names.len()];
        let mut counts = vec![0.0; self.names.len()];
        for (fold, places) in folds.iter().zip(&self.places) {
            let served = fold[0];
            for (drawn, &place) in fold.iter().zip(places) {
                let three = [drawn.auc, served.auc - drawn.auc, drawn.brier - served.brier];
                flat.extend(three);
                counts[place] += 1.0;
                for (sum, value) in sums[place].iter_mut().zip(three) {
                    *sum += value;
                }
            }
        }
        for (sum, count) in sums.iter().zip(counts) {
            flat.extend(sum.map(|sum| sum / count));
        }
        flat
    }

    /// Where the three statistics of a fold's model begin.
    fn of_fold(&self, fold: usize, model: usize) -> usize {
        3 * (self.models[..fold].iter().sum::<usize>() + model)
    }

    /// Where the three means of a name begin.
    fn of_mean(&self, name: usize) -> usize {
        3 * (self.models.iter().sum::<usize>() + name)
    }
}

/// The metrics of each model in each fold and their means; `None` without a fold.
///
/// Every interval is over the same resamples of customers, so that each is drawn once; a customer who stands in several
/// folds is drawn in all of them together, because her outcomes are not independent.
pub(super) fn judge(folds: &[FoldScores], bootstrap: &Bootstrap) -> Option<(Vec<ChurnFold>, Means)> {
    let mut units: HashMap<CustomerIdx, u32> = HashMap::new();
    let ready: Vec<Ready<'_>> = folds
        .iter()
        .map(|scores| Ready {
            scores,
            rows: scores
                .models
                .values()
                .map(|scored| ScoredRows::new(&scored.ranks, &scores.churned))
                .collect(),
            units: scores
                .customers
                .iter()
                .map(|&customer| {
                    let next = units.len() as u32;
                    *units.entry(customer).or_insert(next)
                })
                .collect(),
        })
        .collect();
    let layout = Layout::of(folds);
    let once = vec![1; units.len()];
    let statistics = |counts: &[u32]| -> Vec<f64> {
        let drawn: Vec<Vec<Drawn>> = ready.iter().map(|fold| fold.statistics(counts)).collect();
        layout.flatten(&drawn)
    };
    let values = statistics(&once);
    let intervals = bootstrap.intervals(units.len(), |drawn| {
        let mut counts = vec![0; units.len()];
        drawn.iter().for_each(|&unit| counts[unit as usize] += 1);
        statistics(&counts)
    })?;
    let compare = |at: usize| Comparison {
        auc: values[at + 1],
        auc_interval: intervals[at + 1],
        brier: values[at + 2],
        brier_interval: intervals[at + 2],
    };
    let judged: Vec<ChurnFold> = ready
        .iter()
        .enumerate()
        .map(|(fold, ready)| {
            let scores = ready.scores;
            let models = scores
                .models
                .iter()
                .zip(&ready.rows)
                .enumerate()
                .map(|(model, ((name, scored), rows))| {
                    let interval = intervals[layout.of_fold(fold, model)];
                    Some((
                        *name,
                        metrics(scored, rows, interval, &scores.churned, bootstrap.seed)?,
                    ))
                })
                .collect::<Option<IndexMap<_, _>>>()?;
            Some(ChurnFold {
                as_of: scores.as_of,
                eligible: scores.churned.len(),
                churn_rate: scores.churned.iter().filter(|&&c| c).count() as f64
                    / scores.churned.len().max(1) as f64,
                train_cut_offs: scores.train_cut_offs,
                train_rows: scores.train_rows,
                served: scores.served,
                ladder: scores.ladder.clone(),
                advantage: scores
                    .models
                    .keys()
                    .enumerate()
                    .skip(1)
                    .map(|(model, name)| (*name, compare(layout.of_fold(fold, model))))
                    .collect(),
                reliability: reliability(&scores.models[0].probabilities, &scores.churned),
                gains: scores
                    .models
                    .iter()
                    .map(|(name, Scored { ranks, probabilities })| {
                        Some((*name, gains(ranks, probabilities, &scores.churned)?))
                    })
                    .collect::<Option<_>>()?,
                risk: scores.risk.clone(),
                rfm: scores.rfm.clone(),
                repeat_buyers: scores.repeat_buyers,
                models,
            })
        })
        .collect::<Option<_>>()?;
    let mean = Means {
        models: layout
            .names
            .iter()
            .enumerate()
            .map(|(at, name)| (*name, mean(&judged, name, intervals[layout.of_mean(at)])))
            .collect(),
        advantage: layout
            .names
            .iter()
            .enumerate()
            // A model that served every fold has no advantage over itself.
            .filter(|(_, name)| judged.iter().any(|fold| fold.advantage.contains_key(*name)))
            .map(|(at, name)| (*name, compare(layout.of_mean(at))))
            .collect(),
    };
    Some((judged, mean))
}

fn mean(folds: &[ChurnFold], name: &str, auc_interval: Interval) -> MeanMetrics {
    let found: Vec<&ModelMetrics> = folds.iter().filter_map(|fold| fold.models.get(name)).collect();
    let n = found.len() as f64;
    let mean = |value: fn(&ModelMetrics) -> f64| found.iter().map(|m| value(m)).sum::<f64>() / n;
    let auc = mean(|m| m.auc);
    let spread: f64 = found.iter().map(|m| (m.auc - auc).powi(2)).sum();
    MeanMetrics {
        folds: found.len(),
        auc,
        auc_interval,
        auc_sd: (spread / (n - 1.0).max(1.0)).sqrt(),
        brier: mean(|m| m.brier),
        brier_skill: mean(|m| m.brier_skill),
        average_precision: mean(|m| m.average_precision),
        ece: mean(|m| m.ece),
        log_loss: mean(|m| m.log_loss),
    }
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
        gini: rows.gini()?,
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
        calibration_in_the_large: calibration_in_the_large(probabilities, churned)?,
    })
}
