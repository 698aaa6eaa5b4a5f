//! What the engine answers, in the shop's own words: names, never rows.
//!
//! The one decision: an answer says how it came about. Strategy, reasons, unknown ids, the instant and the model are
//! part of it, and so is the rule that left fewer items than asked.

mod churn;
mod explained;
mod reason;

pub use churn::{
    AtRiskFilter, ChurnAnswer, CustomerSummary, PlanAnswer, RiskOrder, RiskTotals, ScoreFlag, Since,
};
pub use explained::{Candidate, CandidateSource, Explained, FilterEffect};
pub use reason::{
    Evidence, EvidenceKind, Numbers, PopularityNumbers, Reason, ReasonKind, RuleEffect, Together,
    TrendNumbers, UpgradeNumbers,
};

use crate::bundle::Manifest;
use crate::rules::Kind;
use crate::time::Timestamp;

/// Which knowledge answered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Strategy {
    /// The customer's own history.
    Personal,
    /// The context of the request alone.
    Session,
    /// What the shop's customers buy in general.
    Popular,
}

/// Why an answer holds fewer items than asked: the first of these that applies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Underfill {
    /// The request's filter (category, price, availability) left out at least one item.
    Filter,
    /// Excluded ids, items of the context, recent purchases or an earlier shelf left out at least one item.
    Exclusions,
    /// The model knows no more items that it can rank.
    Catalogue,
    /// What is left is less relevant than asked.
    MinRelevance,
    /// What is left stands against another rule, such as the most of one category.
    Rules,
}

/// What the answer to a storefront holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Recommendations {
    /// The question that was answered: the request's, or the placement's.
    pub kind: Kind,
    /// Best first.
    pub items: Vec<RecommendedItem>,
    /// Which knowledge answered.
    pub strategy: Strategy,
    /// Ids of the request that the model does not know: the customer's, then the items', each once, in the request's order.
    pub unknown_ids: Vec<String>,
    /// The model that answered.
    pub model_version: String,
    /// The instant as of which it answered.
    pub as_of: Timestamp,
    /// Why there are fewer items than asked; `None` when there are as many.
    pub underfilled: Option<Underfill>,
}

/// One item of an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct RecommendedItem {
    /// The item.
    pub item_id: String,
    /// What the models say, after boosts, margin and rotation; finite, and comparable only with scores of the same source
    /// within one answer.
    pub score: f32,
    /// What the models alone say.
    pub score_before_rules: f32,
    /// Place in the answer, from 1.
    pub rank: u32,
    /// The kind whose candidate it was: the answer's own, or a fallback.
    pub source: Kind,
    /// Why it is there, strongest first; empty unless asked for.
    pub reasons: Vec<Reason>,
    /// What the catalogue knows of it; `None` unless asked for.
    pub attributes: Option<Attributes>,
    /// When it is due again; only for [`Kind::BuyAgain`].
    pub due: Option<Due>,
}

/// When an item is due again for a customer.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Due {
    /// When half of such customers will have bought it again; `None` where that is too far away.
    pub at: Option<Timestamp>,
    /// Probability that it is bought again within the window.
    pub probability: f64,
    /// The window of the probability.
    pub window_days: f64,
    /// Usual days between two purchases; `None` where no rhythm is known.
    pub interval_days: Option<f64>,
    /// On how many days the customer bought it.
    pub times_bought: u32,
    /// When she bought it last.
    pub last_bought_at: Timestamp,
}

/// What the catalogue knows of an item.
#[derive(Clone, PartialEq, Debug)]
pub struct Attributes {
    /// Name to show.
    pub title: Option<String>,
    /// Path of categories, widest first.
    pub category: Option<String>,
    /// Price of one piece.
    pub price: Option<f64>,
    /// Whether it can be sold now.
    pub available: bool,
    /// When it was first offered.
    pub launched_at: Option<Timestamp>,
}

/// A model in the registry.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelInfo {
    /// Its version.
    pub version: String,
    /// What its manifest says; `Err` with the reason when it cannot be read.
    pub manifest: Result<Manifest, String>,
    /// Why this engine could not load it when the registry named it as the one to serve; `None` when it did not try, or
    /// has succeeded since.
    pub load_error: Option<String>,
    /// Whether the registry names it as the one to serve.
    pub is_current: bool,
    /// Whether this engine answers from it now.
    pub is_serving: bool,
}
