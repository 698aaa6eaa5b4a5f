//! Rankings: what the cache holds, and how one is made.
//!
//! The one decision: a ranking is deeper than any answer, so that availability, exclusions and filters are applied when
//! an answer leaves. When too few survive, a deeper ranking is made; the deepest holds every item.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::EvidenceKind;
use super::index::Index;
use super::situation::{Seen, Situation};
use crate::history::Profile;
use crate::id::{CustomerIdx, ItemIdx, Row};
use crate::numeric::top_k;
use crate::recommend::Recommender;
use crate::time::Timestamp;

/// Depth of the first ranking; each further one is [`DEEPER`] times as deep.
const FIRST_DEPTH: usize = 256;
const DEEPER: usize = 8;

/// Everything that a ranking depends on beside the configured rules, which never change while an engine lives.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Key {
    /// Which index.
    pub(super) generation: u64,
    pub(super) question: Question,
    /// How many items, at most.
    pub(super) depth: usize,
}

/// What is ranked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Question {
    /// Everything for the profile of this customer and this context.
    Profile {
        customer: Option<CustomerIdx>,
        seen: Box<[Seen]>,
        now: Timestamp,
    },
    /// Everything by likeness to the page.
    Similar {
        page: Box<[ItemIdx]>,
        in_view: Box<[ItemIdx]>,
    },
}

impl Key {
    /// Roughly the bytes that this key takes.
    pub(super) fn bytes(&self) -> usize {
        let held = match &self.question {
            Question::Profile { seen, .. } => size_of_val::<[Seen]>(seen),
            Question::Similar { page, in_view } => (page.len() + in_view.len()) * size_of::<ItemIdx>(),
        };
        size_of::<Self>() + held
    }
}

/// Items in order, and what is needed to say why.
#[derive(Debug)]
pub(super) struct Ranking {
    /// Score descending, then row ascending.
    pub(super) items: Vec<(u32, f32)>,
    /// Whether no item is left out for lack of depth.
    pub(super) is_complete: bool,
    /// How many items that could be ranked were hidden by rules.
    pub(super) n_hidden: usize,
    /// What was ranked for; empty for likeness.
    pub(super) profile: Profile,
    /// What speaks for the items that somebody asked about.
    explained: Mutex<HashMap<u32, Arc<Speakers>>>,
}

/// Everything that speaks for a ranked item.
#[derive(Debug, Default)]
pub(super) struct Speakers {
    /// The strongest items of the profile.
    pub(super) items: Vec<Speaking>,
    /// The share of what speaks for it to everybody.
    pub(super) everybody: f32,
}

/// An item of the profile that speaks for a ranked one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaking {
    pub(super) item: ItemIdx,
    /// Its part of everything that speaks for the ranked item.
    pub(super) share: f32,
    pub(super) tie: EvidenceKind,
}

/// The depth with which to begin when `wanted` items must survive.
pub(super) fn first_depth(wanted: usize) -> usize {
    let mut depth = FIRST_DEPTH;
    while depth < wanted {
        depth *= DEEPER;
    }
    depth
}

/// The depth to try when too few of this one survived.
pub(super) fn deeper(depth: usize) -> usize {
    depth * DEEPER
}

impl Ranking {
    /// Ranks for a profile, without what the rules hide.
    pub(super) fn for_profile(
        index: &Index,
        situation: &Situation,
        exclude_bought_days: f64,
        depth: usize,
    ) -> Self {
        let parts = index.parts();
        let history = situation.history(index);
        let profile = parts.weighting.profile(history.as_history(), situation.now);
        let hidden = situation.hidden(index, exclude_bought_days);
        if profile.is_empty() {
            return Self::new(index, Vec::new(), hidden.len(), profile, depth);
        }
        let mut scores = vec![0.0; parts.blend.n_items()];
        parts.blend.score(&profile, &mut scores);
        let items = best(index, &scores, &hidden, depth);
        let n_hidden = n_rankable(index, &hidden);
        Self::new(index, items, n_hidden, profile, depth)
    }

    /// Ranks by likeness to the page, without what is in view.
    pub(super) fn similar(index: &Index, situation: &Situation, page: &[ItemIdx], depth: usize) -> Self {
        let hidden = situation.in_view.iter().map(|item| item.as_u32()).collect();
        let mut alike = index.similarities(page);
        // What points elsewhere or nowhere is not alike at all.
        alike
            .iter_mut()
            .filter(|score| **score <= 0.0)
            .for_each(|score| *score = f32::NEG_INFINITY);
        let items = best(index, &alike, &hidden, depth);
        Self::new(index, items, n_rankable(index, &hidden), Profile::new(), depth)
    }

    fn new(index: &Index, items: Vec<(u32, f32)>, n_hidden: usize, profile: Profile, depth: usize) -> Self {
        Self {
            is_complete: depth >= index.n_rankable() || items.len() < depth,
            items,
            n_hidden,
            profile,
            explained: Mutex::default(),
        }
    }

    /// A ranking of just these items.
    #[cfg(test)]
    pub(super) fn of(items: Vec<(u32, f32)>) -> Self {
        Self {
            items,
            is_complete: true,
            n_hidden: 0,
            profile: Profile::new(),
            explained: Mutex::default(),
        }
    }

    /// Roughly the bytes that this ranking takes, explanations of a first page included.
    pub(super) fn bytes(&self) -> usize {
        const EXPLAINED: usize = 32;
        // Three items of evidence, and what an entry of the map costs beside them.
        const EXPLANATION: usize = 3 * size_of::<Speaking>() + 48;
        let explanations = EXPLAINED.min(self.items.len()) * EXPLANATION;
        size_of::<Self>() + self.items.len() * 8 + self.profile.len() * 8 + explanations
    }

    /// What speaks for each of these items; `explain` is asked for those that nobody asked about yet.
    pub(super) fn explained(
        &self,
        items: &[ItemIdx],
        explain: impl FnOnce(&[ItemIdx]) -> Vec<Speakers>,
    ) -> Vec<Arc<Speakers>> {
        // A poisoned lock holds whole entries all the same: each is inserted in one step.
        let lock = || self.explained.lock().unwrap_or_else(PoisonError::into_inner);
        let missing: Vec<ItemIdx> = {
            let known = lock();
            items
                .iter()
                .copied()
                .filter(|item| !known.contains_key(&item.as_u32()))
                .collect()
        };
        if !missing.is_empty() {
            // Not under the lock: two askers may compute the same, but nobody waits.
            let made = explain(&missing);
            let made = made.into_iter().map(Arc::new);
            lock().extend(missing.iter().map(|item| item.as_u32()).zip(made));
        }
        let known = lock();
        items
            .iter()
            .map(|item| known.get(&item.as_u32()).cloned().unwrap_or_default())
            .collect()
    }
}

fn best(index: &Index, scores: &[f32], hidden: &hashbrown::HashSet<u32>, depth: usize) -> Vec<(u32, f32)> {
    top_k(scores, depth.min(scores.len()), |at| {
        index.is_rankable(ItemIdx::from_u32(at as u32)) && !hidden.contains(&(at as u32))
    })
}

fn n_rankable(index: &Index, items: &hashbrown::HashSet<u32>) -> usize {
    items
        .iter()
        .filter(|&&item| index.is_rankable(ItemIdx::from_u32(item)))
        .count()
}
