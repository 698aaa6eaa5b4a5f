//! The hyper-parameters of the low-pass model: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

/// The recipe section `[recommend.low_pass]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawLowPassParams {
    /// Singular directions that are kept.
    pub factors: usize,
    /// How strongly a customer's degree divides the matrix.
    pub customer_exponent: f64,
    /// How strongly an item's degree divides the matrix.
    pub item_exponent: f64,
    /// Added to every degree before it divides the matrix.
    pub degree_smoothing: f64,
    /// How strongly the degree of a profile's item takes from what it says.
    pub input_exponent: f64,
    /// How strongly the degree of a scored item adds to its score.
    pub output_exponent: f64,
    /// How strongly each direction passes.
    pub filter: Filter,
    /// The power filter's exponent.
    pub power: f64,
    /// The Chebyshev filter's shape.
    pub chebyshev: RawChebyshev,
}

/// How strongly a direction passes, given its singular value `σ` as a part of the largest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filter {
    /// `σ^power`.
    Power,
    /// All alike: the cut-off alone filters.
    Ideal,
    /// The plateau of ChebyCF as its polynomial has it, and an ideal part.
    Chebyshev,
}

/// `[recommend.low_pass.chebyshev]`: used by the filter of that name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawChebyshev {
    /// Degree of the polynomial.
    pub degree: usize,
    /// How flat the plateau is in the middle of the spectrum.
    pub flatness: f64,
    /// Directions that the ideal part passes.
    pub ideal_factors: usize,
    /// Weight of the ideal part.
    pub ideal_weight: f64,
}

impl Default for RawChebyshev {
    fn default() -> Self {
        Self {
            degree: 8,
            flatness: 1.5,
            ideal_factors: 512,
            ideal_weight: 0.2,
        }
    }
}

impl Default for RawLowPassParams {
    fn default() -> Self {
        Self {
            factors: 512,
            customer_exponent: 0.38,
            item_exponent: 0.44,
            degree_smoothing: 6.0,
            input_exponent: 0.36,
            output_exponent: 0.2,
            filter: Filter::Power,
            power: 1.0,
            chebyshev: RawChebyshev::default(),
        }
    }
}

/// Why hyper-parameters cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("recommend.low_pass.{key} = {value} is not between {least} and {most}")]
pub struct LowPassParamsError {
    key: &'static str,
    value: f64,
    least: f64,
    most: f64,
}

/// Checked hyper-parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `factors` | 512 | singular directions that are kept; more is better and slower | 1 to 4096 |
/// | `customer_exponent` | 0.38 | `a`: larger takes more from customers who bought much | 0 to 1 |
/// | `item_exponent` | 0.44 | `b`: larger takes more from items that many bought | 0 to 1 |
/// | `degree_smoothing` | 6 | `s`, added to degrees: customers and items with few entries are not blown up | 0 to 1e6 |
/// | `input_exponent` | 0.36 | `c`: larger lets a profile's popular items say less | −1 to 2 |
/// | `output_exponent` | 0.2 | `d`: larger leans towards popular items | −1 to 2 |
/// | `filter` | `"power"` | `"power"`, `"ideal"` or `"chebyshev"` | |
/// | `power` | 1 | `β` of the power filter: larger is smoother, 0 is the ideal filter | −1 to 8 |
/// | `chebyshev.degree` | 8 | `K` | 1 to 64 |
/// | `chebyshev.flatness` | 1.5 | `φ` | 0.1 to 100 |
/// | `chebyshev.ideal_factors` | 512 | `η`; beyond `factors` it adds nothing | 0 to 4096 |
/// | `chebyshev.ideal_weight` | 0.2 | `α` | 0 to 100 |
#[derive(Clone, Debug, PartialEq)]
pub struct LowPassParams {
    raw: RawLowPassParams,
}

impl LowPassParams {
    /// The hyper-parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawLowPassParams {
        &self.raw
    }
}

impl TryFrom<RawLowPassParams> for LowPassParams {
    type Error = LowPassParamsError;

    fn try_from(raw: RawLowPassParams) -> Result<Self, LowPassParamsError> {
        let RawLowPassParams {
            factors,
            customer_exponent,
            item_exponent,
            degree_smoothing,
            input_exponent,
            output_exponent,
            filter: _,
            power,
            chebyshev:
                RawChebyshev {
                    degree,
                    flatness,
                    ideal_factors,
                    ideal_weight,
                },
        } = raw;
        let rules = [
            ("factors", factors as f64, 1.0, 4096.0),
            ("customer_exponent", customer_exponent, 0.0, 1.0),
            ("item_exponent", item_exponent, 0.0, 1.0),
            ("degree_smoothing", degree_smoothing, 0.0, 1e6),
            ("input_exponent", input_exponent, -1.0, 2.0),
            ("output_exponent", output_exponent, -1.0, 2.0),
            ("power", power, -1.0, 8.0),
            ("chebyshev.degree", degree as f64, 1.0, 64.0),
            ("chebyshev.flatness", flatness, 0.1, 100.0),
            ("chebyshev.ideal_factors", ideal_factors as f64, 0.0, 4096.0),
            ("chebyshev.ideal_weight", ideal_weight, 0.0, 100.0),
        ];
        match rules
            .into_iter()
            .find(|(_, value, least, most)| !(least..=most).contains(&value))
        {
            Some((key, value, least, most)) => Err(LowPassParamsError {
                key,
                value,
                least,
                most,
            }),
            None => Ok(Self { raw }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_their_key() {
        type Spoil = fn(&mut RawLowPassParams);
        let spoils: [(&str, Spoil); 11] = [
            ("factors = 0", |raw| raw.factors = 0),
            ("customer_exponent = -0.1", |raw| raw.customer_exponent = -0.1),
            ("item_exponent = 1.5", |raw| raw.item_exponent = 1.5),
            ("degree_smoothing = inf", |raw| {
                raw.degree_smoothing = f64::INFINITY
            }),
            ("input_exponent = 3", |raw| raw.input_exponent = 3.0),
            ("output_exponent = NaN", |raw| raw.output_exponent = f64::NAN),
            ("power = 9", |raw| raw.power = 9.0),
            ("chebyshev.degree = 0", |raw| raw.chebyshev.degree = 0),
            ("chebyshev.flatness = 0", |raw| raw.chebyshev.flatness = 0.0),
            ("chebyshev.ideal_factors = 5000", |raw| {
                raw.chebyshev.ideal_factors = 5000
            }),
            ("chebyshev.ideal_weight = -1", |raw| {
                raw.chebyshev.ideal_weight = -1.0
            }),
        ];
        for (expected, spoil) in spoils {
            let mut raw = RawLowPassParams::default();
            spoil(&mut raw);
            let message = LowPassParams::try_from(raw).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("recommend.low_pass.{expected} is not between")),
                "{message}"
            );
        }
        assert!(LowPassParams::try_from(RawLowPassParams::default()).is_ok());
    }
}
