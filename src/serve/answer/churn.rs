//! What the engine answers to a CRM.

use crate::churn::plan::Plan;
use crate::churn::segment::{Segment, Stage};
use crate::churn::value::TrackRecord;
use crate::churn::{Band, Change, ChurnScore, Profile, Standing};
use crate::time::Timestamp;

/// What to know before a score is acted upon.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ScoreFlag {
    /// She bought on one day only: what is said of her rhythm is the shop's.
    OneTimeBuyer,
    /// The instant lies more than a day after the end of the model's log: silence since then is taken for her own.
    Stale,
    /// Events of a kind have stopped coming in: the score is as of the last instant when they did.
    Frozen,
}

/// What the answer to a CRM holds.
#[derive(Clone, PartialEq, Debug)]
pub struct ChurnAnswer {
    /// The customer.
    pub customer_id: String,
    /// The risk and its reasons.
    pub score: ChurnScore,
    /// Segment, stage and value; `None` in bundles that are older than them.
    pub profile: Option<Profile>,
    /// What to know before acting.
    pub flags: Vec<ScoreFlag>,
    /// What changed since another instant; `None` unless asked for, or when she had not bought by then.
    pub change: Option<Change>,
    /// The model of the earlier score; `None` without a change.
    pub earlier_version: Option<String>,
    /// The model that answered.
    pub model_version: String,
}

/// What a score is compared with.
#[derive(Clone, PartialEq, Debug)]
pub struct Since {
    /// The earlier instant.
    pub as_of: Timestamp,
    /// The model of the earlier score; the one that answers when not given.
    pub model_version: Option<String>,
}

/// In which order customers at risk are told.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum RiskOrder {
    /// Likeliest to leave first.
    #[default]
    Probability,
    /// Most value at risk first; customers of unknown value last.
    ValueAtRisk,
}

/// Which customers are wanted, and in which order.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AtRiskFilter {
    /// Least probability, 0 to 1.
    pub min_probability: Option<f64>,
    /// Greatest probability, 0 to 1.
    pub max_probability: Option<f64>,
    /// Bands that are wanted; empty for all.
    pub bands: Vec<Band>,
    /// Standings that are wanted; empty for all. Lapsed customers share one probability, often the highest.
    pub standings: Vec<Standing>,
    /// Segments that are wanted; empty for all.
    pub segments: Vec<Segment>,
    /// Stages that are wanted; empty for all.
    pub stages: Vec<Stage>,
    /// Least value at risk.
    pub min_value_at_risk: Option<f64>,
    /// The order.
    pub order: RiskOrder,
    /// Most customers in the answer; `None` for all.
    pub limit: Option<usize>,
    /// Score as of this instant instead of the end of the model's data.
    pub as_of: Option<Timestamp>,
}

/// Risk and value of the customers of one segment, or of all.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct RiskTotals {
    /// Customers who ever bought.
    pub customers: usize,
    /// Those of them who can still churn.
    pub eligible: usize,
    /// How many of those are expected to buy nothing within the horizon.
    pub expected_leavers: f64,
    /// What all are expected to bring, where it is known.
    pub value: f64,
    /// What of it is expected to be lost: the sum of probability × value.
    pub value_at_risk: f64,
}

/// Risk and value by segment.
#[derive(Clone, PartialEq, Debug)]
pub struct CustomerSummary {
    /// As of this instant.
    pub as_of: Timestamp,
    /// The horizon of the probabilities.
    pub horizon_days: u32,
    /// The months of the values; `None` where no value is known.
    pub value_months: Option<u32>,
    /// How such values did before; `None` where that is not known.
    pub value_record: Option<TrackRecord>,
    /// By segment, best first; segments without customers left out.
    pub segments: Vec<(Segment, RiskTotals)>,
    /// The shop.
    pub total: RiskTotals,
    /// The model that answered.
    pub model_version: String,
}

/// A retention plan and what it rests on.
#[derive(Clone, PartialEq, Debug)]
pub struct PlanAnswer {
    /// The plan.
    pub plan: Plan,
    /// Probabilities and values are as of this instant.
    pub as_of: Timestamp,
    /// The horizon of the probabilities.
    pub horizon_days: u32,
    /// The months of the values.
    pub value_months: u32,
    /// How such values did before; `None` where that is not known.
    pub value_record: Option<TrackRecord>,
    /// The model that answered.
    pub model_version: String,
}
