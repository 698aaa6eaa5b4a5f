//! Short ways to write histories in tests.

use crate::history::{Histories, HistoriesBuilder, HistoryBuf, Interaction};
use crate::id::{ItemIdx, Row};
use crate::log::{Event, EventKind};
use crate::time::Timestamp;

pub(crate) fn start() -> Timestamp {
    "2024-01-01T10:00:00Z".parse().unwrap()
}

pub(crate) fn line(item: u32, kind: EventKind, day: f64, quantity: f32) -> Interaction {
    Interaction {
        item: ItemIdx::from_u32(item),
        kind,
        at: start().plus_days(day),
        quantity,
        unit_price: Some(1.0),
        order: None,
        session: None,
    }
}

pub(crate) fn history(lines: &[Interaction]) -> HistoryBuf {
    let mut history = HistoryBuf::default();
    history.extend(lines.iter().copied());
    history
}

/// Histories of (customer, item, kind, day, quantity), with names made of the numbers.
pub(crate) fn histories(lines: impl IntoIterator<Item = (u32, u32, EventKind, f64, f32)>) -> Histories {
    let mut builder = HistoriesBuilder::default();
    for (customer, item, kind, day, quantity) in lines {
        builder
            .push(&Event {
                event_id: None,
                customer_id: &format!("c{customer}"),
                item_id: &format!("i{item}"),
                kind,
                occurred_at: start().plus_days(day),
                quantity,
                unit_price: Some(1.0),
                order_id: None,
                session_id: None,
            })
            .unwrap();
    }
    builder.finish()
}
