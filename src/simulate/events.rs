//! The log of a simulated shop as columns, in time order.

use rayon::prelude::*;

use super::visit::Record;
use crate::log::EventKind;
use crate::time::Timestamp;

/// Events as parallel columns, ascending in time. Orders and sessions are numbered as they first appear.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Events {
    /// Who, as a number of the shop's customers.
    pub customers: Vec<u32>,
    /// With which item, as a number of the shop's items.
    pub items: Vec<u32>,
    /// Did what.
    pub kinds: Vec<EventKind>,
    /// When.
    pub times: Vec<Timestamp>,
    /// How many pieces.
    pub quantities: Vec<f32>,
    /// The order of a purchase or return.
    pub orders: Vec<Option<u32>>,
    /// The visit; a return has none.
    pub sessions: Vec<Option<u32>>,
}

impl Events {
    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Number of orders.
    #[must_use]
    pub fn n_orders(&self) -> usize {
        count(&self.orders)
    }

    /// Number of visits.
    #[must_use]
    pub fn n_sessions(&self) -> usize {
        count(&self.sessions)
    }

    /// Sorts what `people` customers did, given customer by customer.
    pub(super) fn in_time_order(mut records: Vec<Record>, people: u32) -> Self {
        // Stable, so that events of one instant stay in the order of customers and of what they did.
        records.par_sort_by_key(|record| record.at);
        let mut orders = Numbering::new(&records, people, |record| record.order);
        let mut sessions = Numbering::new(&records, people, |record| record.session);
        let mut events = Self::default();
        for record in &records {
            events.customers.push(record.customer);
            events.items.push(record.item);
            events.kinds.push(record.kind);
            events.times.push(record.at);
            events.quantities.push(f32::from(record.quantity));
            events
                .orders
                .push(record.order.map(|local| orders.number(record.customer, local)));
            events.sessions.push(
                record
                    .session
                    .map(|local| sessions.number(record.customer, local)),
            );
        }
        events
    }
}

/// From a customer's how-manieth order or visit to the shop's.
struct Numbering {
    /// By customer: where the customer's places begin.
    first: Vec<usize>,
    numbers: Vec<Option<u32>>,
    next: u32,
}

impl Numbering {
    fn new(records: &[Record], people: u32, local: impl Fn(&Record) -> Option<u32>) -> Self {
        let mut counts = vec![0usize; people as usize];
        for record in records {
            if let Some(local) = local(record) {
                let count = &mut counts[record.customer as usize];
                *count = (*count).max(local as usize + 1);
            }
        }
        let mut total = 0;
        let first = counts
            .iter()
            .map(|count| {
                let first = total;
                total += count;
                first
            })
            .collect();
        Self {
            first,
            numbers: vec![None; total],
            next: 0,
        }
    }

    fn number(&mut self, customer: u32, local: u32) -> u32 {
        let place = &mut self.numbers[self.first[customer as usize] + local as usize];
        *place.get_or_insert_with(|| {
            self.next += 1;
            self.next - 1
        })
    }
}

fn count(numbers: &[Option<u32>]) -> usize {
    numbers
        .iter()
        .flatten()
        .max()
        .map_or(0, |&most| most as usize + 1)
}

/// Name of the event at a position.
pub(super) fn event_id(at: usize) -> String {
    format!("e{:09}", at + 1)
}

/// Name of an order.
pub(super) fn order_id(order: u32) -> String {
    format!("o{:08}", order + 1)
}

/// Name of a visit.
pub(super) fn session_id(session: u32) -> String {
    format!("s{:08}", session + 1)
}
