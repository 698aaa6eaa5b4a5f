//! What does iALS cost against customers, items, interactions and factors?
//!
//! Each group doubles one of the four and holds the others; every id names all four. The matrix is synthetic and seeded: an
//! item's popularity falls with its rank. `fit` is one epoch and what a fit pays once; `exact` beside it solves every row;
//! `rank` is the top 20 of all customers, the exact folding-in included.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::history::{Csr, Profile};
use rapport::id::{ItemIdx, Row};
use rapport::progress::Silent;
use rapport::recommend::{Ials, IalsParams, RawIalsParams, Recommender};

#[derive(Clone, Copy)]
struct Size {
    customers: usize,
    items: usize,
    interactions: usize,
    factors: usize,
}

const BASE: Size = Size {
    customers: 10_000,
    items: 10_000,
    interactions: 200_000,
    factors: 64,
};

impl Size {
    fn id(self, what: &str) -> BenchmarkId {
        let Self {
            customers,
            items,
            interactions,
            factors,
        } = self;
        BenchmarkId::new(
            what,
            format!("{customers} customers, {items} items, {interactions} interactions, {factors} factors"),
        )
    }

    /// About so many interactions: an item that a customer draws twice counts once.
    fn matrix(self) -> Csr {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let mean = self.interactions as f64 / self.customers as f64;
        let rows: Vec<Profile> = (0..self.customers)
            .map(|_| {
                let length = (mean * -random.gen_range(f64::EPSILON..1.0).ln()).ceil() as usize;
                let mut row: Vec<u32> = (0..length)
                    .map(|_| (random.gen_range(0.0f64..1.0).powi(2) * self.items as f64) as u32)
                    .collect();
                row.sort_unstable();
                row.dedup();
                row.into_iter()
                    .map(|item| (ItemIdx::from_u32(item), 1.0))
                    .collect()
            })
            .collect();
        Csr::from_rows(&rows, self.items)
    }

    #[expect(
        clippy::expect_used,
        reason = "the parameters of a benchmark are known to be good"
    )]
    fn params(self, solver_steps: usize) -> IalsParams {
        let raw = RawIalsParams {
            factors: self.factors,
            epochs: 1,
            solver_steps,
            ..RawIalsParams::default()
        };
        raw.try_into().expect("within range")
    }
}

#[expect(clippy::expect_used, reason = "the matrix of a benchmark is known to be good")]
fn fit(matrix: &Csr, params: &IalsParams) -> Ials {
    Ials::fit(matrix, params, 1, &Silent).expect("a matrix with entries")
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, size: Size) {
    let matrix = size.matrix();
    group
        .sample_size(10)
        .throughput(Throughput::Elements(matrix.n_entries() as u64));
    let params = size.params(RawIalsParams::default().solver_steps);
    group.bench_function(size.id("fit"), |b| b.iter(|| fit(&matrix, &params)));
    let exact = size.params(0);
    group.bench_function(size.id("exact"), |b| b.iter(|| fit(&matrix, &exact)));
    let model = fit(&matrix, &params);
    group.throughput(Throughput::Elements(matrix.n_rows() as u64));
    group.bench_function(size.id("rank"), |b| {
        b.iter(|| model.rank_all(&matrix, Some(&matrix), 20));
    });
}

fn against(c: &mut Criterion, name: &str, grown: impl Fn(usize) -> Size) {
    let mut group = c.benchmark_group(format!("ials against {name}"));
    for times in [1, 2, 4, 8] {
        measure(&mut group, grown(times));
    }
    group.finish();
}

fn customers(c: &mut Criterion) {
    against(c, "customers", |times| Size {
        customers: BASE.customers * times,
        ..BASE
    });
}

fn items(c: &mut Criterion) {
    against(c, "items", |times| Size {
        items: BASE.items * times,
        ..BASE
    });
}

fn interactions(c: &mut Criterion) {
    against(c, "interactions", |times| Size {
        interactions: BASE.interactions * times,
        ..BASE
    });
}

fn factors(c: &mut Criterion) {
    against(c, "factors", |times| Size {
        factors: BASE.factors * times,
        ..BASE
    });
}

criterion_group!(benches, customers, items, interactions, factors);
criterion_main!(benches);
