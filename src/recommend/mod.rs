//! Models that rank items for a history.
//!
//! Enters: the weighted customer × item matrix. Leaves: fitted models behind one trait, [`Recommender`], that turn any
//! history's profile into a score for every item, and can say which of the profile's items made a score.
//!
//! The one decision: a model stores no customer. Whoever asks is described by a [`Profile`], so a customer of ten years
//! and a visitor with one click take the same path.
//!
//! What ranks for something else than a history stands beside the trait, together in [`Shelves`]: [`relations`] for carts and
//! pages, [`buy_again`] for rhythms, [`sessions`] for visits.

pub mod batch;
pub mod blend;
pub mod buy_again;
mod fit_error;
pub mod ials;
mod item_gram;
pub mod links;
pub mod low_pass;
pub mod low_rank;
pub mod neighbours;
mod new_arrivals;
pub mod params;
pub mod popularity;
mod queries;
mod range;
pub mod relations;
pub mod ridge;
pub mod sessions;
mod shelves;

use crate::history::{Csr, Profile};
use crate::id::ItemIdx;

use batch::{OneByOne, is_masked, named};

pub use batch::BatchScorer;
pub use blend::{Blend, HeldOut, Parts, RawWeights, Weights};
pub use fit_error::FitError;
pub use ials::{Ials, IalsParams, RawIalsParams};
pub use links::ItemLinks;
pub use low_pass::{LowPassParams, RawLowPassParams};
pub use low_rank::{LowRank, LowRankError};
pub use neighbours::{NeighboursParams, RawNeighboursParams};
pub use new_arrivals::{NewArrivalsParams, RawNewArrivalsParams};
pub use params::{RawRecommendParams, RecommendParams, RecommendParamsError};
pub use popularity::{Popularity, PopularityParams, RawPopularityParams};
pub use range::OutOfRange;
pub use ridge::{RawRidgeParams, RidgeParams};
pub use shelves::{LEAST_SESSIONS, Shelves, ShelvesReport};

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

/// What made the score of one item.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Explanation {
    /// What each item of the profile added, in the order of the profile.
    pub parts: Vec<Contribution>,
    /// What would have been added for everybody.
    pub everybody: f32,
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

    /// What made the score of each of `items`: the parts and what everybody gets sum to the score, up to rounding.
    fn explain(&self, profile: &Profile, items: &[ItemIdx]) -> Vec<Explanation>;

    /// The same scores for many profiles at once. The default goes one by one; a model with a faster way overrides it.
    fn batch(&self) -> Box<dyn BatchScorer + '_> {
        Box::new(OneByOne(self))
    }

    /// The best `k` items for each row of `profiles`, without the entries of the same row of `masked`, in parallel.
    ///
    /// # Panics
    /// When `profiles` has columns that are not items of the model, or `masked` has fewer rows.
    fn rank_all(&self, profiles: &Csr, masked: Option<&Csr>, k: usize) -> Vec<Ranking> {
        batch::rank_all(&*self.batch(), profiles, masked, k)
    }
}
