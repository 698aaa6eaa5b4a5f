//! Items that a ranking leaves out.

use super::index::Index;
use crate::id::{ItemIdx, Row};

/// Rows of items, few: ascending, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Hidden {
    rows: Vec<u32>,
}

impl Hidden {
    pub(super) fn contains(&self, row: u32) -> bool {
        self.rows.binary_search(&row).is_ok()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// How many of them could be ranked.
    pub(super) fn n_rankable(&self, index: &Index) -> usize {
        let rankable = |row: &&u32| index.is_rankable(ItemIdx::from_u32(**row));
        self.rows.iter().filter(rankable).count()
    }
}

impl FromIterator<ItemIdx> for Hidden {
    fn from_iter<I: IntoIterator<Item = ItemIdx>>(items: I) -> Self {
        let mut rows: Vec<u32> = items.into_iter().map(Row::as_u32).collect();
        rows.sort_unstable();
        rows.dedup();
        Self { rows }
    }
}
