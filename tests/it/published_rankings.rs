//! The published results of deterministic models on the public splits, reached by the product's own parts.
//!
//! Nothing is tuned here: the settings are those of the papers, and their figures come out or something is wrong in the
//! reader, the model, the masking or the metrics.

#![expect(
    clippy::print_stderr,
    reason = "a test without its data says so, and one with it says what it reached"
)]

use std::ops::Range;

use crate::support::data::published;
use rapport::evaluate::fixed::{FixedOptions, ModelReport, NoMeter, Pair, evaluate_fixed};
use rapport::history::{Csr, Profile};
use rapport::id::{ItemIdx, Row};
use rapport::log::read_pairs;
use rapport::measure::ranking::RankingMetrics;
use rapport::progress::Silent;
use rapport::recommend::neighbours::{self, ItemSize, RawNeighboursParams};
use rapport::recommend::{BatchScorer, Explanation, ItemLinks, RawRecommendParams, Recommender};

/// How far from a published figure, printed with four digits after runs on another machine, is still that figure.
const TOLERANCE: f64 = 0.001;

/// A public split, or nothing and a word about it.
fn split(name: &str) -> Option<(Vec<Pair>, Vec<Pair>)> {
    let read = |half: &str| {
        let path = published(&format!("{name}/{half}"))?;
        Some(read_pairs(&path).unwrap())
    };
    Some((read("train.parquet")?, read("test.parquet")?))
}

/// Turbo-CF's `P`, elementwise to the power of `s`, without pruning.
fn turbo_cf(alpha: f64, s: f64) -> RawNeighboursParams {
    RawNeighboursParams {
        neighbours: 0,
        customer_exponent: alpha,
        item_size: ItemSize::Weights,
        source_exponent: 1.0 - alpha,
        target_exponent: 1.0 - alpha,
        shrinkage: 0.0,
        power: s,
        self_links: true,
    }
}

/// Recall and NDCG at 20 of the product's neighbours, by the product's evaluation.
fn evaluate_neighbours(train: &[Pair], test: &[Pair], neighbours: RawNeighboursParams) -> ModelReport {
    let params = RawRecommendParams {
        neighbours,
        ..RawRecommendParams::default()
    };
    let options = FixedOptions {
        k: 20,
        model: Some(neighbours::NAME),
        seed: 0,
        memory: &NoMeter,
    };
    let report = evaluate_fixed(train, test, &params.try_into().unwrap(), &options, &Silent).unwrap();
    report.models[neighbours::NAME].clone()
}

fn near(what: &str, found: f64, published: f64) {
    eprintln!("{what}: {found:.4}, published {published}");
    assert!(
        (found - published).abs() <= TOLERANCE,
        "{what}: {found}, published {published}"
    );
}

#[test]
fn turbo_cf_on_gowalla() {
    let Some((train, test)) = split("gowalla") else {
        return;
    };
    let found = evaluate_neighbours(&train, &test, turbo_cf(0.6, 0.7)).metrics;
    near("Turbo-CF, Gowalla, recall@20", found.recall, 0.1835);
}

#[test]
fn turbo_cf_on_yelp2018() {
    let Some((train, test)) = split("yelp2018") else {
        return;
    };
    let (train, test) = (Numbered::new(&train), Numbered::new(&test));
    let matrix = train.matrix();
    let params = turbo_cf(0.6, 1.0).try_into().unwrap();
    let model = SecondOrder {
        once: neighbours::fit(&matrix, &params, &Silent).unwrap(),
        half: half(&matrix, 0.6),
    };
    model.agrees_with_itself(&matrix);
    let rankings = model.rank_all(&matrix, Some(&matrix), 20);
    let lists: Vec<RankingMetrics> = rankings
        .iter()
        .zip(&test.rows)
        .filter_map(|(ranked, relevant)| {
            let ranked = ranked.iter().map(|best| best.0.as_u32());
            RankingMetrics::of(ranked, relevant, relevant.len(), 20)
        })
        .collect();
    let found = RankingMetrics::mean(&lists);
    near("Turbo-CF, Yelp2018, recall@20", found.recall, 0.0693);
    near("Turbo-CF, Yelp2018, NDCG@20", found.ndcg, 0.0574);
}

/// Pairs of the public splits, whose names are the rows themselves.
struct Numbered {
    rows: Vec<Vec<u32>>,
}

impl Numbered {
    fn new(pairs: &[Pair]) -> Self {
        let mut rows: Vec<Vec<u32>> = Vec::new();
        for (user, item) in pairs {
            let user: usize = user.parse().unwrap();
            rows.resize_with(rows.len().max(user + 1), Vec::new);
            rows[user].push(item.parse().unwrap());
        }
        for row in &mut rows {
            row.sort_unstable();
            row.dedup();
        }
        Self { rows }
    }

    fn matrix(&self) -> Csr {
        let n_items = self.rows.iter().flatten().max().unwrap() + 1;
        let row = |row: &Vec<u32>| row.iter().map(|&item| (ItemIdx::from_u32(item), 1.0)).collect();
        let rows: Vec<Vec<_>> = self.rows.iter().map(row).collect();
        Csr::from_rows(&rows, n_items as usize)
    }
}

/// `R̃ = D_u^−α R D_i^(α−1)`, with `P = R̃ᵀR̃`.
fn half(matrix: &Csr, alpha: f64) -> Csr {
    let counts = matrix.column_sums();
    let rows: Vec<Vec<_>> = (0..matrix.n_rows())
        .map(|customer| {
            let (items, _) = matrix.row(customer);
            let size = (items.len() as f64).powf(-alpha);
            let entry = |&item: &u32| {
                let value = size * counts[item as usize].powf(alpha - 1.0);
                (ItemIdx::from_u32(item), value as f32)
            };
            items.iter().map(entry).collect()
        })
        .collect();
    Csr::from_rows(&rows, matrix.n_columns())
}

/// Turbo-CF's second filter, `r (2P − P²)`: the links once, and once more by way of the customers, because the square
/// of the links is no longer sparse.
struct SecondOrder {
    once: ItemLinks,
    half: Csr,
}

/// Rows that go through the customers side by side: as many as the product ranks at a time with so many items.
const SIDE: usize = 13;

impl SecondOrder {
    /// `P` of each of the rows in `panel`, items × [`SIDE`].
    fn through_customers(&self, panel: &[[f32; SIDE]]) -> Vec<[f32; SIDE]> {
        let mut out = vec![[0.0; SIDE]; panel.len()];
        for customer in 0..self.half.n_rows() {
            let (items, values) = self.half.row(customer);
            let mut taste = [0.0f32; SIDE];
            for (&item, &value) in items.iter().zip(values) {
                for (taste, x) in taste.iter_mut().zip(&panel[item as usize]) {
                    *taste += value * x;
                }
            }
            for (&item, &value) in items.iter().zip(values) {
                for (out, taste) in out[item as usize].iter_mut().zip(&taste) {
                    *out += value * taste;
                }
            }
        }
        out
    }

    /// The way by the customers is the way by the links.
    fn agrees_with_itself(&self, profiles: &Csr) {
        let n_items = self.once.n_items();
        let mut scores = vec![0.0; n_items * SIDE];
        self.once.batch().score_rows(profiles, 0..SIDE, &mut scores);
        let mut panel = vec![[0.0; SIDE]; n_items];
        let items = (0..SIDE).flat_map(|row| profiles.row(row).0.iter().map(move |&item| (row, item)));
        for (row, item) in items {
            panel[item as usize][row] = 1.0;
        }
        for (item, passed) in self.through_customers(&panel).iter().enumerate() {
            for (row, passed) in passed.iter().enumerate() {
                assert!((scores[row * n_items + item] - passed).abs() < 1e-4);
            }
        }
    }
}

impl Recommender for SecondOrder {
    fn name(&self) -> &'static str {
        "turbo-cf"
    }

    fn n_items(&self) -> usize {
        self.once.n_items()
    }

    fn score(&self, profile: &Profile, scores: &mut [f32]) {
        let profiles = Csr::from_rows(std::slice::from_ref(profile), self.n_items());
        self.batch().score_rows(&profiles, 0..1, scores);
    }

    fn explain(&self, _profile: &Profile, items: &[ItemIdx]) -> Vec<Explanation> {
        vec![Explanation::default(); items.len()]
    }

    fn batch(&self) -> Box<dyn BatchScorer + '_> {
        Box::new(self)
    }
}

impl BatchScorer for &SecondOrder {
    fn n_items(&self) -> usize {
        self.once.n_items()
    }

    fn score_rows(&self, profiles: &Csr, rows: Range<usize>, scores: &mut [f32]) {
        let n_items = self.once.n_items();
        self.once.batch().score_rows(profiles, rows, scores);
        for scores in scores.chunks_mut(SIDE * n_items) {
            let mut panel = vec![[0.0; SIDE]; n_items];
            for (row, scores) in scores.chunks_exact(n_items).enumerate() {
                for (panel, &score) in panel.iter_mut().zip(scores) {
                    panel[row] = score;
                }
            }
            let twice = self.through_customers(&panel);
            for (row, scores) in scores.chunks_exact_mut(n_items).enumerate() {
                for (score, twice) in scores.iter_mut().zip(&twice) {
                    *score = 2.0 * *score - twice[row];
                }
            }
        }
    }
}
