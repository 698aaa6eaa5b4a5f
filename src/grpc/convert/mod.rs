//! Messages to questions, answers to messages: one file per service, and here what they share.
//!
//! The one decision: what a message cannot say at all (a kind that is no number of the enum, a time outside the
//! accepted years, somebody else's event in the context) is refused here; every rule on a value that the domain can
//! hold (lengths, counts, prices) is the domain's own check, which names the field as the contract spells it.
//!
//! Every message is taken apart whole, so that a new field does not compile until somebody says what it means.

pub(super) mod churn;
pub(super) mod model;
pub(super) mod plan;
pub(super) mod recommendation;

use prost_types::Timestamp as WireTimestamp;
use tonic::Status;
use tonic_types::StatusExt;

use super::pb;
use crate::serve::ServeError;
use crate::time::Timestamp;

/// A field that says something that the domain has no word for.
fn refuse(field: impl Into<String>, rule: impl Into<String>) -> ServeError {
    ServeError::InvalidArgument {
        field: field.into(),
        rule: rule.into(),
    }
}

/// A wire enum's number in the domain's words; `word` has none for the number 0, which stands for "not given".
fn known<E: TryFrom<i32>, D>(
    field: impl FnOnce() -> String,
    number: i32,
    word: impl FnOnce(E) -> Option<D>,
) -> Result<D, ServeError> {
    match E::try_from(number).map(word) {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(refuse(field(), "must be given")),
        Err(_) => Err(refuse(
            field(),
            format!("must be one of the enum's numbers, got {number}"),
        )),
    }
}

/// An instant of the wire, cut off after the microsecond.
fn instant(field: impl FnOnce() -> String, at: WireTimestamp) -> Result<Timestamp, ServeError> {
    let WireTimestamp { seconds, nanos } = at;
    if let Some(at) = from_wire_instant(at) {
        return Ok(at);
    }
    if !(0..1_000_000_000).contains(&nanos) {
        return Err(refuse(
            field(),
            format!("must have 0 to 999999999 nanos, got {nanos}"),
        ));
    }
    Err(refuse(
        field(),
        format!("must lie between the years 1900 and 2200, got {seconds} seconds"),
    ))
}

/// An instant of the wire, unless it is none that the domain accepts.
pub(super) fn from_wire_instant(at: WireTimestamp) -> Option<Timestamp> {
    let WireTimestamp { seconds, nanos } = at;
    if !(0..1_000_000_000).contains(&nanos) {
        return None;
    }
    let micros = seconds.checked_mul(1_000_000)?;
    Timestamp::from_micros(micros.checked_add(i64::from(nanos / 1_000))?)
}

/// An optional instant of the wire.
fn maybe_instant(
    field: impl FnOnce() -> String,
    at: Option<WireTimestamp>,
) -> Result<Option<Timestamp>, ServeError> {
    at.map(|at| instant(field, at)).transpose()
}

/// An instant for the wire.
pub(super) fn wire_instant(at: Timestamp) -> WireTimestamp {
    let micros = at.as_micros();
    WireTimestamp {
        seconds: micros.div_euclid(1_000_000),
        // Below a thousand million, which an i32 holds.
        nanos: (micros.rem_euclid(1_000_000) * 1_000) as i32,
    }
}

/// Why one part of a call has no answer; `within` is the path of that part.
pub(super) fn problem(error: &ServeError, within: &str) -> pb::Problem {
    let status = match error {
        ServeError::InvalidArgument { field, rule } => Status::from(&ServeError::InvalidArgument {
            field: format!("{within}{field}"),
            rule: rule.clone(),
        }),
        other => Status::from(other),
    };
    let field = status
        .get_details_bad_request()
        .and_then(|details| details.field_violations.into_iter().next())
        .map(|violation| violation.field);
    pb::Problem {
        // Codes are 0 to 16.
        code: i32::from(status.code()).unsigned_abs(),
        message: status.message().to_owned(),
        field,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::churn::Band;

    #[test]
    fn times_cross_the_wire_and_back() {
        for text in ["2011-09-10T13:45:00.000001Z", "1969-12-31T23:59:59.999999Z"] {
            let at: Timestamp = text.parse().unwrap();
            assert_eq!(instant(String::new, wire_instant(at)).unwrap(), at);
        }
    }

    #[test]
    fn times_that_are_none_name_the_field() {
        let refused = |seconds, nanos| {
            instant(|| "as_of".to_owned(), WireTimestamp { seconds, nanos })
                .unwrap_err()
                .to_string()
        };
        assert_eq!(refused(0, -1), "as_of must have 0 to 999999999 nanos, got -1");
        assert!(refused(i64::MAX, 0).starts_with("as_of must lie between the years"));
    }

    #[test]
    fn enums_are_refused_by_number() {
        let refused = |number| {
            known(|| "bands[1]".to_owned(), number, churn::band)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(refused(0), "bands[1] must be given");
        assert_eq!(refused(77), "bands[1] must be one of the enum's numbers, got 77");
        assert_eq!(known(String::new, 3, churn::band).unwrap(), Band::High);
    }

    #[test]
    fn a_problem_names_the_part_and_its_field() {
        let pb::Problem { code, message, field } =
            problem(&refuse("count", "must be 1 to 500, got 0"), "shelves[2].");
        assert_eq!(code, 3);
        assert_eq!(message, "shelves[2].count must be 1 to 500, got 0");
        assert_eq!(field.as_deref(), Some("shelves[2].count"));
    }
}
