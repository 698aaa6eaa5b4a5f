//! Logistic regression with a ridge penalty, by Newton's method.
//!
//! # Objective
//! `min Σ_r log(1 + exp(−y_r (b + z_r · w))) + λ/2 Σ_k w_k²` over rows `r` with `y_r = ±1` and standardised features
//! `z = (x − mean) / sd`. It is convex, so Newton's steps, halved while the objective rises, reach the one minimum.

use crate::numeric::cholesky_plain;
use rayon::prelude::*;

/// A fitted regression: `logit = base + Σ_k coefficients_k (x_k − means_k)`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Regression {
    /// Logit of the average row.
    pub base: f64,
    /// By feature: what one unit of it adds.
    pub coefficients: Vec<f64>,
    /// By feature: its mean over the rows of the fit.
    pub means: Vec<f64>,
}

/// Rows that one task sums: fixed, so that sums have the same bits for any number of threads.
const CHUNK: usize = 4096;

/// Newton steps at most; a convex problem of this size needs about eight.
const STEPS: usize = 40;

/// Largest change of the objective, relative to it, at which the fit is done.
const TOLERANCE: f64 = 1e-10;

/// Deviations below this are those of a constant feature, which gets no coefficient.
const CONSTANT: f64 = 1e-9;

/// What is learned from.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Row-major.
    pub features: &'a [f32],
    /// Features of a row.
    pub width: usize,
    /// By row: what happened.
    pub positive: &'a [bool],
}

/// Fits features to what happened; `None` when a class is missing or a number is not finite.
pub(crate) fn fit(rows: Rows<'_>, l2: f64) -> Option<Regression> {
    let Rows {
        features,
        width,
        positive,
    } = rows;
    let rows = positive.len();
    let hits = positive.iter().filter(|&&p| p).count();
    assert_eq!(features.len(), rows * width, "one row of features per outcome");
    if hits == 0 || hits == rows {
        return None;
    }
    let (means, deviations) = moments(features, width, rows);
    let scales: Vec<f64> = deviations
        .iter()
        .map(|&sd| if sd > CONSTANT { 1.0 / sd } else { 0.0 })
        .collect();
    let problem = Problem {
        features,
        positive,
        means: &means,
        scales: &scales,
        l2,
    };
    let rate = hits as f64 / rows as f64;
    let mut weights = vec![0.0; width + 1];
    weights[width] = (rate / (1.0 - rate)).ln();
    let mut at = problem.derivatives(&weights);
    for _ in 0..STEPS {
        let step = newton_step(&at, width + 1)?;
        let mut length = 1.0;
        let (next, derivatives) = loop {
            let moved: Vec<f64> = weights.iter().zip(&step).map(|(w, s)| w - length * s).collect();
            let found = problem.derivatives(&moved);
            if found.loss <= at.loss || length < 1e-6 {
                break (moved, found);
            }
            length *= 0.5;
        };
        let gain = at.loss - derivatives.loss;
        if gain.is_nan() || gain < 0.0 {
            break;
        }
        weights = next;
        at = derivatives;
        if gain <= TOLERANCE * at.loss {
            break;
        }
    }
    let base = weights[width];
    let coefficients: Vec<f64> = weights.iter().zip(&scales).map(|(w, s)| w * s).collect();
    let finite = base.is_finite() && coefficients.iter().chain(&means).all(|value| value.is_finite());
    finite.then_some(Regression {
        base,
        coefficients,
        means,
    })
}

fn moments(features: &[f32], width: usize, rows: usize) -> (Vec<f64>, Vec<f64>) {
    let sums = summed(features.par_chunks(CHUNK * width).map(|chunk| {
        let mut sums = vec![0.0; 2 * width];
        for row in chunk.chunks_exact(width) {
            for (k, &x) in row.iter().enumerate() {
                sums[k] += f64::from(x);
                sums[width + k] += f64::from(x) * f64::from(x);
            }
        }
        sums
    }));
    let n = rows as f64;
    let means: Vec<f64> = sums[..width].iter().map(|sum| sum / n).collect();
    let deviations = (0..width)
        .map(|k| (sums[width + k] / n - means[k] * means[k]).max(0.0).sqrt())
        .collect();
    (means, deviations)
}

/// The sum of vectors in their order.
fn summed(parts: impl IndexedParallelIterator<Item = Vec<f64>>) -> Vec<f64> {
    let parts: Vec<Vec<f64>> = parts.collect();
    let mut total = vec![0.0; parts.first().map_or(0, Vec::len)];
    for part in &parts {
        total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    total
}

struct Problem<'a> {
    features: &'a [f32],
    positive: &'a [bool],
    means: &'a [f64],
    scales: &'a [f64],
    l2: f64,
}

struct Derivatives {
    loss: f64,
    gradient: Vec<f64>,
    /// Row-major, full.
    hessian: Vec<f64>,
}

impl Problem<'_> {
    fn derivatives(&self, weights: &[f64]) -> Derivatives {
        let width = self.means.len();
        let size = width + 1;
        let triangle = size * (size + 1) / 2;
        let rows = self
            .features
            .par_chunks(CHUNK * width)
            .zip(self.positive.par_chunks(CHUNK));
        let sums = summed(rows.map(|(features, positive)| {
            let mut sums = vec![0.0; 1 + size + triangle];
            let mut z = vec![1.0; size];
            for (row, &hit) in features.chunks_exact(width).zip(positive) {
                for (k, &x) in row.iter().enumerate() {
                    z[k] = (f64::from(x) - self.means[k]) * self.scales[k];
                }
                let logit: f64 = z.iter().zip(weights).map(|(z, w)| z * w).sum();
                let p = sigmoid(logit);
                let margin = if hit { -logit } else { logit };
                // log(1 + e^m) without overflow.
                sums[0] += margin.max(0.0) + (-margin.abs()).exp().ln_1p();
                let miss = p - f64::from(u8::from(hit));
                let curvature = p * (1.0 - p);
                let mut at = 1 + size;
                for i in 0..size {
                    sums[1 + i] += miss * z[i];
                    let scaled = curvature * z[i];
                    for (sum, other) in sums[at..at + size - i].iter_mut().zip(&z[i..]) {
                        *sum += scaled * other;
                    }
                    at += size - i;
                }
            }
            sums
        }));
        let mut gradient = sums[1..=size].to_vec();
        let mut hessian = vec![0.0; size * size];
        let mut at = 1 + size;
        for i in 0..size {
            for j in i..size {
                hessian[i * size + j] = sums[at];
                hessian[j * size + i] = sums[at];
                at += 1;
            }
        }
        let mut loss = sums[0];
        for k in 0..width {
            loss += 0.5 * self.l2 * weights[k] * weights[k];
            gradient[k] += self.l2 * weights[k];
            // A constant feature has no curvature of its own.
            hessian[k * size + k] += self.l2.max(CONSTANT);
        }
        Derivatives {
            loss,
            gradient,
            hessian,
        }
    }
}

/// `H⁻¹ g` by `UᵀU = H`.
fn newton_step(at: &Derivatives, size: usize) -> Option<Vec<f64>> {
    let upper = cholesky_plain(&at.hessian, size)?;
    let mut x = at.gradient.clone();
    for i in 0..size {
        let known: f64 = (0..i).map(|k| upper[k * size + i] * x[k]).sum();
        x[i] = (x[i] - known) / upper[i * size + i];
    }
    for i in (0..size).rev() {
        let known: f64 = (i + 1..size).map(|k| upper[i * size + k] * x[k]).sum();
        x[i] = (x[i] - known) / upper[i * size + i];
    }
    Some(x)
}

/// `1 / (1 + e^(−x))`, without overflow.
pub(crate) fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        let e = x.exp();
        e / (1.0 + e)
    }
}

/// `log(p / (1 − p))` of a probability held within `[1e-6, 1 − 1e-6]`.
pub(crate) fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-6, 1.0 - 1e-6);
    (p / (1.0 - p)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(features: &'a [f32], width: usize, positive: &'a [bool]) -> Rows<'a> {
        Rows {
            features,
            width,
            positive,
        }
    }

    #[test]
    fn one_binary_feature_gives_the_log_odds_of_both_halves() {
        // 30 of 100 without, 60 of 100 with the feature; the second feature is constant.
        let (mut features, mut positive) = (Vec::new(), Vec::new());
        for row in 0..200 {
            features.extend([f32::from(u8::from(row >= 100)), 7.0]);
            positive.push(row % 100 < if row < 100 { 30 } else { 60 });
        }
        let fitted = fit(of(&features, 2, &positive), 0.0).unwrap();
        let at = |x: f64| fitted.base + fitted.coefficients[0] * (x - fitted.means[0]);
        assert!((at(0.0) - (0.3f64 / 0.7).ln()).abs() < 1e-6, "{}", at(0.0));
        assert!((at(1.0) - (0.6f64 / 0.4).ln()).abs() < 1e-6, "{}", at(1.0));
        assert!(fitted.coefficients[1].abs() < f64::MIN_POSITIVE);
        // A penalty takes the coefficient towards zero and leaves the mean probability.
        let damped = fit(of(&features, 2, &positive), 50.0).unwrap();
        assert!(damped.coefficients[0] < 0.8 * fitted.coefficients[0] && damped.coefficients[0] > 0.0);
    }

    #[test]
    fn one_class_and_broken_numbers_give_nothing() {
        assert_eq!(fit(of(&[1.0, 2.0], 1, &[true, true]), 1.0), None);
        assert_eq!(fit(of(&[1.0, f32::NAN], 1, &[true, false]), 1.0), None);
    }

    #[test]
    fn separable_rows_stay_finite_under_a_penalty() {
        let features: Vec<f32> = (0..50u8).map(f32::from).collect();
        let positive: Vec<bool> = (0..50).map(|row| row >= 25).collect();
        let fitted = fit(of(&features, 1, &positive), 0.1).unwrap();
        assert!(fitted.coefficients[0].is_finite() && fitted.coefficients[0] > 0.0);
    }
}
