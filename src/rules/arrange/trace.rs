//! How an answer came about: what left items out, and what moved those that are in it.

use crate::id::{ItemIdx, Row};

use crate::rules::kind::Kind;

/// What leaves a candidate out, in the order in which it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Gate {
    /// An earlier source brought it, too.
    Duplicate,
    /// Excluded ids, items of the context, an earlier shelf.
    Excluded,
    /// The filter of the request: its categories and prices.
    Request,
    /// A filter expression.
    Filter,
    /// The customer bought it lately.
    Bought,
    /// It cannot be sold now.
    Availability,
    /// It is much less relevant than the best candidate.
    MinRelevance,
    /// Its category has all the places that it may have.
    MaxPerCategory,
}

impl Gate {
    /// Every gate, in order.
    pub const ALL: [Self; 8] = [
        Self::Duplicate,
        Self::Excluded,
        Self::Request,
        Self::Filter,
        Self::Bought,
        Self::Availability,
        Self::MinRelevance,
        Self::MaxPerCategory,
    ];
}

/// Why an answer holds fewer items than asked: the first of these that applies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shortfall {
    /// The request's filter, a filter expression or availability left out at least one item.
    Filter,
    /// Excluded ids or recent purchases left out at least one item.
    Exclusions,
    /// The minimum relevance left out at least one item.
    MinRelevance,
    /// The most of one category left out at least one item.
    MaxPerCategory,
    /// There are no more candidates.
    Catalogue,
}

/// How many rows a gate remembers.
const REMEMBERED: usize = 5;

/// What one gate left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    count: usize,
    first: [ItemIdx; REMEMBERED],
}

impl Removed {
    /// How many candidates.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The first few of them.
    #[must_use]
    pub fn first(&self) -> &[ItemIdx] {
        &self.first[..self.count.min(REMEMBERED)]
    }
}

/// What became of all candidates: they are those chosen, those removed and those not needed, and nothing else.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trace {
    candidates: [usize; Kind::ALL.len()],
    removed: [Removed; Gate::ALL.len()],
    not_needed: usize,
}

impl Trace {
    pub(super) fn new() -> Self {
        let none = Removed {
            count: 0,
            first: [ItemIdx::from_u32(0); REMEMBERED],
        };
        Self {
            candidates: [0; Kind::ALL.len()],
            removed: [none; Gate::ALL.len()],
            not_needed: 0,
        }
    }

    /// How many candidates each source brought, without those that brought none.
    pub fn candidates(&self) -> impl Iterator<Item = (Kind, usize)> {
        Kind::ALL
            .into_iter()
            .zip(self.candidates)
            .filter(|(_, count)| *count > 0)
    }

    /// What a gate left out.
    #[must_use]
    pub fn removed(&self, gate: Gate) -> &Removed {
        &self.removed[gate as usize]
    }

    /// How many candidates nothing speaks against, but the answer was full without them.
    #[must_use]
    pub fn not_needed(&self) -> usize {
        self.not_needed
    }

    /// Why there are too few.
    #[must_use]
    pub fn shortfall(&self) -> Shortfall {
        let any = |gates: &[Gate]| gates.iter().any(|&gate| self.removed(gate).count > 0);
        if any(&[Gate::Request, Gate::Filter, Gate::Availability]) {
            Shortfall::Filter
        } else if any(&[Gate::Excluded, Gate::Bought]) {
            Shortfall::Exclusions
        } else if any(&[Gate::MinRelevance]) {
            Shortfall::MinRelevance
        } else if any(&[Gate::MaxPerCategory]) {
            Shortfall::MaxPerCategory
        } else {
            Shortfall::Catalogue
        }
    }

    pub(super) fn count_source(&mut self, source: Kind, count: usize) {
        self.candidates[source.place()] += count;
    }

    pub(super) fn remove(&mut self, gate: Gate, row: ItemIdx) {
        let removed = &mut self.removed[gate as usize];
        if let Some(place) = removed.first.get_mut(removed.count) {
            *place = row;
        }
        removed.count += 1;
    }

    pub(super) fn leave(&mut self, not_needed: usize) {
        self.not_needed = not_needed;
    }
}

/// What kind of rule moved an item.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RuleKind {
    /// A boost.
    Boost,
    /// The weight of the margin.
    Margin,
    /// It was shown just now.
    Rotation,
    /// A campaign's share of the places.
    Slot,
    /// Unlikeness to the items above.
    Diversity,
    /// The most of one category.
    MaxPerCategory,
}

/// What a rule did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Effect {
    /// Multiplied the score.
    Factor(f32),
    /// Added to the score.
    Added(f32),
    /// Moved it up by so many places, down where negative.
    Places(i32),
}

/// One rule that moved an item.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Move<'r> {
    /// The name of the boost or slot; the key of the other rules.
    pub rule: &'r str,
    /// What kind of rule.
    pub kind: RuleKind,
    /// What it did.
    pub effect: Effect,
}

/// An item of an answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Arranged<'r> {
    /// The item.
    pub row: ItemIdx,
    /// The score with which it came.
    pub score_before: f32,
    /// The score after boosts, margin and rotation, on the same scale.
    pub score: f32,
    /// Its place, from 1, among the candidates that passed the gates.
    pub rank_before: usize,
    /// Its place in the answer, from 1.
    pub rank: usize,
    /// Which source brought it.
    pub source: Kind,
    /// What moved it, in the order in which the rules apply.
    pub moves: Vec<Move<'r>>,
}

/// An answer before it is named.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrangement<'r> {
    /// Best first.
    pub items: Vec<Arranged<'r>>,
    /// What became of the other candidates.
    pub trace: Trace,
    /// Why there are fewer items than asked; `None` when there are as many.
    pub shortfall: Option<Shortfall>,
}
