//! What BG/NBD and MBG/NBD share: Poisson buying at a gamma rate, and a coin tossed for leaving.
//!
//! A customer buys at a rate `λ ~ Gamma(r, α)` while she is alive, and leaves for good with probability
//! `p ~ Beta(a, b)` at each of `k` chances. The two models differ in `k` alone: BG/NBD tosses the coin after each of
//! the `x` repeat purchases, MBG/NBD after the first purchase too, so that `k = x + 1`.

use statrs::function::beta::ln_beta;
use statrs::function::gamma::ln_gamma;

use super::Summary;
use super::purchases::Buyer;

/// When a customer can leave.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Leaving {
    /// After a repeat purchase: BG/NBD.
    AfterRepeats,
    /// After any purchase: MBG/NBD.
    AfterAny,
}

impl Leaving {
    /// `k`, the chances to leave that a customer with `x` repeats has had.
    pub(super) fn chances(self, repeats: u32) -> f64 {
        match self {
            Self::AfterRepeats => f64::from(repeats),
            Self::AfterAny => f64::from(repeats) + 1.0,
        }
    }
}

/// Either model.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct GammaPoisson {
    pub(super) leaving: Leaving,
    pub(super) r: f64,
    pub(super) alpha: f64,
    pub(super) a: f64,
    pub(super) b: f64,
}

impl GammaPoisson {
    /// `ln Γ(r+x) − ln Γ(r) + r ln α + ln B(a, b+k) − ln B(a, b) + ln(e^alive + e^dead)`, where
    /// `alive = −(r+x) ln(α+T)` and `dead = ln a − ln(b+k−1) − (r+x) ln(α+t_x)`, the latter for `k > 0` only.
    ///
    /// Nothing is exponentiated but the difference of the two, so that no number of purchases overflows.
    pub(super) fn log_likelihood(&self, summary: &Summary) -> f64 {
        let Self { r, alpha, a, b, .. } = *self;
        let k = self.leaving.chances(summary.repeats);
        let shape = self.shape(summary);
        let alive = -shape * (alpha + summary.age).ln();
        ln_gamma(shape) - ln_gamma(r) + r * alpha.ln() + ln_beta(a, b + k) - ln_beta(a, b)
            + alive
            + softplus(self.log_odds_dead(summary))
    }

    /// `1 / (1 + a / (b+k−1) · ((α+T) / (α+t_x))^(r+x))`.
    pub(super) fn probability_alive(&self, summary: &Summary) -> f64 {
        1.0 / (1.0 + self.log_odds_dead(summary).exp())
    }

    fn log_odds_dead(&self, summary: &Summary) -> f64 {
        let k = self.leaving.chances(summary.repeats);
        if k <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let silence = (summary.age - summary.recency) / (self.alpha + summary.recency);
        self.a.ln() - (self.b + k - 1.0).ln() + self.shape(summary) * silence.ln_1p()
    }

    /// `1 − P(alive) · (1 − ((α+T) / (α+T+H))^(r+x))`.
    pub(super) fn probability_no_purchase(&self, summary: &Summary, horizon: f64) -> f64 {
        let longer = (horizon.max(0.0) / (self.alpha + summary.age)).ln_1p();
        1.0 + self.probability_alive(summary) * (-self.shape(summary) * longer).exp_m1()
    }

    /// `E[Y(t) | x, t_x, T]` for every `t` of `horizons`.
    pub(super) fn expected_purchases(&self, summary: &Summary, horizons: &[f64]) -> Vec<f64> {
        let buyer = Buyer {
            shape: self.shape(summary),
            rate: self.alpha + summary.age,
            a: self.a,
            b: self.b + self.leaving.chances(summary.repeats),
        };
        let alive = self.probability_alive(summary);
        let mut purchases = buyer.expected_purchases(horizons);
        purchases.iter_mut().for_each(|purchases| *purchases *= alive);
        purchases
    }

    /// The wait that the next purchase exceeds as likely as not.
    ///
    /// `P(wait > t)` is [`Self::probability_no_purchase`], which falls to `1 − P(alive)` and no further.
    pub(super) fn next_purchase(&self, summary: &Summary, at_most: f64) -> Option<f64> {
        let alive = self.probability_alive(summary);
        if alive.is_nan() || alive <= 0.5 {
            return None;
        }
        let longer = -(-0.5 / alive).ln_1p() / self.shape(summary);
        let wait = (self.alpha + summary.age) * longer.exp_m1();
        (wait <= at_most).then_some(wait)
    }

    fn shape(&self, summary: &Summary) -> f64 {
        self.r + f64::from(summary.repeats)
    }
}

/// `ln(1 + e^z)`.
pub(super) fn softplus(z: f64) -> f64 {
    if z > 0.0 {
        z + (-z).exp().ln_1p()
    } else {
        z.exp().ln_1p()
    }
}
