//! Whether an item can be sold at this moment.
//!
//! The one decision: availability is a flag beside the index that is read when an answer leaves, never part of a ranking
//! or of the cache, so that what sold out a moment ago is in no answer.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::index::Index;
use crate::catalog::Catalog;
use crate::id::{ItemIdx, Row};

/// The flags of one index's items.
#[derive(Debug)]
pub(super) struct Stock {
    index: Arc<Index>,
    available: Vec<AtomicBool>,
}

impl Stock {
    fn new(index: Arc<Index>) -> Self {
        let of = |catalog: &Catalog| {
            catalog
                .items()
                .iter()
                .map(|item| AtomicBool::new(item.available))
                .collect()
        };
        Self {
            available: of(&index.parts().catalog),
            index,
        }
    }

    pub(super) fn is_available(&self, item: ItemIdx) -> bool {
        self.available[item.index()].load(Ordering::Relaxed)
    }

    fn set(&self, item_id: &str, available: bool) {
        if let Some(item) = self.index.parts().histories.items().find(item_id) {
            self.available[item.index()].store(available, Ordering::Relaxed);
        }
    }
}

/// What was said of availability since the start, and the flags of every index that it holds for.
#[derive(Debug, Default)]
pub(super) struct Stocks {
    // One lock for both: an index is entered and something is said in some order, and either order loses nothing.
    held: Mutex<Held>,
    /// How often something was said.
    said: AtomicU64,
}

#[derive(Debug, Default)]
struct Held {
    said: HashMap<String, bool>,
    stocks: Vec<Weak<Stock>>,
}

impl Stocks {
    /// The flags of an index: its catalogue's, overridden by everything said before, and by everything said from now on.
    pub(super) fn enter(&self, index: Arc<Index>) -> Arc<Stock> {
        let stock = Arc::new(Stock::new(index));
        self.with(|held| {
            for (item_id, &available) in &held.said {
                stock.set(item_id, available);
            }
            held.stocks.retain(|stock| stock.strong_count() > 0);
            held.stocks.push(Arc::downgrade(&stock));
        });
        stock
    }

    /// Overrides the catalogue of every index.
    pub(super) fn set(&self, item_id: &str, available: bool) {
        self.with(|held| {
            held.said.insert(item_id.to_owned(), available);
            for stock in held.stocks.iter().filter_map(Weak::upgrade) {
                stock.set(item_id, available);
            }
        });
        // After the flags: who reads the new count reads the new flags, too.
        self.said.fetch_add(1, Ordering::Release);
    }

    /// How often something was said of availability: as long as it stays the same, the flags do.
    pub(super) fn revision(&self) -> u64 {
        self.said.load(Ordering::Acquire)
    }

    fn with(&self, act: impl FnOnce(&mut Held)) {
        // A poisoned lock holds whole entries all the same: each is changed in one step.
        act(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
