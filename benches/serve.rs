//! How long does the engine take to answer, beside nothing but its own work?
//!
//! A seeded shop of 20 000 customers and 5 000 items with 64 factors; ten items an answer. The cached and the uncached
//! answer stand in one group, so that the cache shows what it is worth.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

#[path = "../tests/it/support/shop.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod shop;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mimalloc::MiMalloc;
use rapport::bundle::Registry;
use rapport::rules::Kind;
use rapport::serve::{AtRiskFilter, CartLine, Engine, RawServeConfig, RecommendRequest, ServeConfig};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SHOP: shop::Size = shop::Size {
    customers: 20_000,
    items: 5_000,
    cold_items: 100,
    events_per_customer: 50,
    factors: 64,
};

fn engine(registry: &Registry, config: &str) -> Engine {
    let raw: RawServeConfig = toml::from_str(config).unwrap();
    let engine = Engine::new(ServeConfig::try_from(raw).unwrap(), registry.clone());
    engine.refresh().unwrap();
    engine
}

fn request(customer: usize, with_reasons: bool) -> RecommendRequest {
    let mut request = RecommendRequest::new(Kind::YouMayLike, 10);
    request.context.customer_id = Some(shop::customer_id(customer));
    request.with_reasons = with_reasons;
    request
}

fn serve(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    let parts = shop::parts(SHOP, 1);
    let version = registry.publish(&parts, parts.data_through).unwrap().version;
    registry.activate(&version).unwrap();
    let cached = engine(&registry, "");
    let uncached = engine(&registry, "[cache]\nentries = 0");

    let mut group = criterion.benchmark_group("serve");
    for reasons in [false, true] {
        let label = if reasons { "with reasons" } else { "items" };
        for (name, engine) in [("cached", &cached), ("uncached", &uncached)] {
            let mut customer = 0;
            group.bench_function(format!("recommend 10 {label}, {name}"), |bencher| {
                bencher.iter(|| {
                    customer = (customer + 1) % 1_000;
                    black_box(engine.recommend(&request(customer, reasons)).unwrap())
                });
            });
        }
    }
    let mut similar = RecommendRequest::new(Kind::Similar, 10);
    similar.context.item_ids = vec![shop::item_id(7)];
    group.bench_function("similar 10 items, uncached", |bencher| {
        bencher.iter(|| black_box(uncached.recommend(&similar).unwrap()));
    });
    let mut ruled = request(7, false);
    ruled.rules = toml::from_str(
        "filter = 'item.price < 4000'\ndiversity = 0.3\nboosts = [{ name = 'b', when = 'item.price > 100', factor = 1.2 }]",
    )
    .unwrap();
    group.bench_function(
        "recommend 10 items, cached, a filter, a boost and diversity",
        |bencher| {
            bencher.iter(|| black_box(cached.recommend(&ruled).unwrap()));
        },
    );
    let line = |item: usize| CartLine {
        item_id: shop::item_id(item),
        quantity: 1.0,
        unit_price: None,
    };
    let mut cross_sell = RecommendRequest::new(Kind::CrossSell, 10);
    cross_sell.context.cart = vec![line(3), line(14), line(25)];
    group.bench_function("cross-sell 10 items for 3 in the cart, uncached", |bencher| {
        bencher.iter(|| black_box(uncached.recommend(&cross_sell).unwrap()));
    });
    let mut buy_again = request(7, false);
    buy_again.kind = Some(Kind::BuyAgain);
    group.bench_function(
        "buy again 10 items of a customer with 50 events, uncached",
        |bencher| {
            bencher.iter(|| black_box(uncached.recommend(&buy_again).unwrap()));
        },
    );
    group.bench_function("trending 10 items", |bencher| {
        let trending = RecommendRequest::new(Kind::Trending, 10);
        bencher.iter(|| black_box(cached.recommend(&trending).unwrap()));
    });
    if parts.churn.is_ok() {
        let mut customer = 0;
        group.bench_function("churn score of one customer", |bencher| {
            bencher.iter(|| {
                customer = 1 + customer % 1_000;
                black_box(cached.churn(&shop::customer_id(customer), None))
            });
        });
        let filter = AtRiskFilter {
            limit: Some(100),
            ..AtRiskFilter::default()
        };
        group.bench_function("100 customers at risk", |bencher| {
            bencher.iter(|| cached.at_risk(&filter).unwrap().map(black_box).count());
        });
    }
    group.bench_function("open a bundle", |bencher| {
        bencher.iter(|| black_box(registry.open(&version).unwrap()));
    });
    group.finish();
}

criterion_group!(benches, serve);
criterion_main!(benches);
