//! How long does it take to tell a customer what is due again?
//!
//! A seeded shop of 3,000 customers over two years; each buys her own items, every one in its rhythm. Asked are customers who
//! know 20, 100 and 300 items.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::history::{Histories, HistoriesBuilder};
use rapport::id::{CustomerIdx, Row};
use rapport::log::{Event, EventKind};
use rapport::recommend::buy_again::{BuyAgain, BuyAgainInputs, RawBuyAgainParams};
use rapport::time::{Calendar, Timestamp};

const DAYS: f64 = 730.0;

/// Items that the first customers know; the others know some 15.
const KNOWN: [usize; 3] = [20, 100, 300];

fn start() -> Timestamp {
    "2024-01-01".parse().unwrap()
}

fn histories() -> Histories {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut builder = HistoriesBuilder::default();
    for customer in 0..3_000 {
        let known = KNOWN.get(customer).copied().unwrap_or(15);
        let customer_id = format!("c{customer}");
        let first = random.gen_range(0..600);
        for place in 0..known {
            // Neighbours in the catalogue, so that a customer knows each item once.
            let item = (first + place) % 1_000;
            let rhythm = 20.0 + (item % 90) as f64;
            let mut at = random.gen_range(0.0..DAYS);
            while at < DAYS {
                builder
                    .push(&Event {
                        event_id: None,
                        customer_id: &customer_id,
                        item_id: &format!("i{item}"),
                        kind: EventKind::Purchase,
                        // Customers come on Saturdays, so that a visit has several items.
                        occurred_at: start().plus_days((at / 7.0).floor() * 7.0),
                        quantity: 1.0,
                        unit_price: Some(5.0),
                        order_id: None,
                        session_id: None,
                    })
                    .unwrap();
                at += rhythm * random.gen_range(0.6..1.6);
                if random.gen_bool(0.2) {
                    break;
                }
            }
        }
    }
    builder.finish()
}

fn buy_again(criterion: &mut Criterion) {
    let (histories, calendar) = (histories(), Calendar::new("Europe/London").unwrap());
    let inputs = BuyAgainInputs {
        histories: &histories,
        catalog: None,
        calendar: &calendar,
    };
    let now = start().plus_days(DAYS);
    let params = RawBuyAgainParams::default().try_into().unwrap();
    let (model, _) = BuyAgain::fit(inputs, &params, now).unwrap();
    let mut group = criterion.benchmark_group("buy again, one customer");
    for (row, known) in (0u32..).zip(KNOWN) {
        let history = histories.of(CustomerIdx::from_u32(row));
        for window_days in [30.0, 45.0] {
            let id = BenchmarkId::new(format!("{known} items"), format!("{window_days} days"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| black_box(model.due(history, now, window_days).unwrap()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, buy_again);
criterion_main!(benches);
