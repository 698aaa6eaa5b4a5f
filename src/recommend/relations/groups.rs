//! Groups of items that came together: the baskets, the visits, the customers.
//!
//! Enters: histories before an instant. Leaves: [`Groups`], sparse matrices of groups × items in both orientations, so
//! that whatever one item met is found by walking the groups that it is in.

use rayon::prelude::*;

use crate::history::{Csr, Histories, History, baskets};
use crate::id::{CustomerIdx, ItemIdx, Row};
use crate::log::EventKind;
use crate::time::{Calendar, Timestamp};

/// Minutes without an event after which a new visit begins, where the log does not tell visits apart.
const VISIT_GAP_MINUTES: f64 = 30.0;

/// Groups of distinct items.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    /// Groups × items, ascending within a group; what the value means is the group's kind.
    pub by_group: Csr,
    /// The transpose.
    pub by_item: Csr,
}

/// What is told of a basket beside its items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BasketFacts {
    /// When it was bought.
    pub at: Timestamp,
    /// `1 / (k − 1)` with `k` the customer's baskets; 0 for the only one.
    pub share: f32,
}

/// Baskets, and the customers who bought several of them.
pub(crate) struct Purchases {
    /// Baskets × items, values 1.
    pub baskets: Groups,
    pub facts: Vec<BasketFacts>,
    /// Customers with at least two baskets × items; values: the customer's baskets with the item.
    pub customers: Groups,
    /// By row of `customers`: `1 / (k − 1)`.
    pub shares: Vec<f32>,
}

/// One customer's distinct baskets.
pub(crate) fn distinct_baskets(history: History<'_>, calendar: &Calendar) -> Vec<(Timestamp, Vec<u32>)> {
    let distinct = |basket: crate::history::Basket| {
        let mut items: Vec<u32> = basket.lines.iter().map(|line| line.item.as_u32()).collect();
        items.sort_unstable();
        items.dedup();
        (basket.at, items)
    };
    baskets(history, calendar).into_iter().map(distinct).collect()
}

/// Which groups are too large to say what goes with what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Largest {
    pub basket: usize,
    pub visit: usize,
    pub customer: usize,
}

impl Purchases {
    /// The baskets bought before `now`, without those that are too large.
    pub(crate) fn before(
        histories: &Histories,
        calendar: &Calendar,
        now: Timestamp,
        largest: Largest,
    ) -> Self {
        let rows: Vec<CustomerIdx> = histories.customers().rows().collect();
        let found: Vec<_> = rows
            .into_par_iter()
            .map(|customer| {
                let mut baskets = distinct_baskets(histories.of(customer).before(now), calendar);
                baskets.retain(|(_, items)| items.len() <= largest.basket);
                let mut counts: Vec<u32> = baskets
                    .iter()
                    .flat_map(|(_, items)| items.iter().copied())
                    .collect();
                counts.sort_unstable();
                let mut of_customer: Vec<(ItemIdx, f32)> = Vec::new();
                if baskets.len() > 1 {
                    for run in counts.chunk_by(|a, b| a == b) {
                        of_customer.push((ItemIdx::from_u32(run[0]), run.len() as f32));
                    }
                }
                // Who bought nearly everything says nothing of what stands in for what.
                if of_customer.len() > largest.customer {
                    of_customer.clear();
                }
                (baskets, of_customer)
            })
            .collect();
        let n_items = histories.items().len();
        let (mut rows, mut facts) = (Vec::new(), Vec::new());
        let (mut customers, mut shares) = (Vec::new(), Vec::new());
        for (baskets, of_customer) in found {
            let share = if of_customer.is_empty() {
                0.0
            } else {
                1.0 / (baskets.len() - 1) as f32
            };
            for (at, items) in baskets {
                facts.push(BasketFacts { at, share });
                rows.push(
                    items
                        .into_iter()
                        .map(|item| (ItemIdx::from_u32(item), 1.0))
                        .collect(),
                );
            }
            if share > 0.0 {
                customers.push(of_customer);
                shares.push(share);
            }
        }
        Self {
            baskets: Groups::new(&rows, n_items),
            facts,
            customers: Groups::new(&customers, n_items),
            shares,
        }
    }
}

impl Groups {
    fn new(rows: &[Vec<(ItemIdx, f32)>], n_items: usize) -> Self {
        let by_group = Csr::from_rows(rows, n_items);
        let by_item = by_group.transposed();
        Self { by_group, by_item }
    }

    /// The visits before `now` in which something was looked at: visits × items looked at (viewed or put into the cart),
    /// value 1 where the item was bought within the visit and 0 where it was not.
    ///
    /// Events of one session are one visit. Events without a session belong to the visit before them, if that was at most
    /// half an hour ago, and else to a new one.
    pub(crate) fn visits(histories: &Histories, now: Timestamp, largest: Largest) -> Self {
        let rows: Vec<CustomerIdx> = histories.customers().rows().collect();
        let found: Vec<_> = rows
            .into_par_iter()
            .map(|customer| visits_of(histories.of(customer).before(now), largest.visit))
            .collect();
        let rows: Vec<_> = found.into_iter().flatten().collect();
        Self::new(&rows, histories.items().len())
    }

    /// Number of groups.
    pub(crate) fn len(&self) -> usize {
        self.by_group.n_rows()
    }

    /// In how many groups each item is.
    pub(crate) fn sizes(&self) -> Vec<u32> {
        let offsets = self.by_item.offsets();
        // Groups are counted by u32 rows of customers and their events.
        offsets
            .windows(2)
            .map(|ends| (ends[1] - ends[0]) as u32)
            .collect()
    }
}

fn visits_of(history: History<'_>, largest: usize) -> Vec<Vec<(ItemIdx, f32)>> {
    // (visit, item, looked at, bought)
    let mut seen: Vec<(u32, u32, bool, bool)> = Vec::new();
    let mut sessions = hashbrown::HashMap::new();
    let mut last: Option<(u32, Timestamp)> = None;
    let mut n_visits = 0;
    for event in history.events().filter(|event| event.kind != EventKind::Return) {
        let joined = last.filter(|(_, at)| event.at.days_since(*at) * 1440.0 <= VISIT_GAP_MINUTES);
        let mut begin = || {
            n_visits += 1;
            n_visits - 1
        };
        let visit = match (event.session, joined) {
            (Some(session), _) => *sessions.entry(session).or_insert_with(begin),
            (None, Some((visit, _))) => visit,
            (None, None) => begin(),
        };
        last = Some((visit, event.at));
        let bought = event.kind == EventKind::Purchase;
        seen.push((visit, event.item.as_u32(), !bought, bought));
    }
    seen.sort_unstable_by_key(|&(visit, item, ..)| (visit, item));
    let mut visits = Vec::new();
    for visit in seen.chunk_by(|a, b| a.0 == b.0) {
        let items = visit.chunk_by(|a, b| a.1 == b.1);
        let looked_at: Vec<(ItemIdx, f32)> = items
            .filter(|events| events.iter().any(|event| event.2))
            .map(|events| {
                let bought = events.iter().any(|event| event.3);
                (ItemIdx::from_u32(events[0].1), f32::from(u8::from(bought)))
            })
            .collect();
        if (1..=largest).contains(&looked_at.len()) {
            visits.push(looked_at);
        }
    }
    visits
}
