//! Why a model cannot be fitted, and the rule that every training matrix keeps.

use super::low_rank::LowRankError;
use crate::history::Csr;

/// Why a model cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// There is nothing to learn from.
    #[error(
        "the matrix of {customers} customers × {items} items has no entry: the log holds nothing to learn from"
    )]
    Empty {
        /// Rows of the matrix.
        customers: usize,
        /// Columns of the matrix.
        items: usize,
    },
    /// An entry that is no weight.
    #[error(
        "the weight of customer row {customer} and item row {item} is {value}, it must be finite and above zero"
    )]
    Weight {
        /// Row of the entry.
        customer: usize,
        /// Column of the entry.
        item: u32,
        /// The value found there.
        value: f32,
    },
    /// Factors left the range of numbers.
    #[error("factors are no longer finite after epoch {epoch}: raise recommend.ials.regularization")]
    Diverged {
        /// The epoch, from 1.
        epoch: usize,
    },
    /// Weights whose products leave the range of numbers.
    #[error(
        "the links of item row {item} are not finite: the weights of its customers are too large or too small"
    )]
    Links {
        /// Row of the item.
        item: usize,
    },
    /// Degrees so far apart that a power of one is no number.
    #[error("degrees are too far apart for recommend.low_pass.input_exponent and output_exponent")]
    Degrees(#[source] LowRankError),
}

/// Whether every entry of the matrix is a weight, and there is one.
pub(super) fn check(matrix: &Csr) -> Result<(), FitError> {
    if matrix.n_entries() == 0 {
        return Err(FitError::Empty {
            customers: matrix.n_rows(),
            items: matrix.n_columns(),
        });
    }
    for customer in 0..matrix.n_rows() {
        let (columns, values) = matrix.row(customer);
        let bad = |value: &f32| !(value.is_finite() && *value > 0.0);
        if let Some(at) = values.iter().position(bad) {
            return Err(FitError::Weight {
                customer,
                item: columns[at],
                value: values[at],
            });
        }
    }
    Ok(())
}
