//! From candidates to an answer.
//!
//! Enters: candidates with their scores, and the rules. Leaves: [`Arrangement`]. Everything is a pure function of what is
//! handed in.
//!
//! 1. **Gates**, in the order of [`Gate`]; availability is the last that looks at one item, and is asked again at the
//!    moment when an item is chosen.
//! 2. **Relevance** `r = (s − low) / (best − low)`, where `best` is the highest score of the candidates that passed, and
//!    `low` the lowest score handed in, or 0 where no score is negative. So `r` lies between 0 and 1, keeps the order,
//!    and is `s / best` for models whose scores are not negative. Below `min_relevance` an item is left out: what a
//!    model finds irrelevant no campaign makes relevant.
//! 3. **Scores**: `v = r · Π factors` of the boosts; scaled to at most 1; `(1 − w) v + w m` with the weight `w` and the
//!    rank `m` of the margin; times `1 − rotation · 2^(−p/20)` for what stood at place `p` (0 is the newest) among the
//!    items just shown. The rank of the margin goes from 0 to 1 among the candidates, is 1/2 where the margin is not
//!    known, and nothing changes where no margin is. A weighted sum makes the dial monotone: the sum of `m` over the
//!    best `k` never falls with `w`, and the sum of `v` never rises. A boost does not lift an item off relevance 0.
//! 4. **Selection**, greedy: the next place goes to `argmax (1 − d) · rel − d · max sim(item, chosen)` with `rel` the
//!    score scaled by the best one and similarities below 0 taken for 0; to items of a slot that is due; never to an
//!    item whose category is full. Similarity is weighed among the first `max(100, 10 · count)` that are left; behind
//!    them nothing is relevant enough to be worth the time. A slot is due when it has fewer than its share of the places
//!    so far, rounded; items of the campaign that come by themselves count.
//!
//! The one decision: scores of different sources are not comparable, so each source is scaled for itself, and an item of
//! a later source takes a place only when the earlier ones have none left to offer, or in a slot.
//!
//! Equal values go by place in the source, which is by row ascending. Without rules the answer is the first candidates
//! that pass the gates, with order and scores as they came.
//!
//! # Source
//! J. Carbonell, J. Goldstein: The Use of MMR, Diversity-Based Reranking for Reordering Documents and Producing
//! Summaries. SIGIR 1998.

mod gates;
mod scores;
mod select;
mod slots;
#[cfg(test)]
mod tests;
mod trace;

use crate::catalog::Item;
use crate::id::ItemIdx;

use crate::rules::expression::Scope;
use crate::rules::kind::Kind;
use crate::rules::params::Rules;

pub use trace::{Arranged, Arrangement, Effect, Gate, Move, Removed, RuleKind, Shortfall, Trace};

use gates::Gates;
use select::Selection;

/// An item that a source proposes.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Candidate {
    /// The item.
    pub row: ItemIdx,
    /// How relevant its source finds it, finite.
    pub score: f32,
    /// Which source.
    pub source: Kind,
}

/// What is known of the candidates.
pub trait Facts {
    /// Its name outside.
    fn id(&self, row: ItemIdx) -> &str;
    /// What the catalogue knows of it.
    fn item(&self, row: ItemIdx) -> &Item;
    /// Whether it can be sold now.
    fn is_available(&self, row: ItemIdx) -> bool;
    /// Whether it must not be in the answer, whatever the rules.
    fn is_excluded(&self, _row: ItemIdx) -> bool {
        false
    }
    /// Whether the categories and prices of the request allow it.
    fn passes_request(&self, _row: ItemIdx) -> bool {
        true
    }
    /// Days since the customer last bought it.
    fn bought_days_ago(&self, _row: ItemIdx) -> Option<f64> {
        None
    }
    /// Its place among the items just shown, 0 for the newest.
    fn just_shown(&self, _row: ItemIdx) -> Option<usize> {
        None
    }
    /// How alike two items are, at most 1.
    fn similarity(&self, _a: ItemIdx, _b: ItemIdx) -> f32 {
        0.0
    }
}

/// What the answer is to be.
#[derive(Clone, Copy)]
pub struct Asked<'r> {
    /// How many items.
    pub count: usize,
    /// The rules, those of the request already over those of the placement.
    pub rules: &'r Rules,
    /// What expressions are evaluated against.
    pub scope: &'r Scope<'r>,
    /// Whether what cannot be sold now is left out.
    pub available_only: bool,
}

/// Arranges candidates: each source's together and best first (equal scores by row), the preferred source first, an item
/// at most once for each source.
#[must_use]
pub fn arrange<'r, F: Facts>(candidates: &[Candidate], asked: &Asked<'r>, facts: &F) -> Arrangement<'r> {
    let mut trace = Trace::new();
    for run in candidates.chunk_by(|a, b| a.source == b.source) {
        trace.count_source(run[0].source, run.len());
    }
    let mut gates = Gates::new(asked, facts, candidates);
    let items = if asked.rules.keeps_order() {
        in_order(candidates, asked.count, &mut gates, &mut trace)
    } else {
        let mut survivors = scores::survivors(candidates, &mut gates, &mut trace);
        scores::change(&mut survivors, candidates, asked, facts, &mut trace);
        Selection::new(survivors, asked, facts, &gates, &mut trace).items(candidates)
    };
    let shortfall = (items.len() < asked.count).then(|| trace.shortfall());
    Arrangement {
        items,
        trace,
        shortfall,
    }
}

/// The first that pass.
fn in_order<'r, F: Facts>(
    candidates: &[Candidate],
    count: usize,
    gates: &mut Gates<'_, '_, F>,
    trace: &mut Trace,
) -> Vec<Arranged<'r>> {
    let mut items = Vec::with_capacity(count.min(candidates.len()));
    for (at, candidate) in candidates.iter().enumerate() {
        if items.len() == count {
            trace.leave(candidates.len() - at);
            break;
        }
        if gates.pass(candidate.row, trace) {
            let rank = items.len() + 1;
            items.push(Arranged {
                row: candidate.row,
                score_before: candidate.score,
                score: candidate.score,
                rank_before: rank,
                rank,
                source: candidate.source,
                moves: Vec::new(),
            });
        }
    }
    items
}
