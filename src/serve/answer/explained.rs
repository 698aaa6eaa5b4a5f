//! How an answer came about: what people are told who ask why.

use super::{Recommendations, RuleEffect};
use crate::rules::Kind;

/// An answer and how it came about.
#[derive(Clone, PartialEq, Debug)]
pub struct Explained {
    /// The answer, with reasons.
    pub answer: Recommendations,
    /// Where candidates came from, in the order in which they were asked.
    pub sources: Vec<CandidateSource>,
    /// What removed candidates, in the order of checking.
    pub filters: Vec<FilterEffect>,
    /// The best candidates before rules, and the items that were asked about.
    pub candidates: Vec<Candidate>,
}

/// Candidates of one kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CandidateSource {
    /// The kind.
    pub kind: Kind,
    /// How many it offered.
    pub candidates: usize,
    /// How many of them are in the answer.
    pub chosen: usize,
}

/// What one filter or rule removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FilterEffect {
    /// Its name.
    pub name: &'static str,
    /// How many candidates.
    pub removed: usize,
    /// The first of them.
    pub item_ids: Vec<String>,
}

/// One candidate.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    /// The item.
    pub item_id: String,
    /// The kind that offered it; `None` for an item that none did.
    pub source: Option<Kind>,
    /// Its place before rules, from 1; `None` for an item that nobody offered.
    pub rank_before: Option<u32>,
    /// Its score before rules.
    pub score_before: f32,
    /// Its place in the answer; `None` when it is not in it.
    pub rank_after: Option<u32>,
    /// Its score after boosts, margin and rotation; `None` when it is not in the answer.
    pub score_after: Option<f32>,
    /// The filter that removed it.
    pub removed_by: Option<&'static str>,
    /// The rules that moved it.
    pub rules: Vec<RuleEffect>,
}
