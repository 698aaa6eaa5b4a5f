//! Churn scores as scripts read them.

use serde::Serialize;

use super::super::ClientError;
use super::{at, word};
use crate::grpc::convert::from_wire_instant;
use crate::grpc::pb;
use crate::time::Timestamp;

/// A customer's risk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChurnReport {
    /// Who.
    pub customer_id: String,
    /// Probability of no purchase within the horizon.
    pub probability: f64,
    /// Where it lies in four of five seasons; nothing where the past is too short to tell.
    pub interval: Option<[f64; 2]>,
    /// Length of the horizon.
    pub horizon_days: u32,
    /// Start of the horizon.
    pub as_of: Timestamp,
    /// `LOW`, `MEDIUM` or `HIGH`.
    pub band: String,
    /// `ELIGIBLE` or `LAPSED`.
    pub standing: String,
    /// Share of the eligible customers, in percent, with a lower probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentile: Option<f64>,
    /// Such as `STALE`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// Such as `CHAMPIONS`.
    pub segment: String,
    /// Such as `ACTIVE`.
    pub stage: String,
    /// Scores of 1 to 5 for recency, frequency and money, such as `5-4-3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rfm: Option<String>,
    /// What she is worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<ValueReport>,
    /// What changed since an earlier score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeReport>,
    /// The probability over that of the average eligible customer.
    pub relative_risk: f64,
    /// Log-odds from which the reasons start.
    pub base_log_odds: f64,
    /// Log-odds of the probability, to which those sum.
    pub log_odds: f64,
    /// Why, strongest first.
    pub reasons: Vec<ChurnReasonReport>,
    /// The model that answered.
    pub model_version: String,
}

/// What a customer is expected to buy and bring.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ValueReport {
    /// Months that the expectations speak of.
    pub months: u32,
    /// Probability that she has not left for good.
    pub probability_alive: f64,
    /// Days with a purchase.
    pub expected_purchases: f64,
    /// Spend on such a day.
    pub expected_spend: Option<f64>,
    /// Expected value.
    pub value: Option<f64>,
    /// The same if she has not left.
    pub value_if_kept: Option<f64>,
    /// Probability of leaving times value.
    pub value_at_risk: Option<f64>,
    /// When she is as likely as not to have bought again.
    pub next_order_at: Option<Timestamp>,
}

/// What changed since an earlier score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangeReport {
    /// The earlier instant.
    pub since: Timestamp,
    /// The earlier model.
    pub model_version: String,
    /// The earlier probability.
    pub probability: f64,
    /// Percentage points and log-odds of doing nothing since.
    pub elapsed_time: ChangePartReport,
    /// Of what she did since.
    pub behaviour: ChangePartReport,
    /// Of the later model.
    pub model: ChangePartReport,
}

/// One cause's part in a change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ChangePartReport {
    /// What it adds to the probability, in percentage points.
    pub points: f64,
    /// What it adds to the log-odds.
    pub log_odds: f64,
}

/// One reason of a risk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChurnReasonReport {
    /// Name of the feature.
    pub feature: String,
    /// Such as `RECENCY`.
    pub family: String,
    /// The customer's value.
    pub value: f64,
    /// The value that is usual for herself.
    pub usual_value: Option<f64>,
    /// The value that is usual in the shop.
    pub typical_value: f64,
    /// What it adds, in percentage points.
    pub contribution_points: f64,
    /// What it adds to the log-odds.
    pub contribution_log_odds: f64,
}

impl TryFrom<pb::ChurnScore> for ChurnReport {
    type Error = ClientError;

    fn try_from(message: pb::ChurnScore) -> Result<Self, ClientError> {
        let band = message.band().as_str_name();
        let standing = message.standing().as_str_name();
        let (segment, stage) = (message.segment().as_str_name(), message.stage().as_str_name());
        let flags = message
            .flags()
            .map(|flag| word("SCORE_FLAG_", flag.as_str_name()))
            .collect();
        let pb::ChurnScore {
            customer_id,
            probability,
            horizon_days,
            as_of,
            band: _,
            standing: _,
            relative_risk,
            reasons,
            base_log_odds,
            log_odds,
            model_version,
            interval,
            percentile,
            flags: _,
            segment: _,
            stage: _,
            rfm,
            value,
            change,
        } = message;
        Ok(Self {
            customer_id,
            probability,
            interval: interval.map(|pb::Interval { low, high }| [low, high]),
            horizon_days,
            as_of: at(as_of, "as_of")?,
            band: word("RISK_BAND_", band),
            standing: word("STANDING_", standing),
            percentile,
            flags,
            segment: word("SEGMENT_", segment),
            stage: word("STAGE_", stage),
            rfm: rfm.map(scores),
            value: value.map(worth),
            change: change.map(changed).transpose()?,
            relative_risk,
            base_log_odds,
            log_odds,
            reasons: reasons.into_iter().map(churn_reason).collect(),
            model_version,
        })
    }
}

fn scores(message: pb::Rfm) -> String {
    let pb::Rfm {
        recency,
        frequency,
        monetary,
    } = message;
    match monetary {
        Some(monetary) => format!("{recency}-{frequency}-{monetary}"),
        None => format!("{recency}-{frequency}"),
    }
}

fn worth(message: pb::CustomerValue) -> ValueReport {
    let pb::CustomerValue {
        months,
        probability_alive,
        expected_purchases,
        expected_spend,
        value,
        value_if_kept,
        value_at_risk,
        next_order_at,
    } = message;
    ValueReport {
        months,
        probability_alive,
        expected_purchases,
        expected_spend,
        value,
        value_if_kept,
        value_at_risk,
        next_order_at: next_order_at.and_then(from_wire_instant),
    }
}

fn changed(message: pb::ScoreChange) -> Result<ChangeReport, ClientError> {
    let pb::ScoreChange {
        since,
        model_version,
        probability,
        elapsed_time,
        behaviour,
        model,
    } = message;
    let part = |part: Option<pb::ChangePart>| {
        let pb::ChangePart { log_odds, points } = part.unwrap_or_default();
        ChangePartReport { points, log_odds }
    };
    Ok(ChangeReport {
        since: at(since, "change.since")?,
        model_version,
        probability,
        elapsed_time: part(elapsed_time),
        behaviour: part(behaviour),
        model: part(model),
    })
}

fn churn_reason(message: pb::ChurnReason) -> ChurnReasonReport {
    let family = message.family().as_str_name();
    let pb::ChurnReason {
        feature,
        family: _,
        value,
        usual_value,
        typical_value,
        contribution_points,
        contribution_log_odds,
    } = message;
    ChurnReasonReport {
        feature,
        family: word("FEATURE_FAMILY_", family),
        value,
        usual_value,
        typical_value,
        contribution_points,
        contribution_log_odds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_its_time_is_incomplete() {
        let error = ChurnReport::try_from(pb::ChurnScore::default()).unwrap_err();
        assert!(matches!(error, ClientError::Incomplete { field: "as_of" }));
    }
}
