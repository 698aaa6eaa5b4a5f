//! The fitted churn model: from a history to a score.

use super::features::{Norms, Schema, features_of};
use super::label::{Standing, standing};
use super::logistic::Logistic;
use super::platt::{Platt, logit, sigmoid};
use super::reasons::{ChurnReason, Part, reasons};
use super::standard::Standard;
use super::{Band, ChurnParams, Family};
use crate::churn::features::{FEATURES, FeatureValues, RECENCY};
use crate::history::{History, purchase_days};
use crate::time::{Calendar, Timestamp};

/// No probability is nearer to 0 or 1: no shop has the data to know more.
pub const SMALLEST_PROBABILITY: f64 = 1e-4;

/// A churn model: L2 logistic regression on standardised features, Platt-calibrated.
///
/// The log-odds of churn are `slope · (intercept + Σ_j w_j z_j) + offset`.
#[derive(Clone, PartialEq, Debug)]
pub struct ChurnModel {
    pub(super) params: ChurnParams,
    pub(super) data_end: Timestamp,
    pub(super) norms: Norms,
    pub(super) standard: Standard,
    pub(super) logistic: Logistic,
    pub(super) platt: Platt,
    /// Share of the eligible customers who churned at the newest labelled cut-off.
    pub(super) base_rate: f64,
    /// Share of the lapsed customers who did not come back there.
    pub(super) lapsed_rate: f64,
}

/// How likely a customer leaves, and why.
///
/// `base_log_odds + Σ contribution = log_odds`, to rounding. `probability` is `sigmoid(log_odds)`, held within
/// `[1e-4, 1 − 1e-4]`; the log-odds themselves are not held, so that the reasons add up even there.
#[derive(Clone, PartialEq, Debug)]
pub struct ChurnScore {
    /// Chance of no purchase in `[as_of, as_of + horizon_days)`.
    pub probability: f64,
    /// The window that the probability speaks of.
    pub horizon_days: u32,
    /// The instant of the score; only what happened before it counts.
    pub as_of: Timestamp,
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
    pub fn score(&self, history: History<'_>, now: Timestamp, calendar: &Calendar) -> Option<ChurnScore> {
        let past = history.before(now);
        let purchases = purchase_days(past, calendar);
        let standing = standing(&purchases, now, &self.params)?;
        let values = features_of(past, &purchases, now, calendar, &self.norms)?;
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
        let base_log_odds = self.base_log_odds();
        let log_odds = base_log_odds + parts.iter().map(|part| part.contribution).sum::<f64>();
        let probability = clipped(sigmoid(log_odds));
        Some(ChurnScore {
            probability,
            horizon_days: self.horizon_days(),
            as_of: now,
            band: Band::of(probability, &self.params),
            standing,
            relative_risk: probability / clipped(self.base_rate),
            log_odds,
            base_log_odds,
            reasons: reasons(&parts, log_odds),
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
        &self.standard.schema
    }

    /// Digest of the features that it reads.
    #[must_use]
    pub fn feature_schema_hash(&self) -> String {
        self.standard.schema.hash()
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

    /// Calibrated probability of an eligible customer with these feature values.
    pub(super) fn probability(&self, values: &FeatureValues) -> f64 {
        clipped(sigmoid(
            self.platt.apply(self.logistic.log_odds(self.standard.z(values))),
        ))
    }

    /// Columns are standardised over eligible training rows, so a typical customer has zeros everywhere.
    fn base_log_odds(&self) -> f64 {
        self.platt.apply(self.logistic.intercept)
    }

    fn parts(&self, values: &FeatureValues) -> Vec<Part> {
        self.schema()
            .features()
            .zip(self.schema().places())
            .zip(self.standard.z(values))
            .zip(self.standard.typical())
            .zip(&self.logistic.weights)
            .map(|((((feature, &place), z), typical), weight)| Part {
                feature,
                value: values[place],
                typical,
                contribution: self.platt.slope * weight * z,
            })
            .collect()
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
    /// What each feature weighs, in schema order.
    #[must_use]
    pub fn coefficients(&self) -> Vec<Coefficient> {
        self.schema()
            .features()
            .zip(self.standard.typical())
            .zip(&self.logistic.weights)
            .map(|((feature, typical), weight)| Coefficient {
                feature: feature.code,
                family: feature.family,
                weight: self.platt.slope * weight,
                typical,
            })
            .collect()
    }
}
