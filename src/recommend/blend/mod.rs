//! The blend: every model's scores of one profile, added with weights that depend on how long the history is.
//!
//! Enters: fitted [`Parts`] and [`Weights`]. Leaves: [`Blend`], one model like the others.
//!
//! # Formula
//! `score_j(x) = Σ_g w_g (n / n̄)^{e_g} · s_g(x)_j / |s_g(x)|₂` over the terms `g`, with `n` the number of items in the
//! profile `x`. Bringing every term to length one makes weights mean the same in every shop and after every refit;
//! that the length is taken over all items at once makes items nobody touched change nothing.
//!
//! | term `g` | `s_g(x)` |
//! |---|---|
//! | links | `x · ((1 − m) N / ν_N + m R / ν_R)`: neighbours `N` and local ridge `R` in one sparse matrix, `m` the ridge's share, `ν` the usual length of a part's scores |
//! | low_pass | `x` through a low-rank product |
//! | ials | factors of `x`, folded in, times the items' |
//! | popularity | `ln(1 + p / p̄)`, the same for everybody |
//!
//! The one decision: the weights are learned on what was held out of the training ([`HeldOut`]), by customer or by time, and
//! the parts are then fitted again to everything.

mod compose;
mod fit;
mod held_out;
mod learn;
mod merge;
mod params;
#[cfg(test)]
mod tests;
mod weights;

use std::ops::Range;
use std::sync::OnceLock;

use super::batch::BatchScorer;
use super::{Contribution, Explanation, Ials, ItemLinks, LowRank, Popularity, Recommender};
use crate::history::{Csr, Profile};
use crate::id::{ItemIdx, Row};
use crate::numeric::{axpy, norm};

pub use compose::{BlendRoom, Composed, Scales};
pub use fit::Fitting;
pub use held_out::{HeldOut, Share};
pub use learn::{Part, Rehearsal, learn};
pub use params::{BlendParams, BlendParamsError, RawBlendParams};
pub use weights::{RawTerm, RawWeights, Weights, WeightsError};

/// The models that a blend is made of. One that is not there counts nothing.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Item neighbours.
    pub neighbours: Option<ItemLinks>,
    /// Local ridge.
    pub ridge: Option<ItemLinks>,
    /// Soft low-pass.
    pub low_pass: Option<LowRank>,
    /// Matrix factorisation.
    pub ials: Ials,
    /// What everybody buys.
    pub popularity: Popularity,
}

impl Parts {
    /// The personal models that are there.
    #[must_use]
    pub fn each(&self) -> Vec<&dyn Recommender> {
        let links = [&self.neighbours, &self.ridge].into_iter().flatten();
        links
            .map(|part| part as &dyn Recommender)
            .chain(self.low_pass.as_ref().map(|part| part as &dyn Recommender))
            .chain([&self.ials as &dyn Recommender])
            .collect()
    }
}

/// A blend, ready to answer.
#[derive(Clone, Debug)]
pub struct Blend {
    links: Option<ItemLinks>,
    low_pass: Option<LowRank>,
    ials: Ials,
    popularity: Popularity,
    /// `ln(1 + p / p̄)` of each item, of length one.
    everybody: Vec<f32>,
    /// Gram matrix of the low-pass directions, once somebody asked.
    gram: OnceLock<Vec<f32>>,
    weights: Weights,
}

/// A model and its weight.
type Term<'a> = Option<(&'a dyn Recommender, f32)>;

impl Blend {
    /// The model's name.
    pub const NAME: &'static str = "blend";

    /// Merges the parts that weigh something: `profiles` say how long a part's scores usually are.
    #[must_use]
    pub fn new(parts: Parts, weights: Weights, profiles: &Csr) -> Self {
        let raw = weights.raw();
        let links = (raw.links.weight > 0.0)
            .then(|| merge::links(parts.neighbours, parts.ridge, raw.ridge_share, profiles))
            .flatten();
        let low_pass = parts.low_pass.filter(|_| raw.low_pass.weight > 0.0);
        Self::of_merged(links, low_pass, parts.ials, parts.popularity, weights)
    }

    /// The blend of parts that are merged already, as a bundle keeps them.
    #[must_use]
    pub fn of_merged(
        links: Option<ItemLinks>,
        low_pass: Option<LowRank>,
        ials: Ials,
        popularity: Popularity,
        weights: Weights,
    ) -> Self {
        Self {
            links,
            low_pass,
            everybody: everybody(&popularity),
            ials,
            popularity,
            gram: OnceLock::new(),
            weights,
        }
    }

    /// Neighbours and ridge in one sparse matrix.
    #[must_use]
    pub fn links(&self) -> Option<&ItemLinks> {
        self.links.as_ref()
    }

    /// The low-pass part.
    #[must_use]
    pub fn low_pass(&self) -> Option<&LowRank> {
        self.low_pass.as_ref()
    }

    /// The factor model.
    #[must_use]
    pub fn ials(&self) -> &Ials {
        &self.ials
    }

    /// What everybody buys.
    #[must_use]
    pub fn popularity(&self) -> &Popularity {
        &self.popularity
    }

    /// How much each part counts.
    #[must_use]
    pub fn weights(&self) -> &Weights {
        &self.weights
    }

    /// [`Recommender::explain`] for whoever knows already what the terms of this profile are multiplied by.
    #[must_use]
    pub fn explain_scaled(&self, profile: &Profile, scales: Scales, items: &[ItemIdx]) -> Vec<Explanation> {
        let part = |&(item, _): &(ItemIdx, f32)| Contribution { item, part: 0.0 };
        let mut explained: Vec<Explanation> = items
            .iter()
            .map(|&item| Explanation {
                parts: profile.iter().map(part).collect(),
                everybody: scales.popularity * self.everybody[item.index()],
            })
            .collect();
        let links = self.links.as_ref().map(|part| part as &dyn Recommender);
        let low_pass = self.low_pass.as_ref().map(|part| part as &dyn Recommender);
        let terms = [
            (links, scales.links),
            (low_pass, scales.low_pass),
            (Some(&self.ials as &dyn Recommender), scales.ials),
        ];
        for (model, scale) in terms {
            let Some(model) = model.filter(|_| scale > 0.0) else {
                continue;
            };
            for (whole, part) in explained.iter_mut().zip(model.explain(profile, items)) {
                for (whole, part) in whole.parts.iter_mut().zip(part.parts) {
                    whole.part += scale * part.part;
                }
            }
        }
        explained
    }

    /// The personal terms, in the order of the weights (`None` where nothing is to be added), and popularity's weight.
    fn terms(&self, n: usize) -> ([Term<'_>; 3], f32) {
        let [links, low_pass, ials, popularity] = self.weights.at(n);
        let some = |weight: f32| (weight > 0.0).then_some(weight);
        let terms: [Term<'_>; 3] = [
            self.links
                .as_ref()
                .zip(some(links))
                .map(|(part, weight)| (part as &dyn Recommender, weight)),
            self.low_pass
                .as_ref()
                .zip(some(low_pass))
                .map(|(part, weight)| (part as &dyn Recommender, weight)),
            some(ials).map(|weight| (&self.ials as &dyn Recommender, weight)),
        ];
        (terms, popularity)
    }
}

/// `a / |x|₂`, or zero where there is no direction.
fn per_length(a: f32, x: &[f32]) -> f32 {
    let length = norm(x);
    if length > 0.0 { a / length } else { 0.0 }
}

/// What popularity adds for everybody, of length one.
fn everybody(popularity: &Popularity) -> Vec<f32> {
    let scores = popularity.scores();
    let bought = scores.iter().filter(|&&score| score > 0.0).count().max(1);
    let mean = scores.iter().map(|&score| f64::from(score)).sum::<f64>() / bought as f64;
    let mut values: Vec<f32> = scores
        .iter()
        .map(|&score| {
            if mean > 0.0 {
                (f64::from(score) / mean).ln_1p() as f32
            } else {
                0.0
            }
        })
        .collect();
    let scale = per_length(1.0, &values);
    values.iter_mut().for_each(|value| *value *= scale);
    values
}

impl Recommender for Blend {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn n_items(&self) -> usize {
        self.ials.n_items()
    }

    fn score(&self, profile: &Profile, scores: &mut [f32]) {
        scores.fill(0.0);
        let (terms, popularity) = self.terms(profile.len());
        axpy(popularity, &self.everybody, scores);
        let mut part = vec![0.0; scores.len()];
        for (model, weight) in terms.into_iter().flatten() {
            model.score(profile, &mut part);
            axpy(per_length(weight, &part), &part, scores);
        }
    }

    fn explain(&self, profile: &Profile, items: &[ItemIdx]) -> Vec<Explanation> {
        self.explain_scaled(profile, self.scales(profile), items)
    }

    fn batch(&self) -> Box<dyn BatchScorer + '_> {
        Box::new(Batch {
            blend: self,
            parts: [
                self.links.as_ref().map(Recommender::batch),
                self.low_pass.as_ref().map(Recommender::batch),
                Some(self.ials.batch()),
            ],
        })
    }
}

struct Batch<'a> {
    blend: &'a Blend,
    parts: [Option<Box<dyn BatchScorer + 'a>>; 3],
}

impl BatchScorer for Batch<'_> {
    fn n_items(&self) -> usize {
        self.blend.n_items()
    }

    fn score_rows(&self, profiles: &Csr, rows: Range<usize>, scores: &mut [f32]) {
        let n_items = self.n_items().max(1);
        let weights: Vec<[f32; 4]> = rows
            .clone()
            .map(|row| self.blend.weights.at(profiles.row(row).0.len()))
            .collect();
        for (weights, scores) in weights.iter().zip(scores.chunks_exact_mut(n_items)) {
            scores.fill(0.0);
            axpy(weights[3], &self.blend.everybody, scores);
        }
        let mut part = vec![0.0; scores.len()];
        for (term, model) in self.parts.iter().enumerate() {
            let Some(model) = model else { continue };
            if weights.iter().all(|weights| weights[term] <= 0.0) {
                continue;
            }
            model.score_rows(profiles, rows.clone(), &mut part);
            let pairs = part.chunks_exact(n_items).zip(scores.chunks_exact_mut(n_items));
            for (weights, (part, scores)) in weights.iter().zip(pairs) {
                axpy(per_length(weights[term], part), part, scores);
            }
        }
    }
}
