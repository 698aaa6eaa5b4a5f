//! Baskets: which purchases were made together.

use crate::time::{Calendar, Timestamp};

use super::{History, Interaction};
use crate::id::OrderIdx;
use crate::log::EventKind;

/// The purchases of one order.
#[derive(Clone, PartialEq, Debug)]
pub struct Basket {
    /// Instant of the first line.
    pub at: Timestamp,
    /// The lines in time order; an item may stand on several.
    pub lines: Vec<Interaction>,
}

impl Basket {
    /// What the basket cost, before returns.
    #[must_use]
    pub fn amount(&self) -> f64 {
        self.lines.iter().map(Interaction::amount).sum()
    }
}

/// The baskets of a history in time order.
///
/// Purchases with the same order are one basket. Purchases without an order are one basket when they fall on the same
/// local day: a shop that logs no orders still sells baskets.
#[must_use]
pub fn baskets(history: History<'_>, calendar: &Calendar) -> Vec<Basket> {
    #[derive(PartialEq, Eq, Hash)]
    enum Key {
        Order(OrderIdx),
        Day(i32),
    }
    let mut found = indexmap::IndexMap::<Key, Basket>::new();
    for line in history.events().filter(|event| event.kind == EventKind::Purchase) {
        let key = line
            .order
            .map_or_else(|| Key::Day(calendar.day(line.at)), Key::Order);
        found
            .entry(key)
            .or_insert_with(|| Basket {
                at: line.at,
                lines: Vec::new(),
            })
            .lines
            .push(line);
    }
    found.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HistoryBuf;
    use crate::id::{ItemIdx, Row};

    #[test]
    fn lines_meet_by_order_and_else_by_day() {
        let line = |item, kind, at: &str, order: Option<u32>| Interaction {
            item: ItemIdx::from_u32(item),
            kind,
            at: at.parse().unwrap(),
            quantity: 2.0,
            unit_price: Some(1.25),
            order: order.map(OrderIdx::from_u32),
            session: None,
        };
        let mut history = HistoryBuf::default();
        history.extend([
            line(0, EventKind::Purchase, "2024-01-01T23:59:00", Some(7)),
            line(1, EventKind::Purchase, "2024-01-02T00:01:00", Some(7)),
            line(2, EventKind::View, "2024-01-02T08:00:00", None),
            line(3, EventKind::Purchase, "2024-01-02T09:00:00", None),
            line(4, EventKind::Purchase, "2024-01-02T21:00:00", None),
        ]);
        let found = baskets(history.as_history(), &Calendar::new("UTC").unwrap());
        let items: Vec<Vec<u32>> = found
            .iter()
            .map(|b| b.lines.iter().map(|l| l.item.as_u32()).collect())
            .collect();
        assert_eq!(items, [vec![0, 1], vec![3, 4]]);
        assert!((found[0].amount() - 5.0).abs() < 1e-12);
    }
}
