//! MBG/NBD: a customer may leave after any purchase, the first one included.

use serde::{Deserialize, Serialize};

use super::error::check;
use super::fit::Fitted;
use super::gamma_poisson::{GammaPoisson, Leaving};
use super::objective::Shop;
use super::{BtydError, Summary};

/// The modified BG/NBD model: while alive a customer buys at a rate `λ ~ Gamma(r, α)`, and after each purchase she
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
/// Batislam, Denizel, Filiztekin, "Empirical validation and comparison of models for customer base analysis",
/// IJRM 24 (2007). Published figures: R package BTYDplus.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, try_from = "Stored")]
pub struct MbgNbd {
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

impl TryFrom<Stored> for MbgNbd {
    type Error = BtydError;

    fn try_from(Stored { r, alpha, a, b }: Stored) -> Result<Self, BtydError> {
        let model = Self { r, alpha, a, b };
        model.check()?;
        Ok(model)
    }
}

impl MbgNbd {
    /// The parameters of the largest likelihood; below 500 customers drawn a little towards usual ones.
    ///
    /// # Errors
    /// [`BtydError`] for a summary that no customer can have, without any repeat purchase, or when the solver fails.
    ///
    /// # Determinism
    /// The same summaries in any order give the same bits for any number of threads.
    pub fn fit(summaries: &[Summary]) -> Result<Fitted<Self>, BtydError> {
        let maximum = Shop::of(Leaving::AfterAny, summaries)?.maximise()?;
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
            "mbg_nbd",
            &[("r", r, 0.0), ("alpha", alpha, 0.0), ("a", a, 0.0), ("b", b, 0.0)],
        )
    }

    /// Log-likelihood of one customer.
    #[must_use]
    pub fn log_likelihood(&self, summary: &Summary) -> f64 {
        self.inner().log_likelihood(summary)
    }

    /// Chance that she has not left for good: `1 / (1 + a/(b+x) · ((α+T)/(α+t_x))^(r+x))`.
    ///
    /// Not the complement of churn: a customer who is alive may still buy nothing for a year.
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

    pub(super) fn inner(&self) -> GammaPoisson {
        let Self { r, alpha, a, b } = *self;
        GammaPoisson {
            leaving: Leaving::AfterAny,
            r,
            alpha,
            a,
            b,
        }
    }
}
