//! The model as plain arrays, and back: what a bundle keeps.

use super::Sessions;
use super::index::{IndexArrays, SessionIndex};
use super::params::SessionParams;
use super::returns::DEPTH;
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
    pub link_items: Vec<u32>,
    /// The weight of each link.
    pub link_values: Vec<f32>,
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
            link_items: self.links.columns().to_vec(),
            link_values: self.links.values().to_vec(),
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
        if let Some(row) = links.values().iter().position(negative) {
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
    // Walking all sessions from the newest must meet each item's postings in order.
    let mut counts = vec![0u32; n_items];
    let mut last = vec![u32::MAX; n_items];
    for session in (0..n_sessions).rev() {
        let items = &index.items
            [index.session_offsets[session] as usize..index.session_offsets[session + 1] as usize];
        for &item in items {
            let at = item as usize;
            if at >= n_items {
                return Err(row_error("items", session, "an item beyond the counts"));
            }
            if last[at] == session as u32 {
                return Err(row_error("items", session, "an item stands in a session once"));
            }
            last[at] = session as u32;
            let postings = index.posting_offsets[at] as usize..index.posting_offsets[at + 1] as usize;
            let posting = index.postings[postings].get(counts[at] as usize);
            if posting.map_or((counts[at] as usize) < recent, |&posting| {
                posting != session as u32
            }) {
                return Err(row_error(
                    "postings",
                    at,
                    "must be the newest sessions of the item, newest first",
                ));
            }
            counts[at] += 1;
        }
    }
    for (at, (&met, &count)) in counts.iter().zip(&index.counts).enumerate() {
        if met != count {
            return Err(row_error(
                "counts",
                at,
                "must be the number of sessions with the item",
            ));
        }
        let postings = index.posting_offsets[at + 1] - index.posting_offsets[at];
        if postings != u64::from(met).min(recent as u64) {
            return Err(row_error(
                "postings",
                at,
                "must be as many as knn.recent_sessions, if there are",
            ));
        }
    }
    Ok(())
}
