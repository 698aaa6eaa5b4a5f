//! Baskets in order, customer by customer.

use crate::history::{Histories, History, baskets};
use crate::id::{CustomerIdx, IdError, IdTable, ItemIdx};
use crate::time::{Calendar, Timestamp};

use crate::log::BasketRow;

/// One customer's baskets in order of time: items ascending, each once; no basket is empty.
pub type Sequence = Vec<Vec<ItemIdx>>;

/// Everybody's baskets.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    /// By customer.
    pub of: Vec<Sequence>,
    /// Number of items, of which some may be in no basket.
    pub n_items: usize,
}

impl Sequences {
    /// The baskets of all histories strictly before an instant, customers by row.
    #[must_use]
    pub fn from_histories(histories: &Histories, calendar: &Calendar, before: Timestamp) -> Self {
        let of = |customer| sequence(histories.of(customer).before(before), calendar);
        Self {
            of: histories.customers().rows().map(of).collect(),
            n_items: histories.items().len(),
        }
    }

    /// The baskets of a file, and a sequence for each name that `customers` has afterwards.
    ///
    /// # Errors
    /// [`IdError`] when there are more names than rows.
    pub fn from_rows(
        rows: &[BasketRow],
        customers: &mut IdTable<CustomerIdx>,
        items: &mut IdTable<ItemIdx>,
    ) -> Result<Self, IdError> {
        use crate::id::Row;
        let mut placed: Vec<Vec<(u64, Vec<ItemIdx>)>> = vec![Vec::new(); customers.len()];
        for row in rows {
            let customer = customers.intern(&row.user_id)?.index();
            placed.resize_with(placed.len().max(customer + 1), Vec::new);
            let mut basket = row
                .items
                .iter()
                .map(|name| items.intern(name))
                .collect::<Result<Vec<_>, _>>()?;
            distinct(&mut basket);
            placed[customer].push((row.basket_idx, basket));
        }
        let in_order = |mut baskets: Vec<(u64, Vec<ItemIdx>)>| {
            baskets.sort_by_key(|&(place, _)| place);
            baskets.into_iter().map(|(_, basket)| basket).collect()
        };
        Ok(Self {
            of: placed.into_iter().map(in_order).collect(),
            n_items: items.len(),
        })
    }

    /// The same without the last basket of each sequence, and those baskets: what a model is learned from, and what it must foretell.
    ///
    /// A sequence of one basket keeps it, and has nothing to be foretold.
    #[must_use]
    pub fn without_last(&self) -> (Self, Vec<Vec<ItemIdx>>) {
        let mut rest = self.clone();
        let last = rest
            .of
            .iter_mut()
            .map(|sequence| {
                if sequence.len() > 1 {
                    sequence.pop().unwrap_or_default()
                } else {
                    Vec::new()
                }
            })
            .collect();
        (rest, last)
    }
}

/// The baskets of one history.
#[must_use]
pub fn sequence(history: History<'_>, calendar: &Calendar) -> Sequence {
    baskets(history, calendar)
        .into_iter()
        .map(|basket| {
            let mut items: Vec<ItemIdx> = basket.lines.iter().map(|line| line.item).collect();
            distinct(&mut items);
            items
        })
        .collect()
}

fn distinct(items: &mut Vec<ItemIdx>) {
    items.sort_unstable();
    items.dedup();
}
