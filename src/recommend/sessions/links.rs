//! Links from click to click: what follows an item in sessions, and what goes before it.
//!
//! # Formula
//! `S_ij = Σ_s 2^(−age_s / h) Σ_{a, b} β |b − a|^−α` over the places `a` of item `i` and `b` of item `j ≠ i` in session `s`,
//! with `β = 1` where `b` is after `a` and `backward_weight` before it; then
//! `L_ij = S_ij / ((n_i + λ)^e₁ (n_j + λ)^e₂)`, of each row `i` the `neighbours` largest. With `second_order = w` the
//! links are the largest of `L + w L L`: what is rare reaches further that way.
//!
//! # Shapes
//! | symbol | shape | meaning |
//! |---|---|---|
//! | `S`, `L` | items × items, sparse | row: a click of the session; column: an answer |
//! | `n` | items | clicks, as old as they are |
//! | `age` | sessions | number of newer sessions |
//!
//! # Source
//! Sequential rules with distance: Ludewig, Jannach, "Evaluation of session-based recommendation algorithms", 2018.

use rayon::prelude::*;

use super::params::RawLinkParams;
use super::training::Training;
use crate::history::Csr;
use crate::id::{ItemIdx, Row};

/// Pairs of clicks farther apart than this teach nothing.
const REACH: usize = 20;

/// Links of all items.
///
/// # Determinism
/// The same bits for any number of threads. Of equally strong links those to items of lower row are kept.
pub(crate) fn fit(training: &Training, params: &RawLinkParams) -> Csr {
    let n = training.n_items();
    let clicks = Clicks::new(training);
    let distances: Vec<f32> = (0..=REACH)
        .map(|distance| (distance.max(1) as f64).powf(-params.distance_exponent) as f32)
        .collect();
    let ages: Vec<f32> = (0..training.len())
        .map(|session| match params.half_life_sessions {
            half if half > 0.0 => (-((training.len() - 1 - session) as f64) / half).exp2() as f32,
            _ => 1.0,
        })
        .collect();
    let sizes: Vec<f64> = {
        let mut counts = vec![0.0; n];
        for (session, items) in training.sessions().enumerate() {
            items
                .iter()
                .for_each(|&item| counts[item as usize] += f64::from(ages[session]));
        }
        counts
    };
    let damping = |exponent: f64| -> Vec<f32> {
        let damped = |&size: &f64| {
            if size > 0.0 {
                (size + params.shrinkage).powf(-exponent) as f32
            } else {
                0.0
            }
        };
        sizes.iter().map(damped).collect()
    };
    let (source, target) = (damping(params.source_exponent), damping(params.target_exponent));
    let backward = params.backward_weight as f32;
    let rows: Vec<Vec<(ItemIdx, f32)>> = (0..n)
        .into_par_iter()
        .map_init(
            || Sums::new(n),
            |sums, item| {
                for &(session, at) in clicks.of(item) {
                    let (at, items) = (at as usize, training.session(session as usize));
                    let from = at.saturating_sub(REACH);
                    for (other, &to) in items.iter().enumerate().take(at + REACH + 1).skip(from) {
                        if to as usize != item {
                            let direction = if other > at { 1.0 } else { backward };
                            let value = ages[session as usize] * direction * distances[other.abs_diff(at)];
                            sums.add(to, value);
                        }
                    }
                }
                sums.strongest(params.neighbours, |to, sum| {
                    sum * source[item] * target[to as usize]
                })
            },
        )
        .collect();
    let first = Csr::from_rows(&rows, n);
    if params.second_order > 0.0 {
        with_second_order(&first, params)
    } else {
        first
    }
}

/// `L + w · L²`, with the strongest links of each row.
fn with_second_order(first: &Csr, params: &RawLinkParams) -> Csr {
    let n = first.n_columns();
    let weight = params.second_order as f32;
    let rows: Vec<Vec<(ItemIdx, f32)>> = (0..n)
        .into_par_iter()
        .map_init(
            || Sums::new(n),
            |sums, item| {
                let (over, links) = first.row(item);
                over.iter().zip(links).for_each(|(&to, &link)| sums.add(to, link));
                for (&over, &link) in over.iter().zip(links) {
                    let (columns, values) = first.row(over as usize);
                    for (&to, &value) in columns.iter().zip(values) {
                        if to as usize != item {
                            sums.add(to, weight * link * value);
                        }
                    }
                }
                sums.strongest(params.neighbours, |_, sum| sum)
            },
        )
        .collect();
    Csr::from_rows(&rows, n)
}

/// Where each item was clicked: (session, place in it), oldest first.
struct Clicks {
    offsets: Vec<usize>,
    places: Vec<(u32, u32)>,
}

impl Clicks {
    fn new(training: &Training) -> Self {
        let mut offsets = vec![0usize; training.n_items() + 1];
        for items in training.sessions() {
            items.iter().for_each(|&item| offsets[item as usize + 1] += 1);
        }
        for item in 0..training.n_items() {
            offsets[item + 1] += offsets[item];
        }
        let mut next = offsets.clone();
        let mut places = vec![(0, 0); offsets[training.n_items()]];
        for (session, items) in (0u32..).zip(training.sessions()) {
            for (at, &item) in (0u32..).zip(items) {
                places[next[item as usize]] = (session, at);
                next[item as usize] += 1;
            }
        }
        Self { offsets, places }
    }

    fn of(&self, item: usize) -> &[(u32, u32)] {
        &self.places[self.offsets[item]..self.offsets[item + 1]]
    }
}

/// Sums by item of one row.
struct Sums {
    sums: Vec<f32>,
    touched: Vec<u32>,
}

impl Sums {
    fn new(n: usize) -> Self {
        Self {
            sums: vec![0.0; n],
            touched: Vec::new(),
        }
    }

    /// Adds a value above zero.
    fn add(&mut self, item: u32, value: f32) {
        let sum = &mut self.sums[item as usize];
        if *sum == 0.0 {
            self.touched.push(item);
        }
        *sum += value;
    }

    /// The largest values, by ascending item; empties the sums.
    fn strongest(&mut self, keep: usize, value: impl Fn(u32, f32) -> f32) -> Vec<(ItemIdx, f32)> {
        let mut row: Vec<(u32, f32)> = self
            .touched
            .drain(..)
            .map(|item| (item, value(item, std::mem::take(&mut self.sums[item as usize]))))
            .filter(|&(_, value)| value > 0.0)
            .collect();
        if row.len() > keep {
            row.select_nth_unstable_by(keep, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            row.truncate(keep);
        }
        row.sort_unstable_by_key(|entry| entry.0);
        row.into_iter()
            .map(|(item, value)| (ItemIdx::from_u32(item), value))
            .collect()
    }
}
