//! Rankings as scripts read them.

use serde::Serialize;

use super::super::ClientError;
use super::{at, word};
use crate::grpc::convert::from_wire_instant;
use crate::grpc::pb;
use crate::time::Timestamp;

/// A ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecommendReport {
    /// The model that answered.
    pub model_version: String,
    /// Such as `CROSS_SELL`.
    pub kind: String,
    /// `PERSONAL`, `SESSION` or `POPULAR`.
    pub strategy: String,
    /// The instant that the answer is for.
    pub as_of: Timestamp,
    /// Best first.
    pub items: Vec<ItemReport>,
    /// Why there are fewer items than asked: such as `FILTER` or `EXCLUSIONS`.
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
    /// What the models alone said, where a rule changed the score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score_before_rules: Option<f32>,
    /// From 1.
    pub rank: u32,
    /// The kind whose candidate it was.
    pub source: String,
    /// When it is due again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<DueReport>,
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
    /// Its part of the score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f32>,
    /// Cosine between the item and the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity: Option<f32>,
    /// How wanted the item is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub popularity: Option<PopularityReport>,
    /// When it is due again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<DueReport>,
    /// How much more wanted than usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trend: Option<TrendReport>,
    /// How much better than the evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<UpgradeReport>,
    /// What a rule did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<RuleReport>,
}

/// When an item is due again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DueReport {
    /// When half of such customers will have bought it again.
    pub at: Option<Timestamp>,
    /// Probability within the window.
    pub probability: f64,
    /// The window.
    pub window_days: f64,
    /// Usual days between two purchases.
    pub interval_days: Option<f64>,
    /// On how many days she bought it.
    pub times_bought: u32,
    /// When she bought it last.
    pub last_bought_at: Option<Timestamp>,
}

/// How much more wanted an item is than usual.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TrendReport {
    /// Recent over expected.
    pub factor: f64,
    /// Weighted events of late.
    pub recent: f64,
    /// Those expected.
    pub expected: f64,
}

/// How an item compares with the one that it is better than.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct UpgradeReport {
    /// Price over the evidence's.
    pub price_ratio: f64,
    /// How readily customers took one so much dearer.
    pub acceptance: f64,
    /// How well the price fits what the asker usually pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_fit: Option<f64>,
}

/// What a rule did to an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleReport {
    /// The rule.
    pub name: String,
    /// Such as `BOOST`.
    pub kind: String,
    /// What it multiplied the score by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// What it added to the score.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub added: Option<f64>,
    /// Places won, below 0 lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub places: Option<i32>,
}

/// An item that speaks for a recommendation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EvidenceReport {
    /// The item.
    pub item_id: String,
    /// Its part of the score.
    pub share: f32,
    /// Such as `BOUGHT`.
    pub kind: String,
    /// Baskets with both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub support: Option<u64>,
    /// How many times oftener together than by chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lift: Option<f64>,
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

impl TryFrom<pb::RecommendResponse> for RecommendReport {
    type Error = ClientError;

    fn try_from(message: pb::RecommendResponse) -> Result<Self, ClientError> {
        let strategy = message.strategy().as_str_name();
        let kind = message.kind().as_str_name();
        let underfilled = message.underfilled.map(|_| message.underfilled().as_str_name());
        let pb::RecommendResponse {
            items,
            strategy: _,
            model_version,
            unknown_ids,
            underfilled: _,
            as_of,
            kind: _,
        } = message;
        Ok(Self {
            model_version,
            kind: word("RECOMMENDATION_KIND_", kind),
            strategy: word("STRATEGY_", strategy),
            as_of: at(as_of, "as_of")?,
            items: items.into_iter().map(item).collect(),
            underfilled: underfilled.map(|why| word("UNDERFILL_", why)),
            unknown_ids,
        })
    }
}

fn item(message: pb::RecommendedItem) -> ItemReport {
    let source = message.source().as_str_name();
    let pb::RecommendedItem {
        item_id,
        score,
        rank,
        reasons,
        attributes: known,
        source: _,
        due: due_again,
        score_before_rules,
    } = message;
    ItemReport {
        item_id,
        score,
        score_before_rules,
        rank,
        source: word("RECOMMENDATION_KIND_", source),
        due: due_again.map(due),
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
        due: due_again,
        trend: moved,
        upgrade: better,
        rule: effect,
    } = message;
    ReasonReport {
        kind: word("REASON_KIND_", kind),
        evidence: items.into_iter().map(evidence).collect(),
        share,
        similarity,
        popularity: wanted.map(popularity),
        due: due_again.map(due),
        trend: moved.map(trend),
        upgrade: better.map(upgrade),
        rule: effect.map(rule),
    }
}

fn evidence(message: pb::Evidence) -> EvidenceReport {
    let kind = message.kind().as_str_name();
    let pb::Evidence {
        item_id,
        share,
        kind: _,
        support,
        lift,
    } = message;
    EvidenceReport {
        item_id,
        share,
        kind: word("EVIDENCE_KIND_", kind),
        support,
        lift,
    }
}

fn due(message: pb::Due) -> DueReport {
    let pb::Due {
        at,
        probability,
        window_days,
        interval_days,
        times_bought,
        last_bought_at,
    } = message;
    DueReport {
        at: at.and_then(from_wire_instant),
        probability,
        window_days,
        interval_days,
        times_bought,
        last_bought_at: last_bought_at.and_then(from_wire_instant),
    }
}

fn trend(message: pb::Trend) -> TrendReport {
    let pb::Trend {
        factor,
        recent,
        expected,
    } = message;
    TrendReport {
        factor,
        recent,
        expected,
    }
}

fn upgrade(message: pb::Upgrade) -> UpgradeReport {
    let pb::Upgrade {
        price_ratio,
        acceptance,
        price_fit,
    } = message;
    UpgradeReport {
        price_ratio,
        acceptance,
        price_fit,
    }
}

pub(super) fn rule(message: pb::RuleEffect) -> RuleReport {
    let kind = message.kind().as_str_name();
    let pb::RuleEffect {
        name,
        kind: _,
        factor,
        added,
        places,
    } = message;
    RuleReport {
        name,
        kind: word("RULE_KIND_", kind),
        factor,
        added,
        places,
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
                        ..pb::Evidence::default()
                    }],
                    share: Some(0.75),
                    ..pb::Reason::default()
                }],
                source: pb::RecommendationKind::YouMayLike.into(),
                ..pb::RecommendedItem::default()
            }],
            kind: pb::RecommendationKind::YouMayLike.into(),
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
                "kind": "YOU_MAY_LIKE",
                "strategy": "PERSONAL",
                "as_of": "1970-01-01T00:00:00Z",
                "items": [{"item_id": "A", "score": 0.5, "rank": 1, "source": "YOU_MAY_LIKE", "reasons": [
                    {"kind": "BECAUSE_YOU_BOUGHT", "share": 0.75,
                     "evidence": [{"item_id": "B", "share": 0.75, "kind": "BOUGHT"}]},
                ]}],
                "underfilled": "FILTER",
                "unknown_ids": [],
            })
        );
    }
}
