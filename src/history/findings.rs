//! What is odd in histories: customers who view faster than anybody reads, orders taken back whole.
//!
//! These need a customer's events in time order, so they are found after reading and added to the lint report.

use hashbrown::HashMap;
use rayon::prelude::*;

use super::columns::NO_ROW;
use super::{Histories, History, Interaction};
use crate::id::CustomerIdx;
use crate::log::{Bot, EventKind, LintReport, UndoneOrder};
use crate::time::Timestamp;

/// A return this many days after a purchase of the same quantity undoes it: a slip of the hand or a cancelled order,
/// not a product that disappointed.
pub const UNDONE_WITHIN_DAYS: f64 = 7.0;

/// Findings shown of a kind.
const SHOWN: usize = 5;

/// Adds the findings to a report.
pub(super) fn add(report: &mut LintReport, histories: &Histories, bot_views_per_hour: u32) {
    let name = |customer| histories.customers().name(customer).to_owned();

    let bots = bots(histories, bot_views_per_hour);
    report.bots = bots.len() as u64;
    report.fastest_bots = bots
        .iter()
        .take(SHOWN)
        .map(|&(customer, views_in_an_hour)| Bot {
            customer_id: name(customer),
            views_in_an_hour,
            events: histories.of(customer).len() as u64,
        })
        .collect();

    report.orders = orders(histories);

    let mut undone = undone(histories);
    report.undone_orders = undone.len() as u64;
    // Largest first; the sort is stable over customers in row order and time.
    undone.sort_by(|(_, a, _), (_, b, _)| b.quantity.total_cmp(&a.quantity));
    report.largest_undone_orders = undone
        .iter()
        .take(SHOWN)
        .map(|&(customer, purchase, returned_at)| UndoneOrder {
            customer_id: name(customer),
            item_id: histories.items().name(purchase.item).to_owned(),
            quantity: purchase.quantity,
            bought_at: purchase.at,
            returned_at,
        })
        .collect();
}

/// Different orders in which something was bought: a cancellation that has a number of its own is none.
fn orders(histories: &Histories) -> u64 {
    let columns = histories.columns();
    let of_purchases = columns
        .kinds
        .iter()
        .zip(columns.orders)
        .filter(|&(&kind, &order)| kind == EventKind::Purchase && order != NO_ROW)
        .map(|(_, &order)| order);
    let mut orders: Vec<u32> = of_purchases.collect();
    // The lines of an order stand together in its customer's history, which leaves few to sort.
    orders.dedup();
    orders.sort_unstable();
    orders.dedup();
    orders.len() as u64
}

/// Customers with more than `views_per_hour` views within some hour (0: nobody), with their most, fastest first.
pub(super) fn bots(histories: &Histories, views_per_hour: u32) -> Vec<(CustomerIdx, u64)> {
    if views_per_hour == 0 {
        return Vec::new();
    }
    let customers: Vec<_> = histories.customers().rows().collect();
    let mut found: Vec<_> = customers
        .into_par_iter()
        .map(|customer| (customer, most_views_in_an_hour(histories.of(customer))))
        .filter(|&(_, views)| views > u64::from(views_per_hour))
        .collect();
    found.sort_by_key(|&(customer, views)| (std::cmp::Reverse(views), customer));
    found
}

fn most_views_in_an_hour(history: History<'_>) -> u64 {
    const HOUR: i64 = 3_600_000_000;
    let times = history.times().iter().zip(history.kinds());
    let views: Vec<i64> = times
        .filter(|(_, kind)| **kind == EventKind::View)
        .map(|(at, _)| at.as_micros())
        .collect();
    let mut from = 0;
    let mut most = 0;
    for (to, at) in views.iter().enumerate() {
        while at - views[from] >= HOUR {
            from += 1;
        }
        most = most.max(to - from + 1);
    }
    most as u64
}

/// Purchases followed by a return of the same item and quantity, each return undoing the latest such purchase.
fn undone(histories: &Histories) -> Vec<(CustomerIdx, Interaction, Timestamp)> {
    let customers: Vec<_> = histories.customers().rows().collect();
    let by_customer: Vec<Vec<_>> = customers
        .into_par_iter()
        .map(|customer| {
            let history = histories.of(customer);
            if !history.kinds().contains(&EventKind::Return) {
                return Vec::new();
            }
            let mut open: HashMap<_, Vec<Interaction>> = HashMap::new();
            let mut found = Vec::new();
            for event in history.events() {
                let key = (event.item, event.quantity.to_bits());
                match event.kind {
                    EventKind::Purchase => open.entry(key).or_default().push(event),
                    EventKind::Return => {
                        let latest = open.get_mut(&key).and_then(Vec::pop);
                        let soon =
                            |purchase: &Interaction| event.at.days_since(purchase.at) <= UNDONE_WITHIN_DAYS;
                        found.extend(latest.filter(soon).map(|purchase| (customer, purchase, event.at)));
                    }
                    EventKind::View | EventKind::Cart => {}
                }
            }
            found
        })
        .collect();
    by_customer.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HistoriesBuilder;
    use crate::log::Event;

    fn histories(events: &[(&str, EventKind, i64, f32)]) -> Histories {
        let mut builder = HistoriesBuilder::default();
        for &(customer_id, kind, seconds, quantity) in events {
            let event = Event {
                event_id: None,
                customer_id,
                item_id: "x",
                kind,
                occurred_at: Timestamp::from_micros(seconds * 1_000_000).unwrap(),
                quantity,
                unit_price: None,
                order_id: None,
                session_id: None,
            };
            builder.push(&event).unwrap();
        }
        builder.finish()
    }

    #[test]
    fn a_bot_is_faster_than_the_limit_within_some_hour() {
        let mut events: Vec<_> = (0..40).map(|n| ("fast", EventKind::View, n * 80, 1.0)).collect();
        events.extend((0..40).map(|n| ("slow", EventKind::View, n * 400, 1.0)));
        events.extend((0..40).map(|n| ("buyer", EventKind::Purchase, n, 1.0)));
        let histories = histories(&events);
        let names = |limit| -> Vec<(String, u64)> {
            let found = bots(&histories, limit);
            found
                .iter()
                .map(|&(bot, views)| (histories.customers().name(bot).to_owned(), views))
                .collect()
        };
        assert_eq!(names(8), [("fast".to_owned(), 40), ("slow".to_owned(), 9)]);
        assert_eq!(names(9), [("fast".to_owned(), 40)]);
        assert_eq!(names(0), []);
    }

    #[test]
    fn a_return_undoes_the_latest_purchase_of_the_same_quantity() {
        const DAY: i64 = 86_400;
        use EventKind::{Purchase, Return};
        let histories = histories(&[
            ("a", Purchase, 0, 5.0),
            ("a", Purchase, DAY, 5.0),
            ("a", Return, DAY + 60, 5.0),
            ("a", Return, 3 * DAY, 4.0),
            ("a", Return, 20 * DAY, 5.0),
            ("b", Return, 2 * DAY, 5.0),
        ]);
        let mut report = LintReport::default();
        add(&mut report, &histories, 0);
        assert_eq!(report.undone_orders, 1);
        let undone = &report.largest_undone_orders[0];
        assert_eq!(
            (undone.customer_id.as_str(), undone.bought_at.as_micros()),
            ("a", DAY * 1_000_000)
        );
    }
}
