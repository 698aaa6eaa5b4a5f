//! The hyper-parameters of item neighbours: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

use crate::recommend::range::{OutOfRange, check};

/// What the size of an item is, by which its links are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemSize {
    /// The sum of its weights: with weights of 1 the number of its customers.
    Weights,
    /// Its place on the diagonal of the Gram matrix: with both exponents 0.5 the links are cosines.
    Diagonal,
    /// The Euclidean norm of its row of the Gram matrix, which damps what is popular among the popular further.
    Norms,
}

/// The recipe section `[recommend.neighbours]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawNeighboursParams {
    /// Items that one item speaks for; 0 for all that it meets.
    pub neighbours: usize,
    /// How strongly customers with long histories are damped.
    pub customer_exponent: f64,
    /// What the size of an item is.
    pub item_size: ItemSize,
    /// How strongly popular items of a profile are damped.
    pub source_exponent: f64,
    /// How strongly popular items are damped as a recommendation.
    pub target_exponent: f64,
    /// Customers in common at which a link counts half.
    pub shrinkage: f64,
    /// Power to which each link is raised.
    pub power: f64,
    /// Whether an item speaks for itself, too.
    pub self_links: bool,
}

impl Default for RawNeighboursParams {
    fn default() -> Self {
        Self {
            neighbours: 500,
            customer_exponent: 0.28,
            item_size: ItemSize::Weights,
            source_exponent: 0.7,
            target_exponent: 0.3,
            shrinkage: 0.0,
            power: 1.05,
            self_links: false,
        }
    }
}

/// Checked hyper-parameters.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `neighbours` | 500 | links kept for each item of a profile, the strongest; 0 keeps all | 0 to 100,000 |
/// | `customer_exponent` | 0.28 | `a`: 0 counts every pair of a history alike, 0.5 every item of it, 1 every customer | 0 to 2 |
/// | `item_size` | "weights" | `d`: "weights" (their sum), "diagonal" or "norms" (of the Gram matrix) | |
/// | `source_exponent` | 0.7 | `e₁`: damping of what is popular, on the profile's side | 0 to 2 |
/// | `target_exponent` | 0.3 | `e₂`: damping of what is popular, on the recommended side | 0 to 2 |
/// | `shrinkage` | 0 | `λ`: common customers at which a link counts half | 0 to 10,000 |
/// | `power` | 1.05 | `s`: above 1 few strong links decide, below 1 many weak ones | 0.1 to 4 |
/// | `self_links` | false | whether the diagonal is kept, beside the `neighbours` | |
///
/// Known models are points of this space (binary weights, `self_links` on where the profile itself is not ranked):
///
/// | model | `a` | `d` | `e₁` | `e₂` | `s` | neighbours |
/// |---|---|---|---|---|---|---|
/// | cosine | 0 | diagonal | 0.5 | 0.5 | 1 | 100 |
/// | linear part of GF-CF | 0.5 | weights | 0.5 | 0.5 | 1 | all |
/// | Turbo-CF(α, s) | α | weights | 1 − α | 1 − α | s | all |
/// | RP3β(α, β), rows not normalised | α / 2 | weights | α | β | 1 | 300 to 800 |
/// | what SANSA's sparse inverse comes to | 0 | norms | 0.5 | 0.5 | 1 | 7 |
#[derive(Clone, Debug, PartialEq)]
pub struct NeighboursParams {
    raw: RawNeighboursParams,
}

impl NeighboursParams {
    /// The hyper-parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawNeighboursParams {
        &self.raw
    }
}

impl TryFrom<RawNeighboursParams> for NeighboursParams {
    type Error = OutOfRange;

    fn try_from(raw: RawNeighboursParams) -> Result<Self, OutOfRange> {
        let rules = [
            ("neighbours", raw.neighbours as f64, 0.0, 100_000.0),
            ("customer_exponent", raw.customer_exponent, 0.0, 2.0),
            ("source_exponent", raw.source_exponent, 0.0, 2.0),
            ("target_exponent", raw.target_exponent, 0.0, 2.0),
            ("shrinkage", raw.shrinkage, 0.0, 10_000.0),
            ("power", raw.power, 0.1, 4.0),
        ];
        check("neighbours", &rules)?;
        Ok(Self { raw })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bad_values_name_their_key() {
        for text in [
            "customer_exponent = -0.1",
            "source_exponent = nan",
            "target_exponent = 3.0",
            "shrinkage = inf",
            "power = 0.0",
            "neighbours = 1000000",
        ] {
            let key = text.split(' ').next().unwrap();
            let raw: RawNeighboursParams = toml::from_str(text).unwrap();
            let message = NeighboursParams::try_from(raw).unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("recommend.neighbours.{key} = ")),
                "{message}"
            );
        }
        assert!(NeighboursParams::try_from(RawNeighboursParams::default()).is_ok());
        assert!(toml::from_str::<RawNeighboursParams>("item_size = \"weight\"").is_err());
    }
}
