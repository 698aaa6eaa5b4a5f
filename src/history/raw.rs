//! Histories as plain arrays: how a bundle writes them, and the check that turns arrays back into histories.

use rayon::prelude::*;

use super::Histories;
use super::columns::Columns;
use crate::column::{Column, position};
use crate::id::{CustomerIdx, IdTable, ItemIdx, Row};
use crate::log::EventKind;
use crate::time::Timestamp;

/// The columns of [`Histories`], borrowed, for writing.
#[derive(Clone, Copy, Debug)]
pub struct HistoryColumns<'a> {
    /// Events of customer `c` are `offsets[c]..offsets[c + 1]`.
    pub offsets: &'a [u64],
    /// Item of each event.
    pub items: &'a [ItemIdx],
    /// Kind of each event.
    pub kinds: &'a [EventKind],
    /// Instant of each event, ascending within a customer.
    pub times: &'a [Timestamp],
    /// Pieces of each event.
    pub quantities: &'a [f32],
    /// Price of one piece; NaN where unknown.
    pub unit_prices: &'a [f32],
    /// Order of each event; `u32::MAX` where there is none.
    pub orders: &'a [u32],
    /// Visit of each event; `u32::MAX` where there is none.
    pub sessions: &'a [u32],
}

/// Unchecked arrays that claim to be histories; the columns are those of [`HistoryColumns`] as plain numbers.
#[derive(Clone, Debug)]
pub struct RawHistories {
    /// The customers.
    pub customers: IdTable<CustomerIdx>,
    /// The items.
    pub items: IdTable<ItemIdx>,
    /// Where each customer's events begin.
    pub offsets: Column<u64>,
    /// Item rows.
    pub item_rows: Column<u32>,
    /// Codes of kinds.
    pub kinds: Column<u8>,
    /// Microseconds since the Unix epoch.
    pub times: Column<i64>,
    /// Pieces.
    pub quantities: Column<f32>,
    /// Prices.
    pub unit_prices: Column<f32>,
    /// Order rows.
    pub orders: Column<u32>,
    /// Visit rows.
    pub sessions: Column<u32>,
}

/// Why arrays are no histories.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column:?}: {reason}")]
pub struct RawHistoriesError {
    column: &'static str,
    reason: String,
}

impl Histories {
    /// The columns, for writing.
    #[must_use]
    pub fn columns(&self) -> HistoryColumns<'_> {
        HistoryColumns {
            offsets: &self.offsets,
            items: &self.columns.items,
            kinds: &self.columns.kinds,
            times: &self.columns.times,
            quantities: &self.columns.quantities,
            unit_prices: &self.columns.unit_prices,
            orders: &self.columns.orders,
            sessions: &self.columns.sessions,
        }
    }
}

impl TryFrom<RawHistories> for Histories {
    type Error = RawHistoriesError;

    fn try_from(raw: RawHistories) -> Result<Self, RawHistoriesError> {
        let refuse = |column, reason: String| Err(RawHistoriesError { column, reason });
        let events = raw.item_rows.len();
        if u32::try_from(events).is_err() {
            return refuse("item", format!("{events} entries, more than {}", u32::MAX));
        }
        for (column, len) in [
            ("kind", raw.kinds.len()),
            ("time", raw.times.len()),
            ("quantity", raw.quantities.len()),
            ("unit_price", raw.unit_prices.len()),
            ("order", raw.orders.len()),
            ("session", raw.sessions.len()),
        ] {
            if len != events {
                return refuse(column, format!("{len} entries beside {events} items"));
            }
        }
        if raw.offsets.len() != raw.customers.len() + 1 {
            let (found, wanted) = (raw.offsets.len(), raw.customers.len() + 1);
            return refuse("offsets", format!("{found} entries instead of {wanted}"));
        }
        if raw.offsets.first() != Some(&0) || raw.offsets.last() != Some(&(events as u64)) {
            return refuse(
                "offsets",
                format!("must run from 0 to the number of events, {events}"),
            );
        }
        if let Some(at) = raw.offsets.windows(2).position(|pair| pair[0] > pair[1]) {
            return refuse("offsets", format!("descends after entry {at}"));
        }
        let n_items = raw.items.len();
        if let Some(at) = position(&raw.item_rows, |&row| row as usize >= n_items) {
            return refuse(
                "item",
                format!("entry {at} is row {} of {n_items} items", raw.item_rows[at]),
            );
        }
        if let Some(at) = position(&raw.kinds, |&code| EventKind::from_code(code).is_none()) {
            let code = raw.kinds[at];
            return refuse("kind", format!("entry {at} is code {code}, which names no kind"));
        }
        let years = Timestamp::MIN.as_micros()..=Timestamp::MAX.as_micros();
        if let Some(at) = position(&raw.times, |micros| !years.contains(micros)) {
            return refuse("time", format!("entry {at} is outside the years 1900 to 2200"));
        }
        let (offsets, times) = (&*raw.offsets, &*raw.times);
        let descends = |&customer: &usize| {
            !times[offsets[customer] as usize..offsets[customer + 1] as usize].is_sorted()
        };
        let customers = (0..raw.customers.len()).into_par_iter().with_min_len(1024);
        if let Some(customer) = customers.find_first(descends) {
            return refuse("time", format!("descends within customer row {customer}"));
        }
        if let Some(at) = position(&raw.quantities, |q| !(q.is_finite() && *q > 0.0)) {
            return refuse("quantity", format!("entry {at} is {}", raw.quantities[at]));
        }
        let known_price = |price: &f32| price.is_nan() || (price.is_finite() && *price >= 0.0);
        if let Some(at) = position(&raw.unit_prices, |price| !known_price(price)) {
            return refuse("unit_price", format!("entry {at} is {}", raw.unit_prices[at]));
        }
        let kind = |&code: &u8| EventKind::from_code(code).unwrap_or(EventKind::View);
        Ok(Self {
            customers: raw.customers,
            items: raw.items,
            offsets: raw.offsets,
            columns: Columns {
                items: raw.item_rows.wrapped(ItemIdx::from_u32),
                // Copied: see `crate::column`.
                kinds: raw.kinds.par_iter().map(kind).collect(),
                // None is outside the years, and none changes its bits.
                times: raw
                    .times
                    .wrapped(|micros| Timestamp::from_micros(micros).unwrap_or(Timestamp::MIN)),
                quantities: raw.quantities,
                unit_prices: raw.unit_prices,
                orders: raw.orders,
                sessions: raw.sessions,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HistoriesBuilder;
    use crate::log::Event;

    fn raw() -> RawHistories {
        let mut builder = HistoriesBuilder::default();
        for (customer_id, item_id, at) in [
            ("a", "x", "2024-01-01"),
            ("a", "y", "2024-01-02"),
            ("b", "x", "2024-01-01"),
        ] {
            builder
                .push(&Event {
                    event_id: None,
                    customer_id,
                    item_id,
                    kind: EventKind::Purchase,
                    occurred_at: at.parse().unwrap(),
                    quantity: 1.0,
                    unit_price: None,
                    order_id: None,
                    session_id: None,
                })
                .unwrap();
        }
        let histories = builder.finish();
        let columns = histories.columns();
        RawHistories {
            customers: histories.customers().clone(),
            items: histories.items().clone(),
            offsets: columns.offsets.to_vec().into(),
            item_rows: columns.items.iter().map(|item| item.as_u32()).collect(),
            kinds: columns.kinds.iter().map(|kind| kind.code()).collect(),
            times: columns.times.iter().map(|at| at.as_micros()).collect(),
            quantities: columns.quantities.to_vec().into(),
            unit_prices: columns.unit_prices.to_vec().into(),
            orders: columns.orders.to_vec().into(),
            sessions: columns.sessions.to_vec().into(),
        }
    }

    #[test]
    fn arrays_become_the_histories_that_they_came_from() {
        let histories = Histories::try_from(raw()).unwrap();
        assert_eq!(histories.n_events(), 3);
        let a = histories.of(histories.customers().find("a").unwrap());
        assert_eq!(a.items().iter().map(|i| i.as_u32()).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(a.event(0).unit_price, None);
    }

    #[test]
    fn each_broken_rule_names_its_column() {
        type Break = fn(&mut RawHistories);
        let cases: [(&str, Break); 9] = [
            ("\"kind\": 2 entries", |raw| raw.kinds.to_mut().truncate(2)),
            ("\"offsets\": 2 entries", |raw| raw.offsets.to_mut().truncate(2)),
            ("\"offsets\": must run from 0", |raw| raw.offsets.to_mut()[2] = 2),
            ("\"offsets\": descends", |raw| raw.offsets.to_mut()[1] = 4),
            ("\"item\": entry 1 is row 2", |raw| raw.item_rows.to_mut()[1] = 2),
            ("\"kind\": entry 0 is code 9", |raw| raw.kinds.to_mut()[0] = 9),
            ("\"time\": descends within customer row 0", |raw| {
                raw.times.to_mut().swap(0, 1)
            }),
            ("\"quantity\": entry 2 is NaN", |raw| {
                raw.quantities.to_mut()[2] = f32::NAN
            }),
            ("\"unit_price\": entry 0 is -1", |raw| {
                raw.unit_prices.to_mut()[0] = -1.0
            }),
        ];
        for (expected, damage) in cases {
            let mut raw = raw();
            damage(&mut raw);
            let error = Histories::try_from(raw).unwrap_err().to_string();
            assert!(error.contains(expected), "{error} should contain {expected}");
        }
    }
}
