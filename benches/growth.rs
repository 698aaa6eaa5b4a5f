//! What does each model cost as customers, items, interactions and factors grow?
//!
//! Each group doubles one of the four and holds the others; every id names all four. The matrix is synthetic and seeded: an
//! item's popularity falls with its rank. `ials` is one epoch and what a fit pays once, `ials, exact` beside it solves every
//! row; `rank` is the top 20 of all customers by iALS, the exact folding-in included. Neighbours and ridge have no factors
//! and are left out where those grow.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::history::{Csr, Profile};
use rapport::id::{ItemIdx, Row};
use rapport::progress::Silent;
use rapport::recommend::blend::Fitting;
use rapport::recommend::{
    Ials, RawIalsParams, RawRecommendParams, RecommendParams, Recommender, low_pass, neighbours, ridge,
};

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
    fn params(self, solver_steps: usize) -> RecommendParams {
        let mut raw = RawRecommendParams::default();
        raw.ials.factors = self.factors;
        raw.ials.epochs = 1;
        raw.ials.solver_steps = solver_steps;
        raw.low_pass.factors = self.factors;
        raw.try_into().expect("within range")
    }
}

#[expect(clippy::expect_used, reason = "the matrix of a benchmark is known to be good")]
fn fit(matrix: &Csr, params: &RecommendParams, name: &str) -> Box<dyn Recommender> {
    let fitting = Fitting {
        params,
        seed: 1,
        progress: &Silent,
    };
    fitting.alone(name, matrix).expect("a matrix with entries")
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, size: Size, models: &[&str]) {
    let matrix = size.matrix();
    group
        .sample_size(10)
        .throughput(Throughput::Elements(matrix.n_entries() as u64));
    let params = size.params(RawIalsParams::default().solver_steps);
    for &name in models {
        group.bench_function(size.id(name), |b| b.iter(|| fit(&matrix, &params, name)));
    }
    let exact = size.params(0);
    group.bench_function(size.id("ials, exact"), |b| {
        b.iter(|| fit(&matrix, &exact, Ials::NAME));
    });
    let model = fit(&matrix, &params, Ials::NAME);
    group.throughput(Throughput::Elements(matrix.n_rows() as u64));
    group.bench_function(size.id("rank"), |b| {
        b.iter(|| model.rank_all(&matrix, Some(&matrix), 20));
    });
}

const ALL: [&str; 4] = [Ials::NAME, neighbours::NAME, ridge::NAME, low_pass::NAME];

fn against(c: &mut Criterion, name: &str, models: &[&str], grown: impl Fn(usize) -> Size) {
    let mut group = c.benchmark_group(format!("against {name}"));
    for times in [1, 2, 4, 8] {
        measure(&mut group, grown(times), models);
    }
    group.finish();
}

fn customers(c: &mut Criterion) {
    against(c, "customers", &ALL, |times| Size {
        customers: BASE.customers * times,
        ..BASE
    });
}

fn items(c: &mut Criterion) {
    against(c, "items", &ALL, |times| Size {
        items: BASE.items * times,
        ..BASE
    });
}

fn interactions(c: &mut Criterion) {
    against(c, "interactions", &ALL, |times| Size {
        interactions: BASE.interactions * times,
        ..BASE
    });
}

fn factors(c: &mut Criterion) {
    against(c, "factors", &[Ials::NAME, low_pass::NAME], |times| Size {
        factors: BASE.factors * times,
        ..BASE
    });
}

criterion_group!(benches, customers, items, interactions, factors);
criterion_main!(benches);
