//! What is usual in the shop: numbers that a customer's own are measured against and drawn towards.
//!
//! The one decision: a model has one set of norms, those of the end of its data, for its training rows and for the
//! scores that it gives. Were they taken anew at each training cut-off, a feature would mean another thing in every
//! snapshot, and yet another in service. They are a few numbers of the whole shop, so that they tell nothing of which
//! customer left; and a fold of a backtest takes them at its own instant, before everything that it is judged by.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::churn::ChurnParams;
use crate::churn::btyd::{MbgNbd, Summary};
use crate::churn::gaps::Gaps;
use crate::churn::rhythm::Buying;
use crate::history::{Histories, PurchaseDay, purchase_days};
use crate::id::CustomerIdx;
use crate::time::{Calendar, Timestamp};

/// What is usual in the shop; a customer of whom little is known is drawn towards it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Norms {
    /// Median days between purchase days, customers who have not come back yet included.
    pub typical_gap_days: f64,
    /// Median spend on a purchase day; 0 where the log has no prices.
    pub typical_order_value: f64,
    /// How customers come back, and the horizon; `None` where nobody did, or the model is older than this.
    #[serde(default)]
    pub buying: Option<Buying>,
}

impl Norms {
    /// What was usual before `now`.
    ///
    /// The median gap is the Kaplan–Meier estimate, which counts those who have not returned; it is at most as long as
    /// customers are eligible.
    #[must_use]
    pub fn of(histories: &Histories, calendar: &Calendar, now: Timestamp, params: &ChurnParams) -> Self {
        let longest_gap_days = f64::from(params.eligible_days());
        let today = calendar.day(now);
        let customers: Vec<CustomerIdx> = histories.customers().rows().collect();
        let per_customer: Vec<Vec<PurchaseDay>> = customers
            .into_par_iter()
            .map(|customer| purchase_days(histories.of(customer).before(now), calendar))
            .collect();
        let gaps = Gaps::of(per_customer.iter().map(Vec::as_slice), today);
        let mut amounts: Vec<f64> = per_customer
            .iter()
            .flatten()
            .map(|day| day.amount)
            .filter(|&amount| amount > 0.0)
            .collect();
        amounts.sort_by(f64::total_cmp);
        let summaries: Vec<Summary> = per_customer
            .iter()
            .filter_map(|days| Summary::of(days, today))
            .collect();
        Self {
            typical_gap_days: gaps
                .quantile(0.5)
                .map_or(longest_gap_days, f64::from)
                .clamp(1.0, longest_gap_days.max(1.0)),
            typical_order_value: amounts.get(amounts.len() / 2).copied().unwrap_or(0.0),
            buying: MbgNbd::fit(&summaries).ok().map(|fitted| Buying {
                model: fitted.model,
                horizon_days: params.horizon_days(),
            }),
        }
    }
}
