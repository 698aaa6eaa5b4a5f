//! The churn model as a bundle stores it: plain numbers with names, checked on the way in.

use serde::{Deserialize, Serialize};

use super::boosted::BoostedModel;
use super::boosting::Boosted;
use super::features::{Norms, Schema};
use super::linear::Linear;
use super::logistic::Logistic;
use super::model::ChurnModel;
use super::platt::Platt;
use super::predictor::Predictor;
use super::rhythm::Rhythm;
use super::standard::{Scale, Standard};
use super::watch::Watch;
use super::{ChurnError, ChurnParams, RawChurnParams};
use crate::time::Timestamp;

/// A model, unchecked. All times are UTC, all features in schema order. Of `intercept` with `columns`, `rhythm` and
/// `boosting` exactly one is given: the model of the ladder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    params: RawChurnParams,
    data_end: Timestamp,
    /// Digest of the features' meaning when the model was fitted.
    feature_schema_hash: String,
    norms: Norms,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intercept: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<StoredColumn>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rhythm: Option<StoredRhythm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    boosting: Option<StoredBoosting>,
    platt: Platt,
    base_rate: f64,
    lapsed_rate: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level_error: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watch: Option<Watch>,
}

/// MBG/NBD: its parameters are the norms'.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredRhythm {
    /// Purchase days, recency and tenure of a typical customer.
    typical: [f64; 3],
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredBoosting {
    features: Vec<String>,
    typical: Vec<f64>,
    trees: Boosted,
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
        let mut stored = Stored {
            params: self.params.raw().clone(),
            data_end: self.data_end,
            feature_schema_hash: self.feature_schema_hash(),
            norms: self.norms,
            intercept: None,
            columns: None,
            rhythm: None,
            boosting: None,
            platt: self.platt,
            base_rate: self.base_rate,
            lapsed_rate: self.lapsed_rate,
            level_error: self.level_error,
            watch: self.watch.clone(),
        };
        match &self.predictor {
            Predictor::Logistic(linear) => {
                stored.intercept = Some(linear.logistic.intercept);
                stored.columns = Some(
                    linear
                        .schema()
                        .features()
                        .zip(&linear.standard.scales)
                        .zip(&linear.logistic.weights)
                        .map(|((feature, &scale), &weight)| StoredColumn {
                            feature: feature.code.to_owned(),
                            weight,
                            scale,
                        })
                        .collect(),
                );
            }
            Predictor::MbgNbd(rhythm) => {
                stored.rhythm = Some(StoredRhythm {
                    typical: rhythm.typical,
                });
            }
            Predictor::Boosting(model) => {
                stored.boosting = Some(StoredBoosting {
                    features: model.schema.features().map(|f| f.code.to_owned()).collect(),
                    typical: model.typical.clone(),
                    trees: model.trees.clone(),
                });
            }
        }
        stored.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ChurnModel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(Stored::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

fn broken<T>(field: &'static str, problem: String) -> Result<T, ChurnError> {
    Err(ChurnError::BrokenModel { field, problem })
}

fn finite(field: &'static str, value: f64) -> Result<(), ChurnError> {
    if value.is_finite() {
        Ok(())
    } else {
        broken(field, format!("= {value} is not finite"))
    }
}

fn schema_of<'a>(field: &'static str, codes: impl Iterator<Item = &'a str>) -> Result<Schema, ChurnError> {
    match Schema::from_codes(codes) {
        Ok(schema) if schema.is_empty() => broken(field, "is empty".to_owned()),
        Ok(schema) => Ok(schema),
        Err(code) => broken(field, format!("has the unknown or repeated feature {code:?}")),
    }
}

impl StoredColumn {
    fn check(&self) -> Result<(), ChurnError> {
        let Self {
            feature,
            weight,
            scale,
        } = self;
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
        Ok(())
    }
}

fn linear(intercept: f64, columns: &[StoredColumn]) -> Result<Linear, ChurnError> {
    finite("intercept", intercept)?;
    let schema = schema_of("columns", columns.iter().map(|column| column.feature.as_str()))?;
    columns.iter().try_for_each(StoredColumn::check)?;
    Ok(Linear {
        standard: Standard {
            schema,
            scales: columns.iter().map(|column| column.scale).collect(),
        },
        logistic: Logistic {
            intercept,
            weights: columns.iter().map(|column| column.weight).collect(),
        },
    })
}

fn rhythm(StoredRhythm { typical }: StoredRhythm, norms: &Norms) -> Result<Rhythm, ChurnError> {
    typical
        .into_iter()
        .try_for_each(|value| finite("rhythm.typical", value))?;
    match norms.buying {
        Some(buying) => Ok(Rhythm::new(buying, typical)),
        None => broken("norms.buying", "is missing, and MBG/NBD scores by it".to_owned()),
    }
}

fn boosting(stored: StoredBoosting) -> Result<BoostedModel, ChurnError> {
    let StoredBoosting {
        features,
        typical,
        trees,
    } = stored;
    let schema = schema_of("boosting.features", features.iter().map(String::as_str))?;
    let (expected, columns) = (schema.len(), trees.columns());
    if columns != expected || typical.len() != expected {
        return broken(
            "boosting",
            format!(
                "reads {columns} columns with {} typical values, and there are {expected} features",
                typical.len()
            ),
        );
    }
    typical
        .iter()
        .try_for_each(|&value| finite("boosting.typical", value))?;
    Ok(BoostedModel {
        schema,
        trees,
        typical,
    })
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
            rhythm: stored_rhythm,
            boosting: stored_boosting,
            platt,
            base_rate,
            lapsed_rate,
            level_error,
            watch,
        } = stored;
        let params = match ChurnParams::try_from(params) {
            Ok(params) => params,
            Err(error) => return broken("params", error.to_string()),
        };
        finite("norms.typical_gap_days", norms.typical_gap_days)?;
        finite("norms.typical_order_value", norms.typical_order_value)?;
        finite("platt.offset", platt.offset)?;
        finite("platt.slope", platt.slope)?;
        if let Some(Err(error)) = norms.buying.map(|buying| buying.model.check()) {
            return broken("norms.buying", error.to_string());
        }
        if platt.slope <= 0.0 {
            return broken("platt.slope", format!("= {} is not above 0", platt.slope));
        }
        for (field, rate) in [("base_rate", base_rate), ("lapsed_rate", lapsed_rate)] {
            if !(0.0..=1.0).contains(&rate) {
                return broken(field, format!("= {rate} is not between 0 and 1"));
            }
        }
        if let Some(error) = level_error
            && !(error.is_finite() && error >= 0.0)
        {
            return broken("level_error", format!("= {error} is not 0 or more"));
        }
        let predictor = match (intercept, columns, stored_rhythm, stored_boosting) {
            (Some(intercept), Some(columns), None, None) => Predictor::Logistic(linear(intercept, &columns)?),
            (None, None, Some(stored), None) => Predictor::MbgNbd(rhythm(stored, &norms)?),
            (None, None, None, Some(stored)) => Predictor::Boosting(boosting(stored)?),
            _ => {
                return broken(
                    "model",
                    "must be one of intercept and columns, rhythm, boosting".to_owned(),
                );
            }
        };
        let schema = predictor.schema();
        if schema.hash() != feature_schema_hash {
            return broken(
                "feature_schema_hash",
                format!(
                    "is {feature_schema_hash:?}, this program computes these features as {:?}; train again",
                    schema.hash()
                ),
            );
        }
        if let Some(Err(problem)) = watch.as_ref().map(|watch| watch.check(schema)) {
            return broken("watch", problem);
        }
        Ok(Self {
            params,
            data_end,
            norms,
            predictor,
            platt,
            base_rate,
            lapsed_rate,
            level_error,
            watch,
        })
    }
}
