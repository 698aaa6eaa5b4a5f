//! Rankings: what the cache holds, and the questions that they answer.
//!
//! The one decision: a ranking is deeper than any answer, so that availability, exclusions, filters and rules are applied
//! when an answer leaves. When too few survive, a deeper ranking is made; the deepest holds every item.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::answer::{EvidenceKind, Strategy};
use super::shelf::Grounds;
use super::situation::Seen;
use crate::id::{CustomerIdx, ItemIdx, Row};
use crate::time::Timestamp;

/// Least depth of the first ranking; each further one is [`DEEPER`] times as deep.
const FIRST_DEPTH: usize = 32;
/// The same where filters leave out much, or rules may bring up what stands far below.
const FIRST_DEPTH_OF_RULES: usize = 256;
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

/// A number of days as part of a key: the same bits are the same days.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Days(u64);

impl Days {
    pub(super) fn new(days: f64) -> Self {
        Self(days.to_bits())
    }

    pub(super) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

/// Who asks, as far as a ranking depends on it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Asker {
    pub(super) customer: Option<CustomerIdx>,
    pub(super) seen: Box<[Seen]>,
    pub(super) now: Timestamp,
}

impl Asker {
    fn bytes(&self) -> usize {
        size_of_val::<[Seen]>(&self.seen)
    }
}

/// What is ranked.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Question {
    /// Everything for the asker, without what was bought within so many days.
    Personal { asker: Asker, exclude_bought: Days },
    /// What came into the shop lately, for the asker.
    NewArrivals { asker: Asker, exclude_bought: Days },
    /// Everything by likeness to the page.
    Similar {
        page: Box<[ItemIdx]>,
        in_view: Box<[ItemIdx]>,
    },
    /// What goes with these.
    CrossSell {
        given: Box<[ItemIdx]>,
        in_view: Box<[ItemIdx]>,
    },
    /// What is better than the page's items, for a customer.
    UpSell {
        page: Box<[ItemIdx]>,
        in_view: Box<[ItemIdx]>,
        asker: Asker,
    },
    /// What is due within so many days.
    BuyAgain { asker: Asker, window: Days },
    /// What is wanted more than usual.
    Trending,
    /// What is wanted.
    Popular,
}

impl Key {
    /// Roughly the bytes that this key takes.
    pub(super) fn bytes(&self) -> usize {
        let held = match &self.question {
            Question::Personal { asker, .. }
            | Question::NewArrivals { asker, .. }
            | Question::BuyAgain { asker, .. } => asker.bytes(),
            Question::Similar { page, in_view } => items(&[page, in_view]),
            Question::CrossSell { given, in_view } => items(&[given, in_view]),
            Question::UpSell { page, in_view, asker } => items(&[page, in_view]) + asker.bytes(),
            Question::Trending | Question::Popular => 0,
        };
        size_of::<Self>() + held
    }
}

fn items(lists: &[&[ItemIdx]]) -> usize {
    lists.iter().map(|&list| size_of_val(list)).sum()
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
    /// Which knowledge ranked.
    pub(super) strategy: Strategy,
    /// Why the items are there.
    pub(super) grounds: Grounds,
    /// What speaks for the items that somebody asked about.
    explained: Mutex<HashMap<u32, Arc<Speakers>>>,
}

/// Everything that speaks for a ranked item.
#[derive(Debug, Default)]
pub(super) struct Speakers {
    /// The strongest items of the profile, with their shares of the score.
    pub(super) items: Vec<Speaking>,
    /// The share of what speaks for it to everybody.
    pub(super) everybody: f32,
    /// The share of everything else.
    pub(super) rest: f32,
}

/// An item of the profile that speaks for a ranked one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaking {
    pub(super) item: ItemIdx,
    /// Its part of the score.
    pub(super) share: f32,
    pub(super) tie: EvidenceKind,
}

/// The depth with which to begin when `wanted` items must survive, `named` others must not, and filters and rules keep the
/// order of the rest or not: half as many to spare for what sold out, because a search pays for its depth; a power of two,
/// so that answers of about the same length share a ranking.
pub(super) fn first_depth(wanted: usize, named: usize, is_plain: bool) -> usize {
    let least = match is_plain {
        true => FIRST_DEPTH,
        false => FIRST_DEPTH_OF_RULES,
    };
    (wanted + wanted / 2 + named).next_power_of_two().max(least)
}

/// The depth to try when too few of this one survived.
pub(super) fn deeper(depth: usize) -> usize {
    depth * DEEPER
}

impl Ranking {
    /// A ranking of these items, which are all that there are.
    pub(super) fn whole(items: Vec<(u32, f32)>, strategy: Strategy, grounds: Grounds) -> Self {
        Self {
            items,
            is_complete: true,
            n_hidden: 0,
            strategy,
            grounds,
            explained: Mutex::default(),
        }
    }

    /// The best `depth` items of `n_rankable`.
    pub(super) fn best(
        items: Vec<(u32, f32)>,
        n_rankable: usize,
        depth: usize,
        strategy: Strategy,
        grounds: Grounds,
    ) -> Self {
        Self {
            is_complete: depth >= n_rankable || items.len() < depth,
            ..Self::whole(items, strategy, grounds)
        }
    }

    /// The same, of which rules hid so many items.
    pub(super) fn hiding(self, n_hidden: usize) -> Self {
        Self { n_hidden, ..self }
    }

    /// Roughly the bytes that this ranking takes, explanations of a first page included.
    pub(super) fn bytes(&self) -> usize {
        const EXPLAINED: usize = 32;
        // Three items of evidence, and what an entry of the map costs beside them.
        const EXPLANATION: usize = 3 * size_of::<Speaking>() + 48;
        let explanations = EXPLAINED.min(self.items.len()) * EXPLANATION;
        size_of::<Self>() + self.items.len() * 8 + self.grounds.bytes() + explanations
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
