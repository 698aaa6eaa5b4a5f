//! What the engine answers, in the shop's own words: names, never rows.
//!
//! The one decision: an answer says how it came about. Strategy, reasons, unknown ids, the instant and the model are
//! part of it, and so is the rule that left fewer items than asked.

use crate::bundle::Manifest;
use crate::churn::{Band, ChurnScore, Standing};
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
}

/// What the answer to a storefront holds.
#[derive(Clone, PartialEq, Debug)]
pub struct Recommendations {
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
    /// The score that ranks it, finite; comparable only within one answer.
    pub score: f32,
    /// Place in the answer, from 1.
    pub rank: u32,
    /// Why it is there, strongest first; empty unless asked for.
    pub reasons: Vec<Reason>,
    /// What the catalogue knows of it; `None` unless asked for.
    pub attributes: Option<Attributes>,
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

/// What kind of reason.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReasonKind {
    /// The asker bought the evidence.
    BecauseYouBought,
    /// The asker looked at the evidence.
    BecauseYouViewed,
    /// The evidence lies in the cart, or was put there before.
    InYourCart,
    /// The item resembles the evidence, which the request named.
    SimilarTo,
    /// Many customers want it just now.
    Trending,
    /// Many customers want it.
    Popular,
}

/// What ties the asker to an item of evidence, strongest tie first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum EvidenceKind {
    /// Bought.
    Bought,
    /// In the cart, or put there before.
    InCart,
    /// Looked at.
    Viewed,
    /// Named by the request as an item of the page.
    Context,
}

/// An item that speaks for a recommendation.
#[derive(Clone, PartialEq, Debug)]
pub struct Evidence {
    /// The item.
    pub item_id: String,
    /// Its part of everything that speaks for the recommendation, 0 to 1.
    pub share: f32,
    /// What ties the asker to it.
    pub kind: EvidenceKind,
}

/// How wanted an item is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PopularityNumbers {
    /// Its place among all items, from 1.
    pub rank: u32,
    /// Its weighted, time-decayed events.
    pub score: f32,
    /// Age in days at which an event counts half; 0 when events do not age.
    pub half_life_days: f64,
}

/// Why an item is in the answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Reason {
    /// What kind of reason.
    pub kind: ReasonKind,
    /// The items that speak for it, strongest first.
    pub evidence: Vec<Evidence>,
    /// The evidence's part of everything that speaks for the item, 0 to 1; `None` where no evidence made the score.
    pub share: Option<f32>,
    /// Cosine between the item and the evidence, −1 to 1; only for [`ReasonKind::SimilarTo`].
    pub similarity: Option<f32>,
    /// Only for [`ReasonKind::Trending`] and [`ReasonKind::Popular`].
    pub popularity: Option<PopularityNumbers>,
}

/// What the answer to a CRM holds.
#[derive(Clone, PartialEq, Debug)]
pub struct ChurnAnswer {
    /// The customer.
    pub customer_id: String,
    /// The risk and its reasons.
    pub score: ChurnScore,
    /// The model that answered.
    pub model_version: String,
}

/// Which customers are wanted, riskiest first.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AtRiskFilter {
    /// Least probability, 0 to 1.
    pub min_probability: Option<f64>,
    /// Greatest probability, 0 to 1.
    pub max_probability: Option<f64>,
    /// Bands that are wanted; empty for all.
    pub bands: Vec<Band>,
    /// Standings that are wanted; empty for all. Lapsed customers share one probability, often the highest.
    pub standings: Vec<Standing>,
    /// Most customers in the answer; `None` for all.
    pub limit: Option<usize>,
    /// Score as of this instant instead of the end of the model's data.
    pub as_of: Option<Timestamp>,
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
