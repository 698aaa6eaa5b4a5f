//! Counting what one item met: row by row, in parallel, always in the same order.

use crate::history::Csr;

use super::groups::{Groups, Purchases};

/// What is counted of a pair of items.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Cell {
    /// Baskets with both.
    pub baskets: u32,
    /// The same, each with its basket's weight.
    pub weight: f32,
    /// Baskets with both, of customers with several baskets.
    pub together: u32,
    /// Pairs of different baskets of one customer of which one holds the first item and the other the second, each
    /// divided by the number of the customer's other baskets: what `together` would be if it were by chance which of
    /// her things a customer buys in one basket.
    pub apart: f32,
    /// Customers with several baskets who bought both.
    pub customers: u32,
    /// Visits in which both were looked at.
    pub views: u32,
    /// Of these, those in which exactly one was bought …
    pub one: u32,
    /// … and both were.
    pub both: u32,
}

/// All that is counted from.
pub(crate) struct Evidence {
    pub purchases: Purchases,
    /// By basket: its weight for [`Cell::weight`].
    pub weights: Vec<f32>,
    pub visits: Groups,
}

/// Dense counters of one thread, and which of them are not empty.
pub(crate) struct Counter {
    cells: Vec<Cell>,
    touched: Vec<u32>,
}

impl Counter {
    pub(crate) fn new(n_items: usize) -> Self {
        Self {
            cells: vec![Cell::default(); n_items],
            touched: Vec::new(),
        }
    }

    /// What `item` met, ascending by the other item.
    ///
    /// # Determinism
    /// Sums run over the groups in their order.
    pub(crate) fn row(&mut self, evidence: &Evidence, item: usize) -> Vec<(u32, Cell)> {
        let Evidence {
            purchases,
            weights,
            visits,
        } = evidence;
        self.walk(&purchases.baskets, item, |cell, basket, _, _| {
            let share = purchases.facts[basket].share;
            cell.baskets += 1;
            cell.weight += weights[basket];
            if share > 0.0 {
                cell.together += 1;
                cell.apart -= share;
            }
        });
        self.walk(&purchases.customers, item, |cell, customer, own, other| {
            cell.customers += 1;
            cell.apart += own * other * purchases.shares[customer];
        });
        self.walk(visits, item, |cell, _, own, other| {
            cell.views += 1;
            match (own > 0.0, other > 0.0) {
                (true, true) => cell.both += 1,
                (false, false) => {}
                _ => cell.one += 1,
            }
        });
        self.touched.sort_unstable();
        let cells = &mut self.cells;
        let found = self.touched.iter().map(|&other| {
            let mut cell = std::mem::take(&mut cells[other as usize]);
            // The subtraction of shares leaves rounding errors around zero.
            cell.apart = if cell.apart > 1e-4 { cell.apart } else { 0.0 };
            (other, cell)
        });
        let row = found.collect();
        self.touched.clear();
        row
    }

    fn walk(&mut self, groups: &Groups, item: usize, mut add: impl FnMut(&mut Cell, usize, f32, f32)) {
        let (rows, values) = groups.by_item.row(item);
        for (&group, &own) in rows.iter().zip(values) {
            let (others, theirs) = Csr::row(&groups.by_group, group as usize);
            for (&other, &their) in others.iter().zip(theirs) {
                if other as usize == item {
                    continue;
                }
                let cell = &mut self.cells[other as usize];
                if cell.baskets == 0 && cell.customers == 0 && cell.views == 0 {
                    self.touched.push(other);
                }
                add(cell, group as usize, own, their);
            }
        }
    }
}
