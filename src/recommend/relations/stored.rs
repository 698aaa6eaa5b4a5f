//! What the arrays of all models here have in common: sparse matrices in three arrays, and the checks on reading.

use crate::column::{Column, position};
use crate::history::{Csr, CsrError};

/// A sparse matrix as arrays.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Sparse {
    /// Where each row starts: rows + 1 numbers.
    pub offsets: Vec<u64>,
    /// Column of each entry, ascending within a row.
    pub columns: Column<u32>,
    /// Value of each entry.
    pub values: Column<f32>,
}

/// Why arrays are no model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StoredError {
    /// An array of the wrong length.
    #[error("{array} has {found} numbers, it must have {expected}")]
    Length {
        /// The array.
        array: &'static str,
        /// Its length.
        found: usize,
        /// The length that fits the others.
        expected: usize,
    },
    /// Arrays that are no sparse matrix.
    #[error("{array} is no sparse matrix")]
    Matrix {
        /// Name of the matrix.
        array: &'static str,
        /// The part and the row.
        source: CsrError,
    },
    /// A value that is not allowed.
    #[error("{array}[{row}] = {value} is not allowed")]
    Value {
        /// The array.
        array: &'static str,
        /// The position.
        row: usize,
        /// The value found there.
        value: f64,
    },
}

impl Sparse {
    pub(crate) fn of(matrix: &Csr) -> Self {
        Self {
            offsets: matrix.offsets().iter().map(|&offset| offset as u64).collect(),
            columns: matrix.columns().to_vec().into(),
            values: matrix.values().to_vec().into(),
        }
    }

    pub(crate) fn matrix(self, array: &'static str, rows: usize, columns: usize) -> Result<Csr, StoredError> {
        check_len(array, self.offsets.len(), rows + 1)?;
        // An offset beyond the address space is beyond the entries, too, and refused as such.
        let offsets = self
            .offsets
            .iter()
            .map(|&offset| usize::try_from(offset).unwrap_or(usize::MAX));
        Csr::from_parts(offsets.collect(), self.columns, self.values, columns)
            .map_err(|source| StoredError::Matrix { array, source })
    }
}

pub(crate) fn check_len(array: &'static str, found: usize, expected: usize) -> Result<(), StoredError> {
    if found == expected {
        Ok(())
    } else {
        Err(StoredError::Length {
            array,
            found,
            expected,
        })
    }
}

/// Every number is finite and not negative.
pub(crate) fn check_finite(array: &'static str, values: &[f32]) -> Result<(), StoredError> {
    match position(values, |value| !(value.is_finite() && *value >= 0.0)) {
        None => Ok(()),
        Some(row) => Err(StoredError::Value {
            array,
            row,
            value: f64::from(values[row]),
        }),
    }
}
