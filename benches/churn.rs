//! How fast are rhythms fitted, one customer scored, and a million of them over night?
//!
//! `fit` learns MBG/NBD from as many customers as CDNOW had, drawn from the model with the parameters published for its
//! sample, in days. The shop of `score` is drawn the same way: its customers look before they buy. Its model learns from the
//! first of them and scores all, each from her raw history, features included, on all cores.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_distr::{Beta, Distribution, Gamma};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::catalog::Categories;
use rapport::churn::btyd::{MbgNbd, Summary};
use rapport::churn::value::ValueParams;
use rapport::churn::{ChurnModel, ChurnModelKind, ModelChoice, Profiler, RawChurnParams, Shop};
use rapport::history::{Histories, HistoriesBuilder, purchase_days};
use rapport::id::CustomerIdx;
use rapport::log::{Event, EventKind};
use rapport::progress::Silent;
use rapport::time::{Calendar, Timestamp};
use rayon::prelude::*;

/// Customers of the CDNOW data.
const CDNOW_CUSTOMERS: usize = 23_570;

/// Fitted to the CDNOW sample, in weeks.
const CDNOW: MbgNbd = MbgNbd {
    r: 0.5248,
    alpha: 6.1830,
    a: 0.8914,
    b: 1.6140,
};

/// Customers who are scored over night.
const CUSTOMERS: usize = 1_000_000;

/// Customers of them who teach the models.
const TEACHERS: usize = 20_000;

/// Days that the shop's log covers.
const DAYS: f64 = 540.0;

/// Rhythms of the shop's customers, in days: a purchase a month on average, and one in ten leaves after each.
const SHOP: MbgNbd = MbgNbd {
    r: 2.0,
    alpha: 60.0,
    a: 0.5,
    b: 4.5,
};

/// Times of the purchases after the first one, which is at 0, of a customer of this model until `age`.
fn repeats(model: MbgNbd, age: f64, random: &mut Xoshiro256PlusPlus) -> Vec<f64> {
    let rate: f64 = Gamma::new(model.r, 1.0 / model.alpha).unwrap().sample(random);
    let leaving: f64 = Beta::new(model.a, model.b).unwrap().sample(random);
    let (mut times, mut at) = (Vec::new(), 0.0);
    while !random.gen_bool(leaving) {
        at -= (1.0 - random.r#gen::<f64>()).ln() / rate;
        if at >= age {
            break;
        }
        times.push(at);
    }
    times
}

/// Summaries in whole days: customers came in the first 84 days of 273, as those of CDNOW.
fn summaries() -> Vec<Summary> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let daily = MbgNbd {
        alpha: 7.0 * CDNOW.alpha,
        ..CDNOW
    };
    (0..CDNOW_CUSTOMERS)
        .map(|_| {
            let age = 273.0 - f64::from(random.gen_range(0..84));
            let mut days: Vec<f64> = repeats(daily, age, &mut random)
                .into_iter()
                .map(f64::ceil)
                .collect();
            days.dedup();
            Summary {
                repeats: u32::try_from(days.len()).unwrap(),
                recency: days.last().copied().unwrap_or(0.0),
                age,
            }
        })
        .collect()
}

/// Histories of so many customers, the n-th the same however many there are.
fn histories(customers: usize) -> Histories {
    let start: Timestamp = "2024-01-01".parse().unwrap();
    let mut builder = HistoriesBuilder::default();
    for customer in 0..customers {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(customer as u64);
        let customer_id = format!("c{customer}");
        let mut happened = |kind, at: f64, item: u32, price| {
            builder
                .push(&Event {
                    event_id: None,
                    customer_id: &customer_id,
                    item_id: &format!("i{item}"),
                    kind,
                    occurred_at: start.plus_days(at.max(0.0)),
                    quantity: 1.0,
                    unit_price: Some(price),
                    order_id: None,
                    session_id: None,
                })
                .unwrap();
        };
        let first = DAYS * random.r#gen::<f64>().sqrt();
        let times = repeats(SHOP, DAYS - first, &mut random);
        for after in std::iter::once(0.0).chain(times) {
            let (at, price) = (first + after, 5.0 + 20.0 * random.r#gen::<f32>());
            for ago in 0..random.gen_range(1..3) {
                happened(
                    EventKind::View,
                    at - 0.01 - f64::from(ago),
                    random.gen_range(0..500),
                    price,
                );
            }
            happened(EventKind::Purchase, at, random.gen_range(0..500), price);
        }
    }
    builder.finish()
}

fn fit(criterion: &mut Criterion) {
    let summaries = summaries();
    let mut group = criterion.benchmark_group("churn fit");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(CDNOW_CUSTOMERS as u64));
    let id = BenchmarkId::new("MBG/NBD", format!("{CDNOW_CUSTOMERS} customers, days"));
    group.bench_function(id, |b| b.iter(|| MbgNbd::fit(&summaries).unwrap()));
    group.finish();
}

fn score(criterion: &mut Criterion) {
    let (calendar, categories) = (Calendar::new("Europe/London").unwrap(), Categories::default());
    let shop = Shop {
        calendar: &calendar,
        categories: &categories,
    };
    let now = "2024-01-01".parse::<Timestamp>().unwrap().plus_days(DAYS);
    let teachers = histories(TEACHERS);
    let fitted = |model| {
        let params = RawChurnParams {
            model,
            horizon_days: 60,
            ..RawChurnParams::default()
        }
        .try_into()
        .unwrap();
        let (model, _) = ChurnModel::fit(&teachers, shop, &params, now, &Silent).unwrap();
        let value = ValueParams::default();
        let (profiler, _) = Profiler::fit(&teachers, &calendar, &params, &value, now).unwrap();
        (model, profiler)
    };
    let models = [ModelChoice::MbgNbd, ModelChoice::Logistic, ModelChoice::Boosting].map(fitted);
    let rows: Vec<CustomerIdx> = teachers.customers().rows().collect();

    let mut group = criterion.benchmark_group("churn score");
    for (model, _) in &models {
        let mut n = 0;
        group.bench_function(format!("one customer with reasons, {}", model.kind()), |b| {
            b.iter(|| {
                n += 1;
                black_box(model.score(teachers.of(rows[n % TEACHERS]), now, shop))
            });
        });
    }
    let profiler = &models[0].1;
    let mut n = 0;
    group.bench_function("profile of one customer", |b| {
        b.iter(|| {
            n += 1;
            let days = purchase_days(teachers.of(rows[n % TEACHERS]).before(now), &calendar);
            black_box(profiler.profile(&days, now, &calendar))
        });
    });

    let all = histories(CUSTOMERS);
    let customers: Vec<CustomerIdx> = all.customers().rows().collect();
    let events = all.n_events() / CUSTOMERS;
    group
        .sample_size(10)
        .throughput(Throughput::Elements(CUSTOMERS as u64));
    for (model, profiler) in &models {
        // The first rung is there for small shops.
        if model.kind() == ChurnModelKind::MbgNbd {
            continue;
        }
        let id = BenchmarkId::new(
            format!("everybody with reasons and profile, {}", model.kind()),
            format!("{CUSTOMERS} customers, {events} events each"),
        );
        group.bench_function(id, |b| {
            b.iter(|| {
                let scored = customers.par_iter().filter_map(|&customer| {
                    let history = all.of(customer);
                    let score = model.score(history, now, shop)?;
                    let days = purchase_days(history.before(now), &calendar);
                    let profile = profiler.profile(&days, now, &calendar)?;
                    profile.value_at_risk(score.probability)
                });
                black_box(scored.sum::<f64>())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fit, score);
criterion_main!(benches);
