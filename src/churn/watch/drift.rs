//! Drift: whether the customers of today are spread as those whom the model was fitted for.

use serde::Serialize;

use super::WatchError;
use super::reference::{at, columns, probabilities, seen};
use crate::churn::{ChurnModel, Family, Shop};
use crate::history::Histories;
use crate::log::EventKind;
use crate::measure::stability::Stability;
use crate::time::Timestamp;

/// What the score is called among the features.
pub const SCORE: &str = "score";

/// How far one number has moved.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Drift {
    /// Code of the feature, or [`SCORE`].
    pub of: &'static str,
    /// The feature's family; `None` for the score.
    pub family: Option<Family>,
    /// The population stability index with its limit.
    #[serde(flatten)]
    pub stability: Stability,
    /// Whether the index is above its limit.
    pub alarms: bool,
}

/// Of which share of the customers a kind of event was logged in the horizon's days before.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct KindSeen {
    /// The kind.
    pub kind: EventKind,
    /// When the model was fitted.
    pub then: f64,
    /// Now.
    pub now: f64,
}

/// How far the eligible customers of an instant are from those whom the model was fitted for.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DriftReport {
    /// The instant of the reference: the end of the data of the fit.
    pub reference_as_of: Timestamp,
    /// The instant that is compared with it.
    pub as_of: Timestamp,
    /// Eligible customers then.
    pub customers_then: u64,
    /// Eligible customers now.
    pub customers_now: usize,
    /// Customers who have lapsed by now; they are in no comparison.
    pub lapsed: usize,
    /// The score and every feature that the model reads, furthest above their limits first.
    pub drifts: Vec<Drift>,
    /// What is known of the customers, by kind of event.
    pub seen: Vec<KindSeen>,
}

impl DriftReport {
    /// Those that alarm, worst first.
    pub fn alarms(&self) -> impl Iterator<Item = &Drift> {
        self.drifts.iter().filter(|drift| drift.alarms)
    }
}

/// Compares the customers who are eligible at `now` with the model's reference: the population stability index of each
/// feature and of the score, with its limit (see [`crate::measure::stability`]).
///
/// A feature may drift without harm: in a shop that is one year old, nobody has been a customer for two. An alarm of the
/// score says that campaigns of a fixed size or threshold now reach other customers.
///
/// # Errors
/// [`WatchError::NoReference`] for a model of an older bundle, [`WatchError::NobodyEligible`].
///
/// # Determinism
/// The same for any number of threads.
pub fn drift(
    model: &ChurnModel,
    histories: &Histories,
    shop: Shop<'_>,
    now: Timestamp,
) -> Result<DriftReport, WatchError> {
    let watch = model.watch.as_ref().ok_or(WatchError::NoReference)?;
    let eligible = at(model, histories, shop, now);
    let nobody = WatchError::NobodyEligible {
        at: now,
        eligible_days: model.params.eligible_days(),
    };
    let judged = |of, family, stability: Stability| Drift {
        of,
        family,
        alarms: stability.drifted(),
        stability,
    };
    let score = watch
        .score
        .compare(&probabilities(model, &eligible))
        .ok_or(nobody)?;
    let mut drifts = vec![judged(SCORE, None, score)];
    // A checked watch has the features of the model, in its order.
    drifts.extend(
        watch
            .features
            .values()
            .zip(model.schema().features())
            .zip(columns(model.schema(), &eligible))
            .filter_map(|((reference, feature), (code, values))| {
                Some(judged(code, Some(feature.family), reference.compare(&values)?))
            }),
    );
    let above = |drift: &Drift| drift.stability.index / drift.stability.alarm_above;
    drifts.sort_by(|a, b| above(b).total_cmp(&above(a)));
    let (then, now_customers) = (watch.customers(), eligible.customers.len());
    let found = seen(model, histories, &eligible.customers, now);
    Ok(DriftReport {
        reference_as_of: watch.as_of,
        as_of: now,
        customers_then: then,
        customers_now: now_customers,
        lapsed: eligible.lapsed,
        drifts,
        seen: EventKind::ALL
            .iter()
            .zip(watch.seen.iter().zip(found))
            .map(|(&kind, (&before, after))| KindSeen {
                kind,
                then: before as f64 / then as f64,
                now: after as f64 / now_customers as f64,
            })
            .collect(),
    })
}
