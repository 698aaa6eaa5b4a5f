//! What is odd in the days of a log: silence longer than usual, and a last month cut short.
//!
//! Enters: local days as counted from 1970-01-01, ascending.

use super::report::{Gap, PartialMonth};

fn date(day: i32) -> jiff::civil::Date {
    // Days come from instants of the years 1900 to 2200, which every calendar holds.
    jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(i64::from(day)))
}

/// Gaps shown at most.
const GAPS: usize = 10;

/// How many days in a row a shop is usually silent, and the gaps that are unusual.
///
/// Usual is the length that 99 of 100 steps from one active day to the next stay within (a shop closed on Sundays has
/// steps of two days); unusual is a gap more than twice that long.
pub(super) fn gaps(days: &[i32]) -> (u32, Vec<Gap>) {
    let mut silent: Vec<(u32, i32)> = days
        .windows(2)
        .map(|pair| ((pair[1] - pair[0] - 1) as u32, pair[0] + 1))
        .collect();
    if silent.is_empty() {
        return (0, Vec::new());
    }
    silent.sort_unstable_by_key(|&(length, from)| (std::cmp::Reverse(length), from));
    let usual = silent[silent.len() / 100].0;
    let gaps = silent
        .iter()
        .take_while(|&&(length, _)| length > 2 * usual.max(1))
        .take(GAPS)
        .map(|&(days, from)| Gap {
            from: date(from).to_string(),
            days,
        })
        .collect();
    (usual, gaps)
}

/// The month of a log's last day, unless the log reaches that month's end.
pub(super) fn partial_month(last_day: i32) -> Option<PartialMonth> {
    let last = date(last_day);
    (last != last.last_of_month()).then(|| PartialMonth {
        month: last.strftime("%Y-%m").to_string(),
        days: last.day() as u32,
        of: last.days_in_month() as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_unusual_against_the_shops_own_rhythm() {
        // Closed every seventh day for 300 days, and once for ten.
        let days: Vec<i32> = (0..300)
            .filter(|day| day % 7 != 6 && !(100..110).contains(day))
            .collect();
        let (usual, found) = gaps(&days);
        assert_eq!(usual, 1);
        assert_eq!(
            found,
            [Gap {
                from: "1970-04-11".into(),
                days: 10
            }]
        );
        assert_eq!(gaps(&[]), (0, vec![]));
        assert_eq!(gaps(&[5]), (0, vec![]));
    }

    #[test]
    fn a_month_is_partial_unless_its_last_day_is_there() {
        // 1970-01-31 is day 30.
        assert_eq!(partial_month(30), None);
        assert_eq!(
            partial_month(39),
            Some(PartialMonth {
                month: "1970-02".into(),
                days: 9,
                of: 28
            })
        );
    }
}
