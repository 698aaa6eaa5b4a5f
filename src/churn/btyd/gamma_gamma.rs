//! Gamma-Gamma: what a customer spends per purchase.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::{digamma, ln_gamma};

use super::BtydError;
use super::error::check;
use super::fit::{Fitted, Slope, minimise};

/// Repeat buyers below whom three parameters are a guess.
const LEAST_SPENDS: usize = 10;
/// `ln(p, q, v)` at which the search starts, with money counted in mean spends.
const START: [f64; 3] = [1.0, 1.0, 0.0];

/// The Gamma-Gamma model: the spends of one customer are `Gamma(p, ν)`, and her `ν ~ Gamma(q, v)`.
///
/// | parameter | meaning | unit | range |
/// |---|---|---|---|
/// | `p` | shape of one customer's spends: large when they are alike | | above 0 |
/// | `q` | shape across customers: large when they are alike | | above 1, or there is no mean |
/// | `v` | inverse scale across customers | money | above 0 |
///
/// It takes the spend of a purchase to be independent of how often a customer buys: see [`correlation`].
///
/// # Source
/// Fader, Hardie, "The Gamma-Gamma model of monetary value", 2013, equations 1a and 5.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Stored")]
pub struct GammaGamma {
    /// Shape of one customer's spends.
    pub p: f64,
    /// Shape across customers.
    pub q: f64,
    /// Inverse scale across customers.
    pub v: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    p: f64,
    q: f64,
    v: f64,
}

impl TryFrom<Stored> for GammaGamma {
    type Error = BtydError;

    fn try_from(Stored { p, q, v }: Stored) -> Result<Self, BtydError> {
        let model = Self { p, q, v };
        model.check()?;
        Ok(model)
    }
}

impl GammaGamma {
    /// The parameters of the largest likelihood, from `(x, mean)` of each repeat buyer: how many repeat purchases and
    /// what they cost on average. Below 500 customers drawn a little towards usual ones.
    ///
    /// # Errors
    /// [`BtydError`] for fewer than ten spends, one that is not above 0, a fit without a mean (`q ≤ 1`), or when the
    /// solver fails.
    ///
    /// # Determinism
    /// The same spends in the same order give the same bits.
    pub fn fit(spends: &[(f64, f64)]) -> Result<Fitted<Self>, BtydError> {
        let is_bad = |&(x, mean): &(f64, f64)| !(x > 0.0 && x.is_finite() && mean > 0.0 && mean.is_finite());
        if let Some(at) = spends.iter().position(is_bad) {
            let (purchases, mean) = spends[at];
            return Err(BtydError::BadSpend { at, purchases, mean });
        }
        if spends.len() < LEAST_SPENDS {
            return Err(BtydError::TooFewSpends {
                found: spends.len(),
                needed: LEAST_SPENDS,
            });
        }
        let customers = spends.len() as f64;
        let unit = spends.iter().map(|spend| spend.1).sum::<f64>() / customers;
        let scaled: Vec<(f64, f64)> = spends.iter().map(|&(x, mean)| (x, mean / unit)).collect();
        let optimum = minimise(&START, customers, &|logs| slope(&scaled, logs))?;
        let [p, q, v] = optimum.at.map(f64::exp);
        if q <= 1.0 {
            return Err(BtydError::NoMeanSpend { q });
        }
        let model = Self { p, q, v: v * unit };
        model.check()?;
        Ok(Fitted {
            model,
            log_likelihood: spends
                .iter()
                .map(|&(x, mean)| model.log_likelihood(x, mean))
                .sum(),
            customers: spends.len(),
            iterations: optimum.iterations,
        })
    }

    /// Checks that all parameters are finite and above 0, and `q` above 1.
    ///
    /// # Errors
    /// The parameter that is not.
    pub fn check(&self) -> Result<(), BtydError> {
        let Self { p, q, v } = *self;
        check("gamma_gamma", &[("p", p, 0.0), ("q", q, 1.0), ("v", v, 0.0)])
    }

    /// Log-likelihood of a mean spend over `x` purchases.
    #[must_use]
    pub fn log_likelihood(&self, x: f64, mean: f64) -> f64 {
        let Self { p, q, v } = *self;
        ln_gamma(p * x + q) - ln_gamma(p * x) - ln_gamma(q)
            + q * v.ln()
            + (p * x - 1.0) * mean.ln()
            + p * x * x.ln()
            - (p * x + q) * (x * mean + v).ln()
    }

    /// `E[M | x, mean] = p (v + x·mean) / (p x + q − 1)`: what a purchase of this customer costs on average.
    ///
    /// It lies between her own mean and the population's, nearer to hers the more she bought; without a purchase,
    /// `x = 0`, it is the population's.
    #[must_use]
    pub fn expected_spend(&self, x: f64, mean: f64) -> f64 {
        let own = if x > 0.0 { x * mean } else { 0.0 };
        self.p * (self.v + own) / (self.p * x.max(0.0) + self.q - 1.0)
    }

    /// `p v / (q − 1)`: what a purchase costs on average over all customers.
    #[must_use]
    pub fn population_mean(&self) -> f64 {
        self.p * self.v / (self.q - 1.0)
    }
}

/// Mean negative log-likelihood and its gradient in `ln(p, q, v)`.
fn slope(spends: &[(f64, f64)], logs: &[f64; 3]) -> Slope<3> {
    let [p, q, v] = logs.map(f64::exp);
    let model = GammaGamma { p, q, v };
    let mut sums = [0.0; 4];
    for &(x, mean) in spends {
        let total = digamma(p * x + q);
        let ln_total = (x * mean + v).ln();
        let parts = [
            model.log_likelihood(x, mean),
            x * (total - digamma(p * x) + (x * mean).ln() - ln_total),
            total - digamma(q) + v.ln() - ln_total,
            q / v - (p * x + q) / (x * mean + v),
        ];
        sums.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
    }
    let [value, by_p, by_q, by_v] = sums.map(|sum| -sum / spends.len() as f64);
    Slope {
        value,
        gradient: [by_p * p, by_q * q, by_v * v],
    }
}

/// Pearson correlation of `x` and mean spend over customers; `None` where either does not vary.
///
/// The model takes them to be independent: from about ±0.3 on, values of frequent buyers are biased.
#[must_use]
pub fn correlation(spends: &[(f64, f64)]) -> Option<f64> {
    let n = spends.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| spends.iter().map(of).sum::<f64>() / n;
    let (x, m) = (mean(|spend| spend.0), mean(|spend| spend.1));
    let (mut xx, mut mm, mut xm) = (0.0, 0.0, 0.0);
    for spend in spends {
        let (dx, dm) = (spend.0 - x, spend.1 - m);
        xx += dx * dx;
        mm += dm * dm;
        xm += dx * dm;
    }
    let correlation = xm / (xx * mm).sqrt();
    correlation.is_finite().then_some(correlation)
}
