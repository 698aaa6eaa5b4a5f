//! The hyper-parameters of iALS: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

use crate::history::Csr;

/// What all pairs together weigh beside those that were seen, where a recipe leaves α₀ open.
const UNOBSERVED_RATIO: f64 = 30.0;

/// The recipe section `[recommend.ials]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawIalsParams {
    /// Numbers that describe a customer or an item.
    pub factors: usize,
    /// Times that both sides are solved.
    pub epochs: usize,
    /// Weight of a pair that was not seen, beside 1 for one that was. Absent: the training takes it from how densely the
    /// matrix is filled, and the fitted parameters hold what it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unobserved_weight: Option<f64>,
    /// Strength of the pull towards zero.
    pub regularization: f64,
    /// How strongly the pull grows with the weight of a row: 0 not at all, 1 in proportion.
    pub regularization_exponent: f64,
    /// Spread of the first item factors, before division by the root of `factors`.
    pub init_stddev: f64,
    /// Steps of conjugate gradients that a row gets in each epoch of the training; 0: it is solved exactly.
    pub solver_steps: usize,
}

impl Default for RawIalsParams {
    fn default() -> Self {
        Self {
            factors: 256,
            epochs: 6,
            unobserved_weight: None,
            regularization: 0.004,
            regularization_exponent: 1.0,
            init_stddev: 0.1,
            solver_steps: 2,
        }
    }
}

/// Why hyper-parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("recommend.ials.{key} = {value} is not {rule}")]
pub struct IalsParamsError {
    key: &'static str,
    value: f64,
    rule: &'static str,
}

/// Checked hyper-parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `factors` | 256 | length of a factor vector; more is better and slower | 1 to 4096 |
/// | `epochs` | 6 | times that both sides are solved | 1 to 1000 |
/// | `unobserved_weight` | from the matrix | α₀, weight of an unseen pair; larger leans towards what is popular | 0 to 1 |
/// | `regularization` | 0.004 | λ | above 0, up to 1000 |
/// | `regularization_exponent` | 1 | ν, how λ grows with a row's weight | 0 to 2 |
/// | `init_stddev` | 0.1 | spread of the first item factors, divided by √`factors` | above 0, up to 10 |
/// | `solver_steps` | 2 | steps of conjugate gradients for a row in each epoch, from where the last epoch left it; 0 solves exactly, which is slower | 0 to 100 |
///
/// Without `unobserved_weight` the training takes `α₀ = 30 Σ c / (customers · items)`, at most 1, of the customers and items
/// that have an entry: all pairs together then weigh thirty times what was seen. Held-out slices of three logs, filled to 0.06 %, 0.09 % and 1.5 %, had their best
/// weight near that ratio, while their best α₀ lay a factor of twenty apart. On a held-out slice of one
/// of them 2 steps and more ranked as well as exact solves after the same epochs; on another 1, 2 and 3 steps ranked alike.
#[derive(Clone, Debug, PartialEq)]
pub struct IalsParams {
    raw: RawIalsParams,
}

impl IalsParams {
    /// The hyper-parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawIalsParams {
        &self.raw
    }

    /// α₀; zero where it is left to a training that has not been.
    pub(super) fn unobserved_weight(&self) -> f64 {
        self.raw.unobserved_weight.unwrap_or(0.0)
    }

    /// The same parameters, with α₀ taken from a matrix without empty rows and columns where they leave it open.
    #[must_use]
    pub fn resolved(&self, matrix: &Csr) -> Self {
        let pairs = matrix.n_rows() as f64 * matrix.n_columns() as f64;
        let seen: f64 = matrix.column_sums().iter().sum();
        let from_matrix = (UNOBSERVED_RATIO * seen / pairs.max(1.0)).min(1.0);
        let mut raw = self.raw.clone();
        raw.unobserved_weight.get_or_insert(from_matrix);
        Self { raw }
    }

    /// λ of a row: `λ (weight + α₀ · others)^ν`, where `weight` is the sum of the row's weights and `others` the number
    /// of rows with an entry on the other side.
    pub(super) fn row_regularization(&self, weight: f64, others: usize) -> f64 {
        let raw = &self.raw;
        raw.regularization
            * (weight + self.unobserved_weight() * others as f64).powf(raw.regularization_exponent)
    }
}

impl TryFrom<RawIalsParams> for IalsParams {
    type Error = IalsParamsError;

    fn try_from(raw: RawIalsParams) -> Result<Self, IalsParamsError> {
        let unobserved = raw.unobserved_weight.unwrap_or(0.0);
        let rules = [
            (
                "factors",
                raw.factors as f64,
                (1.0..=4096.0).contains(&(raw.factors as f64)),
                "1 to 4096",
            ),
            (
                "epochs",
                raw.epochs as f64,
                (1.0..=1000.0).contains(&(raw.epochs as f64)),
                "1 to 1000",
            ),
            (
                "unobserved_weight",
                unobserved,
                (0.0..=1.0).contains(&unobserved),
                "between 0 and 1",
            ),
            (
                "regularization",
                raw.regularization,
                // Below this a single-precision factor could not tell it from zero.
                (1e-9..=1e3).contains(&raw.regularization),
                "between 1e-9 and 1000",
            ),
            (
                "regularization_exponent",
                raw.regularization_exponent,
                (0.0..=2.0).contains(&raw.regularization_exponent),
                "between 0 and 2",
            ),
            (
                "init_stddev",
                raw.init_stddev,
                (1e-9..=10.0).contains(&raw.init_stddev),
                "between 1e-9 and 10",
            ),
            (
                "solver_steps",
                raw.solver_steps as f64,
                raw.solver_steps <= 100,
                "0 to 100",
            ),
        ];
        match rules.into_iter().find(|&(_, _, holds, _)| !holds) {
            Some((key, value, _, rule)) => Err(IalsParamsError { key, value, rule }),
            None => Ok(Self { raw }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ItemIdx, Row};

    #[test]
    fn bad_values_name_their_key() {
        let default = RawIalsParams::default;
        for (key, raw) in [
            (
                "factors",
                RawIalsParams {
                    factors: 0,
                    ..default()
                },
            ),
            (
                "epochs",
                RawIalsParams {
                    epochs: 0,
                    ..default()
                },
            ),
            (
                "unobserved_weight",
                RawIalsParams {
                    unobserved_weight: Some(-0.1),
                    ..default()
                },
            ),
            (
                "regularization",
                RawIalsParams {
                    regularization: f64::NAN,
                    ..default()
                },
            ),
            (
                "regularization",
                RawIalsParams {
                    regularization: 0.0,
                    ..default()
                },
            ),
            (
                "regularization_exponent",
                RawIalsParams {
                    regularization_exponent: 3.0,
                    ..default()
                },
            ),
            (
                "init_stddev",
                RawIalsParams {
                    init_stddev: f64::INFINITY,
                    ..default()
                },
            ),
            (
                "solver_steps",
                RawIalsParams {
                    solver_steps: 101,
                    ..default()
                },
            ),
        ] {
            let message = IalsParams::try_from(raw).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("recommend.ials.{key} = ")),
                "{message}"
            );
        }
        assert!(IalsParams::try_from(default()).is_ok());
    }

    #[test]
    fn regularization_grows_with_the_row() {
        let raw = RawIalsParams {
            unobserved_weight: Some(0.1),
            regularization: 0.5,
            ..RawIalsParams::default()
        };
        let params = IalsParams::try_from(raw).unwrap();
        assert!((params.row_regularization(3.0, 20) - 2.5).abs() < 1e-12);
    }

    #[test]
    fn an_open_weight_follows_the_matrix_and_a_given_one_stays() {
        let rows = vec![
            vec![(ItemIdx::from_u32(0), 0.5)],
            vec![(ItemIdx::from_u32(3), 1.5)],
        ];
        let open = IalsParams::try_from(RawIalsParams::default()).unwrap();
        let found = open.resolved(&Csr::from_rows(&rows, 1000)).unobserved_weight();
        assert!((found - 30.0 * 2.0 / 2000.0).abs() < 1e-12, "{found}");
        assert!((open.resolved(&Csr::from_rows(&rows, 4)).unobserved_weight() - 1.0).abs() < 1e-12);
        let raw = RawIalsParams {
            unobserved_weight: Some(0.2),
            ..RawIalsParams::default()
        };
        let given = IalsParams::try_from(raw).unwrap();
        assert_eq!(given.resolved(&Csr::from_rows(&rows, 1000)), given);
    }
}
