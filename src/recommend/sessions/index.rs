//! The index of past sessions: item → its most recent sessions, session → its items.
//!
//! Enters: sessions, oldest first. Leaves: two lists of lists, without a hash or a time stamp. Memory: 4 bytes for each
//! item of a session and 4 for each posting, of which an item has at most `recent_sessions`.

use super::training::Training;
use crate::column::Column;

/// Past sessions, numbered by time: a larger number is a newer session, so that the number is the recency.
///
/// # Shapes
/// | array | shape | meaning |
/// |---|---|---|
/// | `posting_offsets` | items + 1 | sessions of item `i` are `postings[posting_offsets[i]..posting_offsets[i + 1]]` |
/// | `postings` | entries | sessions with the item, newest first, at most `recent_sessions` |
/// | `session_offsets` | sessions + 1 | items of session `s` are `items[session_offsets[s]..session_offsets[s + 1]]` |
/// | `items` | entries | different items, in the order in which each was last clicked |
/// | `counts` | items | sessions with the item, also those that `postings` leaves out |
#[derive(Clone, Debug, PartialEq, Default)]
pub struct IndexArrays {
    /// Where the sessions of each item begin.
    pub posting_offsets: Column<u64>,
    /// Sessions by item.
    pub postings: Column<u32>,
    /// Where the items of each session begin.
    pub session_offsets: Column<u64>,
    /// Items by session.
    pub items: Column<u32>,
    /// Sessions of each item.
    pub counts: Vec<u32>,
}

/// A checked index.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionIndex {
    arrays: IndexArrays,
}

impl SessionIndex {
    /// The index of these sessions with at most `recent` sessions an item.
    #[must_use]
    pub fn fit(training: &Training, recent: usize) -> Self {
        let n_items = training.n_items();
        let (mut session_offsets, mut items, mut counts) = (vec![0u64], Vec::new(), vec![0u32; n_items]);
        for clicks in training.sessions() {
            let from = items.len();
            for &item in clicks.iter().rev() {
                if !items[from..].contains(&item) {
                    items.push(item);
                    counts[item as usize] += 1;
                }
            }
            items[from..].reverse();
            session_offsets.push(items.len() as u64);
        }
        let mut posting_offsets = vec![0u64];
        let mut end = 0;
        for &count in &counts {
            end += u64::from(count).min(recent as u64);
            posting_offsets.push(end);
        }
        let mut postings = vec![0u32; end as usize];
        let mut next = posting_offsets.clone();
        for session in (0..training.len()).rev() {
            for &item in &items[session_offsets[session] as usize..session_offsets[session + 1] as usize] {
                let item = item as usize;
                if next[item] < posting_offsets[item + 1] {
                    postings[next[item] as usize] = session as u32;
                    next[item] += 1;
                }
            }
        }
        Self::of_checked(IndexArrays {
            posting_offsets: posting_offsets.into(),
            postings: postings.into(),
            session_offsets: session_offsets.into(),
            items: items.into(),
            counts,
        })
    }

    /// The index of these arrays, which [`super::SessionArrays`] has checked.
    pub(super) fn of_checked(arrays: IndexArrays) -> Self {
        Self { arrays }
    }

    /// The arrays, as a bundle keeps them.
    #[must_use]
    pub fn arrays(&self) -> &IndexArrays {
        &self.arrays
    }

    /// Number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.arrays.counts.len()
    }

    /// Number of sessions.
    #[must_use]
    pub fn n_sessions(&self) -> usize {
        self.arrays.session_offsets.len() - 1
    }

    /// Where the sessions of an item are among the postings; nowhere for an item beyond the index.
    pub(super) fn posting_range(&self, item: u32) -> (usize, usize) {
        let at = item as usize;
        match self.arrays.posting_offsets.get(at..=at + 1) {
            Some(&[from, to]) => (from as usize, to as usize),
            _ => (0, 0),
        }
    }

    pub(super) fn postings(&self) -> &[u32] {
        &self.arrays.postings
    }

    pub(super) fn items_of(&self, session: u32) -> &[u32] {
        let at = session as usize;
        let [from, to] = [
            self.arrays.session_offsets[at],
            self.arrays.session_offsets[at + 1],
        ];
        &self.arrays.items[from as usize..to as usize]
    }

    /// Sessions of each item, divided by the most of any item.
    pub(crate) fn popularity(&self) -> Vec<f32> {
        let counts = &self.arrays.counts;
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        counts.iter().map(|&count| count as f32 / most as f32).collect()
    }

    /// `ln(N / n_i)^w` of each item; 0 of one without a session.
    pub(super) fn idf(&self, exponent: f64) -> Vec<f32> {
        let entries = self.arrays.items.len() as f64;
        let idf = |&count: &u32| match count {
            0 => 0.0,
            count => (entries / f64::from(count)).ln().powf(exponent) as f32,
        };
        self.arrays.counts.iter().map(idf).collect()
    }
}
