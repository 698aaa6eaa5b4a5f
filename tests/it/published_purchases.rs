//! The published fits of the CDNOW data: BG/NBD, MBG/NBD and Gamma-Gamma.
//!
//! Source: Fader, Hardie, Lee 2005 (BG/NBD); R package BTYDplus (MBG/NBD); Fader, Hardie 2013 (Gamma-Gamma). What is
//! marked as computed was reproduced with scipy.

use std::fs::File;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rapport::churn::btyd::{BgNbd, GammaGamma, MbgNbd, Summary, correlation};
use rapport::time::Timestamp;

use crate::support::data::published;

/// The numeric columns of a file, row by row.
fn numbers(path: &Path) -> Vec<Vec<f64>> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| {
        let fields = row.unwrap().into_columns();
        fields.into_iter().map(|(_, field)| number(&field)).collect()
    })
    .collect()
}

fn number(field: &Field) -> f64 {
    match *field {
        Field::Int(value) => f64::from(value),
        Field::UInt(value) => f64::from(value),
        Field::Long(value) => value as f64,
        Field::Double(value) => value,
        Field::Date(days) => f64::from(days),
        // A date, as days since 1970.
        Field::Str(ref text) => text
            .parse::<Timestamp>()
            .unwrap()
            .days_since("1970-01-01".parse().unwrap()),
        _ => f64::NAN,
    }
}

/// The 1/10 sample until 1997-09-30, in weeks, with the mean of the repeat purchases.
fn sample() -> Option<Vec<(Summary, f64)>> {
    let rows = numbers(&published("cdnow/summary_with_transactions.parquet")?);
    let of = |row: &Vec<f64>| {
        let summary = Summary {
            repeats: row[1] as u32,
            recency: row[2],
            age: row[3],
        };
        (summary, row[4])
    };
    Some(rows.iter().map(of).collect())
}

fn assert_digits(found: &[f64], published: &[f64], half_a_digit: f64) {
    for (found, published) in found.iter().zip(published) {
        assert!(
            (found - published).abs() <= half_a_digit,
            "{found} is not {published}"
        );
    }
}

#[test]
fn the_fits_of_the_cdnow_sample() {
    let Some(sample) = sample() else { return };
    let summaries: Vec<Summary> = sample.iter().map(|row| row.0).collect();
    assert_eq!(summaries.len(), 2357);
    let bg = BgNbd::fit(&summaries).unwrap();
    let BgNbd { r, alpha, a, b } = bg.model;
    assert_digits(&[r, alpha, a, b], &[0.2426, 4.4135, 0.7929, 2.4258], 0.6e-4);
    assert_digits(&[bg.log_likelihood], &[-9582.4256], 0.6e-4);
    let mbg = MbgNbd::fit(&summaries).unwrap();
    let MbgNbd { r, alpha, a, b } = mbg.model;
    assert_digits(&[r, alpha, a, b], &[0.5248, 6.1830, 0.8914, 1.6140], 0.6e-4);
    assert_digits(&[mbg.log_likelihood], &[-9582.1327], 0.6e-4);
    // Computed: weeks 40 to 78, in which 1,882 purchases were made.
    let expected: f64 = summaries
        .iter()
        .map(|summary| bg.model.expected_purchases(summary, 39.0))
        .sum();
    assert_digits(&[expected], &[1653.4], 0.06);
}

#[test]
fn the_spends_of_the_cdnow_sample() {
    let Some(sample) = sample() else { return };
    let spend = |row: &(Summary, f64)| (f64::from(row.0.repeats), row.1);
    let spends: Vec<(f64, f64)> = sample.iter().map(spend).filter(|spend| spend.0 > 0.0).collect();
    assert_eq!(spends.len(), 946);
    let fitted = GammaGamma::fit(&spends).unwrap();
    let GammaGamma { p, q, v } = fitted.model;
    assert_digits(&[p, q, v], &[6.25, 3.74, 15.44], 0.012);
    assert_digits(&[fitted.log_likelihood], &[-4055.923], 1.1e-3);
    assert_digits(&[fitted.model.population_mean()], &[35.171], 2e-3);
    assert_digits(&[correlation(&spends).unwrap()], &[0.1139], 0.6e-4);
    let expected = [
        24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17,
    ];
    let found: Vec<f64> = sample[..10]
        .iter()
        .map(|row| fitted.model.expected_spend(f64::from(row.0.repeats), row.1))
        .collect();
    assert_digits(&found, &expected, 0.02);
}

#[test]
fn the_fits_of_all_cdnow_customers() {
    let Some(path) = published("cdnow/master.parquet") else {
        return;
    };
    // Computed: purchase days up to and including 1998-04-01, in weeks; lines that cost nothing count too.
    let today = number(&Field::Str("1998-04-01".to_owned()));
    let mut days: Vec<(f64, f64)> = numbers(&path)
        .iter()
        .map(|row| (row[0], row[1]))
        .filter(|day| day.1 <= today)
        .collect();
    days.sort_by(|x, y| x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)));
    days.dedup();
    let summaries: Vec<Summary> = days
        .chunk_by(|x, y| x.0.total_cmp(&y.0).is_eq())
        .map(|days| Summary {
            repeats: (days.len() - 1) as u32,
            recency: (days[days.len() - 1].1 - days[0].1) / 7.0,
            age: (today - days[0].1) / 7.0,
        })
        .collect();
    assert_eq!(summaries.len(), 23_570);
    let mbg = MbgNbd::fit(&summaries).unwrap();
    let MbgNbd { r, alpha, a, b } = mbg.model;
    assert_digits(&[r, alpha, a, b], &[0.6424, 9.1516, 0.5129, 0.9515], 0.6e-4);
    assert_digits(&[mbg.log_likelihood], &[-150_998.0], 0.06);
    let bg = BgNbd::fit(&summaries).unwrap();
    let BgNbd { r, alpha, a, b } = bg.model;
    assert_digits(&[r, alpha, a, b], &[0.2723, 5.9406, 0.4630, 1.9185], 0.6e-4);
    assert_digits(&[bg.log_likelihood], &[-151_070.6], 0.06);
}
