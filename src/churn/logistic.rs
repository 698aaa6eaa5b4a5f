//! L2 logistic regression: linfa's solver behind two plain numbers per model.
//!
//! Objective: minimise `Σ_i ln(1 + exp(−s_i (b + w·z_i))) + l2 / 2 · ‖w‖²` over `w` and `b`, where `s_i` is +1 for a
//! churned row and −1 otherwise; the intercept is not penalised. An `l2` of 1 is scikit-learn's `C = 1`.
//!
//! # Determinism
//! One thread, a fixed start at zero: the same rows in the same order give the same numbers.

use linfa::Dataset;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};

use super::ChurnError;

/// Iterations of L-BFGS; a few dozen are usual.
const MAX_ITERATIONS: u64 = 1000;
/// The gradient's norm per row at which the optimum is found: far below what the sample can tell.
const GRADIENT_PER_ROW: f64 = 1e-7;

/// A fitted logistic regression: the log-odds of churn are `intercept + weights · z`.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Logistic {
    pub(crate) intercept: f64,
    pub(crate) weights: Vec<f64>,
}

impl Logistic {
    /// Fits rows `z` with their outcomes, both of which occur.
    pub(crate) fn fit(z: Array2<f64>, churned: &[bool], l2: f64) -> Result<Self, ChurnError> {
        let tolerance = GRADIENT_PER_ROW * churned.len() as f64;
        let data = Dataset::new(z, Array1::from(churned.to_vec()));
        let fitted = LogisticRegression::default()
            .alpha(l2)
            .max_iterations(MAX_ITERATIONS)
            .gradient_tolerance(tolerance)
            .fit(&data)
            .map_err(|error| ChurnError::NotSolved {
                detail: error.to_string(),
            })?;
        // linfa takes the larger class as the positive one, whatever its label says: with few churners the signs
        // are those of staying.
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        let logistic = Self {
            intercept: sign * fitted.intercept(),
            weights: fitted.params().iter().map(|weight| sign * weight).collect(),
        };
        if logistic.intercept.is_finite() && logistic.weights.iter().all(|weight| weight.is_finite()) {
            Ok(logistic)
        } else {
            Err(ChurnError::NotSolved {
                detail: "a coefficient is not finite".into(),
            })
        }
    }

    /// Log-odds of churn.
    pub(crate) fn log_odds(&self, z: impl Iterator<Item = f64>) -> f64 {
        self.intercept
            + self
                .weights
                .iter()
                .zip(z)
                .map(|(weight, z)| weight * z)
                .sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten rows of two columns; three of them churned.
    fn rows() -> (Array2<f64>, [bool; 10]) {
        let z = ndarray::array![
            [0.5, -1.0],
            [1.5, 0.3],
            [-0.7, 0.8],
            [-1.2, -0.4],
            [0.9, 1.1],
            [-0.3, -1.6],
            [0.1, 0.2],
            [-1.8, 0.9],
            [1.1, -0.6],
            [-0.1, 0.3]
        ];
        (
            z,
            [true, true, false, false, false, false, false, false, true, false],
        )
    }

    #[test]
    fn the_coefficients_of_scikit_learn_1_9() {
        // LogisticRegression(C=1.0, tol=1e-12, max_iter=10000).fit(z, churned)
        let (z, churned) = rows();
        let fitted = Logistic::fit(z, &churned, 1.0).unwrap();
        let expected = [-1.195289892394138, 1.22836538356515, -0.5721762164758922];
        for (found, expected) in [fitted.intercept, fitted.weights[0], fitted.weights[1]]
            .iter()
            .zip(expected)
        {
            assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
        }
    }

    #[test]
    fn the_sign_is_that_of_churn_whichever_class_is_larger() {
        let (z, few) = rows();
        let many = few.map(|churned| !churned);
        let rare = Logistic::fit(z.clone(), &few, 1.0).unwrap();
        let common = Logistic::fit(z, &many, 1.0).unwrap();
        // Swapping the outcomes mirrors the log-odds; the first column speaks for churn where three of ten churned.
        assert!(rare.weights[0] > 0.5 && common.weights[0] < -0.5);
        assert!((rare.weights[0] + common.weights[0]).abs() < 1e-5);
        assert!((rare.intercept + common.intercept).abs() < 1e-5);
        // As many of either: linfa decides by the first row, and the sign must still hold.
        let (z, mut even) = rows();
        (even[4], even[8]) = (true, true);
        even[6] = true;
        let first_true = Logistic::fit(z.clone(), &even, 1.0).unwrap();
        let first_false = Logistic::fit(z, &even.map(|churned| !churned), 1.0).unwrap();
        assert!((first_true.weights[0] + first_false.weights[0]).abs() < 1e-5);
        assert!(first_true.weights[0] > 0.0);
    }
}
