//! The fitted churn model: from a history to a score.

use std::cell::LazyCell;

use super::features::{Norms, Schema, features_of};
use super::label::{Standing, standing};
use super::platt::{Platt, logit, sigmoid};
use super::predictor::{ChurnModelKind, Predictor};
use super::reasons::{ChurnReason, Part, reasons};
use super::watch::Watch;
use super::{Band, ChurnParams, Family, Shop};
use crate::churn::features::{FEATURES, Feature, FeatureValues, GAP, RECENCY, features};
use crate::history::{History, purchase_days};
use crate::measure::bootstrap::Interval;
use crate::time::Timestamp;

/// No probability is nearer to 0 or 1: no shop has the data to know more.
pub const SMALLEST_PROBABILITY: f64 = 1e-4;

/// Standard deviations beyond which a normal variable lies, on either side, once in ten times.
const TEN_PERCENT: f64 = 1.281_551_565_544_600_4;

/// A churn model: one of the ladder's, Platt-calibrated.
///
/// The log-odds of churn are `slope · raw + offset`; for the logistic regression `raw` is `intercept + Σ_j w_j z_j` over
/// standardised features.
#[derive(Clone, PartialEq, Debug)]
pub struct ChurnModel {
    pub(super) params: ChurnParams,
    pub(super) data_end: Timestamp,
    pub(super) norms: Norms,
    pub(super) predictor: Predictor,
    pub(super) platt: Platt,
    /// Share of the eligible customers who churned at the newest labelled cut-off.
    pub(super) base_rate: f64,
    /// Share of the lapsed customers who did not come back there.
    pub(super) lapsed_rate: f64,
    /// Error of the level's forecast, in log-odds; `None` where no past forecast could be checked.
    pub(super) level_error: Option<f64>,
    /// How features and scores were spread at the end of the data; `None` in models older than this and in backtests.
    pub(super) watch: Option<Watch>,
}

/// How likely a customer leaves, and why.
///
/// `base_log_odds + Σ contribution = log_odds`, to rounding. `probability` is `sigmoid(log_odds)`, held within
/// `[1e-4, 1 − 1e-4]`; the log-odds themselves are not held, so that the reasons add up even there.
#[derive(Clone, PartialEq, Debug)]
pub struct ChurnScore {
    /// Chance of no purchase in `[as_of, as_of + horizon_days)`.
    pub probability: f64,
    /// Where the probability lies in four of five seasons; `None` where the shop's past is too short to tell.
    ///
    /// `sigmoid(log_odds ± 1.2816 · error)`, with the error that forecasts of the level of churn had at past cut-offs. It
    /// is by far the largest part of what is not known, and the same for all customers: their order does not depend on it.
    pub interval: Option<Interval>,
    /// The window that the probability speaks of.
    pub horizon_days: u32,
    /// The instant of the score; only what happened before it counts.
    pub as_of: Timestamp,
    /// Share of the eligible customers at the end of the model's data, in percent, with a lower probability; `None` in models
    /// that did not keep them.
    pub percentile: Option<f64>,
    /// Where the probability falls.
    pub band: Band,
    /// Whether the customer can still churn.
    pub standing: Standing,
    /// Probability over the churn rate of all eligible customers.
    pub relative_risk: f64,
    /// Calibrated log-odds.
    pub log_odds: f64,
    /// Calibrated log-odds of a customer who is typical in every feature.
    pub base_log_odds: f64,
    /// One reason a family, the strongest first.
    pub reasons: Vec<ChurnReason>,
}

impl ChurnModel {
    /// The score of a customer with this history at `now`; `None` when she never bought before.
    ///
    /// A lapsed customer has left already by the model's definition: she gets the rate at which lapsed customers
    /// stayed away before, with that as her only reason.
    #[must_use]
    pub fn score(&self, history: History<'_>, now: Timestamp, shop: Shop<'_>) -> Option<ChurnScore> {
        let past = history.before(now);
        let purchases = purchase_days(past, shop.calendar);
        let standing = standing(&purchases, now, &self.params)?;
        let values = features_of(past, &purchases, now, shop, &self.norms)?;
        let parts = match standing {
            Standing::Eligible => self.parts(&values),
            Standing::Lapsed => vec![Part {
                feature: &FEATURES[RECENCY],
                value: values[RECENCY],
                // Lapsed customers are measured against the limit that they crossed.
                typical: f64::from(self.params.eligible_days()),
                contribution: logit(clipped(self.lapsed_rate)) - self.base_log_odds(),
            }],
        };
        let own = Usual {
            values: &values,
            earlier: LazyCell::new(|| {
                (1..=EARLIER)
                    .filter_map(|step| {
                        let then = now.plus_days(-f64::from(step * self.horizon_days()));
                        features(past, then, shop, &self.norms)
                    })
                    .collect()
            }),
        };
        let base_log_odds = self.base_log_odds();
        let log_odds = base_log_odds + parts.iter().map(|part| part.contribution).sum::<f64>();
        let probability = clipped(sigmoid(log_odds));
        Some(ChurnScore {
            probability,
            interval: self
                .level_error
                .filter(|_| standing == Standing::Eligible)
                .map(|error| Interval {
                    low: clipped(sigmoid(log_odds - TEN_PERCENT * error)),
                    high: clipped(sigmoid(log_odds + TEN_PERCENT * error)),
                }),
            percentile: (standing == Standing::Eligible)
                .then(|| self.percentile(probability))
                .flatten(),
            horizon_days: self.horizon_days(),
            as_of: now,
            band: Band::of(probability, &self.params),
            standing,
            relative_risk: probability / clipped(self.base_rate),
            log_odds,
            base_log_odds,
            reasons: reasons(&parts, log_odds, |feature| own.of(feature)),
        })
    }

    /// Days without a purchase that the probability speaks of.
    #[must_use]
    pub fn horizon_days(&self) -> u32 {
        self.params.horizon_days()
    }

    /// The parameters that it was fitted with.
    #[must_use]
    pub fn params(&self) -> &ChurnParams {
        &self.params
    }

    /// End of the data that it was fitted to.
    #[must_use]
    pub fn data_end(&self) -> Timestamp {
        self.data_end
    }

    /// The features that it reads.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.predictor.schema()
    }

    /// Digest of the features that it reads.
    #[must_use]
    pub fn feature_schema_hash(&self) -> String {
        self.schema().hash()
    }

    /// Churn rate of eligible customers at the newest labelled cut-off.
    #[must_use]
    pub fn base_rate(&self) -> f64 {
        self.base_rate
    }

    /// Share of lapsed customers who stayed away at the newest labelled cut-off.
    #[must_use]
    pub fn lapsed_rate(&self) -> f64 {
        self.lapsed_rate
    }

    /// The calibration.
    #[must_use]
    pub fn calibration(&self) -> Platt {
        self.platt
    }

    /// Which model of the ladder it is.
    #[must_use]
    pub fn kind(&self) -> ChurnModelKind {
        self.predictor.kind()
    }

    /// Calibrated probability of an eligible customer with these feature values.
    pub(super) fn probability(&self, values: &FeatureValues) -> f64 {
        clipped(sigmoid(self.platt.apply(self.predictor.log_odds(values))))
    }

    fn base_log_odds(&self) -> f64 {
        self.platt.apply(self.predictor.base())
    }

    fn parts(&self, values: &FeatureValues) -> Vec<Part> {
        let mut parts = self.predictor.parts(values);
        for part in &mut parts {
            part.contribution *= self.platt.slope;
        }
        parts
    }
}

/// Horizons back at which a customer's own usual values are looked up.
const EARLIER: u32 = 2;

/// What is usual for the customer herself.
struct Usual<'a, F: FnOnce() -> Vec<FeatureValues>> {
    values: &'a FeatureValues,
    /// Her values one and two horizons ago, as far as she had bought by then.
    earlier: LazyCell<Vec<FeatureValues>, F>,
}

impl<F: FnOnce() -> Vec<FeatureValues>> Usual<'_, F> {
    /// Of a silence her usual gap; of anything else the mean of what it was one and two horizons ago.
    fn of(&self, feature: &Feature) -> Option<f64> {
        let place = FEATURES.iter().position(|known| known.code == feature.code)?;
        if place == RECENCY {
            return Some(self.values[GAP]);
        }
        let n = self.earlier.len() as f64;
        (n > 0.0).then(|| self.earlier.iter().map(|values| values[place]).sum::<f64>() / n)
    }
}

fn clipped(probability: f64) -> f64 {
    probability.clamp(SMALLEST_PROBABILITY, 1.0 - SMALLEST_PROBABILITY)
}

/// What a family adds when the model is as it is: for the report of a fit.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct Coefficient {
    /// Code of the feature.
    pub feature: &'static str,
    /// Its family.
    pub family: Family,
    /// Calibrated log-odds per standard deviation.
    pub weight: f64,
    /// The value of a typical customer.
    pub typical: f64,
}

impl ChurnModel {
    /// What each feature weighs in the regression, in schema order; empty for the other models.
    #[must_use]
    pub fn coefficients(&self) -> Vec<Coefficient> {
        let Predictor::Logistic(linear) = &self.predictor else {
            return Vec::new();
        };
        linear
            .schema()
            .features()
            .zip(linear.standard.typical())
            .zip(&linear.logistic.weights)
            .map(|((feature, typical), weight)| Coefficient {
                feature: feature.code,
                family: feature.family,
                weight: self.platt.slope * weight,
                typical,
            })
            .collect()
    }
}
