//! Who could be treated.

use super::params::MOST_MONEY;
use crate::churn::segment::Segment;
use crate::churn::{Band, Standing};

/// A customer whom a plan judges.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Candidate<'a> {
    /// Who.
    pub customer: &'a str,
    /// Probability that she leaves when nothing is done.
    pub probability: f64,
    /// What she is worth when she stays, in the shop's money; `None` where it is not known.
    pub value_if_kept: Option<f64>,
    /// Her segment.
    pub segment: Segment,
    /// How high the probability is.
    pub band: Band,
    /// Whether she can still leave.
    pub standing: Standing,
}

/// Why candidates cannot be planned with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A probability that is none.
    #[error("the probability of customer {customer:?} is {value}, not between 0 and 1")]
    Probability {
        /// Who.
        customer: String,
        /// The probability.
        value: f64,
    },
    /// A value that is no sum of money.
    #[error("the value of customer {customer:?} is {value}, not between -1e12 and 1e12")]
    Value {
        /// Who.
        customer: String,
        /// The value.
        value: f64,
    },
    /// One customer twice.
    #[error("customer {customer:?} is given twice")]
    Repeated {
        /// Who.
        customer: String,
    },
}

/// The candidates by id, checked.
pub(super) fn checked<'c, 'a>(candidates: &'c [Candidate<'a>]) -> Result<Vec<&'c Candidate<'a>>, PlanError> {
    let mut by_id: Vec<&Candidate<'a>> = candidates.iter().collect();
    by_id.sort_by_key(|candidate| candidate.customer);
    for candidate in &by_id {
        let customer = || candidate.customer.to_owned();
        if !(0.0..=1.0).contains(&candidate.probability) {
            return Err(PlanError::Probability {
                customer: customer(),
                value: candidate.probability,
            });
        }
        if let Some(value) = candidate.value_if_kept
            && !(-MOST_MONEY..=MOST_MONEY).contains(&value)
        {
            return Err(PlanError::Value {
                customer: customer(),
                value,
            });
        }
    }
    match by_id.windows(2).find(|pair| pair[0].customer == pair[1].customer) {
        Some(pair) => Err(PlanError::Repeated {
            customer: pair[0].customer.to_owned(),
        }),
        None => Ok(by_id),
    }
}
