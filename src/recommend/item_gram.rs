//! How strongly items meet in the histories of customers: the sparse Gram matrix, one row at a time.
//!
//! Enters: the weighted customer × item matrix. Leaves: rows of `G = ZᵀZ` with `z_ui = x_ui / n_u^a`, where `n_u` is the
//! sum of the customer's weights, so that `G_ij = Σ_u x_ui x_uj / n_u^(2a)`.
//!
//! The one decision: the matrix is never held. A row costs a walk over the histories that hold its item, which is cheaper
//! than keeping what would be gigabytes for a large catalogue; who needs many rows at once keeps what it wants of each.
//!
//! # Cost
//! All rows together take `Σ_u m_u²` additions, where `m_u` counts the items of customer `u`. No customer is left out for
//! that: the damping keeps one with very many items from speaking for everybody, but not from costing. Four who each
//! had all 37,000 items, beside a log of 730,000 entries, made linking take half a minute instead of a second on four
//! busy cores: such bots are for the log's reader to drop (`source.drop_bots`).
//!
//! # Determinism
//! Each sum runs over customers in ascending order, in one thread: the same bits for any number of threads, and
//! `G_ij = G_ji` to the last bit.

use rayon::prelude::*;

use super::fit_error::{FitError, check};
use crate::history::Csr;
use crate::progress::Progress;

/// Rows that one task computes: enough to pay for handing it out, few enough that popular items spread over the threads.
const TASK_ROWS: usize = 16;

/// The Gram matrix of the items, with heavy customers damped.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `customers` | customers × items, sparse | `Z`: the weights, damped by customer |
/// | `items` | items × customers, sparse | `Zᵀ` |
pub(super) struct ItemGram {
    customers: Csr,
    items: Csr,
}

/// One row of the Gram matrix, and the room to compute the next.
pub(super) struct GramRow {
    cells: Vec<Cell>,
    /// The items of the row, in the order they were met.
    met: Vec<u32>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    sum: f32,
    /// Customers who have both items; 0 marks a cell that the row does not have.
    customers: u32,
}

impl ItemGram {
    /// The Gram matrix of these weights, customers damped with this exponent.
    ///
    /// # Errors
    /// [`FitError`] when there is no entry, or one that is no weight.
    pub(super) fn new(matrix: &Csr, customer_exponent: f64) -> Result<Self, FitError> {
        check(matrix)?;
        let mut damped = Vec::with_capacity(matrix.n_entries());
        for customer in 0..matrix.n_rows() {
            let (items, weights) = matrix.row(customer);
            let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
            let damping = sum.powf(-customer_exponent);
            for (&item, &value) in items.iter().zip(weights) {
                let z = (f64::from(value) * damping) as f32;
                if !z.is_finite() {
                    return Err(FitError::Weight {
                        customer,
                        item,
                        value,
                    });
                }
                damped.push(z);
            }
        }
        let (offsets, columns) = (matrix.offsets().to_vec(), matrix.columns().to_vec());
        #[expect(
            clippy::expect_used,
            reason = "the shape is that of a matrix and the values were looked at"
        )]
        let customers = Csr::from_parts(offsets, columns, damped, matrix.n_columns())
            .expect("the places of a matrix with other finite values are a matrix");
        Ok(Self {
            items: customers.transposed(),
            customers,
        })
    }

    /// Number of items.
    pub(super) fn n_items(&self) -> usize {
        self.items.n_rows()
    }

    /// Number of (customer, item) pairs with a weight.
    pub(super) fn n_entries(&self) -> usize {
        self.items.n_entries()
    }

    /// The diagonal, `G_ii`.
    pub(super) fn diagonal(&self) -> Vec<f64> {
        let square = |&z: &f32| f64::from(z) * f64::from(z);
        (0..self.n_items())
            .map(|item| self.items.row(item).1.iter().map(square).sum())
            .collect()
    }

    /// The Euclidean norm of each row, which is that of each column.
    pub(super) fn norms(&self, progress: &dyn Progress) -> Vec<f64> {
        self.map_rows("Measuring the links of items", progress, |_, row| {
            let squares = row.entries().map(|entry| f64::from(entry.sum).powi(2));
            squares.sum::<f64>().sqrt()
        })
    }

    /// What `visit` makes of each row, in the order of the items.
    pub(super) fn map_rows<T: Send>(
        &self,
        stage: &str,
        progress: &dyn Progress,
        visit: impl Fn(usize, &GramRow) -> T + Sync,
    ) -> Vec<T> {
        progress.begin(stage, self.n_items() as u64);
        let found = (0..self.n_items().div_ceil(TASK_ROWS))
            .into_par_iter()
            .map_init(
                || GramRow::new(self.n_items()),
                |row, task| {
                    let items = task * TASK_ROWS..((task + 1) * TASK_ROWS).min(self.n_items());
                    progress.advance(items.len() as u64);
                    let found: Vec<T> = items
                        .map(|item| {
                            row.fill(self, item);
                            visit(item, row)
                        })
                        .collect();
                    found
                },
            )
            .flatten_iter()
            .collect();
        progress.end();
        found
    }
}

/// One number of a row.
#[derive(Clone, Copy)]
pub(super) struct GramEntry {
    /// The other item.
    pub(super) item: u32,
    /// `G_ij`.
    pub(super) sum: f32,
    /// Customers who have both.
    pub(super) customers: u32,
}

impl GramRow {
    /// Room for rows of a matrix with this many items.
    pub(super) fn new(n_items: usize) -> Self {
        Self {
            cells: vec![Cell::default(); n_items],
            met: Vec::new(),
        }
    }

    /// Replaces the row by that of `item`.
    pub(super) fn fill(&mut self, gram: &ItemGram, item: usize) {
        for &old in &self.met {
            self.cells[old as usize] = Cell::default();
        }
        self.met.clear();
        let (customers, own) = gram.items.row(item);
        for (&customer, &own) in customers.iter().zip(own) {
            let (others, weights) = gram.customers.row(customer as usize);
            for (&other, &weight) in others.iter().zip(weights) {
                let cell = &mut self.cells[other as usize];
                if cell.customers == 0 {
                    self.met.push(other);
                }
                cell.customers += 1;
                cell.sum += own * weight;
            }
        }
    }

    /// What the row holds, its own diagonal with it, in no order that means anything.
    pub(super) fn entries(&self) -> impl Iterator<Item = GramEntry> {
        self.met.iter().map(|&item| {
            let Cell { sum, customers } = self.cells[item as usize];
            GramEntry { item, sum, customers }
        })
    }

    /// `G_ij` of this row and column `j`; zero where the two never meet.
    pub(super) fn at(&self, item: u32) -> f32 {
        self.cells[item as usize].sum
    }
}

/// The best `k` of (item, value) by value descending, then item ascending; returned by item ascending.
pub(super) fn strongest(mut entries: Vec<(u32, f32)>, k: usize) -> Vec<(u32, f32)> {
    if k == 0 {
        return Vec::new();
    }
    if entries.len() > k {
        entries.select_nth_unstable_by(k - 1, |a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        entries.truncate(k);
        entries.shrink_to_fit();
    }
    entries.sort_unstable_by_key(|entry| entry.0);
    entries
}

/// Rows of (column, value), columns ascending, as a square matrix.
///
/// # Errors
/// [`FitError::Range`] with the first row that holds a value which is not finite.
pub(super) fn square(rows: Vec<Vec<(u32, f32)>>) -> Result<Csr, FitError> {
    let n_items = rows.len();
    let entries = rows.iter().map(Vec::len).sum();
    let (mut columns, mut values) = (Vec::with_capacity(entries), Vec::with_capacity(entries));
    let mut offsets = Vec::with_capacity(n_items + 1);
    offsets.push(0);
    // Each row goes as soon as it is copied: the links are at most held twice.
    for (item, row) in rows.into_iter().enumerate() {
        for (column, value) in row {
            if !value.is_finite() {
                return Err(FitError::Links { item });
            }
            columns.push(column);
            values.push(value);
        }
        offsets.push(columns.len());
    }
    Csr::from_parts(offsets, columns, values, n_items).map_err(|_| FitError::Links { item: 0 })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::{ItemIdx, Row};
    use crate::progress::Silent;

    /// A matrix of the given rows.
    pub(in crate::recommend) fn matrix(rows: &[&[(u32, f32)]], n_items: usize) -> Csr {
        let named = |row: &&[(u32, f32)]| {
            let entries = row
                .iter()
                .map(|&(item, weight)| (ItemIdx::from_u32(item), weight));
            entries.collect()
        };
        Csr::from_rows(&rows.iter().map(named).collect::<Vec<Vec<_>>>(), n_items)
    }

    /// Customers of three tastes with weighted histories; with hundreds of them every item meets every other.
    pub(in crate::recommend) fn tastes(n_customers: u32, n_items: u32) -> Csr {
        let row = |u: u32| {
            let has = |i: u32| {
                let mut mixed = u64::from(u * n_items + i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                mixed ^= mixed >> 31;
                mixed % 100 < if u % 3 == i % 3 { 40 } else { 8 }
            };
            let weight = |i: u32| 0.25 * f32::from(1 + ((u * 31 + i * 17) % 8) as u16);
            (0..n_items)
                .filter(|&i| has(i))
                .map(|i| (ItemIdx::from_u32(i), weight(i)))
                .collect()
        };
        Csr::from_rows(
            &(0..n_customers).map(row).collect::<Vec<Vec<_>>>(),
            n_items as usize,
        )
    }

    /// The definition: every pair by brute force, in `f64`.
    pub(in crate::recommend) fn dense_gram(matrix: &Csr, customer_exponent: f64) -> Vec<Vec<f64>> {
        let n = matrix.n_columns();
        let mut gram = vec![vec![0.0; n]; n];
        for customer in 0..matrix.n_rows() {
            let (items, weights) = matrix.row(customer);
            let sum: f64 = weights.iter().map(|&x| f64::from(x)).sum();
            for (&i, &x) in items.iter().zip(weights) {
                for (&j, &y) in items.iter().zip(weights) {
                    gram[i as usize][j as usize] +=
                        f64::from(x) * f64::from(y) / sum.powf(2.0 * customer_exponent);
                }
            }
        }
        gram
    }

    #[test]
    fn rows_agree_with_brute_force_and_are_symmetric() {
        let matrix = tastes(150, 30);
        let gram = ItemGram::new(&matrix, 0.4).unwrap();
        let dense = dense_gram(&matrix, 0.4);
        let rows = gram.map_rows("", &Silent, |item, row| {
            let row: Vec<f32> = (0..30).map(|other| row.at(other)).collect();
            (item, row)
        });
        let norms = gram.norms(&Silent);
        for (at, (item, row)) in rows.iter().enumerate() {
            assert_eq!(at, *item);
            for other in 0..30 {
                assert!((f64::from(row[other]) - dense[at][other]).abs() < 1e-4);
                assert_eq!(row[other].to_bits(), rows[other].1[at].to_bits());
            }
            assert!((gram.diagonal()[at] - dense[at][at]).abs() < 1e-4);
            let norm: f64 = dense[at].iter().map(|g| g * g).sum();
            assert!((norms[at] - norm.sqrt()).abs() < 1e-3);
        }
    }

    #[test]
    fn common_customers_are_counted() {
        let matrix = matrix(&[&[(0, 2.0), (2, 1.0)], &[(0, 1.0), (2, 3.0)], &[(1, 1.0)]], 3);
        let gram = ItemGram::new(&matrix, 0.0).unwrap();
        let mut row = GramRow::new(3);
        row.fill(&gram, 1);
        row.fill(&gram, 0);
        let mut entries: Vec<_> = row
            .entries()
            .map(|e| (e.item, e.sum as i32, e.customers))
            .collect();
        entries.sort_unstable();
        assert_eq!(entries, [(0, 5, 2), (2, 5, 2)]);
        assert_eq!(row.at(1).to_bits(), 0);
    }

    #[test]
    fn what_is_no_weight_is_named() {
        let empty = ItemGram::new(&matrix(&[&[], &[]], 4), 0.5).err().unwrap();
        assert_eq!(
            empty,
            FitError::Empty {
                customers: 2,
                items: 4
            }
        );
        for value in [0.0, -1.0, f32::INFINITY] {
            let error = ItemGram::new(&matrix(&[&[(0, 1.0)], &[(3, value)]], 4), 0.5)
                .err()
                .unwrap();
            let named = FitError::Weight {
                customer: 1,
                item: 3,
                value,
            };
            assert_eq!(error, named);
        }
    }

    proptest! {
        #[test]
        fn the_strongest_are_the_head_of_a_full_sort(values in prop::collection::vec(-3i8..4, 0..40), k in 0usize..45) {
            let entries: Vec<(u32, f32)> = (0u32..).zip(values.iter().map(|&v| f32::from(v))).collect();
            let mut sorted = entries.clone();
            sorted.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            sorted.truncate(k);
            sorted.sort_by_key(|entry| entry.0);
            prop_assert_eq!(strongest(entries, k), sorted);
        }
    }
}
