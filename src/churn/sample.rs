//! What a model learns from: the eligible customers at a cut-off, their features before it and their outcomes after it.

use rayon::prelude::*;

use super::features::{FeatureValues, Norms, RECENCY, features, features_of};
use super::label::{Standing, churned, standing};
use super::thin::Pupils;
use super::{ChurnParams, Shop};
use crate::history::{Histories, purchase_days};
use crate::id::CustomerIdx;
use crate::time::Timestamp;

/// The eligible customers at one cut-off, in row order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) customers: Vec<CustomerIdx>,
    pub(crate) values: Vec<FeatureValues>,
    pub(crate) churned: Vec<bool>,
    /// Customers who had lapsed before the cut-off, and how many of them did not come back.
    pub(crate) lapsed: usize,
    pub(crate) lapsed_churned: usize,
}

impl Snapshot {
    /// The share of lapsed customers who did not come back. Where few or none had lapsed, it is drawn by the weight of two
    /// customers towards that of the eligible ones who had been absent for more than `absent_days`, who come nearest; and
    /// theirs by the same weight towards `base_rate`.
    pub(super) fn lapsed_rate(&self, base_rate: f64, absent_days: f64) -> f64 {
        let drawn = |churned: usize, customers: usize, towards: f64| {
            (churned as f64 + 2.0 * towards) / (customers as f64 + 2.0)
        };
        let absent = self
            .values
            .iter()
            .zip(&self.churned)
            .filter(|(values, _)| values[RECENCY] > absent_days);
        let (absent, absent_churned) = absent.fold((0, 0), |(all, churned), (_, &left)| {
            (all + 1, churned + usize::from(left))
        });
        drawn(
            self.lapsed_churned,
            self.lapsed,
            drawn(absent_churned, absent, base_rate),
        )
    }
}

/// Everything that a snapshot needs beside its cut-off.
#[derive(Clone, Copy)]
pub(crate) struct Sampling<'a> {
    pub(crate) histories: &'a Histories,
    pub(crate) shop: Shop<'a>,
    pub(crate) params: &'a ChurnParams,
    pub(crate) norms: &'a Norms,
    /// Whose rows are wanted.
    pub(crate) pupils: Pupils,
}

/// The snapshot at `cut_off`: features strictly before it, outcomes in the horizon from it on.
pub(crate) fn snapshot(of: Sampling<'_>, cut_off: Timestamp) -> Snapshot {
    looking_from(of, cut_off, cut_off)
}

/// A snapshot whose features are known at `seen_until`. Any instant but the cut-off itself is a mistake that only a
/// test makes.
pub(super) fn looking_from(of: Sampling<'_>, cut_off: Timestamp, seen_until: Timestamp) -> Snapshot {
    let Sampling {
        histories,
        shop,
        params,
        norms,
        pupils,
    } = of;
    let calendar = shop.calendar;
    let customers: Vec<CustomerIdx> = histories
        .customers()
        .rows()
        .filter(|&customer| pupils.contains(customer))
        .collect();
    let found: Vec<_> = customers
        .into_par_iter()
        .filter_map(|customer| {
            let history = histories.of(customer);
            let past = history.before(cut_off);
            let purchases = purchase_days(past, calendar);
            let standing = standing(&purchases, cut_off, params)?;
            let churned = churned(history, cut_off, params.horizon_days(), calendar);
            let values = match standing {
                Standing::Lapsed => None,
                Standing::Eligible if seen_until == cut_off => {
                    Some(features_of(past, &purchases, cut_off, shop, norms)?)
                }
                Standing::Eligible => Some(features(history, seen_until, shop, norms)?),
            };
            Some((customer, values, churned))
        })
        .collect();
    let mut snapshot = Snapshot::default();
    for (customer, values, churned) in found {
        match values {
            Some(values) => {
                snapshot.customers.push(customer);
                snapshot.values.push(values);
                snapshot.churned.push(churned);
            }
            None => {
                snapshot.lapsed += 1;
                snapshot.lapsed_churned += usize::from(churned);
            }
        }
    }
    snapshot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::churn::features::FEATURES;

    #[test]
    fn lapsed_customers_are_likened_to_the_long_absent_where_none_is_known() {
        let absent_for = |days: f64| {
            let mut values = [0.0; FEATURES.len()];
            values[RECENCY] = days;
            values
        };
        let mut snapshot = Snapshot {
            values: [5.0, 8.0, 200.0, 300.0].map(absent_for).to_vec(),
            churned: vec![false, false, true, true],
            ..Snapshot::default()
        };
        // Two long absent ones who both left, and the base rate with the weight of two: (2 + 2 · 0.5) / 4.
        let unknown = snapshot.lapsed_rate(0.5, 180.0);
        assert!((unknown - 0.75).abs() < 1e-12, "{unknown}");
        (snapshot.lapsed, snapshot.lapsed_churned) = (98, 90);
        let known = snapshot.lapsed_rate(0.5, 180.0);
        assert!((known - 91.5 / 100.0).abs() < 1e-12, "{known}");
    }
}
