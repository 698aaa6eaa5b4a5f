//! Boosted trees as a model of the ladder: features reshaped as for the regression, and what may only rise or fall.

use super::boosting::{Boosted, Monotone};
use super::features::{FeatureValues, Schema};
use super::reasons::Part;

/// Trees over the reshaped features of a schema.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct BoostedModel {
    pub(super) schema: Schema,
    pub(super) trees: Boosted,
    /// The median of each feature over the training rows, as it is shown beside a customer's own.
    pub(super) typical: Vec<f64>,
}

/// Which way churn may go with a feature: longer silence never speaks for staying, and more purchases or visits never for
/// leaving. What the data alone cannot tell is so not learned from chance, and no single reason contradicts common sense.
pub(super) fn direction(code: &str) -> Monotone {
    match code {
        "recency_purchase_days" | "overdue_ratio" | "mbg_no_purchase" => Monotone::Rising,
        "n_purchase_days" | "n_purchase_30d" | "n_purchase_90d" | "n_purchase_180d" | "n_purchase_365d"
        | "purchase_rate_30d" | "mbg_purchases" | "n_view_30d" | "n_active_days_30d" => Monotone::Falling,
        _ => Monotone::Free,
    }
}

impl BoostedModel {
    /// The reshaped features of a row.
    pub(super) fn row(schema: &Schema, values: &FeatureValues) -> Vec<f64> {
        schema
            .features()
            .zip(schema.places())
            .map(|(feature, &place)| feature.transform.apply(values[place]))
            .collect()
    }

    pub(super) fn log_odds(&self, values: &FeatureValues) -> f64 {
        self.trees.log_odds(&Self::row(&self.schema, values))
    }

    /// What the trees say of the training rows on average.
    pub(super) fn base(&self) -> f64 {
        self.trees.expectation()
    }

    pub(super) fn parts(&self, values: &FeatureValues) -> Vec<Part> {
        let mut contributions = vec![0.0; self.schema.len()];
        self.trees
            .contributions(&Self::row(&self.schema, values), &mut contributions);
        self.schema
            .features()
            .zip(self.schema.places())
            .zip(&self.typical)
            .zip(contributions)
            .map(|(((feature, &place), &typical), contribution)| Part {
                feature,
                value: values[place],
                typical,
                contribution,
            })
            .collect()
    }
}
