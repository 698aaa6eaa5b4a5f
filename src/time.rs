//! Points in time and the shop's calendar.
//!
//! Enters: microseconds since the Unix epoch, or text. Leaves: [`Timestamp`] (a checked UTC instant), and with a
//! [`Calendar`] the day that a customer of the shop would name. There is no clock here: "now" is always an argument.
//!
//! The one decision: an instant is an `i64` of microseconds, so that columns of times are plain arrays, and the zone's
//! rules are unrolled once into a sorted list of offsets, so that finding the day of an event is a search in a few
//! hundred numbers instead of a walk through time-zone rules.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use zerocopy::{FromBytes, Immutable};

/// Microseconds in a day of 24 hours.
pub const MICROS_PER_DAY: i64 = 86_400_000_000;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
///
/// Always within the years 1900 to 2200, which keeps every sum of two spans inside an `i64` and every instant
/// printable; what is outside is a broken clock, not a shop's event. Whoever reads instants as bytes of a column checks that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, FromBytes, Immutable)]
#[repr(transparent)]
pub struct Timestamp(i64);

/// Text that is no instant, or an instant outside the accepted years.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a time between the years 1900 and 2200: {text:?} (write 2011-09-10, 2011-09-10T13:45:00 in UTC, or 2011-09-10T13:45:00+01:00)"
)]
pub struct TimeError {
    text: String,
}

impl Timestamp {
    /// 1900-01-01T00:00:00Z.
    pub const MIN: Self = Self(-2_208_988_800_000_000);
    /// 2200-01-01T00:00:00Z.
    pub const MAX: Self = Self(7_258_118_400_000_000);

    /// The instant, unless it is outside [`Self::MIN`] to [`Self::MAX`].
    #[must_use]
    pub fn from_micros(micros: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0)
            .contains(&micros)
            .then_some(Self(micros))
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub fn as_micros(self) -> i64 {
        self.0
    }

    /// This instant plus a number of 24-hour days (may be negative or fractional), held within the accepted years.
    #[must_use]
    pub fn plus_days(self, days: f64) -> Self {
        // A float-to-int cast saturates, and NaN gives 0.
        let micros = (days * MICROS_PER_DAY as f64).round() as i64;
        Self(self.0.saturating_add(micros).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Days of 24 hours from `earlier` to this instant; negative when `earlier` is later.
    #[must_use]
    pub fn days_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / MICROS_PER_DAY as f64
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(at) => at.fmt(f),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads a date (midnight UTC), a date and time (UTC), or an instant with an offset.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        let trimmed = text.trim();
        let instant = trimmed.parse::<jiff::Timestamp>().ok().or_else(|| {
            let civil = trimmed.parse::<jiff::civil::DateTime>().ok()?;
            TimeZone::UTC.to_timestamp(civil).ok()
        });
        instant
            .and_then(|at| Self::from_micros(at.as_microsecond()))
            .ok_or_else(|| TimeError {
                text: text.to_owned(),
            })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The name of a time zone that the IANA database does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no time zone {name:?} in the IANA database (write a name such as Europe/London or UTC)")]
pub struct UnknownZone {
    name: String,
}

/// The shop's calendar: its time zone, unrolled for fast look-ups.
#[derive(Clone, Debug)]
pub struct Calendar {
    name: String,
    /// From this instant (µs) on, local time is UTC plus this offset (µs). Sorted; the first entry is `i64::MIN`.
    offsets: Vec<(i64, i64)>,
}

impl Calendar {
    /// The calendar of an IANA time zone.
    ///
    /// # Errors
    /// [`UnknownZone`] when there is no such zone.
    pub fn new(zone: &str) -> Result<Self, UnknownZone> {
        let tz = TimeZone::get(zone).map_err(|_| UnknownZone {
            name: zone.to_owned(),
        })?;
        let micros = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * 1_000_000;
        // Shops have no events before 1970; the first offset stands for all that was before.
        let mut offsets = vec![(i64::MIN, micros(tz.to_offset(jiff::Timestamp::UNIX_EPOCH)))];
        for transition in tz.following(jiff::Timestamp::UNIX_EPOCH) {
            let at = transition.timestamp().as_microsecond();
            if at > Timestamp::MAX.0 {
                break;
            }
            offsets.push((at, micros(transition.offset())));
        }
        Ok(Self {
            name: zone.to_owned(),
            offsets,
        })
    }

    /// Name of the zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.name
    }

    /// The local day of an instant: whole days since 1970-01-01 in the shop's zone.
    #[must_use]
    pub fn day(&self, at: Timestamp) -> i32 {
        let after = self.offsets.partition_point(|&(from, _)| from <= at.0);
        // The first entry is i64::MIN, so at least one is not after `at`; years 1900 to 2200 fit an i32 of days.
        let (_, offset) = self.offsets[after - 1];
        (at.0 + offset).div_euclid(MICROS_PER_DAY) as i32
    }

    /// [`Self::day`] for many instants of which most lie near the one before: as long as the offset holds, no search.
    pub fn days(&self) -> impl FnMut(Timestamp) -> i32 + '_ {
        let (mut from, mut until, mut offset) = (0, 0, 0);
        move |at| {
            if !(from..until).contains(&at.0) {
                let after = self.offsets.partition_point(|&(from, _)| from <= at.0);
                (from, offset) = self.offsets[after - 1];
                until = self.offsets.get(after).map_or(i64::MAX, |next| next.0);
            }
            (at.0 + offset).div_euclid(MICROS_PER_DAY) as i32
        }
    }

    /// The instant at which the shop's clocks show a local time, given as microseconds since 1970-01-01T00:00 local.
    ///
    /// A time that the clocks show twice is the earlier instant; a time that they skip is read with the offset before
    /// the jump. `None` when the instant is outside the accepted years.
    #[must_use]
    pub fn instant(&self, local_micros: i64) -> Option<Timestamp> {
        // Both rules say: the old offset holds until the clocks are past the jump by either reading.
        let later = &self.offsets[1..];
        let mut low = 0;
        let mut high = later.len();
        while low < high {
            let middle = usize::midpoint(low, high);
            let (from, offset) = later[middle];
            // `self.offsets[middle]` is the entry before `later[middle]`.
            if from + offset.max(self.offsets[middle].1) <= local_micros {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Timestamp::from_micros(local_micros.checked_sub(self.offsets[low].1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_utc_unless_it_says_otherwise() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap().as_micros();
        assert_eq!(at("1970-01-02"), MICROS_PER_DAY);
        assert_eq!(at("1970-01-01T00:00:01"), 1_000_000);
        assert_eq!(at("1970-01-01 01:00:00+01:00"), 0);
        assert_eq!(
            "2011-09-10T00:00:00Z".parse::<Timestamp>().unwrap().to_string(),
            "2011-09-10T00:00:00Z"
        );
    }

    #[test]
    fn what_is_no_time_is_named() {
        let error = "yesterday".parse::<Timestamp>().unwrap_err().to_string();
        assert!(error.contains("\"yesterday\""), "{error}");
        assert!("2500-01-01".parse::<Timestamp>().is_err());
        assert_eq!(Timestamp::from_micros(i64::MAX), None);
        assert_eq!(Timestamp::MAX.plus_days(f64::INFINITY), Timestamp::MAX);
    }

    #[test]
    fn local_times_become_instants_as_the_zone_rules_say() {
        for zone in ["Europe/London", "America/Sao_Paulo", "Australia/Lord_Howe", "UTC"] {
            let calendar = Calendar::new(zone).unwrap();
            let tz = TimeZone::get(zone).unwrap();
            let start = jiff::civil::date(2009, 1, 1).at(0, 7, 0, 0);
            for step in 0..40_000 {
                let civil = start + jiff::SignedDuration::from_mins(step * 37);
                let micros = TimeZone::UTC.to_timestamp(civil).unwrap().as_microsecond();
                let expected = tz.to_timestamp(civil).unwrap().as_microsecond();
                assert_eq!(
                    calendar.instant(micros).unwrap().as_micros(),
                    expected,
                    "{zone} {civil}"
                );
            }
        }
        assert_eq!(Calendar::new("UTC").unwrap().instant(i64::MIN), None);
    }

    #[test]
    fn the_day_follows_the_shops_clock_through_summer_time() {
        let london = Calendar::new("Europe/London").unwrap();
        let day = |text: &str| london.day(text.parse().unwrap());
        // British summer time: 23:30 UTC on the 9th is half past midnight on the 10th.
        assert_eq!(day("2011-09-09T23:30:00Z"), day("2011-09-10T12:00:00Z"));
        assert_eq!(day("2011-12-09T23:30:00Z") + 1, day("2011-12-10T12:00:00Z"));
        // Through twenty years of jumps, back and forth.
        let start: Timestamp = "1969-06-01".parse().unwrap();
        let mut days = london.days();
        for hours in (0..20 * 8766).map(|n| f64::from(n * 7919 % (20 * 8766))) {
            let at = start.plus_days(hours / 24.0);
            assert_eq!(days(at), london.day(at), "{at}");
        }
        assert!(
            Calendar::new("Mars/Base")
                .unwrap_err()
                .to_string()
                .contains("Mars/Base")
        );
    }
}
