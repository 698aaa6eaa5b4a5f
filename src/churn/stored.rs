//! The churn model as a bundle stores it: plain numbers with names, checked on the way in.

use serde::{Deserialize, Serialize};

use super::features::{Norms, Schema};
use super::logistic::Logistic;
use super::model::ChurnModel;
use super::platt::Platt;
use super::standard::{Scale, Standard};
use super::{ChurnError, ChurnParams, RawChurnParams};
use crate::time::Timestamp;

/// A model, unchecked. All times are UTC, all features in schema order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    params: RawChurnParams,
    data_end: Timestamp,
    /// Digest of the features' meaning when the model was fitted.
    feature_schema_hash: String,
    norms: Norms,
    intercept: f64,
    columns: Vec<StoredColumn>,
    platt: Platt,
    base_rate: f64,
    lapsed_rate: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredColumn {
    feature: String,
    weight: f64,
    scale: Scale,
}

impl Serialize for ChurnModel {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = self
            .standard
            .schema
            .features()
            .zip(&self.standard.scales)
            .zip(&self.logistic.weights)
            .map(|((feature, &scale), &weight)| StoredColumn {
                feature: feature.code.to_owned(),
                weight,
                scale,
            })
            .collect();
        Stored {
            params: self.params.raw().clone(),
            data_end: self.data_end,
            feature_schema_hash: self.feature_schema_hash(),
            norms: self.norms,
            intercept: self.logistic.intercept,
            columns,
            platt: self.platt,
            base_rate: self.base_rate,
            lapsed_rate: self.lapsed_rate,
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChurnModel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Stored::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Stored> for ChurnModel {
    type Error = ChurnError;

    fn try_from(stored: Stored) -> Result<Self, ChurnError> {
        let Stored {
            params,
            data_end,
            feature_schema_hash,
            norms,
            intercept,
            columns,
            platt,
            base_rate,
            lapsed_rate,
        } = stored;
        let broken = |field, problem: String| Err(ChurnError::BrokenModel { field, problem });
        let params = match ChurnParams::try_from(params) {
            Ok(params) => params,
            Err(error) => return broken("params", error.to_string()),
        };
        if columns.is_empty() {
            return broken("columns", "is empty".to_owned());
        }
        let schema = match Schema::from_codes(columns.iter().map(|column| column.feature.as_str())) {
            Ok(schema) => schema,
            Err(code) => {
                return broken("columns", format!("has the unknown or repeated feature {code:?}"));
            }
        };
        if schema.hash() != feature_schema_hash {
            return broken(
                "feature_schema_hash",
                format!(
                    "is {feature_schema_hash:?}, this program computes these features as {:?}; train again",
                    schema.hash()
                ),
            );
        }
        let finite = [
            ("norms.typical_gap_days", norms.typical_gap_days),
            ("norms.typical_order_value", norms.typical_order_value),
            ("intercept", intercept),
            ("platt.offset", platt.offset),
            ("platt.slope", platt.slope),
        ];
        for (field, value) in finite {
            if !value.is_finite() {
                return broken(field, format!("= {value} is not finite"));
            }
        }
        if platt.slope <= 0.0 {
            return broken("platt.slope", format!("= {} is not above 0", platt.slope));
        }
        for (field, rate) in [("base_rate", base_rate), ("lapsed_rate", lapsed_rate)] {
            if !(0.0..=1.0).contains(&rate) {
                return broken(field, format!("= {rate} is not between 0 and 1"));
            }
        }
        for StoredColumn {
            feature,
            weight,
            scale,
        } in &columns
        {
            let Scale { low, high, mean, sd } = *scale;
            if !weight.is_finite() {
                return broken("columns.weight", format!("of {feature} = {weight} is not finite"));
            }
            if ![low, high, mean, sd].iter().all(|v| v.is_finite()) || low > high || sd <= 0.0 {
                return broken(
                    "columns.scale",
                    format!("of {feature} is out of order: {scale:?}"),
                );
            }
        }
        Ok(Self {
            params,
            data_end,
            norms,
            standard: Standard {
                schema,
                scales: columns.iter().map(|column| column.scale).collect(),
            },
            logistic: Logistic {
                intercept,
                weights: columns.iter().map(|column| column.weight).collect(),
            },
            platt,
            base_rate,
            lapsed_rate,
        })
    }
}
