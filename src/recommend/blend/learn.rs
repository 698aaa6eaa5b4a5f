//! Learning the weights of a blend from what was held out.
//!
//! The parts' scores of every judged customer are computed once and kept for a few candidates, so that trying weights
//! costs milliseconds. NDCG is flat almost everywhere, so the search is the simplex of Nelder and Mead, which asks for no
//! slope.

use argmin::core::{CostFunction, Executor};
use argmin::solver::neldermead::NelderMead;
use rayon::prelude::*;

use super::held_out::HeldOut;
use super::weights::{RawTerm, RawWeights, Weights};
use super::{Parts, everybody, merge, per_length};
use crate::measure::ranking::discount;
use crate::numeric::{dot, top_k};
use crate::recommend::Recommender;
use crate::recommend::batch::{BatchScorer, rows_per_block};

/// Candidates of each part: deep enough that no weights bring a deeper item among the first twenty.
const DEPTH: usize = 100;
/// Scores of a candidate: neighbours, ridge, low-pass, iALS, popularity.
const SCORES: usize = 5;
/// Dimensions of the search: the ridge's share and the weights; with the exponents, all.
const WEIGHTS: usize = 5;
const ALL: usize = 8;
/// Steps of one search.
const STEPS: u64 = 160;
/// Steps from weights that were good for almost the same parts.
const STEPS_AGAIN: u64 = 40;
/// What a squared exponent costs, in NDCG: weights follow the length only where that pays.
const EXPONENT_COST: f64 = 2e-4;

/// What trying weights needs to know of one judged customer.
struct Judged {
    n_items: usize,
    /// Dot products of the link parts' scores: neighbours with themselves, with the ridge, the ridge with itself.
    links: [f32; 3],
    /// The candidates that were held out come first.
    candidates: Vec<[f32; SCORES]>,
    /// Their rows.
    items: Vec<u32>,
    n_wanted_candidates: usize,
    ideal: f64,
}

/// Everything that is needed to try weights.
struct Slice {
    judged: Vec<Judged>,
    usual_length: f64,
    k: usize,
    /// Whether low-pass may weigh something.
    has_low_pass: bool,
}

/// The weights with the best NDCG at `k` on the slice, for parts that were fitted to `held.fitted`, and that NDCG. Low-pass is
/// left out where it brings less than `worth` of it.
///
/// # Determinism
/// The same parts and slice give the same weights for any number of threads.
#[must_use]
pub fn learn(parts: &Parts, held: &HeldOut, k: usize, worth: f64) -> (Weights, f64) {
    Rehearsal::new(&[(parts, held)], k, worth).learned()
}

/// Parts that were fitted to slices, and the weights that suit them; knows what another part in the place of one would
/// bring.
pub struct Rehearsal {
    slice: Slice,
    at: Vec<f64>,
    worth: f64,
}

impl Rehearsal {
    /// Learns the weights from several slices and the parts that were fitted to each: every judged customer counts the
    /// same. Low-pass is left out where it brings less than `worth` of the NDCG.
    #[must_use]
    pub fn new(slices: &[(&Parts, &HeldOut)], k: usize, worth: f64) -> Self {
        let mut slice = Slice::joined(slices, k);
        // Weights are squares, which keeps them above zero; two beginnings, because the first valley is not always the
        // deepest.
        let begin = |low: f64| vec![0.5, low, 1.0, low, 0.2, 0.0, 0.0, 0.0];
        let at = [1.0, 0.5]
            .into_iter()
            .map(|low| slice.search(&slice.search(&begin(low), WEIGHTS, STEPS), ALL, STEPS))
            .min_by(|a, b| slice.cost(a).total_cmp(&slice.cost(b)))
            .unwrap_or_else(|| begin(1.0));
        let (all, ndcg) = slice.learned(&at);
        if all.raw().low_pass.weight > 0.0 {
            slice.has_low_pass = false;
            let without = slice.search(&at, WEIGHTS, STEPS);
            if slice.learned(&without).1 >= ndcg * (1.0 - worth) {
                return Self {
                    slice,
                    at: without,
                    worth,
                };
            }
            slice.has_low_pass = true;
        }
        Self { slice, at, worth }
    }

    /// The weights, and their NDCG on the slices.
    #[must_use]
    pub fn learned(&self) -> (Weights, f64) {
        self.slice.learned(&self.at)
    }

    /// What `part` of these slices' parts, the only one that differs, would bring: the weights are learned anew from
    /// where they are. Only items that were candidates before are considered.
    ///
    /// # Panics
    /// When the slices are not those of [`Self::new`].
    #[must_use]
    pub fn with(&self, part: Part, slices: &[(&Parts, &HeldOut)]) -> (Weights, f64) {
        let slice = self.slice.replaced(part, slices);
        let found = slice.learned(&slice.search(&self.at, WEIGHTS, STEPS_AGAIN));
        if slice.has_low_pass && !self.slice.has_low_pass {
            // What was left out must be worth its place to come back.
            let without = self.learned();
            if without.1 >= found.1 * (1.0 - self.worth) {
                return without;
            }
        }
        found
    }
}

/// A part of a blend that another can take the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Neighbours or local ridge: they share a term.
    Links,
    /// Soft low-pass.
    LowPass,
    /// Matrix factorisation.
    Ials,
}

impl Slice {
    fn joined(slices: &[(&Parts, &HeldOut)], k: usize) -> Self {
        let judged: Vec<Judged> = slices
            .iter()
            .flat_map(|(parts, held)| Self::judged(parts, held, k))
            .collect();
        let mut lengths: Vec<usize> = judged.iter().map(|judged| judged.n_items).collect();
        lengths.sort_unstable();
        Self {
            usual_length: lengths.get(lengths.len() / 2).map_or(1.0, |&n| n.max(1) as f64),
            judged,
            k,
            has_low_pass: true,
        }
    }

    fn judged(parts: &Parts, held: &HeldOut, k: usize) -> Vec<Judged> {
        let everybody = everybody(&parts.popularity);
        // What no part has seen is nobody's candidate: its scores mean nothing.
        let mut is_known = vec![false; held.fitted.n_columns()];
        for &item in held.fitted.columns() {
            is_known[item as usize] = true;
        }
        scored(
            parts,
            held,
            [true; 4],
            |row, [neighbours, ridge, low_pass, ials]| {
                let scores = [neighbours, ridge, low_pass, ials, &everybody];
                let masked = held.masked.row(row).0;
                let is_open = |item: usize| is_known[item] && masked.binary_search(&(item as u32)).is_err();
                Judged::new(scores, is_open, held, row, k)
            },
        )
    }

    /// The same candidates with the scores of another part.
    fn replaced(&self, part: Part, slices: &[(&Parts, &HeldOut)]) -> Self {
        let wanted = match part {
            Part::Links => [true, true, false, false],
            Part::LowPass => [false, false, true, false],
            Part::Ials => [false, false, false, true],
        };
        let mut judged = Vec::with_capacity(self.judged.len());
        for (parts, held) in slices {
            let before = &self.judged[judged.len()..][..held.n_judged()];
            judged.extend(scored(parts, held, wanted, |row, scores| {
                before[row].replaced(wanted, scores)
            }));
        }
        Self {
            judged,
            has_low_pass: self.has_low_pass || part == Part::LowPass,
            ..*self
        }
    }

    fn learned(&self, at: &[f64]) -> (Weights, f64) {
        if self.judged.is_empty() {
            return (Weights::ials_alone(), 0.0);
        }
        let raw = self.weights(at);
        let ndcg = self.ndcg(&raw);
        // The search moves within the allowed ranges only.
        let weights = Weights::try_from(raw).unwrap_or_else(|_| Weights::ials_alone());
        (weights, ndcg)
    }

    /// The weights of a point of the search: the ridge's share, roots of the four weights, exponents of the last three.
    fn weights(&self, at: &[f64]) -> RawWeights {
        let mut squares = [at[1], at[2], at[3], at[4]].map(|x| x * x);
        if !self.has_low_pass {
            squares[1] = 0.0;
        }
        let sum = squares.iter().sum::<f64>().max(1e-9);
        let exponents = [0.0, at[5], at[6], at[7]];
        let term = |which: usize| {
            let weight = squares[which] / sum;
            // A hundredth of everything moves no ranking; a part that is left out costs no answer any time.
            let weight = if weight < 0.01 { 0.0 } else { weight };
            RawTerm {
                weight: rounded(weight),
                length_exponent: if weight > 0.0 {
                    rounded(exponents[which].clamp(-1.0, 1.0))
                } else {
                    0.0
                },
            }
        };
        RawWeights {
            usual_length: self.usual_length,
            ridge_share: rounded(at[0].clamp(0.0, 1.0)),
            links: term(0),
            low_pass: term(1),
            ials: term(2),
            popularity: term(3),
        }
    }

    fn ndcg(&self, raw: &RawWeights) -> f64 {
        let Ok(weights) = Weights::try_from(raw.clone()) else {
            return 0.0;
        };
        let share = raw.ridge_share as f32;
        let ndcg: Vec<f64> = self
            .judged
            .par_iter()
            .map_init(Vec::new, |scores, judged| {
                judged.ndcg(&weights, share, self.k, scores)
            })
            .collect();
        ndcg.iter().sum::<f64>() / ndcg.len().max(1) as f64
    }

    /// Searches the first `n` dimensions of a point; the others stay.
    fn search(&self, from: &[f64], n: usize, steps: u64) -> Vec<f64> {
        if self.judged.is_empty() {
            return from.to_vec();
        }
        let mut simplex = vec![from[..n].to_vec()];
        for axis in 0..n {
            let mut corner = from[..n].to_vec();
            corner[axis] += match corner[axis] {
                _ if axis >= WEIGHTS => 0.2,
                // Far enough from nothing to be something: a small weight is cut to nothing, and nothing has no slope.
                small if small < 0.25 => 0.35,
                large => -0.3 * large,
            };
            simplex.push(corner);
        }
        let whole = |at: &[f64]| [at, &from[at.len()..]].concat();
        let found = NelderMead::new(simplex).with_sd_tolerance(1e-6).map(|solver| {
            Executor::new(Search { slice: self, from }, solver)
                .configure(|state| state.max_iters(steps))
                .run()
        });
        match found {
            Ok(Ok(mut result)) => result
                .state
                .take_best_param()
                .map_or(from.to_vec(), |best| whole(&best)),
            // The search has no way to fail; if it found one, the beginning stands.
            _ => from.to_vec(),
        }
    }

    fn cost(&self, at: &[f64]) -> f64 {
        let exponents: f64 = at[5..].iter().map(|x| x * x).sum();
        -self.ndcg(&self.weights(at)) + EXPONENT_COST * exponents
    }
}

/// Does something with the scores of every judged customer by the `wanted` parts of neighbours, ridge, low-pass and iALS;
/// the others' are zero. Links come in units of their usual length, the others are brought to length one.
fn scored<T: Send>(
    parts: &Parts,
    held: &HeldOut,
    wanted: [bool; 4],
    visit: impl Fn(usize, [&[f32]; 4]) -> T + Sync,
) -> Vec<T> {
    let n_items = parts.ials.n_items();
    let zero = vec![0.0; n_items];
    let links = [&parts.neighbours, &parts.ridge];
    let scales = [0, 1].map(|which| {
        let part = links[which].as_ref().filter(|_| wanted[which]);
        let usual = part.map_or(0.0, |part| merge::usual_length(part, &held.fitted));
        if usual > 0.0 { usual.recip() as f32 } else { 0.0 }
    });
    let batch = |which: usize| -> Option<Box<dyn BatchScorer + '_>> {
        match which {
            0 | 1 => links[which].as_ref().map(Recommender::batch),
            2 => parts.low_pass.as_ref().map(Recommender::batch),
            _ => Some(parts.ials.batch()),
        }
    };
    let scorers = [0, 1, 2, 3].map(|which| wanted[which].then(|| batch(which)).flatten());
    let block = rows_per_block(n_items);
    let rows = held.n_judged();
    (0..rows.div_ceil(block))
        .into_par_iter()
        .map_init(
            || {
                scorers
                    .each_ref()
                    .map(|scorer| vec![0.0; if scorer.is_some() { block * n_items } else { 0 }])
            },
            |scores, at| {
                let rows = at * block..((at + 1) * block).min(rows);
                for (which, (scores, scorer)) in scores.iter_mut().zip(&scorers).enumerate() {
                    let Some(scorer) = scorer else { continue };
                    let scores = &mut scores[..rows.len() * n_items];
                    scorer.score_rows(&held.profiles, rows.clone(), scores);
                    for scores in scores.chunks_exact_mut(n_items.max(1)) {
                        let scale = scales.get(which).copied();
                        let scale = scale.unwrap_or_else(|| per_length(1.0, scores));
                        scores.iter_mut().for_each(|score| *score *= scale);
                    }
                }
                let row_scores = |at: usize| {
                    [0, 1, 2, 3].map(|which| {
                        scores[which]
                            .get(at * n_items..(at + 1) * n_items)
                            .unwrap_or(&zero)
                    })
                };
                let found: Vec<T> = rows
                    .enumerate()
                    .map(|(at, row)| visit(row, row_scores(at)))
                    .collect();
                found
            },
        )
        .flatten_iter()
        .collect()
}

/// To a thousandth: a recipe is read by people.
fn rounded(x: f64) -> f64 {
    (x * 1e3).round() / 1e3
}

struct Search<'a> {
    slice: &'a Slice,
    from: &'a [f64],
}

impl CostFunction for Search<'_> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, at: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.slice.cost(&[at, &self.from[at.len()..]].concat()))
    }
}

impl Judged {
    fn new(
        parts: [&[f32]; SCORES],
        is_open: impl Fn(usize) -> bool,
        held: &HeldOut,
        row: usize,
        k: usize,
    ) -> Self {
        let wanted = &held.wanted[row];
        let mut items: Vec<u32> = parts
            .iter()
            .flat_map(|scores| top_k(scores, DEPTH, &is_open))
            .map(|(item, _)| item)
            .collect();
        items.sort_unstable();
        items.dedup();
        let (found, others): (Vec<u32>, Vec<u32>) = items
            .into_iter()
            .partition(|item| wanted.binary_search(item).is_ok());
        let scores = |&item: &u32| parts.map(|part| part[item as usize]);
        Self {
            n_items: held.profiles.row(row).0.len(),
            links: link_products(parts[0], parts[1]),
            n_wanted_candidates: found.len(),
            candidates: found.iter().chain(&others).map(scores).collect(),
            items: found.iter().chain(&others).copied().collect(),
            ideal: (1..=wanted.len().min(k)).map(discount).sum(),
        }
    }

    /// The same candidates with other scores by the `replaced` parts.
    fn replaced(&self, replaced: [bool; 4], scores: [&[f32]; 4]) -> Self {
        let mut candidates = self.candidates.clone();
        for (candidate, &item) in candidates.iter_mut().zip(&self.items) {
            for which in (0..4).filter(|&which| replaced[which]) {
                candidate[which] = scores[which][item as usize];
            }
        }
        Self {
            links: if replaced[0] {
                link_products(scores[0], scores[1])
            } else {
                self.links
            },
            candidates,
            items: self.items.clone(),
            ..*self
        }
    }

    fn ndcg(&self, weights: &Weights, share: f32, k: usize, scores: &mut Vec<f32>) -> f64 {
        let [links, low_pass, ials, popularity] = weights.at(self.n_items);
        let other = 1.0 - share;
        let [nn, nr, rr] = self.links;
        let length = (other * other * nn + 2.0 * other * share * nr + share * share * rr)
            .max(0.0)
            .sqrt();
        let links = if length > 0.0 { links / length } else { 0.0 };
        let by = [links * other, links * share, low_pass, ials, popularity];
        scores.clear();
        scores.extend(self.candidates.iter().map(|candidate| {
            candidate
                .iter()
                .zip(by)
                .map(|(score, by)| score * by)
                .sum::<f32>()
        }));
        let gain: f64 = scores[..self.n_wanted_candidates]
            .iter()
            .zip(&self.items)
            .map(|(score, item)| {
                // Two counts without a branch; ties are few, and only they ask for the rows.
                let (mut above, mut level) = (0u32, 0u32);
                for other in scores.iter() {
                    above += u32::from(other > score);
                    level += u32::from(other >= score);
                }
                let mut rank = 1 + above as usize;
                if level > above + 1 {
                    let tied = scores.iter().zip(&self.items);
                    rank += tied
                        .filter(|&(other, by)| other.total_cmp(score).is_eq() && by < item)
                        .count();
                }
                if rank <= k { discount(rank) } else { 0.0 }
            })
            .sum();
        gain / self.ideal
    }
}

fn link_products(neighbours: &[f32], ridge: &[f32]) -> [f32; 3] {
    [
        dot(neighbours, neighbours),
        dot(neighbours, ridge),
        dot(ridge, ridge),
    ]
}
