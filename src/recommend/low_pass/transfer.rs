//! How strongly a direction passes, as a function of its singular value.

use std::f64::consts::PI;

use super::params::{Filter, RawChebyshev, RawLowPassParams};

/// The gain of each direction; `sigma` descends and its first value is 1.
pub(super) fn gains(params: &RawLowPassParams, sigma: &[f64]) -> Vec<f64> {
    match params.filter {
        Filter::Ideal => vec![1.0; sigma.len()],
        Filter::Power => sigma.iter().map(|sigma| sigma.powf(params.power)).collect(),
        Filter::Chebyshev => {
            let shape = &params.chebyshev;
            let coefficients = coefficients(shape);
            let ideal = |at: usize| {
                if at < shape.ideal_factors {
                    shape.ideal_weight
                } else {
                    0.0
                }
            };
            sigma
                .iter()
                .enumerate()
                .map(|(at, sigma)| series(&coefficients, 1.0 - 2.0 * sigma * sigma) + ideal(at))
                .collect()
        }
    }
}

/// `Σ_k coefficients[k] T_k(x)`.
fn series(coefficients: &[f64], x: f64) -> f64 {
    let (mut before, mut now) = (x, 1.0);
    let mut sum = 0.0;
    for coefficient in coefficients {
        sum += coefficient * now;
        (before, now) = (now, 2.0 * x * now - before);
    }
    sum
}

/// The coefficients of ChebyCF's polynomial.
///
/// The plateau is read at the extrema of `T_K`, rounded to three decimals as the published code has it, and interpolated at
/// the roots of `T_{K+1}`: without either the published figures do not come out.
pub(super) fn coefficients(shape: &RawChebyshev) -> Vec<f64> {
    let degree = shape.degree;
    let places = (degree + 1) as f64;
    let round = |x: f64| (x * 1e3).round() / 1e3;
    let plateau = |x: f64| round(0.5 - 0.5 * x.signum() * x.abs().powf(shape.flatness));
    let points: Vec<(f64, f64)> = (0..=degree)
        .map(|j| {
            let root = ((degree as f64 + 0.5 - j as f64) / places * PI).cos();
            let extremum = round(((degree - j) as f64 / degree as f64 * PI).cos());
            (root, plateau(extremum))
        })
        .collect();
    (0..=degree)
        .map(|k| {
            let sum: f64 = points.iter().map(|(x, h)| h * (k as f64 * x.acos()).cos()).sum();
            sum * if k == 0 { 1.0 } else { 2.0 } / places
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_polynomial_passes_through_the_plateau() {
        let shape = RawChebyshev::default();
        let found = coefficients(&shape);
        assert_eq!(found.len(), 9);
        for j in 0..=8 {
            let root = ((8.5 - j as f64) / 9.0 * PI).cos();
            let x = ((((8 - j) as f64 / 8.0 * PI).cos()) * 1e3).round() / 1e3;
            let plateau = if x < 0.0 {
                0.5 + 0.5 * (-x).powf(1.5)
            } else {
                0.5 - 0.5 * x.powf(1.5)
            };
            let target = (plateau * 1e3).round() / 1e3;
            assert!((series(&found, root) - target).abs() < 1e-12, "{j}");
        }
    }

    #[test]
    fn a_series_is_its_polynomials() {
        // 1 + 2 x + 3 (2 x² − 1) at ½ is 1 + 1 − 1.5.
        assert!((series(&[1.0, 2.0, 3.0], 0.5) - 0.5).abs() < 1e-15);
    }

    #[test]
    fn power_zero_is_ideal() {
        let mut params = RawLowPassParams {
            power: 0.0,
            ..RawLowPassParams::default()
        };
        let sigma = [1.0, 0.5, 0.25];
        let power = gains(&params, &sigma);
        params.filter = Filter::Ideal;
        assert_eq!(power, gains(&params, &sigma));
        params.filter = Filter::Power;
        params.power = 2.0;
        assert_eq!(gains(&params, &sigma), [1.0, 0.25, 0.0625]);
    }
}
