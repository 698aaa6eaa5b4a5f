//! One history as columns: the borrowed view that every model reads, and the owned buffer that a request fills.

use crate::column::{Column, Plain};
use crate::id::{ItemIdx, OrderIdx, Row, SessionIdx};
use crate::log::EventKind;
use crate::time::Timestamp;

/// One event of a history.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interaction {
    /// The item.
    pub item: ItemIdx,
    /// What was done with it.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Pieces, above zero.
    pub quantity: f32,
    /// Price of one piece, where the log has it.
    pub unit_price: Option<f32>,
    /// The order that the line belongs to, where the log has it.
    pub order: Option<OrderIdx>,
    /// The visit that the event belongs to, where the log has it.
    pub session: Option<SessionIdx>,
}

impl Interaction {
    /// Quantity times unit price; zero where the price is unknown. Never negative: the kind says whether it was money
    /// in or money out.
    #[must_use]
    pub fn amount(&self) -> f64 {
        f64::from(self.quantity) * f64::from(self.unit_price.unwrap_or(0.0))
    }
}

/// "None" in the order and session columns; [`crate::id::IdTable`] never hands this row out.
pub(crate) const NO_ROW: u32 = u32::MAX;

/// The columns of any number of events. Missing prices are NaN, missing orders and sessions [`NO_ROW`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Columns {
    pub(crate) items: Column<ItemIdx>,
    pub(crate) kinds: Vec<EventKind>,
    pub(crate) times: Column<Timestamp>,
    pub(crate) quantities: Column<f32>,
    pub(crate) unit_prices: Column<f32>,
    pub(crate) orders: Column<u32>,
    pub(crate) sessions: Column<u32>,
}

impl Columns {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn push(&mut self, event: Interaction) {
        self.items.push(event.item);
        self.kinds.push(event.kind);
        self.times.push(event.at);
        self.quantities.push(event.quantity);
        self.unit_prices.push(event.unit_price.unwrap_or(f32::NAN));
        self.orders.push(event.order.map_or(NO_ROW, Row::as_u32));
        self.sessions.push(event.session.map_or(NO_ROW, Row::as_u32));
    }

    pub(crate) fn view(&self, from: usize, to: usize) -> History<'_> {
        History {
            items: &self.items[from..to],
            kinds: &self.kinds[from..to],
            times: &self.times[from..to],
            quantities: &self.quantities[from..to],
            unit_prices: &self.unit_prices[from..to],
            orders: &self.orders[from..to],
            sessions: &self.sessions[from..to],
        }
    }

    /// These columns in another order: row `i` of the result is row `order[i]` of these.
    pub(crate) fn permuted(&self, order: &[u32]) -> Self {
        use rayon::prelude::*;
        fn take<T: Plain>(column: &[T], order: &[u32]) -> Column<T> {
            let taken: Vec<T> = order.par_iter().map(|&at| column[at as usize]).collect();
            taken.into()
        }
        Self {
            items: take(&self.items, order),
            kinds: order.par_iter().map(|&at| self.kinds[at as usize]).collect(),
            times: take(&self.times, order),
            quantities: take(&self.quantities, order),
            unit_prices: take(&self.unit_prices, order),
            orders: take(&self.orders, order),
            sessions: take(&self.sessions, order),
        }
    }
}

/// A customer's history: events in time order, as parallel columns. Cheap to copy and to cut.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    items: &'a [ItemIdx],
    kinds: &'a [EventKind],
    times: &'a [Timestamp],
    quantities: &'a [f32],
    unit_prices: &'a [f32],
    orders: &'a [u32],
    sessions: &'a [u32],
}

impl<'a> History<'a> {
    /// The history of somebody who has done nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            items: &[],
            kinds: &[],
            times: &[],
            quantities: &[],
            unit_prices: &[],
            orders: &[],
            sessions: &[],
        }
    }

    /// Number of events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is no event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Times of the events, ascending.
    #[must_use]
    pub fn times(&self) -> &'a [Timestamp] {
        self.times
    }

    /// Items of the events, in time order.
    #[must_use]
    pub fn items(&self) -> &'a [ItemIdx] {
        self.items
    }

    /// Kinds of the events, in time order.
    #[must_use]
    pub fn kinds(&self) -> &'a [EventKind] {
        self.kinds
    }

    /// The event at a position.
    ///
    /// # Panics
    /// When `at` is not below [`Self::len`].
    #[must_use]
    pub fn event(&self, at: usize) -> Interaction {
        let row = |value: u32| (value != NO_ROW).then_some(value);
        Interaction {
            item: self.items[at],
            kind: self.kinds[at],
            at: self.times[at],
            quantity: self.quantities[at],
            unit_price: Some(self.unit_prices[at]).filter(|price| !price.is_nan()),
            order: row(self.orders[at]).map(OrderIdx::from_u32),
            session: row(self.sessions[at]).map(SessionIdx::from_u32),
        }
    }

    /// The events in time order.
    pub fn events(self) -> impl DoubleEndedIterator<Item = Interaction> + ExactSizeIterator + 'a {
        (0..self.len()).map(move |at| self.event(at))
    }

    /// The events strictly before `cut_off`: what was known at that instant.
    #[must_use]
    pub fn before(self, cut_off: Timestamp) -> Self {
        self.slice(0, self.times.partition_point(|&at| at < cut_off))
    }

    /// The events in the half-open window `[from, to)`.
    #[must_use]
    pub fn within(self, from: Timestamp, to: Timestamp) -> Self {
        let start = self.times.partition_point(|&at| at < from);
        let end = self.times.partition_point(|&at| at < to);
        self.slice(start, end.max(start))
    }

    fn slice(self, from: usize, to: usize) -> Self {
        Self {
            items: &self.items[from..to],
            kinds: &self.kinds[from..to],
            times: &self.times[from..to],
            quantities: &self.quantities[from..to],
            unit_prices: &self.unit_prices[from..to],
            orders: &self.orders[from..to],
            sessions: &self.sessions[from..to],
        }
    }
}

/// An owned history: what a known customer did, extended by what the request says happened since.
#[derive(Clone, Debug, Default)]
pub struct HistoryBuf {
    columns: Columns,
}

impl HistoryBuf {
    /// A copy of a history, to be extended.
    #[must_use]
    pub fn from_history(history: History<'_>) -> Self {
        let mut columns = Columns::default();
        history.events().for_each(|event| columns.push(event));
        Self { columns }
    }

    /// Adds events in any order; events of equal time keep the order in which they were added.
    pub fn extend(&mut self, events: impl IntoIterator<Item = Interaction>) {
        events.into_iter().for_each(|event| self.columns.push(event));
        let times = &self.columns.times;
        if times.is_sorted() {
            return;
        }
        // A request holds at most a few thousand events, far below u32::MAX.
        let mut order: Vec<u32> = (0..times.len() as u32).collect();
        order.sort_by_key(|&at| times[at as usize]);
        self.columns = self.columns.permuted(&order);
    }

    /// The history, for reading.
    #[must_use]
    pub fn as_history(&self) -> History<'_> {
        self.columns.view(0, self.columns.len())
    }
}
