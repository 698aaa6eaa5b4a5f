//! Models that rank items for a history.
//!
//! Enters: the weighted customer × item matrix. Leaves: fitted models behind one trait, [`Recommender`], that turn any
//! history's profile into a score for every item, and can say which of the profile's items made a score.
//!
//! The one decision: a model stores no customer. Whoever asks is described by a [`Profile`], so a customer of ten years
//! and a visitor with one click take the same path.

pub mod ials;
pub mod params;
pub mod popularity;

use rayon::prelude::*;

use crate::history::{Csr, Profile};
use crate::id::{ItemIdx, Row};
use crate::numeric::top_k;

pub use ials::{Ials, IalsParams, RawIalsParams};
pub use params::{RawRecommendParams, RecommendParams, RecommendParamsError};
pub use popularity::{Popularity, PopularityParams, RawPopularityParams};

/// Items with their scores, best first: score descending, then row ascending.
pub type Ranking = Vec<(ItemIdx, f32)>;

/// How much one item of the profile added to a score.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Contribution {
    /// The profile's item.
    pub item: ItemIdx,
    /// Its part of the score, in the score's unit; may be negative.
    pub part: f32,
}

/// A fitted model that ranks items for a profile.
pub trait Recommender: Send + Sync {
    /// The model's name, as recipes, reports and manifests write it.
    fn name(&self) -> &'static str;

    /// Number of items that it scores.
    fn n_items(&self) -> usize;

    /// Writes the score of every item for this profile; higher is better, all finite.
    ///
    /// # Panics
    /// When `scores` does not have one place per item.
    fn score(&self, profile: &Profile, scores: &mut [f32]);

    /// For each of `items`, what each item of the profile added to its score: the parts of one item sum to its score
    /// (up to rounding). Empty where the score does not come from the profile.
    fn explain(&self, profile: &Profile, items: &[ItemIdx]) -> Vec<Vec<Contribution>>;

    /// The best `k` items for each row of `profiles`, without the entries of the same row of `masked`.
    ///
    /// The default scores one profile at a time, in parallel; a model with a faster way for many at once overrides it.
    ///
    /// # Panics
    /// When `profiles` has columns that are not items of the model, or `masked` has fewer rows.
    fn rank_all(&self, profiles: &Csr, masked: Option<&Csr>, k: usize) -> Vec<Ranking> {
        (0..profiles.n_rows())
            .into_par_iter()
            .map_init(
                || vec![0.0; self.n_items()],
                |scores, row| {
                    let (items, weights) = profiles.row(row);
                    let profile: Profile = items
                        .iter()
                        .copied()
                        .map(ItemIdx::from_u32)
                        .zip(weights.iter().copied())
                        .collect();
                    self.score(&profile, scores);
                    let best = top_k(scores, k, |item| !is_masked(masked, row, item));
                    best.into_iter()
                        .map(|(item, score)| (ItemIdx::from_u32(item), score))
                        .collect()
                },
            )
            .collect()
    }
}

/// Whether the mask has this entry; item rows are `u32`, so the cast loses nothing.
fn is_masked(masked: Option<&Csr>, row: usize, item: usize) -> bool {
    masked.is_some_and(|masked| masked.row(row).0.binary_search(&(item as u32)).is_ok())
}
