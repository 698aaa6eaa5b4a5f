//! Answers to the storefront, to messages.

use crate::grpc::convert::{problem, wire_instant};
use crate::grpc::pb;
use crate::serve::{
    Attributes, Evidence, EvidenceKind, PopularityNumbers, Reason, ReasonKind, Recommendations,
    RecommendedItem, ServeError, Strategy, Underfill,
};

/// One ranking as a message.
pub(in crate::grpc) fn response(answer: Recommendations) -> pb::RecommendResponse {
    let Recommendations {
        items,
        strategy: from,
        unknown_ids,
        model_version,
        as_of,
        underfilled,
    } = answer;
    pb::RecommendResponse {
        items: items.into_iter().map(item).collect(),
        strategy: strategy(from).into(),
        model_version,
        unknown_ids,
        underfilled: underfilled.map(|why| underfill(why).into()),
        as_of: Some(wire_instant(as_of)),
    }
}

/// Several rankings as a message.
pub(in crate::grpc) fn shelves_response(
    answers: Vec<Result<Recommendations, ServeError>>,
) -> pb::RecommendShelvesResponse {
    let shelf = |(at, answer): (usize, Result<Recommendations, ServeError>)| pb::Shelf {
        outcome: Some(match answer {
            Ok(answer) => pb::shelf::Outcome::Answer(response(answer)),
            Err(error) => pb::shelf::Outcome::Problem(problem(&error, &format!("shelves[{at}]."))),
        }),
    };
    pb::RecommendShelvesResponse {
        shelves: answers.into_iter().enumerate().map(shelf).collect(),
    }
}

fn item(item: RecommendedItem) -> pb::RecommendedItem {
    let RecommendedItem {
        item_id,
        score,
        rank,
        reasons,
        attributes: known,
    } = item;
    pb::RecommendedItem {
        item_id,
        score,
        rank,
        reasons: reasons.into_iter().map(reason).collect(),
        attributes: known.map(attributes),
    }
}

fn attributes(attributes: Attributes) -> pb::ItemAttributes {
    let Attributes {
        title,
        category,
        price,
        available,
        launched_at,
    } = attributes;
    pb::ItemAttributes {
        title,
        category,
        price,
        available,
        launched_at: launched_at.map(wire_instant),
    }
}

fn reason(reason: Reason) -> pb::Reason {
    let Reason {
        kind,
        evidence: items,
        share,
        similarity,
        popularity: wanted,
    } = reason;
    pb::Reason {
        kind: reason_kind(kind).into(),
        evidence: items.into_iter().map(evidence).collect(),
        share,
        similarity,
        popularity: wanted.map(popularity),
    }
}

fn evidence(evidence: Evidence) -> pb::Evidence {
    let Evidence { item_id, share, kind } = evidence;
    pb::Evidence {
        item_id,
        share,
        kind: evidence_kind(kind).into(),
    }
}

fn popularity(numbers: PopularityNumbers) -> pb::Popularity {
    let PopularityNumbers {
        rank,
        score,
        half_life_days,
    } = numbers;
    pb::Popularity {
        rank,
        score,
        half_life_days,
    }
}

fn reason_kind(kind: ReasonKind) -> pb::ReasonKind {
    match kind {
        ReasonKind::BecauseYouBought => pb::ReasonKind::BecauseYouBought,
        ReasonKind::BecauseYouViewed => pb::ReasonKind::BecauseYouViewed,
        ReasonKind::InYourCart => pb::ReasonKind::InYourCart,
        ReasonKind::SimilarTo => pb::ReasonKind::SimilarTo,
        ReasonKind::Trending => pb::ReasonKind::Trending,
        ReasonKind::Popular => pb::ReasonKind::Popular,
    }
}

fn evidence_kind(kind: EvidenceKind) -> pb::EvidenceKind {
    match kind {
        EvidenceKind::Bought => pb::EvidenceKind::Bought,
        EvidenceKind::InCart => pb::EvidenceKind::InCart,
        EvidenceKind::Viewed => pb::EvidenceKind::Viewed,
        EvidenceKind::Context => pb::EvidenceKind::Context,
    }
}

fn strategy(strategy: Strategy) -> pb::Strategy {
    match strategy {
        Strategy::Personal => pb::Strategy::Personal,
        Strategy::Session => pb::Strategy::Session,
        Strategy::Popular => pb::Strategy::Popular,
    }
}

fn underfill(why: Underfill) -> pb::Underfill {
    match why {
        Underfill::Filter => pb::Underfill::Filter,
        Underfill::Exclusions => pb::Underfill::Exclusions,
        Underfill::Catalogue => pb::Underfill::Catalogue,
    }
}
