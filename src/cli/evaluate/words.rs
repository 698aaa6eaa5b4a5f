//! Numbers and instants as the reports of an evaluation write them.

use crate::cli::output;
use crate::measure::bootstrap::Interval;
use crate::report::Table;
use crate::time::Timestamp;

/// A value with its interval.
pub(super) fn with_interval(value: f64, Interval { low, high }: Interval) -> String {
    format!("{value:.4} [{low:.4}, {high:.4}]")
}

/// A difference with its interval: the sign is always there.
pub(super) fn difference(value: f64, Interval { low, high }: Interval) -> String {
    let [value, low, high] = [value, low, high].map(|number| signed(number, 4));
    format!("{value} [{low}, {high}]")
}

/// A number with its sign; what rounds to nothing is no less than nothing.
pub(super) fn signed(number: f64, decimals: usize) -> String {
    let unit = 10f64.powi(decimals as i32);
    format!("{:+.decimals$}", (number * unit).round() / unit + 0.0)
}

/// A share as a per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// An instant to the second; a midnight (UTC) is a date.
pub(super) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.strip_suffix("T00:00:00Z"), text.split_once('.')) {
        (Some(date), _) => date.to_owned(),
        (None, Some((seconds, _))) => format!("{seconds}Z"),
        (None, None) => text,
    }
}

/// A table as text under its caption.
pub(super) fn text_of(table: &Table) -> String {
    let Table {
        caption,
        header,
        rows,
    } = table;
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    format!("{caption}\n{}", output::table(&header, 1, rows.iter().cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_instants_are_written_out() {
        let of = |low, high| Interval { low, high };
        assert_eq!(with_interval(0.79, of(0.7, 0.81234)), "0.7900 [0.7000, 0.8123]");
        assert_eq!(difference(0.01, of(-0.002, 0.03)), "+0.0100 [-0.0020, +0.0300]");
        assert_eq!(percent(0.4183), "41.8 %");
        let at = |text: &str| moment(text.parse().unwrap());
        assert_eq!(at("2011-09-10"), "2011-09-10");
        assert_eq!(at("2011-09-10T12:30:00Z"), "2011-09-10T12:30:00Z");
        assert_eq!(at("2011-09-10T00:00:00.25Z"), "2011-09-10T00:00:00Z");
        assert_eq!([signed(-0.00004, 4), signed(-0.0004, 3)], ["+0.0000", "+0.000"]);
        assert_eq!([signed(-0.0126, 3), signed(0.5, 1)], ["-0.013", "+0.5"]);
    }

    #[test]
    fn columns_of_a_table_line_up_under_its_caption() {
        let words = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        let table = Table {
            caption: "Two models".to_owned(),
            header: words(["model", "AUC"]),
            rows: vec![words(["a", "0.7"]), words(["longer", "0.75"])],
        };
        assert_eq!(
            text_of(&table),
            "Two models\nmodel    AUC\na        0.7\nlonger  0.75"
        );
    }
}
