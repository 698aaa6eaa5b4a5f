//! Why nothing is said of what customers are worth, or of what they spend.

use serde::{Serialize, Serializer};

use super::ValueParamsError;
use crate::churn::btyd::BtydError;
use crate::time::Timestamp;

/// Why values cannot be learned from a log, or a stored model cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Rule: somebody bought something.
    #[error("nobody bought anything before {data_end}: there are no customers to value")]
    NobodyBought {
        /// End of the data.
        data_end: Timestamp,
    },
    /// Rule: enough customers came back.
    #[error(
        "too few repeat buyers to learn values from: {found} of {customers} customers bought on a second day before {data_end}, {needed} are needed (value.min_repeat_buyers)"
    )]
    TooFewRepeatBuyers {
        /// Customers with two purchase days or more.
        found: usize,
        /// Customers with a purchase day.
        customers: usize,
        /// The least number.
        needed: usize,
        /// End of the data.
        data_end: Timestamp,
    },
    /// The model of buying was not found: not the user's fault.
    #[error("the model of buying was not fitted")]
    NotFitted(#[source] BtydError),
    /// A stored model whose parameters break a rule. What breaks the rules of its two models is named by them.
    #[error("the stored value model is broken: {0}")]
    BrokenParams(ValueParamsError),
    /// A stored model whose past cannot have been.
    #[error(
        "the stored value model is broken: record of {happened} purchase days where {expected} were expected"
    )]
    BrokenRecord {
        /// Purchase days that were expected.
        expected: f64,
        /// Purchase days that came.
        happened: f64,
    },
}

/// Why there is a model of buying and none of spending, so that purchases are foretold and no money.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoSpending {
    /// The log has no prices.
    #[error("no repeat purchase has a price")]
    NoPrices,
    /// Too few repeat buyers with prices.
    #[error("{found} repeat buyers with prices, {needed} are needed (value.min_repeat_buyers)")]
    TooFew {
        /// Customers with a repeat purchase day of a known price.
        found: usize,
        /// The least number.
        needed: usize,
    },
    /// The spends have no mean (`q ≤ 1`), or the solver gave up.
    #[error(transparent)]
    NotFitted(#[from] BtydError),
}

impl Serialize for NoSpending {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
