//! How well and how fast is the next basket foretold, beside TIFU-kNN?
//!
//! On the public Ta-Feng baskets, where they are, it prints the table of the README; on a seeded log of baskets otherwise
//! it only takes the times. One answer is 20 items, on one thread.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot be set up has nothing to measure; what it found is printed"
)]

#[path = "../tests/it/support/data.rs"]
mod data;
#[path = "../tests/it/support/tifu.rs"]
mod tifu;

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::evaluate::next_basket::{BasketsOptions, evaluate_baskets};
use rapport::log::{BasketRow, read_baskets};
use rapport::measure::bootstrap::Bootstrap;
use rapport::progress::Silent;
use rapport::recommend::buy_again::next_basket::{
    NextBasket, NextBasketParams, RawNextBasketParams, Sequences,
};

use tifu::{TAFENG, evaluate_tifu};

fn params() -> NextBasketParams {
    RawNextBasketParams::default().try_into().unwrap()
}

fn published(file: &str) -> Option<Vec<BasketRow>> {
    Some(read_baskets(&data::published(file)?).unwrap())
}

/// Customers with favourites among 10,000 items, whose popularity falls with their rank.
fn simulated() -> Vec<BasketRow> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut item = move || (random.gen_range(0.0f64..1.0).powi(3) * 1e4) as u32;
    let mut rows = Vec::new();
    for customer in 0..10_000 {
        let favourites: Vec<u32> = (0..4).map(|_| item()).collect();
        for basket_idx in 0..6 {
            let mut items: Vec<String> = (0..4).map(|_| format!("i{}", item())).collect();
            let at = (basket_idx + customer) % favourites.len();
            items.push(format!("i{}", favourites[at]));
            rows.push(BasketRow {
                user_id: format!("c{customer}"),
                basket_idx: basket_idx as u64,
                items,
            });
        }
    }
    rows
}

/// The figures, every customer asked.
fn table(train: &[BasketRow], test: &[BasketRow]) {
    for k in [10, 20] {
        let options = BasketsOptions {
            k,
            model: None,
            bootstrap: Bootstrap::default(),
        };
        let report = evaluate_baskets(train, test, &params(), &options, &Silent).unwrap();
        let start = Instant::now();
        let peer = evaluate_tifu(train, test, &TAFENG, k);
        let seconds = start.elapsed().as_secs_f64();
        println!("Ta-Feng, {} customers, k = {k}", report.customers);
        println!(
            "{:<14} {:>7} {:>7} {:>10} {:>9} {:>7} {:>7}",
            "model", "recall", "NDCG", "of repeats", "of new", "fit s", "rank s"
        );
        for (name, model) in &report.models {
            println!(
                "{name:<14} {:>7.4} {:>7.4} {:>10.4} {:>9.4} {:>7.1} {:>7.1}",
                model.recall,
                model.ndcg,
                model.repeat_recall,
                model.explore_recall,
                model.fit_seconds,
                model.rank_seconds
            );
        }
        println!(
            "{:<14} {:>7.4} {:>7.4} {:>36.1}",
            "TIFU-kNN", peer.recall, peer.ndcg, seconds
        );
    }
}

fn next_basket(criterion: &mut Criterion) {
    let train = match (
        published("tafeng/history.parquet"),
        published("tafeng/future.parquet"),
    ) {
        (Some(train), Some(test)) => {
            table(&train, &test);
            train
        }
        _ => simulated(),
    };
    let (mut customers, mut items) = Default::default();
    let sequences = Sequences::from_rows(&train, &mut customers, &mut items).unwrap();
    let (model, _) = NextBasket::fit(&sequences, &params(), &Silent).unwrap();
    let mut group = criterion.benchmark_group("next basket");
    let mut asked = sequences.of.iter().cycle();
    group.bench_function("one answer of 20 items", |bencher| {
        bencher.iter(|| black_box(model.next(asked.next().unwrap(), 20)));
    });
    group.sample_size(10);
    group.bench_function("one answer of 20 items, TIFU-kNN, from all baskets", |bencher| {
        bencher.iter(|| black_box(TAFENG.rank(&sequences, &[7], 20)));
    });
    group.finish();
}

criterion_group!(benches, next_basket);
criterion_main!(benches);
