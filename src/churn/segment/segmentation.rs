//! What must be known of the shop to segment any customer at any instant.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Rfm, RfmLimits, RfmValues, Segment, Stage, stage};
use crate::churn::ChurnParams;
use crate::churn::features::Norms;
use crate::history::{Histories, PurchaseDay, purchase_days};
use crate::id::CustomerIdx;
use crate::time::{Calendar, Timestamp};

/// The limits between RFM scores and the shop's typical gap.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "RawSegmentation", into = "RawSegmentation")]
pub struct Segmentation {
    limits: RfmLimits,
    typical_gap_days: f64,
}

/// A segmentation as a bundle stores it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSegmentation {
    limits: RfmLimits,
    typical_gap_days: f64,
}

/// Why a stored segmentation cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentationError {
    /// Limits out of order.
    #[error("the limits of {field} are not finite and in order, rising (recency_days: falling): {limits:?}")]
    Limits {
        /// The dimension.
        field: &'static str,
        /// Its limits.
        limits: [f64; 4],
    },
    /// A gap that is no time.
    #[error("typical_gap_days = {value} is not finite and above 0")]
    TypicalGap {
        /// The gap.
        value: f64,
    },
}

/// A customer's scores and the segment that they name.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Placed {
    /// What was counted.
    pub values: RfmValues,
    /// The scores.
    pub rfm: Rfm,
    /// The segment.
    pub segment: Segment,
}

impl Segmentation {
    /// Learns from everybody who bought before `data_end`; `None` when nobody did.
    ///
    /// `norms` are those of the churn model, or [`Norms::of`] at `data_end` where there is none.
    #[must_use]
    pub fn fit(
        histories: &Histories,
        calendar: &Calendar,
        data_end: Timestamp,
        norms: &Norms,
    ) -> Option<Self> {
        let customers: Vec<CustomerIdx> = histories.customers().rows().collect();
        let buyers: Vec<RfmValues> = customers
            .into_par_iter()
            .filter_map(|customer| {
                let past = histories.of(customer).before(data_end);
                RfmValues::of(&purchase_days(past, calendar), data_end)
            })
            .collect();
        Some(Self {
            limits: RfmLimits::learn(&buyers)?,
            typical_gap_days: norms.typical_gap_days,
        })
    }

    /// Scores and segment of a customer with these purchase days before `now`; `None` when she never bought.
    #[must_use]
    pub fn of(&self, purchases: &[PurchaseDay], now: Timestamp) -> Option<Placed> {
        let values = RfmValues::of(purchases, now)?;
        let rfm = self.limits.score(&values);
        Some(Placed {
            values,
            rfm,
            segment: Segment::of(rfm),
        })
    }

    /// Stage of a customer with these purchase days before `now`; `None` when she never bought.
    #[must_use]
    pub fn stage(&self, purchases: &[PurchaseDay], now: Timestamp, params: &ChurnParams) -> Option<Stage> {
        stage(purchases, now, self.typical_gap_days, params)
    }

    /// The limits between scores.
    #[must_use]
    pub fn limits(&self) -> &RfmLimits {
        &self.limits
    }

    /// The shop's typical days between purchase days.
    #[must_use]
    pub fn typical_gap_days(&self) -> f64 {
        self.typical_gap_days
    }
}

impl From<Segmentation> for RawSegmentation {
    fn from(segmentation: Segmentation) -> Self {
        let Segmentation {
            limits,
            typical_gap_days,
        } = segmentation;
        Self {
            limits,
            typical_gap_days,
        }
    }
}

impl TryFrom<RawSegmentation> for Segmentation {
    type Error = SegmentationError;

    fn try_from(raw: RawSegmentation) -> Result<Self, SegmentationError> {
        let RawSegmentation {
            limits,
            typical_gap_days,
        } = raw;
        if !(typical_gap_days.is_finite() && typical_gap_days > 0.0) {
            return Err(SegmentationError::TypicalGap {
                value: typical_gap_days,
            });
        }
        Ok(Self {
            limits,
            typical_gap_days,
        })
    }
}
