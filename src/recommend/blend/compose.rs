//! One profile's scores as one product, so that the best of them can be searched instead of computed.
//!
//! Enters: a profile. Leaves: a query for the rows `[d_j | f_j]` of [`Blend::write_row`], a weight for what everybody
//! buys, and the links' sparse scores: [`Composed`].
//!
//! # Formula
//! `score_j = unit · ([d_j | f_j] · query + popularity · everybody_j + links_j)`
//!
//! Every term of a blend is brought to length one, and none of the lengths needs the term's scores: that of a product is
//! `|D q|₂ = √(qᵀ (DᵀD) q)` with a Gram matrix made once, which in the factors' principal axes is a diagonal; that of the
//! links is the length of what they touch.
//!
//! The one decision: everything is said in units of the links' scores (`unit` is what they are multiplied by), so that
//! what is scattered over thousands of items is written once and never scaled.

use super::Blend;
use crate::history::Profile;
use crate::id::{ItemIdx, Row};
use crate::numeric::{Addends, dot, gram, matvec, prefetch};
use crate::recommend::queries::Queries;
use crate::recommend::{Ials, LowRank, Recommender};

/// Numbers at the head of a row that are asked for while the row before is added; from there on the processor sees by itself
/// what is read next.
const HEAD: usize = 128;

/// What the terms of one profile's scores are multiplied by, each its weight over its length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scales {
    pub(super) links: f32,
    pub(super) low_pass: f32,
    pub(super) ials: f32,
    pub(super) popularity: f32,
}

/// A profile's scores, composed but not computed. The query lies in the [`BlendRoom`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Composed {
    /// What the sum of product, popularity and links is multiplied by; above zero.
    pub unit: f32,
    /// What everybody's part is multiplied by within the sum.
    pub popularity: f32,
    /// What the terms were multiplied by, for explanations.
    pub scales: Scales,
}

/// Working memory of compositions, used again and again.
#[derive(Debug, Default)]
pub struct BlendRoom {
    solver: <Ials as Queries>::Room,
    columns: Vec<u32>,
    weights: Vec<f32>,
    query: Vec<f32>,
    image: Vec<f32>,
}

impl BlendRoom {
    /// The query of the last composition, [`Blend::width`] numbers.
    #[must_use]
    pub fn query(&self) -> &[f32] {
        &self.query
    }
}

impl Blend {
    /// Length of a row and of a query: directions of the low-pass part, then factors.
    #[must_use]
    pub fn width(&self) -> usize {
        self.rank() + self.ials.width()
    }

    fn rank(&self) -> usize {
        self.low_pass.as_ref().map_or(0, LowRank::rank)
    }

    /// Writes an item's row `[d_j | f_j]`.
    ///
    /// # Panics
    /// When the blend does not know the item, or `row` is not [`Self::width`] numbers.
    pub fn write_row(&self, item: ItemIdx, row: &mut [f32]) {
        let (low_pass, ials) = row.split_at_mut(self.rank());
        let part = |factors: &[f32], out: &mut [f32]| {
            let width = out.len();
            out.copy_from_slice(&factors[item.index() * width..][..width]);
        };
        if let Some(model) = &self.low_pass {
            part(model.factors(), low_pass);
        }
        part(self.ials.factors(), ials);
    }

    /// What popularity adds for everybody, of length one over all items.
    #[must_use]
    pub fn everybody(&self) -> &[f32] {
        &self.everybody
    }

    /// Composes the scores of a profile: leaves the query in the room and what the links say in `links`, which was opened
    /// for every item and holds nothing yet.
    ///
    /// # Panics
    /// When the profile holds an item that the blend does not know.
    pub fn compose(&self, profile: &Profile, room: &mut BlendRoom, links: &mut Addends) -> Composed {
        let weights = self.weights.at(profile.len());
        room.columns.clear();
        room.weights.clear();
        for &(item, weight) in profile {
            room.columns.push(item.as_u32());
            room.weights.push(weight);
        }
        let mut scales = Scales {
            popularity: weights[3],
            ..Scales::default()
        };
        if let (Some(part), true) = (&self.links, weights[0] > 0.0) {
            let row = |item: u32| part.links().row(item as usize);
            for (at, (&item, &weight)) in room.columns.iter().zip(&room.weights).enumerate() {
                if let Some(&next) = room.columns.get(at + 1) {
                    let (columns, values) = row(next);
                    prefetch(&columns[..columns.len().min(HEAD)]);
                    prefetch(&values[..values.len().min(HEAD)]);
                }
                let (columns, values) = row(item);
                links.scatter(weight, columns, values);
            }
            scales.links = per_length(weights[0], links.length());
        }
        // Lengths beyond single precision's range say nothing.
        let unit = if scales.links.is_normal() {
            scales.links
        } else {
            1.0
        };
        room.query.clear();
        room.query.resize(self.width(), 0.0);
        let (low_pass, ials) = room.query.split_at_mut(self.rank());
        if let (Some(model), true) = (&self.low_pass, weights[1] > 0.0) {
            model.query(&mut (), &room.columns, &room.weights, low_pass);
            room.image.clear();
            room.image.resize(low_pass.len(), 0.0);
            matvec(self.low_pass_gram(model), low_pass, &mut room.image);
            scales.low_pass = per_length(weights[1], f64::from(dot(low_pass, &room.image)).max(0.0).sqrt());
            scale(low_pass, scales.low_pass / unit);
        }
        if weights[2] > 0.0 {
            self.ials
                .query(&mut room.solver, &room.columns, &room.weights, ials);
            scales.ials = per_length(weights[2], self.ials.length(ials));
            scale(ials, scales.ials / unit);
        }
        Composed {
            unit,
            popularity: scales.popularity / unit,
            scales,
        }
    }

    /// What the terms of a profile's scores are multiplied by.
    pub(super) fn scales(&self, profile: &Profile) -> Scales {
        let mut links = Addends::default();
        links.open(self.n_items());
        self.compose(profile, &mut BlendRoom::default(), &mut links)
            .scales
    }

    /// `DᵀD` of the low-pass directions, made by whoever asks first.
    fn low_pass_gram(&self, model: &LowRank) -> &[f32] {
        self.gram.get_or_init(|| {
            let gram = gram(model.factors(), model.rank());
            gram.into_iter().map(|x| x as f32).collect()
        })
    }
}

/// `weight / length`, or zero where there is no direction.
fn per_length(weight: f32, length: f64) -> f32 {
    let scale = (f64::from(weight) / length) as f32;
    if length > 0.0 && scale.is_finite() {
        scale
    } else {
        0.0
    }
}

fn scale(x: &mut [f32], by: f32) {
    x.iter_mut().for_each(|x| *x *= by);
}
