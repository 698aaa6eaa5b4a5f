//! The one table from errors to gRPC codes.
//!
//! | the engine says | code |
//! |---|---|
//! | a field breaks a rule, an unknown placement | `INVALID_ARGUMENT`, with a `google.rpc.BadRequest` naming the field |
//! | unknown customer, one who never bought, unknown version | `NOT_FOUND` |
//! | a shelf that there was no time for | `DEADLINE_EXCEEDED` |
//! | an answer that nobody waits for any more | `CANCELLED` |
//! | a kind that the model has not learned, no churn or value model, a version that is not kept loaded, nothing to roll back to, a damaged or newer bundle | `FAILED_PRECONDITION` |
//! | too many requests | `RESOURCE_EXHAUSTED` |
//! | no model loaded, a file that cannot be read just now | `UNAVAILABLE` |
//! | a broken invariant of ours | `INTERNAL` |

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::bundle::BundleError;
use crate::serve::{ServeError, chain};

impl From<&ServeError> for Status {
    fn from(error: &ServeError) -> Self {
        match error {
            ServeError::InvalidArgument { field, rule } => invalid(field, rule),
            ServeError::UnknownPlacement { name, known } => invalid(
                "placement",
                &format!("must be a name that recipe or configuration have ({known}), got {name:?}"),
            ),
            ServeError::Cancelled => Self::cancelled(error.to_string()),
            ServeError::DeadlineExceeded => Self::deadline_exceeded(error.to_string()),
            ServeError::UnknownCustomer { .. }
            | ServeError::NeverBought { .. }
            | ServeError::UnknownVersion { .. } => Self::not_found(error.to_string()),
            ServeError::NoChurnModel { .. }
            | ServeError::NoValueModel { .. }
            | ServeError::NotLearned { .. }
            | ServeError::NotServing { .. }
            | ServeError::NothingToRollBack => Self::failed_precondition(error.to_string()),
            ServeError::Overloaded { .. } => Self::resource_exhausted(error.to_string()),
            ServeError::NoModel => Self::unavailable(error.to_string()),
            ServeError::Bundle(bundle) => Self::new(bundle_code(bundle), chain(error)),
            ServeError::Internal { .. } => Self::internal(error.to_string()),
        }
    }
}

impl From<ServeError> for Status {
    fn from(error: ServeError) -> Self {
        Self::from(&error)
    }
}

fn bundle_code(error: &BundleError) -> Code {
    match error {
        BundleError::BadVersion { .. } => Code::InvalidArgument,
        BundleError::UnknownVersion { .. } => Code::NotFound,
        BundleError::NothingToRollBack { .. }
        | BundleError::Missing { .. }
        | BundleError::WrongSize { .. }
        | BundleError::WrongChecksum { .. }
        | BundleError::NewerFormat { .. }
        | BundleError::Invalid { .. } => Code::FailedPrecondition,
        BundleError::Exists { .. } => Code::AlreadyExists,
        BundleError::Io { .. } => Code::Unavailable,
    }
}

/// `INVALID_ARGUMENT` for a field: its message begins with the field's path, its details name it again for programs.
pub(super) fn invalid(field: &str, rule: &str) -> Status {
    Status::with_error_details(
        Code::InvalidArgument,
        format!("{field} {rule}"),
        ErrorDetails::with_bad_request_violation(field, rule),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_broken_rule_names_its_field_twice() {
        let status = Status::from(ServeError::InvalidArgument {
            field: "context.cart[2].unit_price".into(),
            rule: "must be a number of 0 or more, got NaN".into(),
        });
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "context.cart[2].unit_price must be a number of 0 or more, got NaN"
        );
        let details = status.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, "context.cart[2].unit_price");
    }

    #[test]
    fn what_a_model_has_not_learned_is_named() {
        let status = Status::from(ServeError::NotLearned {
            version: "v".into(),
            kind: "cross-sell",
            why: "its bundle is too old".into(),
        });
        assert_eq!(
            (status.code(), status.message()),
            (
                Code::FailedPrecondition,
                "model v cannot answer cross-sell: its bundle is too old"
            )
        );
    }

    #[test]
    fn a_bundle_that_cannot_be_served_tells_why() {
        let error = BundleError::Invalid {
            file: "manifest.json".into(),
            reason: "no such thing".into(),
        };
        let status = Status::from(ServeError::Bundle(Arc::new(error)));
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert!(
            status
                .message()
                .starts_with("the model cannot be loaded: manifest.json: no such thing"),
            "{}",
            status.message()
        );
    }
}
