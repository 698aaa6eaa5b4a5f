//! Why the engine does not answer.

use crate::bundle::BundleError;
use crate::time::Timestamp;

/// Why the engine does not answer.
///
/// Clonable, because a request that fails in one shelf or one cache cell may have many askers.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// No model is loaded yet.
    #[error(
        "no model is loaded yet: train one (`rapport train`) or activate one (`rapport models activate`)"
    )]
    NoModel,
    /// The customer has no history.
    #[error("unknown customer {customer_id:?}: the model's log has no event of this id")]
    UnknownCustomer {
        /// The id asked for.
        customer_id: String,
    },
    /// The customer has a history but no purchase, so there is nothing to leave.
    #[error("customer {customer_id:?} had bought nothing before {as_of}: only buyers can churn")]
    NeverBought {
        /// The id asked for.
        customer_id: String,
        /// The instant of the question.
        as_of: Timestamp,
    },
    /// The model has not learned to answer that kind of question.
    #[error("model {version} cannot answer {kind}: {why}")]
    NotLearned {
        /// The model that was asked.
        version: String,
        /// Name of the kind.
        kind: &'static str,
        /// The rule that refused, or the bundle's age.
        why: String,
    },
    /// Nobody waits for the answer any more.
    #[error("nobody waits for this answer any more")]
    Cancelled,
    /// The caller will not wait for the answer any more.
    #[error("there was no time left for this shelf before the call's deadline")]
    DeadlineExceeded,
    /// The model was trained without a churn model.
    #[error("model {version} has no churn model: {why}")]
    NoChurnModel {
        /// The model that was asked.
        version: String,
        /// The rule that refused its training.
        why: String,
    },
    /// The configuration does not name this placement.
    #[error("unknown placement {name:?}: recipe and configuration name {known}")]
    UnknownPlacement {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The model cannot tell what customers are worth.
    #[error("model {version:?} does not know what customers are worth: {why}")]
    NoValueModel {
        /// The model.
        version: String,
        /// The rule that refused.
        why: String,
    },
    /// The registry has no such model.
    #[error("unknown model version {version:?}: the registry does not hold it")]
    UnknownVersion {
        /// The version asked for.
        version: String,
    },
    /// The registry may have this model, but this server answers from the one that serves only.
    #[error("model {version:?} does not serve, and this server keeps no other loaded (models.pinned = 0)")]
    NotServing {
        /// The version asked for.
        version: String,
    },
    /// A field of the request breaks a rule.
    #[error("{field} {rule}")]
    InvalidArgument {
        /// The field, as the public contract spells it.
        field: String,
        /// The rule and the offending value.
        rule: String,
    },
    /// As many requests as allowed are being answered.
    #[error("overloaded: {limit} requests are being answered already (admission.max_in_flight), try again")]
    Overloaded {
        /// The limit.
        limit: usize,
    },
    /// There is no earlier activation to return to.
    #[error("nothing to roll back to: no other model was active before this one")]
    NothingToRollBack,
    /// A bundle cannot be used; the model that serves keeps serving.
    #[error("the model cannot be loaded")]
    Bundle(#[source] std::sync::Arc<BundleError>),
    /// A broken invariant of ours.
    #[error("internal error: {message}")]
    Internal {
        /// What was found.
        message: String,
    },
}

/// An error and what caused it, outermost first, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
