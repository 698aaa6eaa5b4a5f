//! The parameters of alternatives: raw as a recipe writes them, and checked.

use serde::{Deserialize, Serialize};

use crate::recommend::range::{OutOfRange, check};

/// The recipe section `[recommend.similar]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSimilarParams {
    /// Alternatives kept of each item.
    pub neighbours: usize,
    /// How strongly popular items are damped, on both sides.
    pub popularity_exponent: f64,
    /// Meetings at which what was counted weighs half.
    pub shrinkage: f64,
    /// What customers in common count against visits in common.
    pub customer_weight: f64,
    /// Likeness of two items that agree in category and price, before anything is counted.
    pub content_weight: f64,
    /// Neighbours by category and price that an item has.
    pub content_neighbours: usize,
    /// Difference of log prices at which two items are alike by a factor of e less.
    pub price_tolerance: f64,
    /// Choices that the prior of a pair counts as.
    pub prior_choices: f64,
    /// With views: the probability from which a pair are substitutes.
    pub least_substitute: f64,
    /// Without: the ratio of bought together to bought apart below which a pair are substitutes …
    pub substitute_ratio: f64,
    /// … and above which they are complements.
    pub complement_ratio: f64,
    /// Visits with a choice from which the views are believed.
    pub least_choices: usize,
    /// Visits with more distinct items are left out.
    pub largest_visit: usize,
    /// Customers with more distinct items are left out.
    pub largest_customer: usize,
}

impl Default for RawSimilarParams {
    fn default() -> Self {
        Self {
            neighbours: 100,
            popularity_exponent: 0.5,
            shrinkage: 5.0,
            customer_weight: 0.3,
            content_weight: 0.2,
            content_neighbours: 50,
            price_tolerance: 0.5,
            prior_choices: 2.0,
            least_substitute: 0.8,
            substitute_ratio: 0.7,
            complement_ratio: 1.5,
            least_choices: 200,
            largest_visit: 200,
            largest_customer: 2_000,
        }
    }
}

/// Checked parameters of alternatives, and of what tells them from complements.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `neighbours` | 100 | alternatives kept of each item, the strongest | 1 to 10,000 |
/// | `popularity_exponent` | 0.5 | damping of popular items on both sides; 0.5 makes cosines | 0 to 1 |
/// | `shrinkage` | 5 | meetings at which what was counted weighs half and the prior half | 0.000001 to 10,000 |
/// | `customer_weight` | 0.3 | customers in common against visits in common; 1 where nothing is known of views | 0 to 1 |
/// | `content_weight` | 0.2 | likeness of two items of one category and price before anything is counted | 0 to 1 |
/// | `content_neighbours` | 50 | neighbours by category and price | 1 to 10,000 |
/// | `price_tolerance` | 0.5 | difference of log prices that divides likeness by e | 0.01 to 100 |
/// | `prior_choices` | 2 | choices that a pair's prior counts as | 0.000001 to 10,000 |
/// | `least_substitute` | 0.8 | with views: probability from which two items looked at together are substitutes | 0.5 to 1 |
/// | `substitute_ratio` | 0.7 | without: bought together over bought apart below which they are substitutes … | 0 to 1 |
/// | `complement_ratio` | 1.5 | … and above which they are complements | 1 to 100 |
/// | `least_choices` | 200 | visits with two items looked at and one bought from which views are believed | 1 to 1,000,000,000 |
/// | `largest_visit` | 200 | distinct items beyond which a visit is left out | 2 to 100,000 |
/// | `largest_customer` | 2,000 | distinct items beyond which a customer says nothing of alternatives | 2 to 1,000,000 |
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarParams {
    raw: RawSimilarParams,
}

impl SimilarParams {
    /// The parameters as the recipe wrote them.
    #[must_use]
    pub fn raw(&self) -> &RawSimilarParams {
        &self.raw
    }
}

impl TryFrom<RawSimilarParams> for SimilarParams {
    type Error = OutOfRange;

    fn try_from(raw: RawSimilarParams) -> Result<Self, OutOfRange> {
        let rules = [
            ("neighbours", raw.neighbours as f64, 1.0, 10_000.0),
            ("popularity_exponent", raw.popularity_exponent, 0.0, 1.0),
            ("shrinkage", raw.shrinkage, 1e-6, 10_000.0),
            ("customer_weight", raw.customer_weight, 0.0, 1.0),
            ("content_weight", raw.content_weight, 0.0, 1.0),
            ("content_neighbours", raw.content_neighbours as f64, 1.0, 10_000.0),
            ("price_tolerance", raw.price_tolerance, 0.01, 100.0),
            ("prior_choices", raw.prior_choices, 1e-6, 10_000.0),
            ("least_substitute", raw.least_substitute, 0.5, 1.0),
            ("substitute_ratio", raw.substitute_ratio, 0.0, 1.0),
            ("complement_ratio", raw.complement_ratio, 1.0, 100.0),
            ("least_choices", raw.least_choices as f64, 1.0, 1e9),
            ("largest_visit", raw.largest_visit as f64, 2.0, 100_000.0),
            ("largest_customer", raw.largest_customer as f64, 2.0, 1e6),
        ];
        check("similar", &rules)?;
        Ok(Self { raw })
    }
}
