//! Why an item is in an answer.
//!
//! The one decision: a reason is a kind with the numbers that the models really used, and its share of the score. The
//! shares of an item's reasons sum to one, so that what is not named is not hidden either.

use crate::rules::{Effect, RuleKind};

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
    /// Many customers want it just now, more than usual.
    Trending,
    /// Many customers want it.
    Popular,
    /// It is bought together with the evidence.
    BoughtTogether,
    /// The asker bought it and it is due again.
    DueAgain,
    /// It serves the same need as the evidence and is dearer.
    Upgrade,
    /// It came into the shop lately.
    New,
    /// A rule of the shop moved it.
    Rule,
    /// Everything else that moved the score.
    Rest,
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

/// How often two items are bought together.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Together {
    /// Baskets with both.
    pub support: u64,
    /// How many times oftener than by chance.
    pub lift: f64,
}

/// An item that speaks for a recommendation.
#[derive(Clone, PartialEq, Debug)]
pub struct Evidence {
    /// The item.
    pub item_id: String,
    /// Its part of the score; below 0 it speaks against the item.
    pub share: f32,
    /// What ties the asker to it.
    pub kind: EvidenceKind,
    /// Only for [`ReasonKind::BoughtTogether`].
    pub together: Option<Together>,
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

/// How much more wanted an item is than usual.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct TrendNumbers {
    /// Events of late over those expected at the item's usual rate, shrunk towards 1.
    pub factor: f64,
    /// Weighted events of late.
    pub recent: f64,
    /// Those expected.
    pub expected: f64,
}

/// How an item compares with the one that it is better than.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct UpgradeNumbers {
    /// Price over the evidence's price.
    pub price_ratio: f64,
    /// How readily customers took one so much dearer, relative to the readiest step.
    pub acceptance: f64,
    /// How well the price fits what the asker usually pays, 0 to 1; `None` where that is not known.
    pub price_fit: Option<f64>,
}

/// What a rule did to an item.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleEffect {
    /// The rule's name; its key where it has none.
    pub name: String,
    /// What kind of rule.
    pub kind: RuleKind,
    /// What it did.
    pub effect: Effect,
}

/// The numbers behind a reason.
#[derive(Clone, PartialEq, Debug)]
pub enum Numbers {
    /// Of [`ReasonKind::SimilarTo`]: how alike item and evidence are, −1 to 1.
    Similarity(f32),
    /// Of [`ReasonKind::Popular`].
    Popularity(PopularityNumbers),
    /// Of [`ReasonKind::DueAgain`].
    Due(super::Due),
    /// Of [`ReasonKind::Trending`].
    Trend(TrendNumbers),
    /// Of [`ReasonKind::Upgrade`].
    Upgrade(UpgradeNumbers),
    /// Of [`ReasonKind::Rule`].
    Rule(RuleEffect),
}

/// Why an item is in the answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Reason {
    /// What kind of reason.
    pub kind: ReasonKind,
    /// The items that speak for it, strongest first.
    pub evidence: Vec<Evidence>,
    /// The part of the score before rules that it made; the shares of an item's reasons sum to 1. `None` for rules, and
    /// where a score has no parts.
    pub share: Option<f32>,
    /// The numbers behind it.
    pub numbers: Option<Numbers>,
}

impl Reason {
    /// A reason that made this share of the score and rests on no other item.
    #[must_use]
    pub fn alone(kind: ReasonKind, share: Option<f32>, numbers: Option<Numbers>) -> Self {
        Self {
            kind,
            evidence: Vec::new(),
            share,
            numbers,
        }
    }
}
