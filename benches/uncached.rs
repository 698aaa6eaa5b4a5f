//! What does an answer cost that nobody asked for before, stage by stage?
//!
//! Of the bundle that the registry `RAPPORT_REGISTRY` serves; without one, of a seeded shop of 20 000 customers and 5 000
//! items. Customers come one after another, so that rows of the matrices are as far in memory as they are for a server.

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
use rapport::id::Row;
use rapport::numeric::Addends;
use rapport::recommend::blend::BlendRoom;
use rapport::recommend::{Ials, Recommender};
use rapport::rules::Kind;
use rapport::serve::{Engine, RawServeConfig, RecommendRequest, ServeConfig};

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

/// Customers that ask, spread evenly.
const ASKERS: usize = 2_000;

fn registry(folder: &std::path::Path) -> Registry {
    if let Some(folder) = std::env::var_os("RAPPORT_REGISTRY") {
        return Registry::new(folder);
    }
    let registry = Registry::new(folder);
    let parts = shop::parts(SHOP, 1);
    let version = registry.publish(&parts, parts.data_through).unwrap().version;
    registry.activate(&version).unwrap();
    registry
}

fn uncached(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let raw: RawServeConfig = toml::from_str("[cache]\nentries = 0").unwrap();
    let engine = Engine::new(ServeConfig::try_from(raw).unwrap(), registry(folder.path()));
    engine.refresh().unwrap();
    let index = engine.index().unwrap();
    let parts = index.parts();
    let customers = parts.histories.customers();
    let step = customers.len().div_ceil(ASKERS).max(1);
    let askers: Vec<_> = customers.rows().step_by(step).collect();
    let profile = |at: usize| {
        let history = parts.histories.of(askers[at % askers.len()]);
        parts.weighting.profile(history, parts.data_through)
    };
    let profiles: Vec<_> = (0..askers.len()).map(profile).collect();
    let n_items = parts.blend.n_items();

    let mut group = criterion.benchmark_group("uncached");
    let mut stage = |name: &str, work: &mut dyn FnMut(usize)| {
        let mut at = 0;
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                at = (at + 1) % askers.len();
                work(at);
            });
        });
    };
    stage("weigh a profile", &mut |at| drop(black_box(profile(at))));
    let ials: &Ials = parts.blend.ials();
    stage("fold a profile in", &mut |at| {
        drop(black_box(ials.fold_in(&profiles[at])));
    });
    let mut addends = Addends::default();
    if let Some(links) = parts.blend.links() {
        stage("scatter its links", &mut |at| {
            addends.open(n_items);
            for &(item, weight) in &profiles[at] {
                let (columns, values) = links.links().row(item.index());
                addends.scatter(weight, columns, values);
            }
            black_box(addends.length());
        });
    }
    let mut room = BlendRoom::default();
    stage("compose its scores: fold in, scatter, lengths", &mut |at| {
        addends.open(n_items);
        black_box(parts.blend.compose(&profiles[at], &mut room, &mut addends));
    });
    let mut scores = vec![0.0; n_items];
    stage("compute its scores, every one", &mut |at| {
        parts.blend.score(&profiles[at], &mut scores);
        black_box(scores[0]);
    });
    for (count, with_reasons) in [(1, false), (10, false), (100, false), (10, true)] {
        let reasons = if with_reasons { ", with reasons" } else { "" };
        let mut request = RecommendRequest::new(Kind::YouMayLike, count);
        request.with_reasons = with_reasons;
        stage(&format!("recommend {count} items{reasons}"), &mut |at| {
            request.context.customer_id = Some(customers.name(askers[at]).to_owned());
            black_box(engine.recommend(&request).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, uncached);
criterion_main!(benches);
