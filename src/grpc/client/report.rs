//! Answers as scripts read them: the wire's words without their prefixes, times as text.

use serde::Serialize;

use super::ClientError;
use crate::grpc::convert::from_wire_instant;
use crate::grpc::pb;
use crate::time::Timestamp;

/// A ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecommendReport {
    /// The model that answered.
    pub model_version: String,
    /// `PERSONAL`, `SESSION` or `POPULAR`.
    pub strategy: String,
    /// The instant that the answer is for.
    pub as_of: Timestamp,
    /// Best first.
    pub items: Vec<ItemReport>,
    /// Why there are fewer items than asked: `FILTER`, `EXCLUSIONS` or `CATALOGUE`.
    pub underfilled: Option<String>,
    /// Ids of the question that the model does not know.
    pub unknown_ids: Vec<String>,
}

/// An item of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemReport {
    /// The item.
    pub item_id: String,
    /// Higher is better.
    pub score: f32,
    /// From 1.
    pub rank: u32,
    /// Why, strongest first.
    pub reasons: Vec<ReasonReport>,
    /// What the item table says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<AttributesReport>,
}

/// What the item table says of an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AttributesReport {
    /// Name to show.
    pub title: Option<String>,
    /// Path of categories.
    pub category: Option<String>,
    /// Price of one piece.
    pub price: Option<f64>,
    /// Whether it can be sold now.
    pub available: bool,
    /// When it was first offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launched_at: Option<Timestamp>,
}

/// Why an item is in the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReasonReport {
    /// Such as `BECAUSE_YOU_BOUGHT`.
    pub kind: String,
    /// The items that speak for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceReport>,
    /// The evidence's part of everything that speaks for the item.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f32>,
    /// Cosine between the item and the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// How wanted the item is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub popularity: Option<PopularityReport>,
}

/// An item that speaks for a recommendation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvidenceReport {
    /// The item.
    pub item_id: String,
    /// Its part of everything that speaks for the recommendation.
    pub share: f32,
    /// Such as `BOUGHT`.
    pub kind: String,
}

/// How wanted an item is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PopularityReport {
    /// Place among all items, from 1.
    pub rank: u32,
    /// Weighted, time-decayed events.
    pub score: f32,
    /// Age in days at which an event counts half.
    pub half_life_days: f64,
}

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

impl TryFrom<pb::RecommendResponse> for RecommendReport {
    type Error = ClientError;

    fn try_from(message: pb::RecommendResponse) -> Result<Self, ClientError> {
        let strategy = message.strategy().as_str_name();
        let underfilled = message.underfilled.map(|_| message.underfilled().as_str_name());
        let pb::RecommendResponse {
            items,
            strategy: _,
            model_version,
            unknown_ids,
            underfilled: _,
            as_of,
        } = message;
        Ok(Self {
            model_version,
            strategy: word("STRATEGY_", strategy),
            as_of: at(as_of, "as_of")?,
            items: items.into_iter().map(item).collect(),
            underfilled: underfilled.map(|why| word("UNDERFILL_", why)),
            unknown_ids,
        })
    }
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

fn item(message: pb::RecommendedItem) -> ItemReport {
    let pb::RecommendedItem {
        item_id,
        score,
        rank,
        reasons,
        attributes: known,
    } = message;
    ItemReport {
        item_id,
        score,
        rank,
        reasons: reasons.into_iter().map(reason).collect(),
        attributes: known.map(attributes),
    }
}

fn attributes(message: pb::ItemAttributes) -> AttributesReport {
    let pb::ItemAttributes {
        title,
        category,
        price,
        available,
        launched_at,
    } = message;
    AttributesReport {
        title,
        category,
        price,
        available,
        launched_at: launched_at.and_then(from_wire_instant),
    }
}

fn reason(message: pb::Reason) -> ReasonReport {
    let kind = message.kind().as_str_name();
    let pb::Reason {
        kind: _,
        evidence: items,
        share,
        similarity,
        popularity: wanted,
    } = message;
    ReasonReport {
        kind: word("REASON_KIND_", kind),
        evidence: items.into_iter().map(evidence).collect(),
        share,
        similarity,
        popularity: wanted.map(popularity),
    }
}

fn evidence(message: pb::Evidence) -> EvidenceReport {
    let kind = message.kind().as_str_name();
    let pb::Evidence {
        item_id,
        share,
        kind: _,
    } = message;
    EvidenceReport {
        item_id,
        share,
        kind: word("EVIDENCE_KIND_", kind),
    }
}

fn popularity(message: pb::Popularity) -> PopularityReport {
    let pb::Popularity {
        rank,
        score,
        half_life_days,
    } = message;
    PopularityReport {
        rank,
        score,
        half_life_days,
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

/// A wire enum's name without the enum's own. A number that this client does not know reads `UNSPECIFIED`.
fn word(prefix: &str, name: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_owned()
}

fn at(message: Option<prost_types::Timestamp>, field: &'static str) -> Result<Timestamp, ClientError> {
    message
        .and_then(from_wire_instant)
        .ok_or(ClientError::Incomplete { field })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_ranking_prints_as_the_fixed_shape() {
        let message = pb::RecommendResponse {
            items: vec![pb::RecommendedItem {
                item_id: "A".into(),
                score: 0.5,
                rank: 1,
                reasons: vec![pb::Reason {
                    kind: pb::ReasonKind::BecauseYouBought.into(),
                    evidence: vec![pb::Evidence {
                        item_id: "B".into(),
                        share: 0.75,
                        kind: pb::EvidenceKind::Bought.into(),
                    }],
                    share: Some(0.75),
                    similarity: None,
                    popularity: None,
                }],
                attributes: None,
            }],
            strategy: pb::Strategy::Personal.into(),
            model_version: "v".into(),
            unknown_ids: vec![],
            underfilled: Some(pb::Underfill::Filter.into()),
            as_of: Some(prost_types::Timestamp::default()),
        };
        assert_eq!(
            serde_json::to_value(RecommendReport::try_from(message).unwrap()).unwrap(),
            json!({
                "model_version": "v",
                "strategy": "PERSONAL",
                "as_of": "1970-01-01T00:00:00Z",
                "items": [{"item_id": "A", "score": 0.5, "rank": 1, "reasons": [
                    {"kind": "BECAUSE_YOU_BOUGHT", "share": 0.75,
                     "evidence": [{"item_id": "B", "share": 0.75, "kind": "BOUGHT"}]},
                ]}],
                "underfilled": "FILTER",
                "unknown_ids": [],
            })
        );
    }

    #[test]
    fn an_answer_without_its_time_is_incomplete() {
        let error = ChurnReport::try_from(pb::ChurnScore::default()).unwrap_err();
        assert!(matches!(error, ClientError::Incomplete { field: "as_of" }));
    }
}
