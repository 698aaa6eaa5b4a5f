//! Purchase days: the local days on which a customer bought something and kept it.
//!
//! Enters: a history and the shop's calendar. Leaves: one [`PurchaseDay`] per day, ascending.
//!
//! The one decision: a return takes back the latest earlier purchase of the same item, piece by piece, and never
//! touches another item or a later order. An order that was cancelled whole is therefore no purchase, while a
//! customer who returns a lamp on the day on which she buys a table did buy on that day. Returns of what was bought
//! before the log began match nothing and count for nothing.

use hashbrown::HashMap;

use super::History;
use crate::id::ItemIdx;
use crate::log::EventKind;
use crate::time::{Calendar, Timestamp};

/// A day on which the customer bought something that, as far as this history tells, she kept.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PurchaseDay {
    /// The local day, counted as by [`Calendar::day`].
    pub day: i32,
    /// Instant of the first kept purchase of the day.
    pub at: Timestamp,
    /// What the day's purchases cost after returns; lines without a price add nothing.
    pub amount: f64,
}

/// Pieces below this are rounding of a fraction that was returned whole.
const NOTHING_LEFT: f32 = 1e-4;

/// The purchase days of a history.
///
/// A purchase line counts when pieces are left after returns and its price is above zero or unknown. Only what the
/// history holds is known: cut it with [`History::before`] first, and a later return does not reach back.
#[must_use]
pub fn purchase_days(history: History<'_>, calendar: &Calendar) -> Vec<PurchaseDay> {
    let kept = kept_pieces(history);
    let mut days: Vec<PurchaseDay> = Vec::new();
    for (at, &pieces) in kept.iter().enumerate() {
        if pieces <= NOTHING_LEFT {
            continue;
        }
        let event = history.event(at);
        if event.unit_price.is_some_and(|price| price <= 0.0) {
            continue;
        }
        let amount = f64::from(pieces) * f64::from(event.unit_price.unwrap_or(0.0));
        let day = calendar.day(event.at);
        match days.last_mut() {
            Some(last) if last.day == day => last.amount += amount,
            _ => days.push(PurchaseDay {
                day,
                at: event.at,
                amount,
            }),
        }
    }
    days
}

/// For each event the pieces that were bought by it and not returned later; zero for other kinds.
fn kept_pieces(history: History<'_>) -> Vec<f32> {
    let kinds = history.kinds();
    let mut kept: Vec<f32> = history
        .events()
        .map(|event| match event.kind {
            EventKind::Purchase => event.quantity,
            EventKind::View | EventKind::Cart | EventKind::Return => 0.0,
        })
        .collect();
    if !kinds.contains(&EventKind::Return) {
        return kept;
    }
    // The purchases of each item that still have pieces, latest on top.
    let mut open: HashMap<ItemIdx, Vec<usize>> = HashMap::new();
    for (at, event) in history.events().enumerate() {
        match event.kind {
            EventKind::Purchase => open.entry(event.item).or_default().push(at),
            EventKind::Return => {
                let mut back = event.quantity;
                let Some(purchases) = open.get_mut(&event.item) else {
                    continue;
                };
                while let Some(&latest) = purchases.last()
                    && back > NOTHING_LEFT
                {
                    let taken = back.min(kept[latest]);
                    kept[latest] -= taken;
                    back -= taken;
                    if kept[latest] <= NOTHING_LEFT {
                        purchases.pop();
                    }
                }
            }
            EventKind::View | EventKind::Cart => {}
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{HistoryBuf, Interaction};
    use crate::id::Row;

    fn days(events: &[(u32, EventKind, &str, f32, Option<f32>)]) -> Vec<(i32, f64)> {
        let london = Calendar::new("Europe/London").unwrap();
        let mut history = HistoryBuf::default();
        history.extend(
            events
                .iter()
                .map(|&(item, kind, at, quantity, unit_price)| Interaction {
                    item: ItemIdx::from_u32(item),
                    kind,
                    at: at.parse().unwrap(),
                    quantity,
                    unit_price,
                    order: None,
                    session: None,
                }),
        );
        let first = london.day("2011-06-01T12:00:00Z".parse().unwrap());
        purchase_days(history.as_history(), &london)
            .iter()
            .map(|d| (d.day - first, d.amount))
            .collect()
    }

    use EventKind::{Cart, Purchase, Return, View};

    #[test]
    fn orders_of_one_local_day_are_one_day() {
        let found = days(&[
            (0, Purchase, "2011-06-01T10:00:00Z", 2.0, Some(1.5)),
            (1, Purchase, "2011-06-01T20:00:00Z", 1.0, Some(4.0)),
            // Half past eleven in the evening UTC is the next day in British summer time.
            (1, Purchase, "2011-06-01T23:30:00Z", 1.0, Some(4.0)),
            (1, View, "2011-06-05T10:00:00Z", 1.0, None),
            (1, Cart, "2011-06-05T10:00:00Z", 1.0, Some(4.0)),
        ]);
        assert_eq!(found, [(0, 7.0), (1, 4.0)]);
    }

    #[test]
    fn a_cancelled_order_is_no_purchase_and_a_late_return_takes_the_latest() {
        let found = days(&[
            (0, Purchase, "2011-06-01T10:00:00Z", 2.0, Some(1.0)),
            (0, Purchase, "2011-06-02T10:00:00Z", 80_995.0, Some(2.0)),
            (0, Return, "2011-06-02T10:15:00Z", 80_995.0, Some(2.0)),
            // A table on the day on which one of the first pieces goes back.
            (1, Purchase, "2011-06-03T10:00:00Z", 1.0, Some(9.0)),
            (0, Return, "2011-06-03T11:00:00Z", 1.0, Some(1.0)),
            // Bought before the log began.
            (2, Return, "2011-06-04T11:00:00Z", 1.0, Some(1.0)),
            (2, Purchase, "2011-06-05T11:00:00Z", 1.0, Some(1.0)),
        ]);
        assert_eq!(found, [(0, 1.0), (2, 9.0), (4, 1.0)]);
    }

    #[test]
    fn an_unknown_price_is_a_purchase_and_a_price_of_zero_is_none() {
        let found = days(&[
            (0, Purchase, "2011-06-01T10:00:00Z", 2.0, None),
            (0, Purchase, "2011-06-02T10:00:00Z", 1.0, Some(0.0)),
        ]);
        assert_eq!(found, [(0, 0.0)]);
    }
}
