//! How many purchases a customer who is alive makes within a horizon, and leaves at some of them.
//!
//! Her rate is `λ ~ Gamma(s, γ)` by now and her chance to leave at a purchase `p ~ Beta(a, b)`, so that
//! `E = ∫ (1 − (γ/(γ+pt))^s) / p · Beta(p; a, b) dp`. The papers write this with a Gauss hypergeometric function,
//! `(a+b−1)/(a−1) · (1 − (γ/(γ+t))^s ₂F₁(s, b; a+b−1; t/(γ+t)))`, which is 0/0 at `a = 1` and subtracts nearly equal
//! numbers around it. Counted purchase by purchase it is a sum of positive terms: would she never leave, the number of
//! purchases `N` were negative binomial, and the `j`-th is made when `N ≥ j` and she stayed at the `j − 1` before it,
//!
//! `E = Σ_n P(N = n) Σ_{j<n} m_j`, `m_j = E[(1−p)^j] = Π_{i<j} (b+i)/(a+b+i)`.
//!
//! It holds for every `a`, and one pass over `n` serves all horizons.

use statrs::function::beta::ln_beta;

/// Longer sums than this cost more than the integral.
const MOST_TERMS: f64 = 4000.0;
/// The sum ends when what is left out is below this share of it.
const LEFT_OUT: f64 = 1e-14;
/// Probabilities begin below the smallest number from here on.
const LARGEST_EXPONENT: f64 = 680.0;

/// A customer who is alive.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Buyer {
    /// `s`, shape of her rate.
    pub(super) shape: f64,
    /// `γ`, inverse scale of her rate.
    pub(super) rate: f64,
    /// First parameter of her chance to leave.
    pub(super) a: f64,
    /// Second parameter of her chance to leave.
    pub(super) b: f64,
}

/// One horizon of the sum.
#[derive(Clone, Copy)]
struct Lane {
    /// `w = t/(γ+t)`.
    odds: f64,
    /// `P(N = n)`.
    probability: f64,
    sum: f64,
}

impl Buyer {
    /// `E` for every horizon; one below zero counts as zero.
    pub(super) fn expected_purchases(&self, horizons: &[f64]) -> Vec<f64> {
        let mut lanes: Vec<Lane> = horizons.iter().map(|&horizon| self.lane(horizon)).collect();
        self.add_up(&mut lanes);
        lanes
            .iter()
            .zip(horizons)
            .map(|(lane, &horizon)| {
                if lane.probability.is_nan() {
                    self.integral(horizon)
                } else {
                    lane.sum
                }
            })
            .collect()
    }

    /// Where the sum of a horizon begins; the probability is NaN where it would be too long.
    fn lane(&self, horizon: f64) -> Lane {
        let times = horizon.max(0.0) / self.rate;
        let exponent = self.shape * times.ln_1p();
        // The mean of N, and how far its tail reaches at least.
        let is_short = (self.shape + 40.0) * times < MOST_TERMS && exponent < LARGEST_EXPONENT;
        Lane {
            odds: if is_short { times / (1.0 + times) } else { 0.0 },
            probability: if is_short { (-exponent).exp() } else { f64::NAN },
            sum: 0.0,
        }
    }

    fn add_up(&self, lanes: &mut [Lane]) {
        // The tail of the longest horizon is the heaviest: it ends the sum.
        let Some(longest) = (0..lanes.len())
            .filter(|&at| !lanes[at].probability.is_nan())
            .max_by(|&x, &y| lanes[x].odds.total_cmp(&lanes[y].odds))
        else {
            return;
        };
        let (mut stayed, mut purchases, mut n) = (1.0, 0.0, 0.0);
        while n < 10.0 * MOST_TERMS {
            let growth = (self.shape + n) / (n + 1.0);
            purchases += stayed;
            stayed *= (self.b + n) / (self.a + self.b + n);
            n += 1.0;
            for lane in lanes.iter_mut() {
                lane.probability *= lane.odds * growth;
                lane.sum += lane.probability * purchases;
            }
            // Terms fall at least by this factor from here on: the purchases grow by less than (n + 1) / n.
            let Lane {
                odds,
                probability,
                sum,
            } = lanes[longest];
            let factor = odds * ((self.shape + n) / (n + 1.0)).max(1.0) * (n + 1.0) / n;
            if factor < 1.0 && probability * purchases * factor <= LEFT_OUT * sum * (1.0 - factor) {
                break;
            }
        }
    }

    /// `E` as the integral over the log-odds of `p`, by the double exponential rule.
    ///
    /// Source: Takahasi and Mori 1974.
    pub(super) fn integral(&self, horizon: f64) -> f64 {
        const PER_UNIT: i32 = 64;
        /// Log-odds of ±14,000: the weight beyond is below rounding for any `a` above 0.003.
        const REACH: i32 = 9;
        let times = horizon.max(0.0) / self.rate;
        let beta = ln_beta(self.a, self.b);
        let step = 1.0 / f64::from(PER_UNIT);
        let half_pi = std::f64::consts::FRAC_PI_2;
        let sum: f64 = (-REACH * PER_UNIT..=REACH * PER_UNIT)
            .map(|at| {
                let u = f64::from(at) * step;
                let log_odds = 2.0 * half_pi * u.sinh();
                let (ln_p, ln_stay) = (
                    -super::gamma_poisson::softplus(-log_odds),
                    -super::gamma_poisson::softplus(log_odds),
                );
                let p = ln_p.exp();
                let weight = (self.a * ln_p + self.b * ln_stay - beta).exp() * 2.0 * half_pi * u.cosh();
                let bought = -(-self.shape * (p * times).ln_1p()).exp_m1();
                // As p vanishes, what she buys over p tends to her mean purchases without leaving.
                let purchases = if p * times < 1e-300 {
                    self.shape * times
                } else {
                    bought / p
                };
                if weight > 0.0 { weight * purchases } else { 0.0 }
            })
            .sum();
        sum * step
    }
}
