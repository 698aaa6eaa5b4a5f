//! The weighted customer × item matrix in compressed sparse rows, and its transpose.

use rayon::prelude::*;

use super::{Histories, Weighting};
use crate::column::Column;
use crate::id::Row;
use crate::time::Timestamp;

/// A sparse matrix in compressed rows; columns ascend within a row.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `offsets` | rows + 1 | entries of row `r` are `offsets[r]..offsets[r + 1]` |
/// | `columns` | entries | column of each entry |
/// | `values` | entries | weight of each entry, above zero |
#[derive(Clone, Debug, PartialEq)]
pub struct Csr {
    offsets: Vec<usize>,
    columns: Column<u32>,
    values: Column<f32>,
    n_columns: usize,
}

/// Why parts are no sparse matrix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// Parts that do not belong together.
    #[error("the offsets must ascend from 0 to the {entries} columns, and there are {values} values")]
    Offsets {
        /// Length of the columns.
        entries: usize,
        /// Length of the values.
        values: usize,
    },
    /// A row whose entries are none.
    #[error("row {row}: columns must ascend below {n_columns} and values must be finite")]
    Row {
        /// The row.
        row: usize,
        /// Columns of the matrix.
        n_columns: usize,
    },
}

impl Csr {
    /// A matrix from its rows, each a list of (column, value) with ascending columns.
    ///
    /// # Panics
    /// When a column is not below `n_columns`.
    #[must_use]
    pub fn from_rows<C: Row>(rows: &[Vec<(C, f32)>], n_columns: usize) -> Self {
        let entries = rows.iter().map(Vec::len).sum();
        let mut offsets = Vec::with_capacity(rows.len() + 1);
        let (mut columns, mut values) = (Vec::with_capacity(entries), Vec::with_capacity(entries));
        offsets.push(0);
        for row in rows {
            for &(column, value) in row {
                assert!(
                    column.index() < n_columns,
                    "column {column:?} of a matrix with {n_columns} columns"
                );
                columns.push(column.as_u32());
                values.push(value);
            }
            offsets.push(columns.len());
        }
        Self {
            offsets,
            columns: columns.into(),
            values: values.into(),
            n_columns,
        }
    }

    /// A matrix from its parts, in the shapes of the table above.
    ///
    /// # Errors
    /// [`CsrError`] with the part and the row that breaks a rule.
    pub fn from_parts(
        offsets: Vec<usize>,
        columns: impl Into<Column<u32>>,
        values: impl Into<Column<f32>>,
        n_columns: usize,
    ) -> Result<Self, CsrError> {
        let (columns, values) = (columns.into(), values.into());
        let entries = columns.len();
        if offsets.first() != Some(&0)
            || offsets.last() != Some(&entries)
            || values.len() != entries
            || !offsets.is_sorted()
        {
            return Err(CsrError::Offsets {
                entries,
                values: values.len(),
            });
        }
        let matrix = Self {
            offsets,
            columns,
            values,
            n_columns,
        };
        let broken = (0..matrix.n_rows()).into_par_iter().find_first(|&row| {
            let (columns, values) = matrix.row(row);
            let within = columns.last().is_none_or(|&last| (last as usize) < n_columns);
            !(within && columns.is_sorted_by(|a, b| a < b) && values.iter().all(|value| value.is_finite()))
        });
        match broken {
            Some(row) => Err(CsrError::Row { row, n_columns }),
            None => Ok(matrix),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of columns.
    #[must_use]
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// Number of entries.
    #[must_use]
    pub fn n_entries(&self) -> usize {
        self.columns.len()
    }

    /// Columns and values of one row.
    ///
    /// # Panics
    /// When `row` is not below [`Self::n_rows`].
    #[must_use]
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let entries = self.offsets[row]..self.offsets[row + 1];
        (&self.columns[entries.clone()], &self.values[entries])
    }

    /// The column of each entry, row by row.
    #[must_use]
    pub fn columns(&self) -> &[u32] {
        &self.columns
    }

    /// The value of each entry, row by row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Where each row starts: `n_rows + 1` numbers.
    #[must_use]
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Sum of the values of each column.
    #[must_use]
    pub fn column_sums(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.n_columns];
        for (&column, &value) in self.columns.iter().zip(&self.values) {
            sums[column as usize] += f64::from(value);
        }
        sums
    }

    /// The matrix without empty rows and columns, and which columns were kept, ascending.
    #[must_use]
    pub fn without_empty(&self) -> (Self, Vec<u32>) {
        let mut filled = vec![false; self.n_columns];
        for &column in &self.columns {
            filled[column as usize] = true;
        }
        let kept: Vec<u32> = (0u32..)
            .zip(&filled)
            .filter(|(_, filled)| **filled)
            .map(|(column, _)| column)
            .collect();
        let mut place = vec![0u32; self.n_columns];
        for (at, &column) in (0u32..).zip(&kept) {
            place[column as usize] = at;
        }
        let mut offsets = self.offsets.clone();
        // A row without an entry ends where it starts.
        offsets.dedup();
        let matrix = Self {
            offsets,
            columns: self
                .columns
                .iter()
                .map(|&column| place[column as usize])
                .collect(),
            values: self.values.clone(),
            n_columns: kept.len(),
        };
        (matrix, kept)
    }

    /// The transpose: entry (r, c) becomes (c, r). Rows ascend within a column because rows are visited in order.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut offsets = vec![0usize; self.n_columns + 1];
        for &column in &self.columns {
            offsets[column as usize + 1] += 1;
        }
        for c in 0..self.n_columns {
            offsets[c + 1] += offsets[c];
        }
        let mut next = offsets.clone();
        let mut columns = vec![0u32; self.columns.len()];
        let mut values = vec![0f32; self.values.len()];
        for row in 0..self.n_rows() {
            let (entries, weights) = self.row(row);
            for (&column, &value) in entries.iter().zip(weights) {
                let slot = &mut next[column as usize];
                // Rows are customer or item rows, which are u32 by construction.
                columns[*slot] = row as u32;
                values[*slot] = value;
                *slot += 1;
            }
        }
        Self {
            offsets,
            columns: columns.into(),
            values: values.into(),
            n_columns: self.n_rows(),
        }
    }
}

/// The weighted customer × item matrix of what happened strictly before `now`.
///
/// Row `c` is `weighting.profile(histories.of(c), now)`: training and serving weigh a history with the same function.
#[must_use]
pub fn interaction_matrix(histories: &Histories, weighting: &Weighting, now: Timestamp) -> Csr {
    let customers: Vec<_> = histories.customers().rows().collect();
    let rows: Vec<_> = customers
        .into_par_iter()
        .map(|customer| weighting.profile(histories.of(customer), now))
        .collect();
    Csr::from_rows(&rows, histories.items().len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::ItemIdx;

    #[test]
    fn parts_that_are_no_matrix_are_named() {
        let make = |offsets: &[usize], columns: &[u32], values: &[f32]| {
            Csr::from_parts(offsets.to_vec(), columns.to_vec(), values.to_vec(), 3)
        };
        assert!(make(&[0, 2, 2], &[0, 2], &[1.0, -1.0]).is_ok());
        assert_eq!(
            make(&[0, 1], &[0, 2], &[1.0, 1.0]),
            Err(CsrError::Offsets {
                entries: 2,
                values: 2
            })
        );
        for (columns, value) in [([2, 0], 1.0), ([0, 3], 1.0), ([0, 2], f32::NAN)] {
            assert_eq!(
                make(&[0, 0, 2], &columns, &[1.0, value]),
                Err(CsrError::Row { row: 1, n_columns: 3 })
            );
        }
    }

    proptest! {
        #[test]
        fn without_empty_keeps_every_entry_in_its_place(
            cells in prop::collection::btree_map((0u32..9, 0u32..7), 1u8..100, 0..20)
        ) {
            let mut rows = vec![Vec::new(); 9];
            for (&(row, column), &value) in &cells {
                rows[row as usize].push((ItemIdx::from_u32(column), f32::from(value)));
            }
            let (filled, kept) = Csr::from_rows(&rows, 7).without_empty();
            rows.retain(|row| !row.is_empty());
            prop_assert_eq!((filled.n_rows(), filled.n_columns()), (rows.len(), kept.len()));
            prop_assert!(kept.is_sorted_by(|a, b| a < b));
            for (at, row) in rows.iter().enumerate() {
                let (columns, values) = filled.row(at);
                let named = columns.iter().map(|&column| ItemIdx::from_u32(kept[column as usize]));
                prop_assert_eq!(&named.zip(values.iter().copied()).collect::<Vec<_>>(), row);
            }
            prop_assert!((0..kept.len()).all(|column| !filled.transposed().row(column).0.is_empty()));
        }

        #[test]
        fn transposing_moves_every_entry_and_twice_is_the_identity(
            cells in prop::collection::btree_map((0u32..9, 0u32..7), 1u8..100, 0..40)
        ) {
            let mut rows = vec![Vec::new(); 9];
            for (&(row, column), &value) in &cells {
                rows[row as usize].push((ItemIdx::from_u32(column), f32::from(value)));
            }
            let matrix = Csr::from_rows(&rows, 7);
            let transposed = matrix.transposed();
            prop_assert_eq!(transposed.n_rows(), 7);
            for row in 0..7 {
                let (columns, values) = transposed.row(row);
                prop_assert!(columns.is_sorted());
                for (&column, &value) in columns.iter().zip(values) {
                    prop_assert_eq!(cells.get(&(column, row as u32)).map(|&v| f32::from(v)), Some(value));
                }
            }
            prop_assert_eq!(transposed.n_entries(), cells.len());
            prop_assert_eq!(transposed.transposed(), matrix);
        }
    }
}
