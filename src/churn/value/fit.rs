//! Fitting: both models from the purchase days of all customers, and how that went.

use rayon::prelude::*;
use serde::Serialize;

use super::model::repeat_spend;
use super::{NoSpending, TrackRecord, ValueError, ValueModel, ValueParams};
use crate::churn::btyd::{Fitted, GammaGamma, MbgNbd, Summary, correlation};
use crate::history::{Histories, purchase_days};
use crate::id::CustomerIdx;
use crate::time::{Calendar, Timestamp};

/// Correlation of purchases and mean spend from which on values are warned of, either way.
///
/// Judgement: Gamma-Gamma takes the two to be independent; CDNOW, which it is published for, has 0.11.
pub const LARGEST_CORRELATION: f64 = 0.3;

/// How a fit went.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ValueFitReport {
    /// End of the data; nothing at or after it was read.
    pub data_end: Timestamp,
    /// Customers with a purchase day.
    pub customers: usize,
    /// Those of them with two or more.
    pub repeat_buyers: usize,
    /// Parameters of buying; time in days.
    pub buying: MbgNbd,
    /// Log-likelihood of all customers' purchase days.
    pub buying_log_likelihood: f64,
    /// Repeat buyers with prices.
    pub spenders: usize,
    /// Parameters of spending; of this and `no_spending` exactly one is given.
    pub spending: Option<GammaGamma>,
    /// Log-likelihood of all mean spends.
    pub spending_log_likelihood: Option<f64>,
    /// Why spending is missing.
    pub no_spending: Option<NoSpending>,
    /// Pearson correlation over repeat buyers of repeats and mean spend; `None` where either does not vary.
    pub correlation: Option<f64>,
    /// What to bear in mind when reading values.
    pub warning: Option<String>,
    /// What a model of some months ago expected, beside what happened; `None` where the log is too short to look back.
    pub record: Option<TrackRecord>,
}

impl ValueModel {
    /// Learns from everything before `data_end`, the first instant of which the log tells nothing.
    ///
    /// # Errors
    /// [`ValueError`] with the rule that refused: nobody bought, too few came back, or no parameters were found.
    ///
    /// # Determinism
    /// The same histories give the same bits for any number of threads, and for any order of the customers.
    pub fn fit(
        histories: &Histories,
        calendar: &Calendar,
        params: &ValueParams,
        data_end: Timestamp,
    ) -> Result<(Self, ValueFitReport), ValueError> {
        let (summaries, spends) = observed(histories, calendar, data_end);
        let needed = params.raw().min_repeat_buyers as usize;
        let (customers, repeat_buyers) = (
            summaries.len(),
            summaries.iter().filter(|summary| summary.repeats > 0).count(),
        );
        if customers == 0 {
            return Err(ValueError::NobodyBought { data_end });
        }
        if repeat_buyers < needed {
            return Err(ValueError::TooFewRepeatBuyers {
                found: repeat_buyers,
                customers,
                needed,
                data_end,
            });
        }
        let buying = MbgNbd::fit(&summaries).map_err(ValueError::NotFitted)?;
        let (spending, no_spending) = match fit_spending(&spends, needed) {
            Ok(fitted) => (Some(fitted), None),
            Err(reason) => (None, Some(reason)),
        };
        let correlation = correlation(&spends);
        let model = Self {
            params: params.clone(),
            data_end,
            buying: buying.model,
            spending: spending.map(|fitted| fitted.model),
            record: TrackRecord::of(histories, calendar, params, data_end),
        };
        let report = ValueFitReport {
            data_end,
            customers,
            repeat_buyers,
            buying: model.buying,
            buying_log_likelihood: buying.log_likelihood,
            spenders: spends.len(),
            spending: model.spending,
            spending_log_likelihood: spending.map(|fitted| fitted.log_likelihood),
            no_spending,
            correlation,
            warning: correlation.and_then(warning),
            record: model.record,
        };
        Ok((model, report))
    }
}

/// Summaries of everybody who bought and, sorted, `(x, z̄)` of everybody with a repeat purchase of a known price.
fn observed(
    histories: &Histories,
    calendar: &Calendar,
    data_end: Timestamp,
) -> (Vec<Summary>, Vec<(f64, f64)>) {
    let today = calendar.day(data_end);
    let customers: Vec<CustomerIdx> = histories.customers().rows().collect();
    let buyers: Vec<(Summary, Option<(f64, f64)>)> = customers
        .into_par_iter()
        .filter_map(|customer| {
            let purchases = purchase_days(histories.of(customer).before(data_end), calendar);
            let summary = Summary::of(&purchases, today)?;
            Some((summary, repeat_spend(&purchases, &summary)))
        })
        .collect();
    let mut spends: Vec<(f64, f64)> = buyers.iter().filter_map(|buyer| buyer.1).collect();
    // The sums of the fit follow this order, which is not that of the customers.
    spends.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    (buyers.into_iter().map(|buyer| buyer.0).collect(), spends)
}

pub(super) fn fit_spending(spends: &[(f64, f64)], needed: usize) -> Result<Fitted<GammaGamma>, NoSpending> {
    if spends.is_empty() {
        return Err(NoSpending::NoPrices);
    }
    if spends.len() < needed {
        return Err(NoSpending::TooFew {
            found: spends.len(),
            needed,
        });
    }
    Ok(GammaGamma::fit(spends)?)
}

pub(super) fn warning(correlation: f64) -> Option<String> {
    let (who, what) = match correlation {
        c if c >= LARGEST_CORRELATION => ("more", "too high"),
        c if c <= -LARGEST_CORRELATION => ("less", "too low"),
        _ => return None,
    };
    Some(format!(
        "customers who come back more often spend {who} each time (correlation {correlation:.2}); the model takes the two to be independent, and values of those who bought once tend to be {what}"
    ))
}
