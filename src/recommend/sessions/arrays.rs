//! The model as plain arrays, and back: what a bundle keeps.

use std::ops::Range;

use rayon::prelude::*;

use super::Sessions;
use super::index::{IndexArrays, SessionIndex};
use super::params::SessionParams;
use super::returns::DEPTH;
use crate::column::{Column, position};
use crate::history::{Csr, CsrError};

/// All that was learned; the hyper-parameters are kept beside it.
///
/// # Shapes
/// | array | shape | meaning |
/// |---|---|---|
/// | `index` | | see [`IndexArrays`] |
/// | `link_offsets` | items + 1 | links of item `i` are `link_offsets[i]..link_offsets[i + 1]` |
/// | `link_items` | links | items that it speaks for, ascending within an item |
/// | `link_values` | links | how loudly, 0 or more |
/// | `returns` | 20 | share of clicks that go back, by how many different items ago |
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SessionArrays {
    /// Past sessions.
    pub index: IndexArrays,
    /// Where the links of each item begin.
    pub link_offsets: Vec<u64>,
    /// Where each link goes.
    pub link_items: Column<u32>,
    /// The weight of each link.
    pub link_values: Column<f32>,
    /// How often sessions go back.
    pub returns: Vec<f32>,
}

/// Why arrays are no model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionArraysError {
    /// Offsets that do not cut an array into rows.
    #[error("array {array:?} must ascend from 0 to {end} in {rows} steps")]
    Offsets {
        /// The array.
        array: &'static str,
        /// Rows that it must cut.
        rows: usize,
        /// Length of what it cuts.
        end: usize,
    },
    /// A row that breaks a rule.
    #[error("array {array:?}, row {row}: {rule}")]
    Row {
        /// The array.
        array: &'static str,
        /// The row.
        row: usize,
        /// The rule.
        rule: &'static str,
    },
    /// Links that are no matrix.
    #[error("arrays of links")]
    Links(#[from] CsrError),
}

impl Sessions {
    /// What was learned, as arrays.
    #[must_use]
    pub fn to_arrays(&self) -> SessionArrays {
        SessionArrays {
            index: self.vmis.index().arrays().clone(),
            link_offsets: self.links.offsets().iter().map(|&offset| offset as u64).collect(),
            link_items: self.links.columns().to_vec().into(),
            link_values: self.links.values().to_vec().into(),
            returns: self.returns.clone(),
        }
    }

    /// The model of these arrays, which must fit together and to the hyper-parameters.
    ///
    /// # Errors
    /// [`SessionArraysError`] with the array and the row that break a rule.
    pub fn from_arrays(arrays: SessionArrays, params: &SessionParams) -> Result<Self, SessionArraysError> {
        let n_items = arrays.index.counts.len();
        check_index(&arrays.index, params.raw().knn.recent_sessions)?;
        cuts(
            "link_offsets",
            &arrays.link_offsets,
            n_items,
            arrays.link_items.len(),
        )?;
        let offsets = arrays
            .link_offsets
            .iter()
            .map(|&offset| offset as usize)
            .collect();
        let links = Csr::from_parts(offsets, arrays.link_items, arrays.link_values, n_items)?;
        let negative = |value: &f32| !(value.is_finite() && *value >= 0.0);
        let rule = "must be a number of 0 or more";
        if let Some(row) = position(links.values(), negative) {
            return Err(row_error("link_values", row, rule));
        }
        if let Some(row) = arrays.returns.iter().position(negative) {
            return Err(row_error("returns", row, rule));
        }
        if arrays.returns.len() != DEPTH {
            return Err(row_error(
                "returns",
                arrays.returns.len(),
                "there must be 20 rows",
            ));
        }
        let index = SessionIndex::of_checked(arrays.index);
        Ok(Self::assemble(params.clone(), index, links, arrays.returns))
    }
}

fn row_error(array: &'static str, row: usize, rule: &'static str) -> SessionArraysError {
    SessionArraysError::Row { array, row, rule }
}

/// Checks that offsets cut `end` entries into `rows` rows.
fn cuts(array: &'static str, offsets: &[u64], rows: usize, end: usize) -> Result<(), SessionArraysError> {
    let whole = offsets.first() == Some(&0) && offsets.last() == Some(&(end as u64));
    if whole && offsets.len() == rows + 1 && offsets.is_sorted() {
        return Ok(());
    }
    Err(SessionArraysError::Offsets { array, rows, end })
}

/// Checks that the postings are what the sessions say: the merge relies on their order and on their completeness.
fn check_index(index: &IndexArrays, recent: usize) -> Result<(), SessionArraysError> {
    let n_items = index.counts.len();
    let n_sessions = index.session_offsets.len().saturating_sub(1);
    cuts(
        "session_offsets",
        &index.session_offsets,
        n_sessions,
        index.items.len(),
    )?;
    cuts(
        "posting_offsets",
        &index.posting_offsets,
        n_items,
        index.postings.len(),
    )?;
    if u32::try_from(n_sessions).is_ok_and(|n| n == u32::MAX) || u32::try_from(n_sessions).is_err() {
        return Err(row_error("session_offsets", n_sessions, "too many sessions"));
    }
    if let Some(entry) = position(&index.items, |&item| item as usize >= n_items) {
        let session = index
            .session_offsets
            .partition_point(|&from| from <= entry as u64)
            - 1;
        return Err(row_error("items", session, "an item beyond the counts"));
    }
    let postings = |item: usize| {
        &index.postings[index.posting_offsets[item] as usize..index.posting_offsets[item + 1] as usize]
    };
    let met = Met::of(index, &postings)?;
    let broken = (0..n_items).into_par_iter().find_map_first(|item| {
        let postings = postings(item);
        let (count, newest) = (met.counts[item], met.newest[item]);
        let rule = if count != index.counts[item] {
            ("counts", "must be the number of sessions with the item")
        } else if postings.len() as u64 != u64::from(count).min(recent as u64) {
            ("postings", "must be as many as knn.recent_sessions, if there are")
        } else if !postings.is_sorted_by(|a, b| a > b)
            || newest
                != postings
                    .iter()
                    .fold(0, |sum: u64, &session| sum.wrapping_add(mixed(session)))
        {
            (
                "postings",
                "must be the newest sessions of the item, newest first",
            )
        } else {
            return None;
        };
        Some(row_error(rule.0, item, rule.1))
    });
    broken.map_or(Ok(()), Err)
}

/// What the sessions say of each item.
struct Met {
    /// Sessions with the item.
    counts: Vec<u32>,
    /// Sum of the [`mixed`] numbers of those that are no older than the item's last posting: of as many different sessions
    /// only the same ones have the same sum, but for one chance in 2⁶⁴. Looking up each posting would wait for memory.
    newest: Vec<u64>,
}

impl Met {
    fn of<'a>(
        index: &'a IndexArrays,
        postings: &(impl Fn(usize) -> &'a [u32] + Sync),
    ) -> Result<Self, SessionArraysError> {
        let n_items = index.counts.len();
        let n_sessions = index.session_offsets.len() - 1;
        let (items, offsets) = (&*index.items, &*index.session_offsets);
        let oldest: Vec<u32> = (0..n_items)
            .into_par_iter()
            .map(|item| postings(item).last().copied().unwrap_or(u32::MAX))
            .collect();
        let none = || Self {
            counts: vec![0; n_items],
            newest: vec![0; n_items],
        };
        // So few parts that joining them costs little beside walking them.
        let part = n_sessions.div_ceil(rayon::current_num_threads()).max(1);
        let parts: Vec<Range<usize>> = (0..n_sessions)
            .step_by(part)
            .map(|from| from..(from + part).min(n_sessions))
            .collect();
        let met = parts
            .into_par_iter()
            .map(|sessions| {
                let mut met = none();
                for session in sessions {
                    let items = &items[offsets[session] as usize..offsets[session + 1] as usize];
                    // Sessions number fewer than u32::MAX, as has been checked.
                    let (number, mixed) = (session as u32, mixed(session as u32));
                    if has_twice(items) {
                        return Err(row_error("items", session, "an item stands in a session once"));
                    }
                    for &item in items {
                        let item = item as usize;
                        met.counts[item] += 1;
                        if number >= oldest[item] {
                            met.newest[item] = met.newest[item].wrapping_add(mixed);
                        }
                    }
                }
                Ok(met)
            })
            .reduce_with(|a, b| Ok(a?.plus(&b?)));
        met.unwrap_or_else(|| Ok(none()))
    }

    fn plus(mut self, other: &Self) -> Self {
        self.counts
            .iter_mut()
            .zip(&other.counts)
            .for_each(|(a, b)| *a += b);
        let newest = self.newest.iter_mut().zip(&other.newest);
        newest.for_each(|(a, b)| *a = a.wrapping_add(*b));
        self
    }
}

/// Whether an item stands there more than once.
fn has_twice(items: &[u32]) -> bool {
    // Up to so many, looking at all before is faster than sorting.
    const FEW: usize = 32;
    if items.len() <= FEW {
        return (1..items.len()).any(|place| items[..place].contains(&items[place]));
    }
    let mut sorted = items.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| pair[0] == pair[1])
}

/// A number that looks drawn by chance: the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
fn mixed(session: u32) -> u64 {
    let mut x = (u64::from(session) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
