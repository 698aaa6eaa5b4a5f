//! The customers' histories: the one thing that every model learns from and answers for.
//!
//! Enters: checked events from the log, or the arrays of a bundle. Leaves: [`Histories`], every customer's events in
//! time order as columns; [`History`], the borrowed view of one of them; and from a history its baskets, visits,
//! purchase days and weighted profile, and from all of them the customer × item matrix and the days on which a feed was
//! out.
//!
//! The one decision: histories are columns sorted by customer and time, so that one customer's past before any instant
//! is a slice. A temporal split therefore copies nothing and cannot leak: [`History::before`] ends where the cut-off
//! begins.
//!
//! Deliberately not here: what an event is worth to a model beyond its weight and age (`recommend`, `churn`), and files.

mod activity;
mod baskets;
mod build;
mod columns;
mod dataset;
mod findings;
mod matrix;
mod outage;
mod pairs;
mod purchase_days;
mod raw;
mod weighting;

pub use activity::Activity;
pub use baskets::{Basket, baskets};
pub use build::HistoriesBuilder;
pub use columns::{History, HistoryBuf, Interaction};
pub use dataset::{Dataset, LogInputs};
pub use matrix::{Csr, CsrError, interaction_matrix};
pub use outage::{Outage, Outages, outages};
pub use pairs::{PairError, pair_matrix};
pub use purchase_days::{PurchaseDay, purchase_days};
pub use raw::{HistoryColumns, RawHistories, RawHistoriesError};
pub use weighting::{Profile, RawWeighting, Weighting, WeightingError};

use rayon::prelude::*;

use crate::column::Column;
use crate::id::{CustomerIdx, IdTable, ItemIdx, Row};
use crate::time::Timestamp;

use columns::Columns;

/// Every customer's history.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `offsets` | customers + 1 | events of customer `c` are `offsets[c]..offsets[c + 1]` |
/// | each column | events | item, kind, time, quantity, unit price, order, session |
///
/// Within a customer, events ascend in time; events of one instant keep the order of the log.
#[derive(Clone, Debug)]
pub struct Histories {
    customers: IdTable<CustomerIdx>,
    items: IdTable<ItemIdx>,
    offsets: Column<u64>,
    columns: Columns,
}

impl Histories {
    /// The customers, by row.
    #[must_use]
    pub fn customers(&self) -> &IdTable<CustomerIdx> {
        &self.customers
    }

    /// The items, by row.
    #[must_use]
    pub fn items(&self) -> &IdTable<ItemIdx> {
        &self.items
    }

    /// Number of events.
    #[must_use]
    pub fn n_events(&self) -> usize {
        self.columns.len()
    }

    /// The history of one customer.
    ///
    /// # Panics
    /// When the row is not from [`Self::customers`].
    #[must_use]
    pub fn of(&self, customer: CustomerIdx) -> History<'_> {
        // Offsets are checked to be within the columns when histories are built or read.
        self.columns.view(
            self.offsets[customer.index()] as usize,
            self.offsets[customer.index() + 1] as usize,
        )
    }

    /// The same histories with those of some customers emptied; every row keeps its name.
    #[must_use]
    pub fn without_events_of(&self, customers: &[CustomerIdx]) -> Self {
        let mut emptied = vec![false; self.customers.len()];
        customers
            .iter()
            .for_each(|customer| emptied[customer.index()] = true);
        let mut kept = Vec::with_capacity(self.n_events());
        let mut offsets = vec![0];
        for customer in self.customers.rows() {
            if !emptied[customer.index()] {
                // The builder and the bundle's reader allow no more events than a u32 counts.
                kept.extend(self.offsets[customer.index()] as u32..self.offsets[customer.index() + 1] as u32);
            }
            offsets.push(kept.len() as u64);
        }
        Self {
            customers: self.customers.clone(),
            items: self.items.clone(),
            offsets: offsets.into(),
            columns: self.columns.permuted(&kept),
        }
    }

    /// First and last instant of any event; `None` for an empty log.
    #[must_use]
    pub fn period(&self) -> Option<(Timestamp, Timestamp)> {
        // Times ascend within a customer.
        self.offsets
            .par_windows(2)
            .with_min_len(1024)
            .filter_map(|bounds| {
                let times = &self.columns.times[bounds[0] as usize..bounds[1] as usize];
                Some((*times.first()?, *times.last()?))
            })
            .reduce_with(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    /// How many events of each kind there are, in the order of [`crate::log::EventKind::ALL`].
    #[must_use]
    pub fn kind_counts(&self) -> [u64; 4] {
        let mut counts = [0; 4];
        for kind in &self.columns.kinds {
            counts[usize::from(kind.code())] += 1;
        }
        counts
    }
}
