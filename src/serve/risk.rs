//! Who is at risk: every buyer of an index scored, riskiest first, then the wanted ones handed out one by one.

use std::sync::Arc;

use rayon::prelude::*;

use super::answer::{AtRiskFilter, ChurnAnswer};
use super::error::ServeError;
use super::index::Index;
use super::request::invalid;
use crate::bundle::BundleParts;
use crate::churn::{Band, ChurnModel, Standing};
use crate::id::CustomerIdx;
use crate::time::Timestamp;

/// What a list needs of a customer's score.
#[derive(Clone, Copy, Debug)]
pub(super) struct Risk {
    customer: CustomerIdx,
    probability: f64,
    band: Band,
    standing: Standing,
}

/// Every customer who had bought before `now`: probability descending, then row ascending.
pub(super) fn rank_risks(parts: &BundleParts, model: &ChurnModel, now: Timestamp) -> Vec<Risk> {
    let customers: Vec<CustomerIdx> = parts.histories.customers().rows().collect();
    let mut risks: Vec<Risk> = customers
        .into_par_iter()
        .filter_map(|customer| {
            let score = model.score(parts.histories.of(customer), now, &parts.calendar)?;
            Some(Risk {
                customer,
                probability: score.probability,
                band: score.band,
                standing: score.standing,
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
    }
}

/// The customers at risk, riskiest first, each scored with its reasons when it is asked for. Holds its own model, so it
/// stays valid through a swap.
#[derive(Debug)]
pub struct AtRisk {
    index: Arc<Index>,
    now: Timestamp,
    customers: std::vec::IntoIter<CustomerIdx>,
}

impl AtRisk {
    pub(super) fn new(index: Arc<Index>, model: &ChurnModel, filter: &AtRiskFilter) -> Self {
        let at_end = index.parts().data_through;
        let now = filter.as_of.unwrap_or(at_end);
        let other_instant;
        let risks = if now == at_end {
            index.risks(model)
        } else {
            other_instant = rank_risks(index.parts(), model, now);
            &other_instant
        };
        let customers: Vec<CustomerIdx> = risks
            .iter()
            .filter(|risk| filter.wants(risk))
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
        Some(ChurnAnswer {
            customer_id: parts.histories.customers().name(customer).to_owned(),
            score: model.score(parts.histories.of(customer), self.now, &parts.calendar)?,
            model_version: self.index.manifest().version.clone(),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.customers.size_hint()
    }
}
