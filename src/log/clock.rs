//! From what a file writes for a time to an instant, fast.
//!
//! Enters: a cell. Leaves: a [`Timestamp`], or nothing. The one decision: a row's time is very often that of the row
//! before it, and nearly always in one of a few layouts, so a reader remembers the last text and reads ISO 8601 without
//! the general parser.

use std::str::FromStr;

use jiff::fmt::strtime::BrokenDownTime;

use super::batch::Cell;
use crate::time::{Calendar, MICROS_PER_DAY, Timestamp};

/// How times are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimeFormat {
    /// ISO 8601 text; numbers are Unix times from 1979 on, whose size tells the unit.
    Auto,
    /// Unix times: this many microseconds a unit.
    Unix(i64),
    /// A strptime pattern.
    Pattern(String),
}

/// A time format that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no time format: write auto, unix_seconds, unix_millis, unix_micros, or a strptime pattern with year, month and day such as \"%d/%m/%Y %H:%M\""
)]
pub struct TimeFormatError {
    text: String,
}

impl FromStr for TimeFormat {
    type Err = TimeFormatError;

    fn from_str(text: &str) -> Result<Self, TimeFormatError> {
        match text {
            "auto" => Ok(Self::Auto),
            "unix_seconds" => Ok(Self::Unix(1_000_000)),
            "unix_millis" => Ok(Self::Unix(1_000)),
            "unix_micros" => Ok(Self::Unix(1)),
            pattern => {
                // A usable pattern reads back what it writes: the date, and the hour if it has one. A clock of twelve
                // hours without its half of the day reads back another hour.
                let sample = jiff::civil::date(2011, 9, 10)
                    .at(13, 45, 7, 0)
                    .to_zoned(jiff::tz::TimeZone::UTC);
                let round_trip = sample.ok().and_then(|zoned| {
                    let written = BrokenDownTime::from(&zoned).to_string(pattern).ok()?;
                    let read = BrokenDownTime::parse(pattern, written).ok()?;
                    read.to_datetime().ok().or_else(|| {
                        Some(
                            read.to_timestamp()
                                .ok()?
                                .to_zoned(zoned.time_zone().clone())
                                .datetime(),
                        )
                    })
                });
                match round_trip {
                    Some(at)
                        if at.date() == jiff::civil::date(2011, 9, 10)
                            && (at.hour() == 13 || at.time() == jiff::civil::Time::midnight()) =>
                    {
                        Ok(Self::Pattern(pattern.to_owned()))
                    }
                    _ => Err(TimeFormatError {
                        text: text.to_owned(),
                    }),
                }
            }
        }
    }
}

/// Reads the times of one batch.
pub(super) struct Clock<'a> {
    format: &'a TimeFormat,
    calendar: &'a Calendar,
    last: (String, Option<Timestamp>),
}

impl<'a> Clock<'a> {
    pub(super) fn new(format: &'a TimeFormat, calendar: &'a Calendar) -> Self {
        Self {
            format,
            calendar,
            last: (String::new(), None),
        }
    }

    /// The instant that a cell stands for; `None` when it stands for none.
    pub(super) fn read(&mut self, cell: Cell<'_>) -> Option<Timestamp> {
        match cell {
            Cell::Instant(micros) => Timestamp::from_micros(micros),
            Cell::Local(micros) => self.calendar.instant(micros),
            Cell::Int(value) => match self.format {
                TimeFormat::Unix(_) => self.unix(value, 0.0),
                // A date such as 20110910 is a number to files that have types.
                TimeFormat::Auto => self.unix(value, 0.0).or_else(|| self.general(&value.to_string())),
                TimeFormat::Pattern(_) => self.text(&value.to_string()),
            },
            // Seconds with a fraction are common; the whole part of any accepted time is exact in a float.
            Cell::Float(value) if value.abs() < 1e19 => self.unix(value.trunc() as i128, value.fract()),
            Cell::Text(text) => {
                if self.last.0 != text {
                    let at = self.text(text);
                    self.last.0.clear();
                    self.last.0.push_str(text);
                    self.last.1 = at;
                }
                self.last.1
            }
            Cell::Float(_) | Cell::Bool(_) | Cell::Missing => None,
        }
    }

    fn unix(&self, whole: i128, fraction: f64) -> Option<Timestamp> {
        let unit = match self.format {
            TimeFormat::Unix(unit) => *unit,
            // A number with a fraction is no time in any pattern.
            TimeFormat::Pattern(_) => return None,
            // 1e8 seconds is the year 1973 and 3e11 milliseconds is 1979; 1e11 seconds is the year 5138. No shop's event
            // is ambiguous, and what lies between is a date such as 20110910 or 201109101345, or a spreadsheet's day.
            TimeFormat::Auto => match whole.unsigned_abs() {
                0..100_000_000 | 100_000_000_000..300_000_000_000 => return None,
                100_000_000..100_000_000_000 => 1_000_000,
                300_000_000_000..100_000_000_000_000 => 1_000,
                100_000_000_000_000..100_000_000_000_000_000 => 1,
                _ => return Timestamp::from_micros(i64::try_from(whole / 1_000).ok()?),
            },
        };
        let micros = whole.checked_mul(unit.into())? + (fraction * unit as f64).round() as i128;
        Timestamp::from_micros(i64::try_from(micros).ok()?)
    }

    fn text(&self, text: &str) -> Option<Timestamp> {
        match self.format {
            TimeFormat::Auto => match iso(text.as_bytes()) {
                Some((local, None)) => self.calendar.instant(local),
                Some((local, Some(offset))) => Timestamp::from_micros(local - offset),
                None => self.number(text).or_else(|| self.general(text)),
            },
            TimeFormat::Unix(_) => self.number(text),
            TimeFormat::Pattern(pattern) => {
                let read = BrokenDownTime::parse(pattern, text).ok()?;
                if let Ok(at) = read.to_timestamp() {
                    return Timestamp::from_micros(at.as_microsecond());
                }
                // A pattern without a time of day gives midnight.
                self.civil(read.to_datetime().ok()?)
            }
        }
    }

    fn number(&self, text: &str) -> Option<Timestamp> {
        if let Ok(whole) = text.parse::<i64>() {
            return self.unix(whole.into(), 0.0);
        }
        let value: f64 = text.parse().ok().filter(|value: &f64| value.abs() < 1e19)?;
        self.unix(value.trunc() as i128, value.fract())
    }

    /// The rarer spellings of ISO 8601 and RFC 9557.
    fn general(&self, text: &str) -> Option<Timestamp> {
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Timestamp::from_micros(at.as_microsecond());
        }
        self.civil(text.parse().ok()?)
    }

    fn civil(&self, civil: jiff::civil::DateTime) -> Option<Timestamp> {
        let as_utc = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
        self.calendar.instant(as_utc.as_microsecond())
    }
}

/// Reads `YYYY-MM-DD[(T| )HH:MM[:SS[.fraction]][Z|±HH[:]MM]]`: local microseconds, and the offset where one is given.
fn iso(text: &[u8]) -> Option<(i64, Option<i64>)> {
    let two = |at: usize| -> Option<i64> {
        let tens = text.get(at)?.wrapping_sub(b'0');
        let ones = text.get(at + 1)?.wrapping_sub(b'0');
        (tens < 10 && ones < 10).then_some(i64::from(tens) * 10 + i64::from(ones))
    };
    let is = |at: usize, byte: u8| text.get(at) == Some(&byte);
    let (year, month, day) = (two(0)? * 100 + two(2)?, two(5)?, two(8)?);
    if !(is(4, b'-') && is(7, b'-') && (1..=12).contains(&month))
        || day < 1
        || day > days_in_month(year, month)
    {
        return None;
    }
    let midnight = days_since_epoch(year, month, day) * MICROS_PER_DAY;
    if text.len() == 10 {
        return Some((midnight, None));
    }
    let (hour, minute) = (two(11)?, two(14)?);
    if !(is(10, b'T') || is(10, b' ')) || !is(13, b':') || hour > 23 || minute > 59 {
        return None;
    }
    let mut micros = (hour * 60 + minute) * 60_000_000;
    let mut at = 16;
    if is(at, b':') {
        let second = two(at + 1)?;
        // Second 60 is left to the general parser.
        if second > 59 {
            return None;
        }
        micros += second * 1_000_000;
        at += 3;
        if is(at, b'.') {
            at += 1;
            let mut unit = 100_000;
            let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 0 {
                return None;
            }
            for byte in &text[at..at + digits] {
                micros += i64::from(byte - b'0') * unit;
                unit /= 10;
            }
            at += digits;
        }
    }
    let offset = match text.get(at) {
        None => return Some((midnight + micros, None)),
        Some(b'Z' | b'z') if text.len() == at + 1 => 0,
        Some(sign @ (b'+' | b'-')) => {
            let hours = two(at + 1)?;
            let minutes = match text.len() - at {
                3 => 0,
                5 => two(at + 3)?,
                6 if is(at + 3, b':') => two(at + 4)?,
                _ => return None,
            };
            if hours > 23 || minutes > 59 {
                return None;
            }
            let size = (hours * 60 + minutes) * 60_000_000;
            if *sign == b'-' { -size } else { size }
        }
        Some(_) => return None,
    };
    Some((midnight + micros, Some(offset)))
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
///
/// # Source
/// Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`: years begin in March, so that the leap day
/// is the last day of its year.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(format: &str, zone: &str, cell: Cell<'_>) -> Option<String> {
        let format = format.parse().unwrap();
        let calendar = Calendar::new(zone).unwrap();
        Clock::new(&format, &calendar).read(cell).map(|at| at.to_string())
    }

    #[test]
    fn the_usual_spellings_are_read() {
        let expected = Some("2011-09-10T12:45:00Z".to_owned());
        for (format, cell) in [
            ("auto", Cell::Text("2011-09-10T13:45:00")),
            ("auto", Cell::Text("2011-09-10 13:45")),
            ("auto", Cell::Text("2011-09-10T12:45:00Z")),
            ("auto", Cell::Text("2011-09-10T14:45:00.000+02:00")),
            ("auto", Cell::Text("2011-09-10 14:45+02")),
            ("auto", Cell::Text("2011-09-10T13:45:00+01:00[Europe/London]")),
            ("auto", Cell::Text("1315658700")),
            ("auto", Cell::Text("1315658700.0")),
            ("auto", Cell::Int(1_315_658_700_000)),
            ("auto", Cell::Int(1_315_658_700_000_000)),
            ("auto", Cell::Int(1_315_658_700_000_000_000)),
            ("unix_millis", Cell::Float(1_315_658_700_000.0)),
            ("%d/%m/%Y %H:%M", Cell::Text("10/09/2011 13:45")),
            ("%d/%m/%Y %H:%M %z", Cell::Text("10/09/2011 12:45 +0000")),
            ("auto", Cell::Local(1_315_662_300_000_000)),
            ("auto", Cell::Instant(1_315_658_700_000_000)),
        ] {
            assert_eq!(read(format, "Europe/London", cell), expected, "{format} {cell:?}");
        }
        for format in ["%Y%m%d", "auto"] {
            for cell in [Cell::Text("20110910"), Cell::Int(20_110_910)] {
                assert_eq!(
                    read(format, "UTC", cell),
                    Some("2011-09-10T00:00:00Z".into()),
                    "{format} {cell:?}"
                );
            }
        }
        assert_eq!(
            read("unix_seconds", "UTC", Cell::Int(5)),
            Some("1970-01-01T00:00:05Z".into())
        );
    }

    #[test]
    fn a_pattern_that_loses_half_the_day_is_refused() {
        assert!("%d/%m/%Y %I:%M".parse::<TimeFormat>().is_err());
        assert!("%d/%m/%Y %I:%M %p".parse::<TimeFormat>().is_ok());
        assert!("%d/%m/%Y %H".parse::<TimeFormat>().is_ok());
        assert!("%s".parse::<TimeFormat>().is_ok());
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "yesterday",
            "2011-02-29",
            "2011-13-01",
            "10/09/2011",
            "2011-09-10T25:00",
            "9999-01-01",
            "2011-09-10T",
            "2011-09-10é",
            "201109101345",
            "20111310",
            "45292.5",
            "0",
        ] {
            assert_eq!(read("auto", "UTC", Cell::Text(text)), None, "{text}");
        }
        assert_eq!(read("auto", "UTC", Cell::Float(f64::INFINITY)), None);
        assert_eq!(read("%d/%m/%Y", "UTC", Cell::Int(5)), None);
    }

    proptest! {
        #[test]
        fn the_fast_reader_agrees_with_the_general_one(seconds in -2_000_000_000i64..7_000_000_000, micros in 0i64..1_000_000) {
            let at = Timestamp::from_micros(seconds * 1_000_000 + micros).unwrap();
            let (local, offset) = iso(at.to_string().as_bytes()).unwrap();
            prop_assert_eq!((local, offset), (at.as_micros(), Some(0)));
        }

        #[test]
        fn no_text_panics(text in "[0-9TZ:+. -]{0,30}|.{0,30}") {
            read("auto", "Europe/London", Cell::Text(&text));
            read("%d/%m/%Y %H:%M", "UTC", Cell::Text(&text));
        }
    }
}
