//! What is checked when an answer leaves: stock, exclusions, the request's filter.

use hashbrown::HashSet;

use super::answer::Underfill;
use super::index::Index;
use super::request::{Filter, RecommendRequest};
use super::stock::Stock;
use crate::id::{ItemIdx, Row};

/// Item rows that must not be in an answer.
pub(super) type Excluded = HashSet<u32>;

/// Lets through what may be in an answer.
pub(super) struct Sieve<'a> {
    index: &'a Index,
    stock: &'a Stock,
    filter: &'a Filter,
    excluded: Excluded,
}

/// What came through, and what did not.
#[derive(Debug, Default)]
pub(super) struct Sieved {
    /// Row and score, in the order of the ranking.
    pub(super) items: Vec<(ItemIdx, f32)>,
    n_filtered: usize,
    n_excluded: usize,
}

impl<'a> Sieve<'a> {
    /// `taken` are the ids that stand on earlier shelves.
    pub(super) fn new(
        index: &'a Index,
        stock: &'a Stock,
        request: &'a RecommendRequest,
        taken: &HashSet<String>,
    ) -> Self {
        let items = index.parts().histories.items();
        let ids = request.exclude_item_ids.iter().chain(taken);
        Self {
            index,
            stock,
            filter: &request.filter,
            excluded: ids.filter_map(|id| items.find(id)).map(Row::as_u32).collect(),
        }
    }

    /// Excludes more items.
    pub(super) fn exclude(&mut self, items: &Excluded) {
        self.excluded.extend(items);
    }

    /// The first `count` items of a ranking that may be in the answer.
    pub(super) fn take(&self, ranking: &[(u32, f32)], count: usize) -> Sieved {
        let mut sieved = Sieved::default();
        for &(row, score) in ranking {
            if sieved.items.len() == count {
                break;
            }
            let item = ItemIdx::from_u32(row);
            if self.excluded.contains(&row) {
                sieved.n_excluded += 1;
            } else if self.passes(item) {
                sieved.items.push((item, score));
            } else {
                sieved.n_filtered += 1;
            }
        }
        sieved
    }

    fn passes(&self, item: ItemIdx) -> bool {
        let Filter {
            category_prefixes,
            min_price,
            max_price,
            available_only,
        } = self.filter;
        if *available_only && !self.stock.is_available(item) {
            return false;
        }
        let known = self.index.parts().catalog.item(item);
        let in_category = category_prefixes.is_empty()
            || category_prefixes
                .iter()
                .any(|prefix| known.is_in_category(prefix));
        let at_least = min_price.is_none_or(|min| known.price.is_some_and(|price| price >= min));
        let at_most = max_price.is_none_or(|max| known.price.is_some_and(|price| price <= max));
        in_category && at_least && at_most
    }
}

impl Sieved {
    /// Why fewer than `count` came through; `n_hidden` items were left out of the ranking by rules.
    pub(super) fn underfill(&self, count: usize, n_hidden: usize) -> Option<Underfill> {
        if self.items.len() >= count {
            None
        } else if self.n_filtered > 0 {
            Some(Underfill::Filter)
        } else if self.n_excluded + n_hidden > 0 {
            Some(Underfill::Exclusions)
        } else {
            Some(Underfill::Catalogue)
        }
    }
}
