//! The likelihood of a whole shop and its gradient, as the solver asks for them.

use rayon::prelude::*;
use statrs::function::beta::ln_beta;
use statrs::function::gamma::{digamma, ln_gamma};

use super::fit::{Slope, minimise};
use super::gamma_poisson::{GammaPoisson, Leaving, softplus};
use super::summary::Group;
use super::summary::groups;
use super::{BtydError, Summary};

/// Groups that are summed one after the other; fixed, so that the sum does not depend on the number of threads.
const CHUNK: usize = 2048;
/// The oldest customer is so old during the fit, whatever the unit of the summaries.
const LARGEST_AGE: f64 = 50.0;
/// `ln(r, α, a, b)` at which the search starts and towards which the ridge draws: on the scale of [`LARGEST_AGE`]
/// the fits of CDNOW lie within a factor of four or so.
const START: [f64; 4] = [-0.7, 2.0, -0.2, 0.7];

/// The mean negative log-likelihood of a shop, on a scale of time of its own.
pub(super) struct Shop {
    leaving: Leaving,
    groups: Vec<Group>,
    customers: f64,
    /// Time units of the summaries in one of the fit.
    unit: f64,
}

/// A maximum: the model and the solver's steps.
pub(super) struct Maximum {
    pub(super) model: GammaPoisson,
    pub(super) log_likelihood: f64,
    pub(super) iterations: u64,
}

impl Shop {
    pub(super) fn of(leaving: Leaving, summaries: &[Summary]) -> Result<Self, BtydError> {
        let mut groups = groups(summaries)?;
        let unit = groups.iter().map(|group| group.summary.age).fold(0.0, f64::max) / LARGEST_AGE;
        for group in &mut groups {
            group.summary.recency /= unit;
            group.summary.age /= unit;
        }
        Ok(Self {
            leaving,
            groups,
            customers: summaries.len() as f64,
            unit,
        })
    }

    pub(super) fn maximise(&self) -> Result<Maximum, BtydError> {
        let optimum = minimise(&START, self.customers, &|logs| self.slope(logs))?;
        let mut model = self.model(&optimum.at);
        let repeats: f64 = self
            .groups
            .iter()
            .map(|group| group.customers * f64::from(group.summary.repeats))
            .sum();
        // A density of x times changes by the x-th power of the unit.
        let log_likelihood = -self.slope(&optimum.at).value * self.customers - repeats * self.unit.ln();
        model.alpha *= self.unit;
        Ok(Maximum {
            model,
            log_likelihood,
            iterations: optimum.iterations,
        })
    }

    fn model(&self, logs: &[f64; 4]) -> GammaPoisson {
        let [r, alpha, a, b] = logs.map(f64::exp);
        GammaPoisson {
            leaving: self.leaving,
            r,
            alpha,
            a,
            b,
        }
    }

    /// Mean negative log-likelihood and its gradient in `ln(r, α, a, b)`.
    pub(super) fn slope(&self, logs: &[f64; 4]) -> Slope<4> {
        let model = self.model(logs);
        let sums: Vec<[f64; 5]> = self
            .groups
            .par_chunks(CHUNK)
            .map(|chunk| model.sums(chunk))
            .collect();
        let mut total = [0.0; 5];
        for sums in sums {
            total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        }
        let [value, r, alpha, a, b] = total.map(|sum| -sum / self.customers);
        Slope {
            value,
            gradient: [r * model.r, alpha * model.alpha, a * model.a, b * model.b],
        }
    }
}

/// What depends on the number of repeats alone: the part of the log-likelihood and its derivatives by `r`, `a`, `b`.
struct OfRepeats {
    value: f64,
    by_r: f64,
    by_a: f64,
    by_b: f64,
}

impl GammaPoisson {
    fn of_repeats(&self, repeats: u32) -> OfRepeats {
        let Self { r, alpha, a, b, .. } = *self;
        let (shape, k) = (r + f64::from(repeats), self.leaving.chances(repeats));
        let chances = digamma(a + b) - digamma(a + b + k);
        OfRepeats {
            value: ln_gamma(shape) - ln_gamma(r) + r * alpha.ln() + ln_beta(a, b + k) - ln_beta(a, b),
            by_r: digamma(shape) - digamma(r) + alpha.ln(),
            by_a: chances,
            by_b: chances + digamma(b + k) - digamma(b),
        }
    }

    /// Log-likelihood and its derivatives by `r`, `α`, `a`, `b`, summed over groups in their order.
    fn sums(&self, groups: &[Group]) -> [f64; 5] {
        let Self { r, alpha, a, b, .. } = *self;
        let mut sums = [0.0; 5];
        for same in groups.chunk_by(|x, y| x.summary.repeats == y.summary.repeats) {
            let repeats = same[0].summary.repeats;
            let of_repeats = self.of_repeats(repeats);
            let (shape, k) = (r + f64::from(repeats), self.leaving.chances(repeats));
            let ln_chance = if k > 0.0 {
                a.ln() - (b + k - 1.0).ln()
            } else {
                f64::NEG_INFINITY
            };
            let mut at_last = (u64::MAX, 0.0);
            for group in same {
                let Summary { recency, age, .. } = group.summary;
                // Many customers share a recency, all one-time buyers that of 0.
                if at_last.0 != recency.to_bits() {
                    at_last = (recency.to_bits(), (alpha + recency).ln());
                }
                let (ln_now, ln_last) = ((alpha + age).ln(), at_last.1);
                let log_odds_dead = ln_chance + shape * (ln_now - ln_last);
                let odds = log_odds_dead.exp();
                let dead = if odds.is_finite() {
                    odds / (1.0 + odds)
                } else {
                    1.0
                };
                let alive = 1.0 - dead;
                let value = of_repeats.value - shape * ln_now + softplus(log_odds_dead);
                let by_b = if k > 0.0 { dead / (b + k - 1.0) } else { 0.0 };
                let of_group = [
                    value,
                    of_repeats.by_r - alive * ln_now - dead * ln_last,
                    r / alpha - shape * (alive / (alpha + age) + dead / (alpha + recency)),
                    of_repeats.by_a + dead / a,
                    of_repeats.by_b - by_b,
                ];
                sums.iter_mut()
                    .zip(of_group)
                    .for_each(|(sum, part)| *sum += group.customers * part);
            }
        }
        sums
    }
}
