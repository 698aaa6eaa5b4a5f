//! Whether values are still spread as they were: the population stability index of a feature or of the score.
//!
//! Enters: the values that a model was fitted on, later those that it is asked about. Leaves: a [`Reference`] to keep
//! beside the model, and from it the index with the limit above which it is more than chance.
//!
//! The one decision: the limit grows as samples shrink. The customary 0.1 says nothing of sample sizes: two samples of
//! 100 from one law have an expected index of 0.18.
//!
//! # Source
//! Yurdakul and Naranjo, *Statistical properties of the population stability index*, Journal of Risk Model Validation
//! 14(4), 2020: without drift, `PSI / (1/n + 1/m)` is distributed as χ² with one degree of freedom less than bins.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Bins of equally many reference values, where the values allow them.
const BINS: usize = 10;
/// The least index that is called a drift, however many values there are: the custom of credit scoring.
const LEAST_ALARM: f64 = 0.1;
/// Chance of no alarm without drift.
const CONFIDENCE: f64 = 0.99;

/// How values were spread when the model was fitted.
///
/// Bin `b` holds the values in `(edges[b − 1], edges[b]]`, the first and the last one without an outer edge; one more
/// bin holds what is missing (NaN). Edges are the deciles of the reference values, each once: a feature with few distinct
/// values has one bin for each of them, a constant one a single bin.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawReference", into = "RawReference")]
pub struct Reference {
    edges: Vec<f64>,
    /// Values of each bin, the missing ones last.
    counts: Vec<u64>,
}

/// A reference as a bundle stores it, unchecked.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReference {
    edges: Vec<f64>,
    counts: Vec<u64>,
}

/// Why a stored reference cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// Edges out of order, repeated, or not numbers.
    #[error("edges of a stability reference do not ascend: {before} is followed by {after}")]
    Edges {
        /// An edge.
        before: f64,
        /// The next one.
        after: f64,
    },
    /// Not one count a bin.
    #[error("a stability reference with {edges} edges has {counts} counts instead of {}", edges + 2)]
    Counts {
        /// Number of edges.
        edges: usize,
        /// Number of counts.
        counts: usize,
    },
    /// The counts are all 0, or too large to be added.
    #[error("the counts of a stability reference add up to 0 or to more than 2^53")]
    Total,
}

/// How far values have moved from a reference.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Stability {
    /// Population stability index: 0 for the same spread, unbounded above.
    pub index: f64,
    /// What the index is on average when nothing has moved: `(B − 1)(1/n + 1/m)`.
    pub expected_without_drift: f64,
    /// An index above this is a drift: `max(0.1, χ²_{B−1, 0.99} · (1/n + 1/m))`.
    pub alarm_above: f64,
    /// Bins with a value in either sample, `B`.
    pub bins: usize,
    /// Current values, `m`.
    pub rows: usize,
}

impl Stability {
    /// Whether the values have moved by more than chance, and by enough to matter.
    #[must_use]
    pub fn drifted(&self) -> bool {
        self.index > self.alarm_above
    }
}

impl Reference {
    /// Learns how values are spread; NaN is a missing value. `None` for no value.
    #[must_use]
    pub fn learn(values: &[f64]) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        let mut distinct = sorted.clone();
        distinct.dedup();
        let mut edges: Vec<f64> = if distinct.len() <= BINS {
            distinct
        } else {
            // The smallest value that a share of d/10 of the values does not exceed; at least 11 values are there.
            (1..BINS)
                .map(|decile| sorted[(sorted.len() * decile).div_ceil(BINS) - 1])
                .collect()
        };
        edges.dedup();
        // Nothing lies above the greatest value, and JSON has no infinity.
        let greatest = sorted.last().copied().unwrap_or(f64::INFINITY);
        edges.retain(|&edge| edge < greatest && edge.is_finite());
        let counts = counts(&edges, values);
        (!values.is_empty()).then_some(Self { edges, counts })
    }

    /// Number of values that were learnt from, missing ones too.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper edges of all bins but the last one and that of the missing values, ascending.
    #[must_use]
    pub fn edges(&self) -> &[f64] {
        &self.edges
    }

    /// The share of the values in each bin, missing ones last.
    #[must_use]
    pub fn shares(&self) -> Vec<f64> {
        let n = self.rows() as f64;
        self.counts.iter().map(|&count| count as f64 / n).collect()
    }

    /// Compares current values with these; `None` for no value.
    ///
    /// `PSI = Σ_b (q_b − p_b) · ln(q_b / p_b)` with the shares `p` of the reference and `q` of the current values. Half a
    /// value is added to each bin, so that an empty one has a logarithm; bins that are empty in both samples count for
    /// nothing.
    #[must_use]
    pub fn compare(&self, current: &[f64]) -> Option<Stability> {
        if current.is_empty() {
            return None;
        }
        let found = counts(&self.edges, current);
        let used: Vec<(f64, f64)> = self
            .counts
            .iter()
            .zip(&found)
            .filter(|&(&reference, &current)| reference + current > 0)
            .map(|(&reference, &current)| (reference as f64 + 0.5, current as f64 + 0.5))
            .collect();
        let bins = used.len();
        let (n, m) = (self.rows() as f64, current.len() as f64);
        let half = 0.5 * bins as f64;
        let index = used
            .iter()
            .map(|(reference, current)| {
                let (p, q) = (reference / (n + half), current / (m + half));
                (q - p) * (q / p).ln()
            })
            .sum();
        let scale = 1.0 / n + 1.0 / m;
        let freedom = (bins - 1) as f64;
        Some(Stability {
            index,
            expected_without_drift: freedom * scale,
            alarm_above: LEAST_ALARM.max(chi_squared_quantile(freedom) * scale),
            bins,
            rows: current.len(),
        })
    }
}

/// Values of each bin, the missing ones last.
fn counts(edges: &[f64], values: &[f64]) -> Vec<u64> {
    let mut counts = vec![0; edges.len() + 2];
    for &value in values {
        let bin = if value.is_nan() {
            edges.len() + 1
        } else {
            edges.partition_point(|&edge| edge < value)
        };
        counts[bin] += 1;
    }
    counts
}

/// The [`CONFIDENCE`] quantile of χ²; 0 for no degree of freedom.
fn chi_squared_quantile(freedom: f64) -> f64 {
    ChiSquared::new(freedom).map_or(0.0, |law| law.inverse_cdf(CONFIDENCE))
}

impl From<Reference> for RawReference {
    fn from(Reference { edges, counts }: Reference) -> Self {
        Self { edges, counts }
    }
}

impl TryFrom<RawReference> for Reference {
    type Error = ReferenceError;

    fn try_from(RawReference { edges, counts }: RawReference) -> Result<Self, ReferenceError> {
        let out_of_order = |pair: &&[f64]| pair[0].partial_cmp(&pair[1]) != Some(Ordering::Less);
        if let Some(pair) = edges.windows(2).find(out_of_order) {
            return Err(ReferenceError::Edges {
                before: pair[0],
                after: pair[1],
            });
        }
        if let Some(&edge) = edges.iter().find(|edge| !edge.is_finite()) {
            return Err(ReferenceError::Edges {
                before: edge,
                after: edge,
            });
        }
        if counts.len() != edges.len() + 2 {
            return Err(ReferenceError::Counts {
                edges: edges.len(),
                counts: counts.len(),
            });
        }
        let total = counts.iter().try_fold(0u64, |sum, &count| sum.checked_add(count));
        if !total.is_some_and(|total| (1..=1 << 53).contains(&total)) {
            return Err(ReferenceError::Total);
        }
        Ok(Self { edges, counts })
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::*;

    fn draw(random: &mut Xoshiro256PlusPlus, n: usize) -> Vec<f64> {
        (0..n).map(|_| random.r#gen::<f64>()).collect()
    }

    #[test]
    fn the_index_by_hand() {
        // A value that is 0 or 1: 30 and 70 of 100, then 50 and 50 of 100.
        let of = |ones: usize| -> Vec<f64> { (0..100).map(|i| f64::from(u8::from(i < ones))).collect() };
        let reference = Reference::learn(&of(70)).unwrap();
        assert_eq!(reference.edges(), [0.0]);
        assert_eq!(reference.shares(), [0.3, 0.7, 0.0]);
        let found = reference.compare(&of(50)).unwrap();
        // Half a value each: p = (30.5, 70.5) / 101, q = (50.5, 50.5) / 101.
        let expected = (20.0 / 101.0) * ((50.5f64 / 30.5).ln() + (70.5f64 / 50.5).ln());
        assert!((found.index - expected).abs() < 1e-12, "{found:?}");
        assert_eq!((found.bins, found.rows), (2, 100));
        assert!((found.expected_without_drift - 0.02).abs() < 1e-12);
        // χ²(1) at 0.99 is 6.6349, so 0.1327 of 2/100.
        assert!((found.alarm_above - 0.132_698).abs() < 1e-6, "{found:?}");
        assert!(found.drifted());
        assert!(reference.compare(&of(70)).unwrap().index.abs() < 1e-15);
    }

    #[test]
    fn quantiles_agree_with_scipy_1_17() {
        // scipy.stats.chi2.ppf(0.99, k)
        let expected = [
            (1.0, 6.6348966010212145),
            (2.0, 9.21034037197618),
            (4.0, 13.276704135987622),
            (9.0, 21.665994333461924),
            (10.0, 23.209251158954356),
        ];
        for (freedom, quantile) in expected {
            assert!(
                (chi_squared_quantile(freedom) - quantile).abs() < 1e-6 * quantile,
                "{freedom}: {}",
                chi_squared_quantile(freedom)
            );
        }
        assert!(chi_squared_quantile(0.0).abs() < 1e-15);
    }

    #[test]
    fn without_drift_the_index_is_as_expected_and_rarely_alarms() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(9);
        for (n, m) in [(1000, 1000), (2000, 300)] {
            let trials = 1000;
            let (mut sum, mut alarms) = (0.0, 0);
            let mut expected = 0.0;
            for _ in 0..trials {
                let reference = Reference::learn(&draw(&mut random, n)).unwrap();
                let found = reference.compare(&draw(&mut random, m)).unwrap();
                assert_eq!(found.bins, 10);
                sum += found.index;
                expected = found.expected_without_drift;
                alarms +=
                    u32::from(found.index > chi_squared_quantile(9.0) * (1.0 / n as f64 + 1.0 / m as f64));
            }
            let mean = sum / f64::from(trials);
            assert!(
                (mean / expected - 1.0).abs() < 0.05,
                "{n}, {m}: {mean} for {expected}"
            );
            // One in a hundred by the law of large samples.
            assert!((2..=20).contains(&alarms), "{n}, {m}: {alarms}");
        }
    }

    #[test]
    fn a_shift_alarms_and_small_samples_alone_do_not() {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(4);
        let reference = Reference::learn(&draw(&mut random, 1000)).unwrap();
        let moved: Vec<f64> = draw(&mut random, 500).iter().map(|value| value + 0.3).collect();
        assert!(reference.compare(&moved).unwrap().drifted());
        let few = reference.compare(&draw(&mut random, 40)).unwrap();
        assert!(few.alarm_above > 0.5 && !few.drifted(), "{few:?}");
        // A feed that stops giving the feature.
        let mut gone = draw(&mut random, 500);
        gone[..200].fill(f64::NAN);
        let found = reference.compare(&gone).unwrap();
        assert!(found.bins == 11 && found.drifted(), "{found:?}");
    }

    #[test]
    fn ties_and_constants_make_fewer_bins() {
        let constant = Reference::learn(&[3.0; 50]).unwrap();
        assert!(constant.edges().is_empty());
        let same = constant.compare(&[3.0; 20]).unwrap();
        assert_eq!((same.bins, same.drifted()), (1, false));
        assert!(same.index.abs() < 1e-15);
        // Eight of ten are zero: the first eight deciles are one edge.
        let mostly_zero: Vec<f64> = (0..100).map(|i| f64::from((i - 80).max(0))).collect();
        let reference = Reference::learn(&mostly_zero).unwrap();
        assert_eq!(reference.edges(), [0.0, 9.0]);
        assert_eq!(reference.shares(), [0.81, 0.09, 0.1, 0.0]);
        let few = Reference::learn(&[1.0, 2.0, 2.0, 5.0, f64::NAN]).unwrap();
        assert_eq!(few.edges(), [1.0, 2.0]);
        assert_eq!(few.shares(), [0.2, 0.4, 0.2, 0.2]);
        assert_eq!(Reference::learn(&[]), None);
        assert_eq!(few.compare(&[]), None);
        let infinite = Reference::learn(&[f64::NEG_INFINITY, 0.0, f64::INFINITY]).unwrap();
        assert_eq!(infinite.edges(), [0.0]);
    }

    #[test]
    fn a_reference_survives_a_bundle_and_a_broken_one_is_named() {
        let reference = Reference::learn(&[0.1, 0.2, 0.2, 0.7, f64::NAN]).unwrap();
        let json = serde_json::to_string(&reference).unwrap();
        assert_eq!(json, r#"{"edges":[0.1,0.2],"counts":[1,2,1,1]}"#);
        assert_eq!(serde_json::from_str::<Reference>(&json).unwrap(), reference);
        let error = |json: &str| serde_json::from_str::<Reference>(json).unwrap_err().to_string();
        assert!(error(r#"{"edges":[2,1],"counts":[1,1,1,1]}"#).contains("2 is followed by 1"));
        assert!(error(r#"{"edges":[1],"counts":[1,1]}"#).contains("1 edges has 2 counts instead of 3"));
        assert!(error(r#"{"edges":[],"counts":[0,0]}"#).contains("add up to 0"));
        assert!(error(r#"{"edges":[],"counts":[1,18446744073709551615]}"#).contains("2^53"));
        assert!(error(r#"{"edges":[],"counts":[1,1],"n":2}"#).contains("unknown field"));
    }
}
