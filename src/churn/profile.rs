//! What is known of a customer beside her risk: segment, stage and value, none of which needs a churn model.

use serde::{Deserialize, Serialize};

use super::features::Norms;
use super::segment::{Rfm, Segment, Segmentation, Stage};
use super::value::{CustomerValue, ValueFitReport, ValueModel, ValueParams};
use super::{ChurnParams, RawChurnParams};
use crate::history::{Histories, PurchaseDay};
use crate::time::{Calendar, Timestamp};

/// A customer's segment, stage and value at an instant.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Profile {
    /// Scores for recency, frequency and money.
    pub rfm: Rfm,
    /// The segment that they name.
    pub segment: Segment,
    /// The stage of her life as a customer.
    pub stage: Stage,
    /// What she is expected to buy and bring; `None` where no model can tell.
    pub value: Option<CustomerValue>,
}

impl Profile {
    /// What is expected to be lost: `probability` of churn times the expected value. `None` where no value is known.
    #[must_use]
    pub fn value_at_risk(&self, probability: f64) -> Option<f64> {
        Some(probability * self.value?.value?)
    }
}

/// What profiles are made by.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Profiler {
    /// The horizon and the eligible days decide over stages.
    params: ChurnParams,
    segmentation: Segmentation,
    /// The value model, or the rule that refused it.
    value: Result<ValueModel, String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    churn: RawChurnParams,
    segmentation: Segmentation,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<ValueModel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_refusal: Option<String>,
}

impl From<Profiler> for Stored {
    fn from(profiler: Profiler) -> Self {
        let (value, value_refusal) = match profiler.value {
            Ok(model) => (Some(model), None),
            Err(why) => (None, Some(why)),
        };
        Self {
            churn: profiler.params.raw().clone(),
            segmentation: profiler.segmentation,
            value,
            value_refusal,
        }
    }
}

impl TryFrom<Stored> for Profiler {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        let Stored {
            churn,
            segmentation,
            value,
            value_refusal,
        } = stored;
        Ok(Self {
            params: churn.try_into().map_err(|error| format!("{error}"))?,
            segmentation,
            value: match (value, value_refusal) {
                (Some(model), None) => Ok(model),
                (None, Some(why)) => Err(why),
                _ => return Err("exactly one of value and value_refusal must be given".to_owned()),
            },
        })
    }
}

impl Profiler {
    /// Learns from everything before `data_end`; `None` when nobody bought.
    ///
    /// The report is that of the value model, or the rule that refused it.
    #[must_use]
    pub fn fit(
        histories: &Histories,
        calendar: &Calendar,
        params: &ChurnParams,
        value: &ValueParams,
        data_end: Timestamp,
    ) -> Option<(Self, Result<ValueFitReport, String>)> {
        let params = params.with_horizon_of(histories, calendar, data_end);
        let norms = Norms::of(histories, calendar, data_end, &params);
        let segmentation = Segmentation::fit(histories, calendar, data_end, &norms)?;
        let (value, report) = match ValueModel::fit(histories, calendar, value, data_end) {
            Ok((model, report)) => (Ok(model), Ok(report)),
            Err(refused) => (Err(refused.to_string()), Err(refused.to_string())),
        };
        Some((
            Self {
                params,
                segmentation,
                value,
            },
            report,
        ))
    }

    /// The profile of a customer with these purchase days before `now`; `None` without any.
    #[must_use]
    pub fn profile(&self, purchases: &[PurchaseDay], now: Timestamp, calendar: &Calendar) -> Option<Profile> {
        let placed = self.segmentation.of(purchases, now)?;
        Some(Profile {
            rfm: placed.rfm,
            segment: placed.segment,
            stage: self.segmentation.stage(purchases, now, &self.params)?,
            value: self
                .value
                .as_ref()
                .ok()
                .and_then(|model| model.value(purchases, now, calendar)),
        })
    }

    /// The limits of the segments.
    #[must_use]
    pub fn segmentation(&self) -> &Segmentation {
        &self.segmentation
    }

    /// The value model, or the rule that refused it.
    ///
    /// # Errors
    /// The rule that refused.
    pub fn value_model(&self) -> Result<&ValueModel, &str> {
        self.value.as_ref().map_err(String::as_str)
    }
}
