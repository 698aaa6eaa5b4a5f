//! Whether probabilities mean what they say: a predicted 30 % should happen three times in ten.
//!
//! Enters: probabilities and outcomes. Leaves: the reliability table, the expected calibration error, and what that
//! error would be if the probabilities were exactly right.
//!
//! The one decision: bins hold equally many rows, and every error comes beside its null band. The error of a perfect
//! model is above zero, because the outcomes of a finite bin scatter around their probability.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde::Serialize;

use super::bootstrap::Interval;

/// Bins of a reliability table.
pub const BINS: usize = 10;

/// One bin of a reliability table.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ReliabilityBin {
    /// Rows in the bin.
    pub rows: usize,
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share of the rows for which it happened.
    pub observed: f64,
}

/// 97.5 % quantile of the standard normal law.
const Z: f64 = 1.959_963_984_540_054;

impl ReliabilityBin {
    /// The 95 % score interval of the observed rate:
    /// `(p + z²/2n ± z · √(p(1 − p)/n + z²/4n²)) / (1 + z²/n)`; within 0 and 1, and wide for few rows even when the rate is 0
    /// or 1.
    ///
    /// # Source
    /// Wilson, *Probable Inference, the Law of Succession, and Statistical Inference*, JASA 22, 1927.
    #[must_use]
    pub fn interval(&self) -> Interval {
        let (p, n) = (self.observed, self.rows as f64);
        if self.rows == 0 {
            return Interval { low: 0.0, high: 1.0 };
        }
        let of_n = Z * Z / n;
        let centre = p + of_n / 2.0;
        let half = Z * (p * (1.0 - p) / n + of_n / (4.0 * n)).sqrt();
        Interval {
            low: ((centre - half) / (1.0 + of_n)).max(0.0),
            high: ((centre + half) / (1.0 + of_n)).min(1.0),
        }
    }
}

/// Mean predicted and observed rate in [`BINS`] bins of equally many rows, by rising probability; empty bins are left
/// out.
///
/// Rows of equal probability stay together, so a bin may be larger than its share and the next one smaller.
///
/// # Panics
/// When probabilities and outcomes differ in number.
#[must_use]
pub fn reliability(probabilities: &[f64], outcomes: &[bool]) -> Vec<ReliabilityBin> {
    assert_eq!(probabilities.len(), outcomes.len(), "one outcome per probability");
    let order = ascending(probabilities);
    bins(probabilities, &order)
        .map(|rows| bin_of(rows, probabilities, |row| outcomes[row]))
        .collect()
}

/// Expected calibration error: `Σ_b n_b / n · |predicted_b − observed_b|` over the bins of [`reliability`]; 0 for no
/// rows.
///
/// # Source
/// Naeini, Cooper and Hauskrecht, *Obtaining Well Calibrated Probabilities Using Bayesian Binning*, AAAI 2015, with
/// equal-mass bins.
///
/// # Panics
/// When probabilities and outcomes differ in number.
#[must_use]
pub fn expected_calibration_error(probabilities: &[f64], outcomes: &[bool]) -> f64 {
    weighted_gap(&reliability(probabilities, outcomes))
}

/// The calibration error that perfectly calibrated probabilities of these values would show in 95 of 100 samples.
///
/// Outcomes are drawn from the probabilities `samples` times; the 95th percentile of their errors is the upper end of
/// the null band. An error below it gives no reason to doubt the calibration.
///
/// # Determinism
/// The same arguments give the same number; nothing runs in parallel.
#[must_use]
pub fn calibration_error_if_perfect(probabilities: &[f64], samples: usize, seed: u64) -> f64 {
    let order = ascending(probabilities);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut outcomes = vec![false; probabilities.len()];
    let mut errors: Vec<f64> = (0..samples)
        .map(|_| {
            for (outcome, &p) in outcomes.iter_mut().zip(probabilities) {
                *outcome = random.r#gen::<f64>() < p;
            }
            let table: Vec<_> = bins(probabilities, &order)
                .map(|rows| bin_of(rows, probabilities, |row| outcomes[row]))
                .collect();
            weighted_gap(&table)
        })
        .collect();
    errors.sort_by(f64::total_cmp);
    // The smallest error that at least 95 % of the samples do not exceed.
    let at = (0.95 * samples as f64).ceil() as usize;
    errors.get(at.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// Whether the probabilities are too high or too low as a whole.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct CalibrationInTheLarge {
    /// Mean predicted probability.
    pub predicted: f64,
    /// Share of the rows for which it happened.
    pub observed: f64,
    /// `predicted − observed`: above 0 when too much was expected.
    pub difference: f64,
    /// Standard error of the difference over samples of rows.
    pub standard_error: f64,
}

/// Mean probability against observed rate; `None` for fewer than two rows.
///
/// The difference is the mean of `d_i = p_i − y_i`, so its standard error is `s / √n` with the sample standard deviation
/// `s` of the `d_i`. That holds whether or not the probabilities are right.
///
/// # Panics
/// When probabilities and outcomes differ in number.
#[must_use]
pub fn calibration_in_the_large(probabilities: &[f64], outcomes: &[bool]) -> Option<CalibrationInTheLarge> {
    assert_eq!(probabilities.len(), outcomes.len(), "one outcome per probability");
    if outcomes.len() < 2 {
        return None;
    }
    let n = outcomes.len() as f64;
    let happened = |outcome: &bool| f64::from(u8::from(*outcome));
    let predicted = probabilities.iter().sum::<f64>() / n;
    let observed = outcomes.iter().map(happened).sum::<f64>() / n;
    let difference = predicted - observed;
    let squares: f64 = probabilities
        .iter()
        .zip(outcomes)
        .map(|(p, outcome)| (p - happened(outcome) - difference).powi(2))
        .sum();
    Some(CalibrationInTheLarge {
        predicted,
        observed,
        difference,
        standard_error: (squares / (n - 1.0) / n).sqrt(),
    })
}

fn ascending(probabilities: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]).then(a.cmp(&b)));
    order
}

/// Rows of each bin. A bin ends at its share of the rows, moved on to the end of a run of equal probabilities.
fn bins<'a>(probabilities: &'a [f64], order: &'a [usize]) -> impl Iterator<Item = &'a [usize]> {
    let mut from = 0;
    (1..=BINS).filter_map(move |bin| {
        let mut to = (order.len() * bin / BINS).max(from);
        while to > from
            && to < order.len()
            && probabilities[order[to]]
                .total_cmp(&probabilities[order[to - 1]])
                .is_eq()
        {
            to += 1;
        }
        let rows = &order[from..to];
        from = to;
        (!rows.is_empty()).then_some(rows)
    })
}

fn bin_of(rows: &[usize], probabilities: &[f64], happened: impl Fn(usize) -> bool) -> ReliabilityBin {
    let n = rows.len() as f64;
    ReliabilityBin {
        rows: rows.len(),
        predicted: rows.iter().map(|&row| probabilities[row]).sum::<f64>() / n,
        observed: rows.iter().filter(|&&row| happened(row)).count() as f64 / n,
    }
}

fn weighted_gap(table: &[ReliabilityBin]) -> f64 {
    let rows: usize = table.iter().map(|bin| bin.rows).sum();
    table
        .iter()
        .map(|bin| bin.rows as f64 / rows.max(1) as f64 * (bin.predicted - bin.observed).abs())
        .sum::<f64>()
        + 0.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn the_table_of_twenty_rows_by_hand() {
        // Two rows a bin; outcomes happen exactly in the upper half.
        let p: Vec<f64> = (0..20).map(|i| f64::from(i) / 20.0).collect();
        let y: Vec<bool> = (0..20).map(|i| i >= 10).collect();
        let table = reliability(&p, &y);
        assert_eq!(table.len(), 10);
        assert_eq!(table[0].rows, 2);
        assert!((table[0].predicted - 0.025).abs() < 1e-12 && table[0].observed < 1e-12);
        // Gaps are 0.025, 0.125, …, 0.425 below and 0.475, …, 0.075 above: mean (1.125 + 1.375) / 10.
        assert!((expected_calibration_error(&p, &y) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn the_score_interval_of_scipy_1_17() {
        // scipy.stats.binomtest(count, n).proportion_ci(method="wilson")
        let of = |count: usize, rows: usize| {
            let bin = ReliabilityBin {
                rows,
                predicted: 0.5,
                observed: count as f64 / rows as f64,
            };
            (bin.interval().low, bin.interval().high)
        };
        for ((count, rows), (low, high)) in [
            ((4, 10), (0.16818032970623614, 0.6873262302663417)),
            ((0, 10), (0.0, 0.27753279986288926)),
            ((50, 50), (0.9286524008666412, 1.0)),
        ] {
            let found = of(count, rows);
            assert!(
                (found.0 - low).abs() < 1e-7 && (found.1 - high).abs() < 1e-7,
                "{found:?}"
            );
        }
    }

    #[test]
    fn calibration_in_the_large_by_hand() {
        // Everybody at 30 %, four of ten happen: d is 0.3 six times and −0.7 four times, s² = n/(n−1) · 0.4 · 0.6.
        let y: Vec<bool> = (0..10).map(|i| i < 4).collect();
        let large = calibration_in_the_large(&[0.3; 10], &y).unwrap();
        assert!((large.predicted - 0.3).abs() < 1e-12 && (large.observed - 0.4).abs() < 1e-12);
        assert!((large.difference + 0.1).abs() < 1e-12);
        assert!((large.standard_error - (0.24f64 / 9.0).sqrt()).abs() < 1e-12);
        assert_eq!(calibration_in_the_large(&[0.3], &[true]), None);
    }

    #[test]
    fn the_standard_error_is_the_spread_over_samples() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
        let of_samples: Vec<_> = (0..2000)
            .map(|_| {
                let p: Vec<f64> = (0..100).map(|_| random.gen_range(0.0..1.0)).collect();
                let y: Vec<bool> = p.iter().map(|&p| random.gen_range(0.0..1.0) < p).collect();
                calibration_in_the_large(&p, &y).unwrap()
            })
            .collect();
        let within = |errors: f64| {
            let inside =
                |large: &&CalibrationInTheLarge| large.difference.abs() < errors * large.standard_error;
            of_samples.iter().filter(inside).count() as f64 / 2000.0
        };
        assert!((within(1.0) - 0.683).abs() < 0.03, "{}", within(1.0));
        assert!((within(1.96) - 0.95).abs() < 0.015, "{}", within(1.96));
    }

    #[test]
    fn a_perfect_model_is_inside_its_null_band_and_a_bold_one_is_not() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
        let p: Vec<f64> = (0..2000).map(|_| random.gen_range(0.0..1.0)).collect();
        let y: Vec<bool> = p.iter().map(|&p| random.gen_range(0.0..1.0) < p).collect();
        let limit = calibration_error_if_perfect(&p, 200, 1);
        assert!(limit > 0.005 && limit < 0.05, "{limit}");
        assert!(expected_calibration_error(&p, &y) < limit);
        let bold: Vec<f64> = p.iter().map(|&p| if p > 0.5 { 0.99 } else { 0.01 }).collect();
        assert!(expected_calibration_error(&bold, &y) > calibration_error_if_perfect(&bold, 200, 1));
    }

    proptest! {
        /// Every row is in one bin, ties are never parted, and the error agrees with a plain recount.
        #[test]
        fn bins_hold_all_rows_and_part_no_ties(rows in prop::collection::vec((0u8..30, any::<bool>()), 1..200)) {
            let p: Vec<f64> = rows.iter().map(|r| f64::from(r.0) / 29.0).collect();
            let y: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let table = reliability(&p, &y);
            prop_assert_eq!(table.iter().map(|bin| bin.rows).sum::<usize>(), rows.len());
            let mut sorted: Vec<(f64, bool)> = p.iter().copied().zip(y.iter().copied()).collect();
            sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (mut from, mut error) = (0, 0.0);
            for bin in &table {
                let part = &sorted[from..from + bin.rows];
                from += bin.rows;
                if let Some(next) = sorted.get(from) {
                    prop_assert!(next.0 > part[part.len() - 1].0);
                }
                let predicted: f64 = part.iter().map(|r| r.0).sum();
                let observed = part.iter().filter(|r| r.1).count() as f64;
                error += (predicted - observed).abs() / rows.len() as f64;
            }
            prop_assert!((error - expected_calibration_error(&p, &y)).abs() < 1e-12);
        }
    }
}
