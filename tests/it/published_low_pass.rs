//! GF-CF's published figures, from the product's own low-pass part, ranking and metrics.
//!
//! Nothing in the model is left to chance and its settings are the paper's, so the figures say that matrix, decomposition,
//! ranking and metrics are what the published tables mean by them.
//!
//! Source: Shen et al., "How Powerful is Graph Convolution for Recommendation?", CIKM 2021, and its code; the figures are
//! those of the BARS leaderboard.

use std::ops::Range;

use rapport::history::{Csr, Profile};
use rapport::id::{ItemIdx, Row};
use rapport::log::read_pairs;
use rapport::measure::ranking::RankingMetrics;
use rapport::progress::Silent;
use rapport::recommend::low_pass::{self, Filter};
use rapport::recommend::{BatchScorer, Explanation, LowRank, RawLowPassParams, Recommender};
use rayon::prelude::*;

use crate::support::data::published;

const K: usize = 20;

/// `score = x P + 0.3 x D_i^−½ V Vᵀ D_i^½` with `P = R̃ᵀR̃`.
struct GfCf {
    /// `P`, row by row.
    linear: Vec<Vec<(u32, f32)>>,
    smooth: LowRank,
}

impl GfCf {
    fn new(train: &Csr) -> Self {
        let raw = RawLowPassParams {
            factors: 256,
            customer_exponent: 0.5,
            item_exponent: 0.5,
            degree_smoothing: 0.0,
            input_exponent: 0.5,
            output_exponent: 0.5,
            filter: Filter::Ideal,
            ..RawLowPassParams::default()
        };
        Self {
            linear: linear(train),
            smooth: low_pass::fit(train, &raw.try_into().unwrap(), 0, &Silent).unwrap(),
        }
    }
}

/// `R̃ᵀR̃` of a matrix whose weights are all 1.
fn linear(train: &Csr) -> Vec<Vec<(u32, f32)>> {
    let users = train.transposed();
    let degree = |item: usize| users.row(item).0.len() as f64;
    let row = |sums: &mut Vec<f64>, item: usize| {
        for &user in users.row(item).0 {
            let items = train.row(user as usize).0;
            for &other in items {
                sums[other as usize] += 1.0 / items.len() as f64;
            }
        }
        let mut row = Vec::new();
        for (other, sum) in (0u32..).zip(sums.iter_mut()) {
            if *sum > 0.0 {
                row.push((
                    other,
                    (*sum / (degree(item) * degree(other as usize)).sqrt()) as f32,
                ));
                *sum = 0.0;
            }
        }
        row
    };
    (0..train.n_columns())
        .into_par_iter()
        .map_init(|| vec![0.0; train.n_columns()], row)
        .collect()
}

impl Recommender for GfCf {
    fn name(&self) -> &'static str {
        "gf-cf"
    }

    fn n_items(&self) -> usize {
        self.smooth.n_items()
    }

    fn score(&self, profile: &Profile, scores: &mut [f32]) {
        let profiles = Csr::from_rows(std::slice::from_ref(profile), self.n_items());
        self.batch().score_rows(&profiles, 0..1, scores);
    }

    fn explain(&self, _profile: &Profile, items: &[ItemIdx]) -> Vec<Explanation> {
        vec![Explanation::default(); items.len()]
    }

    fn batch(&self) -> Box<dyn BatchScorer + '_> {
        Box::new(Batch {
            model: self,
            smooth: self.smooth.batch(),
        })
    }
}

struct Batch<'a> {
    model: &'a GfCf,
    smooth: Box<dyn BatchScorer + 'a>,
}

impl BatchScorer for Batch<'_> {
    fn n_items(&self) -> usize {
        self.smooth.n_items()
    }

    fn score_rows(&self, profiles: &Csr, rows: Range<usize>, scores: &mut [f32]) {
        self.smooth.score_rows(profiles, rows.clone(), scores);
        for (row, scores) in rows.zip(scores.chunks_exact_mut(self.n_items())) {
            scores.iter_mut().for_each(|score| *score *= 0.3);
            let (items, weights) = profiles.row(row);
            for (&item, weight) in items.iter().zip(weights) {
                for &(other, link) in &self.model.linear[item as usize] {
                    scores[other as usize] += weight * link;
                }
            }
        }
    }
}

/// One half of a published split: the items of each user, ascending. Names are numbers from 0.
fn items_by_user(file: &str) -> Option<Vec<Vec<u32>>> {
    let mut rows: Vec<Vec<u32>> = Vec::new();
    for (user, item) in read_pairs(&published(file)?).unwrap() {
        let user: usize = user.parse().unwrap();
        rows.resize_with(rows.len().max(user + 1), Vec::new);
        rows[user].push(item.parse().unwrap());
    }
    for row in &mut rows {
        row.sort_unstable();
        row.dedup();
    }
    Some(rows)
}

/// Recall and NDCG of GF-CF, or nothing where the data is not there.
fn gf_cf(dataset: &str) -> Option<(f64, f64)> {
    let train = items_by_user(&format!("{dataset}/train.parquet"))?;
    let test = items_by_user(&format!("{dataset}/test.parquet"))?;
    let n_items = train.iter().flatten().max().map_or(0, |&last| last as usize + 1);
    let weighted: Vec<Vec<(ItemIdx, f32)>> = train
        .iter()
        .map(|row| row.iter().map(|&item| (ItemIdx::from_u32(item), 1.0)).collect())
        .collect();
    let train = Csr::from_rows(&weighted, n_items);
    let rankings = GfCf::new(&train).rank_all(&train, Some(&train), K);
    let lists: Vec<RankingMetrics> = rankings
        .iter()
        .zip(&test)
        .filter_map(|(ranked, relevant)| {
            let ranked = ranked.iter().map(|best| best.0.as_u32());
            RankingMetrics::of(ranked, relevant, relevant.len(), K)
        })
        .collect();
    let mean = RankingMetrics::mean(&lists);
    Some((mean.recall, mean.ndcg))
}

#[test]
fn gf_cf_on_gowalla() {
    if let Some((recall, ndcg)) = gf_cf("gowalla") {
        assert!((recall - 0.1849).abs() < 1e-3, "{recall}");
        assert!((ndcg - 0.1518).abs() < 1e-3, "{ndcg}");
    }
}

#[test]
fn gf_cf_on_yelp2018() {
    if let Some((recall, ndcg)) = gf_cf("yelp2018") {
        assert!((recall - 0.0697).abs() < 1e-3, "{recall}");
        assert!((ndcg - 0.0571).abs() < 1e-3, "{ndcg}");
    }
}
