//! BG/NBD: a customer may leave after a repeat purchase, never after the first one.

use serde::{Deserialize, Serialize};
use statrs::function::beta::ln_beta;

use super::error::check;
use super::fit::Fitted;
use super::gamma_poisson::{GammaPoisson, Leaving};
use super::objective::Shop;
use super::{BtydError, Summary};

/// The BG/NBD model: while alive a customer buys at a rate `λ ~ Gamma(r, α)`, and after each repeat purchase she
/// leaves for good with probability `p ~ Beta(a, b)`.
///
/// | parameter | meaning | unit | range |
/// |---|---|---|---|
/// | `r` | shape of the rates: small when customers differ much | | above 0 |
/// | `alpha` | inverse scale of the rates; the mean rate is `r / alpha` | time | above 0 |
/// | `a`, `b` | chance to leave; its mean is `a / (a + b)` | | above 0 |
///
/// Time has the unit of the summaries that it was fitted to. All methods take 0 ≤ `t_x` ≤ `T`.
///
/// # Source
/// Fader, Hardie, Lee, "“Counting your customers” the easy way: an alternative to the Pareto/NBD model",
/// Marketing Science 24 (2005). Published figures: its tables, and the R package BTYD.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Stored")]
pub struct BgNbd {
    /// Shape of the rates.
    pub r: f64,
    /// Inverse scale of the rates.
    pub alpha: f64,
    /// First parameter of the chance to leave.
    pub a: f64,
    /// Second parameter of the chance to leave.
    pub b: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    r: f64,
    alpha: f64,
    a: f64,
    b: f64,
}

impl TryFrom<Stored> for BgNbd {
    type Error = BtydError;

    fn try_from(Stored { r, alpha, a, b }: Stored) -> Result<Self, BtydError> {
        let model = Self { r, alpha, a, b };
        model.check()?;
        Ok(model)
    }
}

impl BgNbd {
    /// The parameters of the largest likelihood; below 500 customers drawn a little towards usual ones.
    ///
    /// # Errors
    /// [`BtydError`] for a summary that no customer can have, without any repeat purchase, or when the solver fails.
    ///
    /// # Determinism
    /// The same summaries in any order give the same bits for any number of threads.
    pub fn fit(summaries: &[Summary]) -> Result<Fitted<Self>, BtydError> {
        let maximum = Shop::of(Leaving::AfterRepeats, summaries)?.maximise()?;
        let GammaPoisson { r, alpha, a, b, .. } = maximum.model;
        let model = Self { r, alpha, a, b };
        model.check()?;
        Ok(Fitted {
            model,
            log_likelihood: maximum.log_likelihood,
            customers: summaries.len(),
            iterations: maximum.iterations,
        })
    }

    /// Checks that all parameters are finite and above 0.
    ///
    /// # Errors
    /// The parameter that is not.
    pub fn check(&self) -> Result<(), BtydError> {
        let Self { r, alpha, a, b } = *self;
        check(
            "bg_nbd",
            &[("r", r, 0.0), ("alpha", alpha, 0.0), ("a", a, 0.0), ("b", b, 0.0)],
        )
    }

    /// Log-likelihood of one customer.
    #[must_use]
    pub fn log_likelihood(&self, summary: &Summary) -> f64 {
        self.inner().log_likelihood(summary)
    }

    /// Chance that she has not left for good: `1 / (1 + a/(b+x−1) · ((α+T)/(α+t_x))^(r+x))`, and 1 without repeats.
    ///
    /// Not the complement of churn: a one-time buyer counts as alive for ever.
    #[must_use]
    pub fn probability_alive(&self, summary: &Summary) -> f64 {
        self.inner().probability_alive(summary)
    }

    /// `P0(H) = 1 − P(alive) · (1 − ((α+T)/(α+T+H))^(r+x))`, the chance of no purchase within `horizon` from now: churn.
    #[must_use]
    pub fn probability_no_purchase(&self, summary: &Summary, horizon: f64) -> f64 {
        self.inner().probability_no_purchase(summary, horizon)
    }

    /// `E[Y(t) | x, t_x, T]`: purchases to expect within `horizon` from now.
    #[must_use]
    pub fn expected_purchases(&self, summary: &Summary, horizon: f64) -> f64 {
        self.inner().expected_purchases(summary, &[horizon])[0]
    }

    /// [`Self::expected_purchases`] for several horizons at once, at little more than the cost of the longest one.
    #[must_use]
    pub fn expected_purchases_by(&self, summary: &Summary, horizons: &[f64]) -> Vec<f64> {
        self.inner().expected_purchases(summary, horizons)
    }

    /// The time from now by which she has bought again as likely as not.
    ///
    /// `None` when she may have left, `P(alive) ≤ ½`, and when it is more than `at_most`: a date years away says
    /// "unlikely to come back" and should be said so.
    #[must_use]
    pub fn next_purchase(&self, summary: &Summary, at_most: f64) -> Option<f64> {
        self.inner().next_purchase(summary, at_most)
    }

    /// `E[X(t)]`: repeat purchases to expect of a new customer within `time` of her first purchase.
    #[must_use]
    pub fn expected_purchases_of_new(&self, time: f64) -> f64 {
        self.expected_purchases(&Summary::default(), time)
    }

    /// `P(X(t) = n)`: chance that a new customer makes `n` repeat purchases within `time` of her first purchase.
    ///
    /// # Source
    /// Equation 8 of the paper.
    #[must_use]
    pub fn probability_of(&self, n: u32, time: f64) -> f64 {
        let Self { r, alpha, a, b } = *self;
        let (ln_none, odds) = (r * (alpha / (alpha + time)).ln(), time / (alpha + time));
        // P(N = j) of the purchases that she would make if she never left.
        let (mut here, mut below) = (ln_none.exp(), 0.0);
        for j in 0..n {
            below += here;
            here *= odds * (r + f64::from(j)) / (f64::from(j) + 1.0);
        }
        let (base, n) = (ln_beta(a, b), f64::from(n));
        let stayed = (ln_beta(a, b + n) - base).exp() * here;
        if n < 1.0 {
            return stayed;
        }
        stayed + (ln_beta(a + 1.0, b + n - 1.0) - base).exp() * (1.0 - below)
    }

    pub(super) fn inner(&self) -> GammaPoisson {
        let Self { r, alpha, a, b } = *self;
        GammaPoisson {
            leaving: Leaving::AfterRepeats,
            r,
            alpha,
            a,
            b,
        }
    }
}
