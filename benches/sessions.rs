//! How long does it take to foretell the next click, and to learn from past sessions?
//!
//! The public Serenade example where it is, with the recipe that was found for it, else a seeded log of as many sessions;
//! 21 items an answer, one thread. VMIS-kNN with Serenade's own settings stands beside the blend.

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

#[path = "../tests/it/support/data.rs"]
mod data;

use std::collections::HashMap;
use std::hint::black_box;
use std::path::Path;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::id::{ItemIdx, Row};
use rapport::log::{read_clicks, sessions_of_clicks};
use rapport::recipe::Recipe;
use rapport::recommend::sessions::{
    RawKnnParams, RawSessionParams, Room, Session, SessionIndex, SessionParams, Sessions, Training,
};

/// Items and sessions of the simulated log: as many as the example has.
const ITEMS: u32 = 18_000;
const SESSIONS: i64 = 23_700;

/// Items of an answer.
const ANSWER: usize = 21;

struct Log {
    name: &'static str,
    past: Vec<Session>,
    n_items: usize,
    /// What is asked: the clicks so far, at every place of the test sessions.
    asked: Vec<Vec<ItemIdx>>,
}

impl Log {
    fn new(name: &'static str, past: Vec<Session>, test: &[Session]) -> Self {
        let items = past.iter().flat_map(|session| &session.items);
        let asked = test
            .iter()
            .flat_map(|session| (1..session.items.len()).map(|at| session.items[..at].to_vec()));
        Self {
            name,
            n_items: items.map(|item| item.index() + 1).max().unwrap_or(0),
            asked: asked.collect(),
            past,
        }
    }

    fn published() -> Option<Self> {
        let mut rows = HashMap::<u64, u32>::new();
        let mut read = |file: &str| {
            let clicks = read_clicks(&data::published(file)?).unwrap();
            let mut session = |clicked: rapport::log::ClickedSession| {
                let mut row = |item| {
                    let next = u32::try_from(rows.len()).unwrap();
                    ItemIdx::from_u32(*rows.entry(item).or_insert(next))
                };
                Session {
                    items: clicked.items.into_iter().map(&mut row).collect(),
                    end: clicked.end,
                }
            };
            Some(
                sessions_of_clicks(clicks)
                    .into_iter()
                    .map(&mut session)
                    .collect::<Vec<_>>(),
            )
        };
        let past = read("serenade-example/train.parquet")?;
        let test = read("serenade-example/test.parquet")?;
        Some(Self::new("Serenade example", past, &test))
    }

    /// Walks among neighbours: an item is followed by one near it, or by one of the visit's own.
    fn simulated() -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let walk = |end: i64| {
            let mut rows = vec![random.gen_range(0..ITEMS)];
            for _ in 0..random.gen_range(1..9) {
                let last = rows[rows.len() - 1];
                rows.push(match random.gen_range(0..10) {
                    0..3 => rows[random.gen_range(0..rows.len())],
                    _ => (last + random.gen_range(1..30)) % ITEMS,
                });
            }
            Session {
                items: rows.into_iter().map(ItemIdx::from_u32).collect(),
                end,
            }
        };
        let mut past: Vec<Session> = (0..SESSIONS + 2_000).map(walk).collect();
        let test = past.split_off(usize::try_from(SESSIONS).unwrap());
        Self::new("simulated", past, &test)
    }
}

fn params() -> SessionParams {
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/benchmarks/serenade.toml");
    Recipe::read(Some(&recipe)).unwrap().recommend.sessions
}

fn sessions(criterion: &mut Criterion) {
    let log = Log::published().unwrap_or_else(Log::simulated);
    let params = params();
    let training = Training::new(log.past.clone(), log.n_items, &params);
    let blend = Sessions::fit(&training, &params);
    let own = RawSessionParams {
        knn: RawKnnParams::serenade(),
        ..params.raw().clone()
    };
    let recent_sessions = own.knn.recent_sessions;
    let peer = Sessions::fit(&training, &own.try_into().unwrap());
    let mut room = Room::default();

    let mut group = criterion.benchmark_group(format!("sessions, {}", log.name));
    group.throughput(Throughput::Elements(1));
    let mut asked = log.asked.iter().cycle();
    group.bench_function("one prediction, blend", |bencher| {
        bencher.iter(|| black_box(blend.rank(asked.next().unwrap(), ANSWER, &mut room).len()));
    });
    group.bench_function("one prediction, its votes alone", |bencher| {
        bencher.iter(|| black_box(blend.vmis().rank(asked.next().unwrap(), ANSWER, &mut room).len()));
    });
    group.bench_function("one prediction, vmis-knn as Serenade sets it", |bencher| {
        bencher.iter(|| black_box(peer.vmis().rank(asked.next().unwrap(), ANSWER, &mut room).len()));
    });

    group
        .sample_size(10)
        .throughput(Throughput::Elements(log.past.len() as u64));
    group.bench_function("training from sessions", |bencher| {
        let past = || log.past.clone();
        bencher.iter_batched(
            past,
            |past| Training::new(past, log.n_items, &params),
            BatchSize::LargeInput,
        );
    });
    group.bench_function("index of sessions", |bencher| {
        bencher.iter(|| SessionIndex::fit(black_box(&training), recent_sessions));
    });
    group.bench_function("all parts of the blend", |bencher| {
        bencher.iter(|| Sessions::fit(black_box(&training), &params));
    });
    group.finish();
}

criterion_group!(benches, sessions);
criterion_main!(benches);
