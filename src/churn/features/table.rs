//! The features of all customers at one instant, for the export.

use rayon::prelude::*;

use super::{FeatureValues, Norms, features_of};
use crate::churn::{ChurnParams, Shop, Standing, churned, standing};
use crate::history::{Histories, purchase_days};
use crate::id::CustomerIdx;
use crate::time::Timestamp;

/// One customer at the instant of a [`FeatureTable`].
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureRow {
    /// Who.
    pub customer: CustomerIdx,
    /// All features, in the order of [`super::FEATURES`].
    pub values: FeatureValues,
    /// Whether she can still churn.
    pub standing: Standing,
    /// Whether she bought nothing within the horizon; `None` while the horizon is not over.
    pub churned: Option<bool>,
}

/// The features of all customers who had bought by an instant.
#[derive(Clone, PartialEq, Debug)]
pub struct FeatureTable {
    /// The instant; features look strictly before it.
    pub as_of: Timestamp,
    /// The shop's norms at that instant.
    pub norms: Norms,
    /// One row per customer with a purchase day before, in row order.
    pub rows: Vec<FeatureRow>,
}

/// The features and, where known, the outcomes of all customers at `as_of`.
///
/// `data_end` is the end of the log: the first instant of which it tells nothing.
#[must_use]
pub fn feature_table(
    histories: &Histories,
    shop: Shop<'_>,
    params: &ChurnParams,
    as_of: Timestamp,
    data_end: Timestamp,
) -> FeatureTable {
    let norms = Norms::of(histories, shop.calendar, as_of, params);
    let complete = as_of.plus_days(f64::from(params.horizon_days())) <= data_end;
    let customers: Vec<CustomerIdx> = histories.customers().rows().collect();
    let rows = customers
        .into_par_iter()
        .filter_map(|customer| {
            let history = histories.of(customer);
            let past = history.before(as_of);
            let purchases = purchase_days(past, shop.calendar);
            Some(FeatureRow {
                customer,
                values: features_of(past, &purchases, as_of, shop, &norms)?,
                standing: standing(&purchases, as_of, params)?,
                churned: complete.then(|| churned(history, as_of, params.horizon_days(), shop.calendar)),
            })
        })
        .collect();
    FeatureTable { as_of, norms, rows }
}
