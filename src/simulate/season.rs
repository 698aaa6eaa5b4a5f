//! When people shop: a mild pattern over the week and the day, in UTC.

use rand::Rng as _;

use super::stream::Rng;
use crate::time::{MICROS_PER_DAY, Timestamp};

/// Visits relative to the mean, Monday first.
const WEEKDAYS: [f64; 7] = [0.95, 0.9, 0.9, 0.95, 1.0, 1.15, 1.15];

/// Visits relative to the mean, by hour.
const HOURS: [f64; 24] = [
    0.5, 0.3, 0.2, 0.2, 0.2, 0.2, 0.4, 0.7, 0.9, 1.1, 1.2, 1.3, 1.4, 1.3, 1.2, 1.2, 1.2, 1.3, 1.5, 1.8, 2.0,
    1.9, 1.3, 0.7,
];

/// Nothing is busier than a Saturday evening.
pub(super) const BUSIEST: f64 = 1.15 * 2.0;

/// How busy the shop is at an instant; 1 on average, at most [`BUSIEST`].
pub(super) fn busyness(at: Timestamp) -> f64 {
    let micros = at.as_micros();
    // The first day of 1970 was a Thursday.
    let weekday = (micros.div_euclid(MICROS_PER_DAY) + 3).rem_euclid(7) as usize;
    let hour = (micros.rem_euclid(MICROS_PER_DAY) / (MICROS_PER_DAY / 24)) as usize;
    WEEKDAYS[weekday] * HOURS[hour]
}

/// A time of day as people shop: days since midnight, from 0 to below 1.
pub(super) fn time_of_day(rng: &mut Rng) -> f64 {
    loop {
        let day: f64 = rng.gen_range(0.0..1.0);
        if rng.gen_range(0.0..1.0) * 2.0 < HOURS[(day * 24.0) as usize] {
            return day;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pattern_changes_when_people_come_but_not_how_often() {
        let start: Timestamp = "2024-01-01".parse().unwrap();
        let hours: Vec<f64> = (0..7 * 24)
            .map(|hour| busyness(start.plus_days((f64::from(hour) + 0.5) / 24.0)))
            .collect();
        assert!((hours.iter().sum::<f64>() / 168.0 - 1.0).abs() < 1e-12);
        // 2024-01-06 is a Saturday.
        let busiest = busyness("2024-01-06T20:30:00".parse().unwrap());
        assert!((busiest - BUSIEST).abs() < 1e-12);
        assert!(hours.iter().all(|&hour| hour <= BUSIEST));
    }
}
