//! Percentile bootstrap: how far a metric could have come out otherwise with other customers.
//!
//! Enters: a statistic of a sample of units. Leaves: an interval. The unit is what was drawn from the world, a customer:
//! several rows of one customer are drawn together or not at all.
//!
//! # Source
//! Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

/// How an interval is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// Samples that are drawn.
    pub resamples: u32,
    /// Share of the samples' statistics that the interval holds, between 0 and 1.
    pub level: f64,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            resamples: 1000,
            level: 0.95,
            seed: 1,
        }
    }
}

/// Where the statistic lies in most samples.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Bootstrap {
    /// The interval of any statistic of `n_units` units.
    ///
    /// `statistic` gets the drawn units, as many as there are, some of them several times. A sample for which it is not
    /// finite (an AUC without a positive) is left out. `None` when there is no unit or no finite statistic.
    ///
    /// # Determinism
    /// Each sample has a generator of its own, made from the seed and its number: threads change nothing.
    #[must_use]
    pub fn interval(&self, n_units: usize, statistic: impl Fn(&[u32]) -> f64 + Sync) -> Option<Interval> {
        self.intervals(n_units, |drawn| vec![statistic(drawn)])?.pop()
    }

    /// [`Self::interval`] of several statistics of the same samples, each drawn once; as many for every sample.
    #[must_use]
    pub fn intervals(
        &self,
        n_units: usize,
        statistics: impl Fn(&[u32]) -> Vec<f64> + Sync,
    ) -> Option<Vec<Interval>> {
        // Rows of customers are u32 everywhere.
        let n = u32::try_from(n_units).ok().filter(|&n| n > 0)?;
        let samples: Vec<Vec<f64>> = (0..self.resamples)
            .into_par_iter()
            .map_init(
                || vec![0u32; n_units],
                |drawn, sample| {
                    // An odd factor keeps the samples' seeds apart; `seed_from_u64` mixes what is alike in them.
                    let seed = self.seed ^ u64::from(sample + 1).wrapping_mul(0xD134_2543_DE82_EF95);
                    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
                    drawn.fill_with(|| random.gen_range(0..n));
                    statistics(drawn)
                },
            )
            .collect();
        (0..samples.first()?.len())
            .map(|at| self.holding(samples.iter().map(|sample| sample[at]).collect()))
            .collect()
    }

    /// Where the finite ones of these values lie; `None` when there is none.
    fn holding(&self, mut found: Vec<f64>) -> Option<Interval> {
        found.retain(|value| value.is_finite());
        found.sort_by(f64::total_cmp);
        let tail = (1.0 - self.level.clamp(0.0, 1.0)) / 2.0;
        Some(Interval {
            low: quantile(&found, tail)?,
            high: quantile(&found, 1.0 - tail)?,
        })
    }

    /// The interval of a mean, one value a unit.
    #[must_use]
    pub fn mean(&self, values: &[f64]) -> Option<Interval> {
        self.interval(values.len(), |drawn| {
            drawn.iter().map(|&unit| values[unit as usize]).sum::<f64>() / drawn.len() as f64
        })
    }
}

/// Linear interpolation between the order statistics; `None` for no value.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let at = share * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    Some(sorted[below] + (at - below as f64) * (sorted[above] - sorted[below]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_that_of_the_normal_law() {
        // 400 values with mean 0.5 and standard deviation 0.5: the mean's is 0.025, 95 % lie within 1.96 of them.
        let values: Vec<f64> = (0..400).map(|unit| f64::from(unit % 2)).collect();
        let bootstrap = Bootstrap {
            resamples: 4000,
            ..Bootstrap::default()
        };
        let Interval { low, high } = bootstrap.mean(&values).unwrap();
        assert!((low - (0.5 - 1.96 * 0.025)).abs() < 0.004, "{low}");
        assert!((high - (0.5 + 1.96 * 0.025)).abs() < 0.004, "{high}");
    }

    #[test]
    fn threads_and_order_change_nothing_but_the_seed_does() {
        let values: Vec<f64> = (0..50).map(f64::from).collect();
        let in_pool = |threads: usize, seed: u64| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                Bootstrap {
                    seed,
                    ..Bootstrap::default()
                }
                .mean(&values)
            })
        };
        assert_eq!(in_pool(1, 7), in_pool(4, 7));
        assert_ne!(in_pool(1, 7), in_pool(1, 8));
    }

    #[test]
    fn several_statistics_of_the_same_samples_are_those_of_each_alone() {
        let bootstrap = Bootstrap::default();
        let first = |drawn: &[u32]| f64::from(drawn[0]);
        let most = |drawn: &[u32]| drawn.iter().copied().max().map_or(f64::NAN, f64::from);
        let both = bootstrap.intervals(30, |drawn| vec![first(drawn), most(drawn)]);
        let alone = [bootstrap.interval(30, first), bootstrap.interval(30, most)];
        assert_eq!(both, alone.into_iter().collect());
        assert_eq!(
            bootstrap.intervals(30, |drawn| vec![first(drawn), f64::NAN]),
            None
        );
    }

    #[test]
    fn undefined_statistics_are_left_out() {
        let bootstrap = Bootstrap::default();
        assert_eq!(bootstrap.mean(&[]), None);
        assert_eq!(bootstrap.interval(3, |_| f64::NAN), None);
        let all_alike = bootstrap.interval(2, |drawn| if drawn[0] == drawn[1] { f64::NAN } else { 5.0 });
        assert_eq!(all_alike, Some(Interval { low: 5.0, high: 5.0 }));
    }
}
