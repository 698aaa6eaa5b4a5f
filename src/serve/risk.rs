//! Who is at risk: every buyer of an index scored, riskiest first, then the wanted ones handed out one by one.

use std::sync::Arc;

use rayon::prelude::*;

use super::answer::{
    AtRiskFilter, ChurnAnswer, CustomerSummary, PlanAnswer, RiskOrder, RiskTotals, ScoreFlag,
};
use super::error::ServeError;
use super::index::Index;
use super::request::invalid;
use crate::churn::plan::{Candidate, PlanParams, plan};
use crate::churn::segment::{SEGMENTS, Segment, Stage};
use crate::churn::value::ValueModel;
use crate::churn::{Band, ChurnModel, Profile, Standing};
use crate::history::purchase_days;
use crate::id::CustomerIdx;
use crate::time::Timestamp;

/// What a list needs of a customer's score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Risk {
    customer: CustomerIdx,
    probability: f64,
    band: Band,
    standing: Standing,
    place: Option<Place>,
}

/// What a list needs of a customer's profile.
#[derive(Clone, Copy, Debug)]
struct Place {
    segment: Segment,
    stage: Stage,
    value: Option<f64>,
    value_if_kept: Option<f64>,
}

impl Risk {
    fn value_at_risk(&self) -> Option<f64> {
        Some(self.probability * self.place?.value?)
    }
}

/// Every customer who had bought before `now`: probability descending, then row ascending.
pub(super) fn rank_risks(index: &Index, model: &ChurnModel, now: Timestamp) -> Vec<Risk> {
    let parts = index.parts();
    let customers: Vec<CustomerIdx> = parts.histories.customers().rows().collect();
    let mut risks: Vec<Risk> = customers
        .into_par_iter()
        .filter_map(|customer| {
            let score = model.score(parts.histories.of(customer), now, index.shop())?;
            let place = index.profile(customer, now).map(|profile| Place {
                segment: profile.segment,
                stage: profile.stage,
                value: profile.value.and_then(|value| value.value),
                value_if_kept: profile.value.and_then(|value| value.value_if_kept),
            });
            Some(Risk {
                customer,
                probability: score.probability,
                band: score.band,
                standing: score.standing,
                place,
            })
        })
        .collect();
    risks.par_sort_by(|a, b| {
        b.probability
            .total_cmp(&a.probability)
            .then(a.customer.cmp(&b.customer))
    });
    risks
}

impl AtRiskFilter {
    pub(super) fn check(&self) -> Result<(), ServeError> {
        for (field, value) in [
            ("min_probability", self.min_probability),
            ("max_probability", self.max_probability),
        ] {
            if let Some(value) = value
                && !(0.0..=1.0).contains(&value)
            {
                return Err(invalid(
                    field,
                    format!("must be a number from 0 to 1, got {value}"),
                ));
            }
        }
        if let (Some(min), Some(max)) = (self.min_probability, self.max_probability)
            && min > max
        {
            let rule = format!("must not be below min_probability = {min}, got {max}");
            return Err(invalid("max_probability", rule));
        }
        if let Some(least) = self.min_value_at_risk
            && !(least.is_finite() && least >= 0.0)
        {
            return Err(invalid(
                "min_value_at_risk",
                format!("must be a number of 0 or more, got {least}"),
            ));
        }
        if self.limit == Some(0) {
            return Err(invalid("limit", "must be 1 or more, got 0"));
        }
        Ok(())
    }

    fn wants(&self, risk: &Risk) -> bool {
        self.min_probability.is_none_or(|min| risk.probability >= min)
            && self.max_probability.is_none_or(|max| risk.probability <= max)
            && (self.bands.is_empty() || self.bands.contains(&risk.band))
            && (self.standings.is_empty() || self.standings.contains(&risk.standing))
            && wanted(&self.segments, risk.place.map(|place| place.segment))
            && wanted(&self.stages, risk.place.map(|place| place.stage))
            && self
                .min_value_at_risk
                .is_none_or(|least| risk.value_at_risk().is_some_and(|found| found >= least))
    }
}

/// Whether nothing in particular is wanted, or this is. What is not known is not what somebody wants.
fn wanted<T: PartialEq>(wanted: &[T], found: Option<T>) -> bool {
    wanted.is_empty() || found.is_some_and(|found| wanted.contains(&found))
}

/// The customers at risk in the order that was asked for, each scored with its reasons when it is asked for. Holds its own model, so it
/// stays valid through a swap.
#[derive(Debug)]
pub struct AtRisk {
    index: Arc<Index>,
    now: Timestamp,
    customers: std::vec::IntoIter<CustomerIdx>,
}

impl AtRisk {
    pub(super) fn new(index: Arc<Index>, model: &ChurnModel, filter: &AtRiskFilter) -> Self {
        let now = index.as_of(filter.as_of);
        let other_instant;
        let risks = if now == index.as_of(None) {
            index.risks(model)
        } else {
            other_instant = rank_risks(&index, model, now);
            &other_instant
        };
        let mut chosen: Vec<&Risk> = risks.iter().filter(|risk| filter.wants(risk)).collect();
        if filter.order == RiskOrder::ValueAtRisk {
            // Stable: equal values stay in the order of their probabilities.
            let value = |risk: &Risk| risk.value_at_risk().unwrap_or(f64::NEG_INFINITY);
            chosen.sort_by(|a, b| value(b).total_cmp(&value(a)));
        }
        let customers: Vec<CustomerIdx> = chosen
            .into_iter()
            .take(filter.limit.unwrap_or(usize::MAX))
            .map(|risk| risk.customer)
            .collect();
        Self {
            now,
            customers: customers.into_iter(),
            index,
        }
    }
}

impl Iterator for AtRisk {
    type Item = ChurnAnswer;

    fn next(&mut self) -> Option<ChurnAnswer> {
        let customer = self.customers.next()?;
        let parts = self.index.parts();
        // The list holds buyers of a model that scores: both are there.
        let model = parts.churn.as_ref().ok()?;
        self.index.risk_of(model, customer, self.now)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.customers.size_hint()
    }
}

/// Days after the end of a log from which on a score is stale: a nightly training is never older.
const STALE_AFTER_DAYS: f64 = 1.0;

impl Index {
    /// Segment, stage and value of a customer; `None` when she had not bought by then, or the bundle is older than these.
    pub(crate) fn profile(&self, customer: CustomerIdx, now: Timestamp) -> Option<Profile> {
        let parts = self.parts();
        let past = parts.histories.of(customer).before(now);
        let purchases = purchase_days(past, &parts.calendar);
        parts.profiler.as_ref()?.profile(&purchases, now, &parts.calendar)
    }

    /// Everything that is said of a customer at `now`; `None` when she had not bought by then.
    pub(super) fn risk_of(
        &self,
        model: &ChurnModel,
        customer: CustomerIdx,
        now: Timestamp,
    ) -> Option<ChurnAnswer> {
        let parts = self.parts();
        let history = parts.histories.of(customer);
        let score = model.score(history, now, self.shop())?;
        let mut flags = Vec::new();
        if purchase_days(history.before(now), &parts.calendar).len() == 1 {
            flags.push(ScoreFlag::OneTimeBuyer);
        }
        if now.days_since(parts.data_through) > STALE_AFTER_DAYS {
            flags.push(ScoreFlag::Stale);
        }
        if self.frozen().is_some_and(|outage| now >= outage.since) {
            flags.push(ScoreFlag::Frozen);
        }
        Some(ChurnAnswer {
            customer_id: parts.histories.customers().name(customer).to_owned(),
            score,
            profile: self.profile(customer, now),
            flags,
            change: None,
            earlier_version: None,
            model_version: self.manifest().version.clone(),
        })
    }

    /// The risks at `now`: those at the end of the data are made once.
    fn risks_at<T>(&self, model: &ChurnModel, now: Timestamp, take: impl FnOnce(&[Risk]) -> T) -> T {
        if now == self.as_of(None) {
            take(self.risks(model))
        } else {
            take(&rank_risks(self, model, now))
        }
    }

    /// What values are made by; `None` where none is known.
    fn value_model(&self) -> Option<&ValueModel> {
        self.parts().profiler.as_ref()?.value_model().ok()
    }

    /// Risk and value by segment.
    pub(super) fn summary(&self, model: &ChurnModel, now: Timestamp) -> CustomerSummary {
        let (mut total, mut by_segment) = (RiskTotals::default(), SEGMENTS.map(|_| RiskTotals::default()));
        self.risks_at(model, now, |risks| {
            for risk in risks {
                total.add(risk);
                if let Some(at) = risk
                    .place
                    .and_then(|place| SEGMENTS.iter().position(|rule| rule.segment == place.segment))
                {
                    by_segment[at].add(risk);
                }
            }
        });
        CustomerSummary {
            as_of: now,
            horizon_days: model.horizon_days(),
            value_months: self.value_model().map(ValueModel::months),
            value_record: self.value_model().and_then(ValueModel::record).copied(),
            segments: SEGMENTS
                .iter()
                .zip(by_segment)
                .filter(|(_, totals)| totals.customers > 0)
                .map(|(rule, totals)| (rule.segment, totals))
                .collect(),
            total,
            model_version: self.manifest().version.clone(),
        }
    }

    /// Whom to win back with a budget.
    pub(super) fn plan(
        &self,
        model: &ChurnModel,
        params: &PlanParams,
        now: Timestamp,
    ) -> Result<PlanAnswer, ServeError> {
        let version = || self.manifest().version.clone();
        let parts = self.parts();
        let no_value = |why: &str| ServeError::NoValueModel {
            version: version(),
            why: why.to_owned(),
        };
        let profiler = parts
            .profiler
            .as_ref()
            .ok_or_else(|| no_value("it was trained before values were; train again"))?;
        let value = profiler.value_model().map_err(no_value)?;
        let plan = self.risks_at(model, now, |risks| {
            let candidates: Vec<Candidate<'_>> = risks
                .iter()
                .filter_map(|risk| {
                    let place = risk.place?;
                    Some(Candidate {
                        customer: parts.histories.customers().name(risk.customer),
                        probability: risk.probability,
                        value_if_kept: place.value_if_kept,
                        segment: place.segment,
                        band: risk.band,
                        standing: risk.standing,
                    })
                })
                .collect();
            plan(&candidates, params)
        });
        Ok(PlanAnswer {
            // Probabilities and values of our own models are in range, and ids are unique.
            plan: plan.map_err(|error| ServeError::Internal {
                message: error.to_string(),
            })?,
            as_of: now,
            horizon_days: model.horizon_days(),
            value_months: value.months(),
            value_record: value.record().copied(),
            model_version: version(),
        })
    }
}

impl RiskTotals {
    fn add(&mut self, risk: &Risk) {
        self.customers += 1;
        if risk.standing == Standing::Eligible {
            self.eligible += 1;
            self.expected_leavers += risk.probability;
        }
        self.value += risk.place.and_then(|place| place.value).unwrap_or(0.0);
        self.value_at_risk += risk.value_at_risk().unwrap_or(0.0);
    }
}
