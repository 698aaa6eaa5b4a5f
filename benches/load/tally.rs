//! What came of the questions.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

/// Latencies above this count as this.
const LONGEST: Duration = Duration::from_secs(120);

/// Latencies of what was answered, and why the rest was not.
#[derive(Clone, Debug)]
pub struct Tally {
    /// In nanoseconds, to three digits.
    latencies: Histogram<u64>,
    /// By what went wrong.
    pub failures: BTreeMap<String, u64>,
    /// Questions that were due and not sent, because too many were under way.
    pub unsent: u64,
    /// Length of the measurement.
    pub seconds: f64,
}

impl Tally {
    /// Nothing yet, of a measurement of this length.
    pub fn new(measured: Duration) -> Self {
        let longest = u64::try_from(LONGEST.as_nanos()).unwrap_or(u64::MAX);
        Self {
            latencies: Histogram::new_with_bounds(1, longest, 3)
                .expect("three digits up to minutes are in range"),
            failures: BTreeMap::new(),
            unsent: 0,
            seconds: measured.as_secs_f64(),
        }
    }

    /// Counts one outcome.
    pub fn count(&mut self, outcome: Result<(), String>, latency: Duration) {
        match outcome {
            Ok(()) => self
                .latencies
                .saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX).max(1)),
            Err(failure) => *self.failures.entry(failure).or_default() += 1,
        }
    }

    /// Adds what another thread counted in the same measurement.
    pub fn merge(&mut self, other: &Self) {
        self.latencies
            .add(&other.latencies)
            .expect("both histograms have the same bounds");
        for (failure, times) in &other.failures {
            *self.failures.entry(failure.clone()).or_default() += times;
        }
        self.unsent += other.unsent;
    }

    /// Questions that were answered well.
    pub fn answered(&self) -> u64 {
        self.latencies.len()
    }

    /// Questions that were not, or not even asked.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum::<u64>() + self.unsent
    }

    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.answered() as f64 / self.seconds
    }

    /// The latency that this share of the answers did not exceed, in milliseconds.
    pub fn millis_at(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64 / 1e6
    }

    /// The longest latency in milliseconds.
    pub fn millis_most(&self) -> f64 {
        self.latencies.max() as f64 / 1e6
    }
}

/// The median of a few figures; of an even number the lower middle one.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures
        .get(figures.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN)
}
