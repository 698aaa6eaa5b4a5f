//! How far values can be trusted: what a model of some months ago expected, beside what happened since.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::ValueParams;
use super::model::DAYS_PER_MONTH;
use crate::churn::btyd::{MbgNbd, Summary};
use crate::history::{Histories, purchase_days};
use crate::id::CustomerIdx;
use crate::time::{Calendar, Timestamp};

/// The purchase days that a model of `from` expected of the customers whom it knew, and those that came.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrackRecord {
    /// The model knew what was before.
    pub from: Timestamp,
    /// Months that followed.
    pub months: u32,
    /// Customers who had bought by then.
    pub customers: usize,
    /// Purchase days that were expected of them.
    pub expected: f64,
    /// Purchase days that came.
    pub happened: f64,
}

impl TrackRecord {
    /// What came for each purchase day that was expected: 1 is right, less was too hopeful.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.happened / self.expected
    }

    /// Looks back from `data_end` by the months of the values, or by half of the log where that is less; `None` for a log
    /// of less than two months, or one that could not teach a model by then.
    pub(super) fn of(
        histories: &Histories,
        calendar: &Calendar,
        params: &ValueParams,
        data_end: Timestamp,
    ) -> Option<Self> {
        let (first, _) = histories.period()?;
        // At most 60, which the parameters' check holds.
        let half = (data_end.days_since(first) / DAYS_PER_MONTH / 2.0).clamp(0.0, 60.0) as u32;
        let months = params.raw().months.min(half);
        if months == 0 {
            return None;
        }
        let horizon = f64::from(months) * DAYS_PER_MONTH;
        let from = data_end.plus_days(-horizon);
        let today = calendar.day(from);
        let customers: Vec<CustomerIdx> = histories.customers().rows().collect();
        let known: Vec<(Summary, usize)> = customers
            .into_par_iter()
            .filter_map(|customer| {
                let history = histories.of(customer);
                let summary = Summary::of(&purchase_days(history.before(from), calendar), today)?;
                Some((
                    summary,
                    purchase_days(history.within(from, data_end), calendar).len(),
                ))
            })
            .collect();
        let summaries: Vec<Summary> = known.iter().map(|customer| customer.0).collect();
        let model = MbgNbd::fit(&summaries).ok()?.model;
        let mut expected: Vec<f64> = summaries
            .par_iter()
            .map(|summary| model.expected_purchases(summary, horizon))
            .collect();
        // Summed by size, so that the bits do not follow the order of the customers.
        expected.sort_unstable_by(f64::total_cmp);
        let record = Self {
            from,
            months,
            customers: known.len(),
            expected: expected.iter().sum(),
            happened: known.iter().map(|customer| customer.1).sum::<usize>() as f64,
        };
        record.ratio().is_finite().then_some(record)
    }
}
