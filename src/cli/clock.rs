//! The one place that reads the clock.

use crate::time::Timestamp;

/// The present instant.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is where time enters; everything below takes it as an argument"
)]
pub fn now() -> Timestamp {
    // A clock outside the years 1900 to 2200 is broken; the nearest accepted instant keeps the command working.
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond()).unwrap_or(Timestamp::MAX)
}
