//! What a shop decides about its recommendations: which items may be shown, which of them more, which less, and how an
//! answer is put together.
//!
//! Enters: candidates that the models ranked, and the rules of a placement and a request. Leaves: an arrangement, the
//! answer's items in order, with what moved each of them and what left the others out.
//!
//! | file | what it is for |
//! |---|---|
//! | [`expression`] | conditions on items, as a shop writes them |
//! | [`Kind`] | the questions that a ranking answers |
//! | [`Rules`], [`Placements`] | parameter sets: what a recipe or a request may ask for |
//! | [`arrange`](arrange()) | from candidates to an answer |
//!
//! The one decision: models rank by relevance alone and rules come after them, so that a campaign needs no training, and
//! an answer can say of each item what relevance made of it and what the shop did.

mod arrange;
pub mod expression;
mod kind;
mod params;
mod placement;

pub use arrange::{
    Arranged, Arrangement, Asked, Candidate, Effect, Facts, Gate, Move, Removed, RuleKind, Shortfall, Trace,
    arrange,
};
pub use kind::Kind;
pub use params::{
    Boost, FILTER, MAX_BOOSTS, MAX_CATEGORY_LEVEL, MAX_SLOTS, RawBoost, RawRules, RawSlot, Rules, RulesError,
};
pub use placement::{MAX_COUNT, Placement, PlacementError, Placements, RawPlacement, RawPlacements};
