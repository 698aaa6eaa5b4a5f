//! What does it cost to fit iALS, to fold a history in and score all items, and to find the best?
//!
//! Each fast kernel stands beside its definition in the same group. All data is synthetic and seeded: 20,000 items whose
//! popularity falls with their rank, histories of 5 to 200 items.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::history::{Csr, Profile};
use rapport::id::{ItemIdx, Row};
use rapport::numeric;
use rapport::progress::Silent;
use rapport::recommend::{Ials, IalsParams, RawIalsParams, Recommender};

const ITEMS: usize = 20_000;

fn histories(customers: usize) -> Csr {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let rows: Vec<Profile> = (0..customers)
        .map(|_| {
            let length = (5.0 * random.gen_range(0.0f64..3.7).exp()) as usize;
            let mut row: Vec<u32> = (0..length)
                .map(|_| (random.gen_range(0.0f64..1.0).powi(3) * ITEMS as f64) as u32)
                .collect();
            row.sort_unstable();
            row.dedup();
            row.into_iter()
                .map(|item| (ItemIdx::from_u32(item), 1.0))
                .collect()
        })
        .collect();
    Csr::from_rows(&rows, ITEMS)
}

#[expect(
    clippy::expect_used,
    reason = "the parameters of a benchmark are known to be good"
)]
fn params(factors: usize) -> IalsParams {
    let raw = RawIalsParams {
        factors,
        epochs: 1,
        ..RawIalsParams::default()
    };
    raw.try_into().expect("within range")
}

#[expect(clippy::expect_used, reason = "the matrix of a benchmark is known to be good")]
fn model(matrix: &Csr, factors: usize) -> Ials {
    Ials::fit(matrix, &params(factors), 1, &Silent).expect("a matrix with entries")
}

fn numbers(n: usize) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
    (0..n).map(|_| random.gen_range(-1.0..1.0)).collect()
}

fn epoch(c: &mut Criterion) {
    let matrix = histories(20_000);
    let mut group = c.benchmark_group("ials/epoch");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(matrix.n_entries() as u64));
    for factors in [32, 64, 128, 256] {
        group.bench_function(BenchmarkId::from_parameter(factors), |b| {
            b.iter(|| model(&matrix, factors))
        });
    }
    group.finish();
}

fn answer(c: &mut Criterion) {
    let matrix = histories(5_000);
    let mut group = c.benchmark_group("ials/answer");
    for factors in [64, 256] {
        let model = model(&matrix, factors);
        let mut scores = vec![0.0; ITEMS];
        for length in [1, 10, 100, 1000] {
            let profile: Profile = (0..length).map(|at| (ItemIdx::from_u32(at * 7), 1.0)).collect();
            let id = |what: &str| BenchmarkId::new(what, format!("{factors} factors, {length} items"));
            group.bench_function(id("fold in"), |b| b.iter(|| model.fold_in(black_box(&profile))));
            group.bench_function(id("fold in and score"), |b| {
                b.iter(|| model.score(black_box(&profile), &mut scores));
            });
        }
    }
    group.finish();
}

fn rank_all(c: &mut Criterion) {
    let matrix = histories(2_000);
    let mut group = c.benchmark_group("ials/rank 2000 customers");
    group.sample_size(10);
    for factors in [64, 256] {
        let model = model(&matrix, factors);
        group.bench_function(BenchmarkId::new("tiles", factors), |b| {
            b.iter(|| model.rank_all(&matrix, Some(&matrix), 20));
        });
    }
    group.finish();
}

fn top_k(c: &mut Criterion) {
    let mut group = c.benchmark_group("top 20");
    for n in [20_000, 1_000_000] {
        let scores = numbers(n);
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(BenchmarkId::new("top_k", n), |b| {
            b.iter(|| numeric::top_k(black_box(&scores), 20, |_| true));
        });
        group.bench_function(BenchmarkId::new("full sort", n), |b| {
            b.iter(|| {
                let mut order: Vec<u32> = (0..n as u32).collect();
                order.sort_unstable_by(|&a, &b| {
                    scores[b as usize].total_cmp(&scores[a as usize]).then(a.cmp(&b))
                });
                order.truncate(20);
                order
            });
        });
    }
    group.finish();
}

fn kernels(c: &mut Criterion) {
    let width = 128;
    let rows = numbers(256 * width);
    let mut group = c.benchmark_group("kernels, 256 rows of 128");
    group.bench_function("gram, plain", |b| {
        b.iter(|| numeric::gram_plain(black_box(&rows), width))
    });
    group.bench_function("gram, tiled", |b| {
        b.iter(|| numeric::gram(black_box(&rows), width))
    });
    let packed = numeric::PackedRows::new(&rows, width);
    let mut out = vec![0.0; 256 * 256];
    group.bench_function("product, plain", |b| {
        b.iter(|| numeric::multiply_plain(black_box(&rows), &rows, width, &mut out));
    });
    group.bench_function("product, tiled", |b| {
        b.iter(|| numeric::multiply(black_box(&rows), &packed, &mut out));
    });
    let mut definite = numeric::gram_plain(&rows, width);
    (0..width).for_each(|i| definite[i * width + i] += 1.0);
    group.bench_function("cholesky, plain", |b| {
        b.iter(|| numeric::cholesky_plain(black_box(&definite), width))
    });
    let narrow: Vec<f32> = definite.iter().map(|&x| x as f32).collect();
    let mut room = numeric::Cholesky::default();
    group.bench_function("cholesky, tiled", |b| {
        b.iter(|| {
            room.reset(width);
            room.matrix_mut().copy_from_slice(black_box(&narrow));
            room.factor();
        });
    });
    group.bench_function("eigenvectors", |b| {
        b.iter(|| numeric::symmetric_eigen(black_box(&definite), width))
    });
    group.finish();
}

criterion_group!(benches, epoch, answer, rank_all, top_k, kernels);
criterion_main!(benches);
