//! The counters against a plain reading of their definitions.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::super::groups::{Groups, Largest, Purchases};
use super::super::pairs::{Cell, Counter, Evidence};
use super::*;

const ITEMS: u32 = 6;

/// Everything about a pair from the lists of all baskets and visits, one by one.
fn reference(
    baskets: &[(u32, BTreeSet<u32>)],
    visits: &[(BTreeSet<u32>, BTreeSet<u32>)],
    a: u32,
    b: u32,
) -> Cell {
    let has = |set: &BTreeSet<u32>| set.contains(&a) && set.contains(&b);
    let mut cell = Cell::default();
    for (customer, basket) in baskets {
        let n = baskets.iter().filter(|other| other.0 == *customer).count();
        if has(basket) {
            cell.baskets += 1;
            cell.weight += 0.5;
            cell.together += u32::from(n > 1);
        }
    }
    let customers: BTreeSet<u32> = baskets.iter().map(|basket| basket.0).collect();
    for customer in customers {
        let own: Vec<&BTreeSet<u32>> = baskets.iter().filter(|b| b.0 == customer).map(|b| &b.1).collect();
        let bought = |item| own.iter().any(|basket| basket.contains(&item));
        if own.len() > 1 && bought(a) && bought(b) {
            cell.customers += 1;
        }
        for (i, one) in own.iter().enumerate() {
            for (j, other) in own.iter().enumerate() {
                if i != j && one.contains(&a) && other.contains(&b) {
                    cell.apart += 1.0 / (own.len() - 1) as f32;
                }
            }
        }
    }
    for (looked, bought) in visits {
        if has(looked) {
            cell.views += 1;
            match (bought.contains(&a), bought.contains(&b)) {
                (true, true) => cell.both += 1,
                (false, false) => {}
                _ => cell.one += 1,
            }
        }
    }
    cell
}

proptest! {
    #[test]
    fn a_row_is_what_the_definitions_say(
        baskets in prop::collection::vec((0u32..4, prop::collection::btree_set(0..ITEMS, 1..4)), 0..12),
        visits in prop::collection::vec(
            (prop::collection::btree_set(0..ITEMS, 1..5), prop::collection::btree_set(0..ITEMS, 0..3)), 0..8),
    ) {
        let mut lines: Vec<Line> = Vec::new();
        for (order, (customer, basket)) in (0u32..).zip(&baskets) {
            lines.extend(basket.iter().map(|&item| {
                (*customer, item, EventKind::Purchase, f64::from(order), Some(order), Some(1000 + order))
            }));
        }
        // Visitors buy within the visit, each their only basket.
        let mut all = baskets.clone();
        for (visit, (looked, bought)) in (0u32..).zip(&visits) {
            let customer = 100 + visit;
            lines.extend(looked.iter().map(|&item| (customer, item, EventKind::View, 50.0, None, Some(visit))));
            lines.extend(bought.iter().map(|&item| {
                (customer, item, EventKind::Purchase, 50.01, Some(100 + visit), Some(visit))
            }));
            if !bought.is_empty() {
                all.push((customer, bought.clone()));
            }
        }
        let largest = Largest { basket: 100, visit: 100, customer: 100 };
        let histories = histories(&lines, ITEMS);
        let purchases = Purchases::before(&histories, &utc(), day(99.0), largest);
        let evidence = Evidence {
            weights: vec![0.5; purchases.baskets.len()],
            visits: Groups::visits(&histories, day(99.0), largest),
            purchases,
        };
        let mut counter = Counter::new(ITEMS as usize);
        for a in 0..ITEMS {
            let row = counter.row(&evidence, a as usize);
            prop_assert!(row.is_sorted_by(|one, other| one.0 < other.0));
            for b in (0..ITEMS).filter(|&b| b != a) {
                let expected = reference(&all, &visits, a, b);
                let found = row.iter().find(|entry| entry.0 == b).map_or(Cell::default(), |entry| entry.1);
                prop_assert!((found.apart - expected.apart).abs() < 1e-3, "{a} {b} {found:?} {expected:?}");
                prop_assert_eq!(Cell { apart: 0.0, ..found }, Cell { apart: 0.0, ..expected });
            }
        }
    }
}

#[test]
fn events_without_a_session_are_one_visit_until_half_an_hour_of_silence() {
    let minute = 1.0 / 1440.0;
    let view = |item, at: f64| (0, item, EventKind::View, at * minute, None, None);
    let bought = (0, 1, EventKind::Purchase, 45.0 * minute, Some(1), None);
    let histories = histories(&[view(0, 0.0), view(1, 29.0), bought, view(2, 80.0)], 3);
    let largest = Largest {
        basket: 9,
        visit: 9,
        customer: 9,
    };
    let visits = Groups::visits(&histories, day(1.0), largest);
    assert_eq!(visits.len(), 2);
    assert_eq!(visits.by_group.row(0), (&[0u32, 1][..], &[0.0f32, 1.0][..]));
    assert_eq!(visits.by_group.row(1).0, [2]);
    // What happened at the instant itself is not known yet.
    assert_eq!(Groups::visits(&histories, day(29.0 * minute), largest).len(), 1);
    assert_eq!(
        Groups::visits(&histories, day(1.0), Largest { visit: 1, ..largest }).len(),
        1
    );
}
