//! What is usual in the shop: numbers that a customer's own are measured against and drawn towards.
//!
//! The one decision: a model has one set of norms, those of the end of its data, for its training rows and for the
//! scores that it gives. Were they taken anew at each training cut-off, a feature would mean another thing in every
//! snapshot, and yet another in service. They are two numbers of the whole shop, so that they tell nothing of which
//! customer left; and a fold of a backtest takes them at its own instant, before everything that it is judged by.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

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
}

impl Norms {
    /// What was usual before `now`.
    ///
    /// The median gap is the Kaplan–Meier median over all completed gaps and the open one of each customer (Kaplan
    /// and Meier 1958): the median of completed gaps alone forgets everybody who has not returned. It is at most
    /// `longest_gap_days`.
    #[must_use]
    pub fn of(histories: &Histories, calendar: &Calendar, now: Timestamp, longest_gap_days: f64) -> Self {
        let today = calendar.day(now);
        let customers: Vec<CustomerIdx> = histories.customers().rows().collect();
        let per_customer: Vec<Vec<PurchaseDay>> = customers
            .into_par_iter()
            .map(|customer| purchase_days(histories.of(customer).before(now), calendar))
            .collect();
        let mut gaps: Vec<(i32, bool)> = Vec::new();
        let mut amounts: Vec<f64> = Vec::new();
        for days in &per_customer {
            gaps.extend(days.windows(2).map(|pair| (pair[1].day - pair[0].day, true)));
            gaps.extend(days.last().map(|last| (today - last.day, false)));
            amounts.extend(days.iter().map(|day| day.amount).filter(|&amount| amount > 0.0));
        }
        amounts.sort_by(f64::total_cmp);
        Self {
            typical_gap_days: median_gap(&mut gaps)
                .map_or(longest_gap_days, f64::from)
                .clamp(1.0, longest_gap_days.max(1.0)),
            typical_order_value: amounts.get(amounts.len() / 2).copied().unwrap_or(0.0),
        }
    }
}

/// Kaplan–Meier median of durations, of which some are only known to last longer. `None` when fewer than half ended.
fn median_gap(gaps: &mut [(i32, bool)]) -> Option<i32> {
    gaps.sort_unstable();
    let mut surviving = 1.0;
    let mut at_risk = gaps.len();
    for same in gaps.chunk_by(|a, b| a.0 == b.0) {
        let ended = same.iter().filter(|gap| gap.1).count();
        surviving *= 1.0 - ended as f64 / at_risk as f64;
        at_risk -= same.len();
        if surviving <= 0.5 {
            return Some(same[0].0);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_gap_counts_those_who_have_not_returned() {
        // Kaplan-Meier by hand: 5 durations; S falls to 4/5 at 3, to 4/5 · 2/3 at 5, and by the last to zero.
        let mut gaps = [(3, true), (4, false), (5, true), (9, true), (7, false)];
        assert_eq!(median_gap(&mut gaps), Some(9));
        // The completed gaps alone would say 5.
        assert_eq!(median_gap(&mut [(3, true), (5, true), (9, true)]), Some(5));
        assert_eq!(median_gap(&mut [(3, true), (5, false), (9, false)]), None);
    }
}
