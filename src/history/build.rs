//! From a stream of events to histories: interning, then one stable sort by customer and time.

use rayon::prelude::*;

use super::Histories;
use super::columns::{Columns, Interaction, NO_ROW};
use crate::id::{CustomerIdx, IdError, IdTable, ItemIdx, OrderIdx, Row, SessionIdx};
use crate::log::Event;

/// Collects events in the order of the log, then sorts them into [`Histories`].
///
/// # Determinism
/// The same events in the same order give the same rows and the same columns, for any number of threads.
#[derive(Debug, Default)]
pub struct HistoriesBuilder {
    customers: IdTable<CustomerIdx>,
    items: IdTable<ItemIdx>,
    // Names of orders and sessions are needed only to tell lines of one from lines of another.
    orders: IdTable<OrderIdx>,
    sessions: IdTable<SessionIdx>,
    customer_of: Vec<CustomerIdx>,
    columns: Columns,
}

impl HistoriesBuilder {
    /// Adds one event and gives its item's row.
    ///
    /// # Errors
    /// [`IdError`] when an id is not one or there are too many rows; no event is added then.
    pub fn push(&mut self, event: &Event<'_>) -> Result<ItemIdx, IdError> {
        if self.columns.len() >= u32::MAX as usize {
            return Err(IdError::TooMany);
        }
        let last_order = self
            .columns
            .orders
            .last()
            .copied()
            .filter(|&row| row != NO_ROW)
            .map(OrderIdx::from_u32);
        let customer = intern(
            &mut self.customers,
            event.customer_id,
            self.customer_of.last().copied(),
        )?;
        let interaction = Interaction {
            item: self.items.intern(event.item_id)?,
            kind: event.kind,
            at: event.occurred_at,
            quantity: event.quantity,
            unit_price: event.unit_price,
            order: event
                .order_id
                .map(|id| intern(&mut self.orders, id, last_order))
                .transpose()?,
            session: event.session_id.map(|id| self.sessions.intern(id)).transpose()?,
        };
        self.customer_of.push(customer);
        self.columns.push(interaction);
        Ok(interaction.item)
    }

    /// Gives an item a row although no event has it: what the catalogue knows and nobody touched yet.
    ///
    /// # Errors
    /// [`IdError`] when the id is not one.
    pub fn add_item(&mut self, item_id: &str) -> Result<ItemIdx, IdError> {
        self.items.intern(item_id)
    }

    /// The name of the item in a row.
    ///
    /// # Panics
    /// When no item has this row yet.
    #[must_use]
    pub fn item_name(&self, item: ItemIdx) -> &str {
        self.items.name(item)
    }

    /// Number of events so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is no event yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.len() == 0
    }

    /// Sorts the events into histories.
    #[must_use]
    pub fn finish(self) -> Histories {
        let n_customers = self.customers.len();
        let mut offsets = vec![0u64; n_customers + 1];
        for customer in &self.customer_of {
            offsets[customer.index() + 1] += 1;
        }
        for c in 0..n_customers {
            offsets[c + 1] += offsets[c];
        }

        // Counting sort by customer keeps the log's order within a customer; then each slice is sorted by time, stably.
        let mut next = offsets.clone();
        let mut order = vec![0u32; self.columns.len()];
        for (at, customer) in (0u32..).zip(&self.customer_of) {
            let slot = &mut next[customer.index()];
            order[*slot as usize] = at;
            *slot += 1;
        }
        let mut slices = Vec::with_capacity(n_customers);
        let mut rest = order.as_mut_slice();
        for bounds in offsets.windows(2) {
            let (slice, tail) = rest.split_at_mut((bounds[1] - bounds[0]) as usize);
            slices.push(slice);
            rest = tail;
        }
        let times = &self.columns.times;
        slices.into_par_iter().for_each(|slice| {
            if !slice.is_sorted_by_key(|&at| times[at as usize]) {
                slice.sort_by_key(|&at| times[at as usize]);
            }
        });

        Histories {
            customers: self.customers,
            items: self.items,
            columns: self.columns.permuted(&order),
            offsets: offsets.into(),
        }
    }
}

/// The row of `name`, which is very often that of the line before: an order has many lines.
fn intern<R: Row>(table: &mut IdTable<R>, name: &str, last: Option<R>) -> Result<R, IdError> {
    match last {
        Some(row) if table.name(row) == name => Ok(row),
        _ => table.intern(name),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::History;
    use crate::log::EventKind;
    use crate::time::Timestamp;

    fn event<'a>(customer: &'a str, item: &'a str, micros: i64) -> Event<'a> {
        Event {
            event_id: None,
            customer_id: customer,
            item_id: item,
            kind: EventKind::Purchase,
            occurred_at: Timestamp::from_micros(micros).unwrap(),
            quantity: 2.0,
            unit_price: Some(1.5),
            order_id: Some("o1"),
            session_id: None,
        }
    }

    #[test]
    fn events_come_out_by_customer_and_time_whatever_the_order_in() {
        let mut builder = HistoriesBuilder::default();
        for (customer, item, at) in [("b", "x", 5), ("a", "y", 9), ("b", "z", 1), ("b", "w", 5)] {
            builder.push(&event(customer, item, at)).unwrap();
        }
        let histories = builder.finish();
        let b = histories.of(histories.customers().find("b").unwrap());
        let items: Vec<_> = b.items().iter().map(|&i| histories.items().name(i)).collect();
        assert_eq!(items, ["z", "x", "w"]);
        let first = b.event(0);
        assert_eq!((first.amount(), first.session), (3.0, None));
        assert_eq!(histories.period().unwrap().1.as_micros(), 9);
        assert_eq!(histories.kind_counts(), [0, 0, 4, 0]);
    }

    proptest! {
        /// A split never lets an event at or after the cut-off through, and loses none before it.
        #[test]
        fn a_cut_is_strict(times in prop::collection::vec(0i64..50, 0..60), cut in 0i64..50, width in 0i64..20) {
            let mut builder = HistoriesBuilder::default();
            for (n, &at) in times.iter().enumerate() {
                builder.push(&event(["a", "b", "c"][n % 3], "x", at)).unwrap();
            }
            let histories = builder.finish();
            let cut_off = Timestamp::from_micros(cut).unwrap();
            let end = Timestamp::from_micros(cut + width).unwrap();
            let seen = |part: fn(History<'_>, Timestamp, Timestamp) -> Vec<i64>| -> Vec<i64> {
                let mut all: Vec<i64> =
                    histories.customers().rows().flat_map(|c| part(histories.of(c), cut_off, end)).collect();
                all.sort_unstable();
                all
            };
            let before = seen(|h, cut_off, _| h.before(cut_off).times().iter().map(|t| t.as_micros()).collect());
            let within = seen(|h, cut_off, end| h.within(cut_off, end).times().iter().map(|t| t.as_micros()).collect());
            let mut expected_before: Vec<i64> = times.iter().copied().filter(|&t| t < cut).collect();
            let mut expected_within: Vec<i64> = times.iter().copied().filter(|&t| t >= cut && t < cut + width).collect();
            expected_before.sort_unstable();
            expected_within.sort_unstable();
            prop_assert_eq!(before, expected_before);
            prop_assert_eq!(within, expected_within);
        }
    }
}
