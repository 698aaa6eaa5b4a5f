//! Why a model cannot be watched yet, or not at this instant.

use crate::churn::Outcome;
use crate::time::Timestamp;

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WatchError {
    /// The bundle is older than the watch.
    #[error(
        "the model keeps no reference of the customers it was fitted for, so that no drift can be measured; train again"
    )]
    NoReference,
    /// Nobody to measure.
    #[error("no customer is eligible at {at}: nobody bought in the {eligible_days} days before")]
    NobodyEligible {
        /// The instant.
        at: Timestamp,
        /// Days after a purchase in which a customer can still leave.
        eligible_days: u32,
    },
    /// The outcomes are not known yet.
    #[error(
        "the horizon of {horizon_days} days from {as_of} is over at {known_at}, and the log ends at {data_end}"
    )]
    NotYet {
        /// Instant of the scores.
        as_of: Timestamp,
        /// Days that they speak of.
        horizon_days: u32,
        /// When the outcomes are known.
        known_at: Timestamp,
        /// End of the log.
        data_end: Timestamp,
    },
    /// The model learned from what it would be judged by.
    #[error("the model was fitted to data through {fitted_through}; scores as of {as_of} would be hindsight")]
    Hindsight {
        /// Instant of the scores.
        as_of: Timestamp,
        /// End of the data of the fit.
        fitted_through: Timestamp,
    },
    /// No ranking can be judged.
    #[error("all {customers} eligible customers {outcome} in the horizon from {as_of}")]
    OneOutcome {
        /// Instant of the scores.
        as_of: Timestamp,
        /// Eligible customers.
        customers: usize,
        /// What all of them did.
        outcome: Outcome,
    },
}
