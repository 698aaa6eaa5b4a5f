//! The one error of parameter sets whose values are numbers: one that is not within its range.

/// Why parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("recommend.{section}.{key} = {value} is not between {least} and {most}")]
pub struct OutOfRange {
    section: &'static str,
    key: &'static str,
    value: f64,
    least: f64,
    most: f64,
}

/// Key, value, and the ends of its range, which are within it.
pub(super) type Rule = (&'static str, f64, f64, f64);

/// The first broken rule of a section; NaN breaks every rule.
pub(super) fn check(section: &'static str, rules: &[Rule]) -> Result<(), OutOfRange> {
    let broken = |&&(_, value, least, most): &&Rule| !(least..=most).contains(&value);
    match rules.iter().find(broken) {
        None => Ok(()),
        Some(&(key, value, least, most)) => Err(OutOfRange {
            section,
            key,
            value,
            least,
            most,
        }),
    }
}
