//! What the engine answers, in the shop's own words: names, never rows.
//!
//! The one decision: an answer says how it came about. Strategy, reasons, unknown ids, the instant and the model are
//! part of it, and so is the rule that left fewer items than asked.

use crate::bundle::Manifest;
use crate::churn::plan::Plan;
use crate::churn::segment::{Segment, Stage};
use crate::churn::value::TrackRecord;
use crate::churn::{Band, Change, ChurnScore, Profile, Standing};
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

/// What to know before a score is acted upon.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ScoreFlag {
    /// She bought on one day only: what is said of her rhythm is the shop's.
    OneTimeBuyer,
    /// The instant lies more than a day after the end of the model's log: silence since then is taken for her own.
    Stale,
    /// Events of a kind have stopped coming in: the score is as of the last instant when they did.
    Frozen,
}

/// What the answer to a CRM holds.
#[derive(Clone, PartialEq, Debug)]
pub struct ChurnAnswer {
    /// The customer.
    pub customer_id: String,
    /// The risk and its reasons.
    pub score: ChurnScore,
    /// Segment, stage and value; `None` in bundles that are older than them.
    pub profile: Option<Profile>,
    /// What to know before acting.
    pub flags: Vec<ScoreFlag>,
    /// What changed since another instant; `None` unless asked for, or when she had not bought by then.
    pub change: Option<Change>,
    /// The model of the earlier score; `None` without a change.
    pub earlier_version: Option<String>,
    /// The model that answered.
    pub model_version: String,
}

/// What a score is compared with.
#[derive(Clone, PartialEq, Debug)]
pub struct Since {
    /// The earlier instant.
    pub as_of: Timestamp,
    /// The model of the earlier score; the one that answers when not given.
    pub model_version: Option<String>,
}

/// In which order customers at risk are told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RiskOrder {
    /// Likeliest to leave first.
    #[default]
    Probability,
    /// Most value at risk first; customers of unknown value last.
    ValueAtRisk,
}

/// Which customers are wanted, and in which order.
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
    /// Segments that are wanted; empty for all.
    pub segments: Vec<Segment>,
    /// Stages that are wanted; empty for all.
    pub stages: Vec<Stage>,
    /// Least value at risk.
    pub min_value_at_risk: Option<f64>,
    /// The order.
    pub order: RiskOrder,
    /// Most customers in the answer; `None` for all.
    pub limit: Option<usize>,
    /// Score as of this instant instead of the end of the model's data.
    pub as_of: Option<Timestamp>,
}

/// Risk and value of the customers of one segment, or of all.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct RiskTotals {
    /// Customers who ever bought.
    pub customers: usize,
    /// Those of them who can still churn.
    pub eligible: usize,
    /// How many of those are expected to buy nothing within the horizon.
    pub expected_leavers: f64,
    /// What all are expected to bring, where it is known.
    pub value: f64,
    /// What of it is expected to be lost: the sum of probability × value.
    pub value_at_risk: f64,
}

/// Risk and value by segment.
#[derive(Clone, PartialEq, Debug)]
pub struct CustomerSummary {
    /// As of this instant.
    pub as_of: Timestamp,
    /// The horizon of the probabilities.
    pub horizon_days: u32,
    /// The months of the values; `None` where no value is known.
    pub value_months: Option<u32>,
    /// How such values did before; `None` where that is not known.
    pub value_record: Option<TrackRecord>,
    /// By segment, best first; segments without customers left out.
    pub segments: Vec<(Segment, RiskTotals)>,
    /// The shop.
    pub total: RiskTotals,
    /// The model that answered.
    pub model_version: String,
}

/// A retention plan and what it rests on.
#[derive(Clone, PartialEq, Debug)]
pub struct PlanAnswer {
    /// The plan.
    pub plan: Plan,
    /// Probabilities and values are as of this instant.
    pub as_of: Timestamp,
    /// The horizon of the probabilities.
    pub horizon_days: u32,
    /// The months of the values.
    pub value_months: u32,
    /// How such values did before; `None` where that is not known.
    pub value_record: Option<TrackRecord>,
    /// The model that answered.
    pub model_version: String,
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
