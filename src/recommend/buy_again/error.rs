//! Why there is no model of buying again, or no answer.

use crate::time::Timestamp;

use super::params::BuyAgainParamsError;

/// Why buying again cannot be learned, read or asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuyAgainError {
    /// No instant in the past at which some pairs were bought again within the window and others were not.
    #[error(
        "before {before} no past shows who buys again within {window_days} days: of {pairs} pairs at {cut_offs} instants {repeats} were bought again"
    )]
    NothingToLearn {
        /// End of the training.
        before: Timestamp,
        /// The window.
        window_days: f64,
        /// Instants looked at.
        cut_offs: usize,
        /// Pairs known then.
        pairs: usize,
        /// Pairs that were bought again.
        repeats: usize,
    },
    /// A window for which the model has no answer.
    #[error(
        "a window of {window_days} days is not between 0 (not included) and {longest}, the longest that was learned"
    )]
    Window {
        /// The window asked for.
        window_days: f64,
        /// The longest window of the model.
        longest: f64,
    },
    /// An array whose length does not fit the others.
    #[error("{array} has {length} numbers, {expected} fit the other arrays")]
    Shape {
        /// Which array.
        array: &'static str,
        /// Its length.
        length: usize,
        /// What it should be.
        expected: usize,
    },
    /// A stored number out of range.
    #[error("{array} holds {value} in row {row}, it must be {rule}")]
    Value {
        /// Which array.
        array: &'static str,
        /// Where.
        row: usize,
        /// What is there.
        value: f64,
        /// What it must be.
        rule: &'static str,
    },
    /// Stored windows that are none.
    #[error(transparent)]
    Params(#[from] BuyAgainParamsError),
}
