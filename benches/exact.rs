//! What does the exact best `k` of one query cost, beside a scan of all rows?
//!
//! `cargo bench --bench exact -- FACTORS.npy QUERIES.npy` reads the factors of items and queries, such as those of a trained
//! model, in `f32`; without arguments both are random. One thread; medians of up to 100 queries, one search after another and
//! then one scan after another. Every outcome is compared with that of the scan. The peer `peers/exact_top_k.py` reads the same files.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mimalloc::MiMalloc;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::numeric::{Addends, ExactIndex, Search, SearchRoom, dot, top_k};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// A matrix by rows.
struct Matrix {
    numbers: Vec<f32>,
    width: usize,
}

impl Matrix {
    /// Reads an array of two dimensions as NumPy writes it.
    fn read(path: &str) -> Result<Self> {
        let bytes = std::fs::read(path).with_context(|| path.to_owned())?;
        ensure!(
            bytes.starts_with(b"\x93NUMPY\x01"),
            "{path} is not a .npy file of version 1"
        );
        let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let header = std::str::from_utf8(&bytes[10..end])?;
        ensure!(
            header.contains("'<f4'") && header.contains("'fortran_order': False"),
            "{path} is not f32 by rows: {header}"
        );
        let shape = header.split(['(', ')']).nth(1).context("a shape")?;
        let width = shape
            .split(',')
            .nth(1)
            .context("two dimensions")?
            .trim()
            .parse()?;
        let numbers = bytes[end..]
            .as_chunks::<4>()
            .0
            .iter()
            .map(|&number| f32::from_le_bytes(number))
            .collect();
        Ok(Self { numbers, width })
    }

    /// Normal directions with lengths of a log-normal distribution.
    fn random(n: usize, width: usize, seed: u64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut numbers = Vec::with_capacity(n * width);
        for _ in 0..n {
            let mut sum = || (0..12).map(|_| random.gen_range(-0.5f32..0.5)).sum::<f32>();
            let length = (0.5 * sum()).exp();
            numbers.extend((0..width).map(|_| length * sum()));
        }
        Self { numbers, width }
    }
}

fn scan(items: &Matrix, search: &Search<'_>, bias: &[f32], scores: &mut Vec<f32>) -> Vec<(u32, f32)> {
    scores.clear();
    scores.extend(
        items
            .numbers
            .chunks_exact(items.width)
            .map(|row| dot(row, search.query)),
    );
    if search.bias_weight.abs() > 0.0 {
        for (score, bias) in scores.iter_mut().zip(bias) {
            *score += search.bias_weight * bias;
        }
    }
    if let Some(addends) = search.addends {
        addends.for_each_touched(|row, addend| scores[row as usize] += addend);
    }
    top_k(scores, search.k, |_| true)
}

/// The search with a bias and so many addends, drawn by the query's number; none where there are to be none.
fn drawn<'a>(
    index: &ExactIndex<&[f32]>,
    search: Search<'a>,
    (touched, at): (usize, usize),
    addends: &'a mut Addends,
) -> Search<'a> {
    if touched == 0 {
        return search;
    }
    index.open(addends);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(at as u64);
    for _ in 0..touched {
        let row = random.gen_range(0.0f64..1.0).powi(2) * index.n_rows() as f64;
        addends.add(row as usize, random.gen_range(0.0..0.3));
    }
    Search {
        bias_weight: 0.1,
        addends: Some(addends),
        ..search
    }
}

fn median(mut spent: Vec<Duration>) -> f64 {
    spent.sort_unstable();
    spent[spent.len() / 2].as_secs_f64() * 1e3
}

fn main() -> Result<()> {
    let files: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument.ends_with(".npy"))
        .collect();
    let (items, queries) = match files.as_slice() {
        [items, queries] => (Matrix::read(items)?, Matrix::read(queries)?),
        _ => (Matrix::random(100_000, 128, 1), Matrix::random(100, 128, 2)),
    };
    ensure!(items.width == queries.width, "items and queries of one width");
    let n = items.numbers.len() / items.width;
    // As a blend has them: a bias for each row, and numbers for a few hundred to thousand rows.
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    let bias: Vec<f32> = (0..n).map(|_| random.gen_range(0.0f32..1.0).powi(8)).collect();
    let start = Instant::now();
    let index = ExactIndex::new(items.numbers.as_slice(), items.width, Some(bias.clone()));
    println!(
        "{n} x {}: built in {:.0} ms, {:.2} bytes a number",
        items.width,
        start.elapsed().as_secs_f64() * 1e3,
        index.bytes() as f64 / items.numbers.len() as f64
    );
    let (mut room, mut best, mut scores, mut addends) =
        (SearchRoom::default(), Vec::new(), Vec::new(), Addends::default());
    for (name, touched) in [("dot product", 0), ("with bias and 2,000 addends", 2_000)] {
        for k in [20, 100, 500] {
            // Searches follow one another, as the peer's do: a scan between two of them would leave them cold caches.
            let (mut searches, mut scans, mut found) = (Vec::new(), Vec::new(), Vec::new());
            let asked = || queries.numbers.chunks_exact(queries.width).take(100).enumerate();
            for (at, query) in asked() {
                let search = drawn(&index, Search::new(query, k), (touched, at), &mut addends);
                let start = Instant::now();
                black_box(index.search(&mut room, &search, |_| true, || false, &mut best));
                searches.push(start.elapsed());
                found.push(best.clone());
            }
            for ((at, query), found) in asked().zip(&found) {
                let search = drawn(&index, Search::new(query, k), (touched, at), &mut addends);
                let start = Instant::now();
                let expected = black_box(scan(&items, &search, &bias, &mut scores));
                scans.push(start.elapsed());
                ensure!(*found == expected, "the search differs from the scan");
            }
            let (search, scan) = (median(searches), median(scans));
            println!(
                "{name}, k = {k}: {search:.4} ms, scan {scan:.3} ms, {:.1} times",
                scan / search
            );
        }
    }
    Ok(())
}
