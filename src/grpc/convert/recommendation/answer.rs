//! Answers to the storefront, to messages.

use super::question::wire_kind;
use crate::grpc::convert::{problem, wire_instant};
use crate::grpc::pb;
use crate::rules::{Effect, RuleKind};
use crate::serve::{
    Attributes, Candidate, CandidateSource, Due, Evidence, EvidenceKind, Explained, FilterEffect, Numbers,
    PopularityNumbers, Reason, ReasonKind, Recommendations, RecommendedItem, RuleEffect, ServeError,
    Strategy, Together, TrendNumbers, Underfill, UpgradeNumbers,
};

/// One ranking as a message.
pub(in crate::grpc) fn response(answer: Recommendations) -> pb::RecommendResponse {
    let Recommendations {
        kind,
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
        kind: wire_kind(kind).into(),
    }
}

/// A ranking and how it came about, as a message.
pub(in crate::grpc) fn explained(explained: Explained) -> pb::ExplainRecommendationResponse {
    let Explained {
        answer,
        sources,
        filters,
        candidates,
    } = explained;
    pb::ExplainRecommendationResponse {
        answer: Some(response(answer)),
        sources: sources.into_iter().map(source).collect(),
        filters: filters.into_iter().map(filter_effect).collect(),
        candidates: candidates.into_iter().map(candidate).collect(),
    }
}

fn source(source: CandidateSource) -> pb::CandidateSource {
    let CandidateSource {
        kind,
        candidates,
        chosen,
    } = source;
    pb::CandidateSource {
        kind: wire_kind(kind).into(),
        candidates: number(candidates),
        chosen: number(chosen),
    }
}

fn filter_effect(effect: FilterEffect) -> pb::FilterEffect {
    let FilterEffect {
        name,
        removed,
        item_ids,
    } = effect;
    pb::FilterEffect {
        name: name.to_owned(),
        removed: number(removed),
        item_ids,
    }
}

fn candidate(candidate: Candidate) -> pb::Candidate {
    let Candidate {
        item_id,
        source,
        rank_before,
        score_before,
        rank_after,
        score_after,
        removed_by,
        rules,
    } = candidate;
    pb::Candidate {
        item_id,
        source: source
            .map_or(pb::RecommendationKind::Unspecified, wire_kind)
            .into(),
        rank_before: rank_before.unwrap_or(0),
        score_before,
        rank_after: rank_after.unwrap_or(0),
        score_after,
        removed_by: removed_by.unwrap_or_default().to_owned(),
        rules: rules.into_iter().map(rule_effect).collect(),
    }
}

/// A count for the wire; there are at most as many items as a u32 counts.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
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
        score_before_rules,
        rank,
        source,
        reasons,
        attributes: known,
        due: due_again,
    } = item;
    let is_moved = score.to_bits() != score_before_rules.to_bits();
    pb::RecommendedItem {
        item_id,
        score,
        score_before_rules: is_moved.then_some(score_before_rules),
        rank,
        reasons: reasons.into_iter().map(reason).collect(),
        attributes: known.map(attributes),
        source: wire_kind(source).into(),
        due: due_again.map(due),
    }
}

fn due(due: Due) -> pb::Due {
    let Due {
        at,
        probability,
        window_days,
        interval_days,
        times_bought,
        last_bought_at,
    } = due;
    pb::Due {
        at: at.map(wire_instant),
        probability,
        window_days,
        interval_days,
        times_bought,
        last_bought_at: Some(wire_instant(last_bought_at)),
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
        numbers,
    } = reason;
    let mut message = pb::Reason {
        kind: reason_kind(kind).into(),
        evidence: items.into_iter().map(evidence).collect(),
        share,
        ..pb::Reason::default()
    };
    match numbers {
        None => {}
        Some(Numbers::Similarity(similarity)) => message.similarity = Some(similarity),
        Some(Numbers::Popularity(numbers)) => message.popularity = Some(popularity(numbers)),
        Some(Numbers::Due(numbers)) => message.due = Some(due(numbers)),
        Some(Numbers::Trend(numbers)) => message.trend = Some(trend(numbers)),
        Some(Numbers::Upgrade(numbers)) => message.upgrade = Some(upgrade(numbers)),
        Some(Numbers::Rule(effect)) => message.rule = Some(rule_effect(effect)),
    }
    message
}

fn evidence(evidence: Evidence) -> pb::Evidence {
    let Evidence {
        item_id,
        share,
        kind,
        together,
    } = evidence;
    let (support, lift) = together.map(|Together { support, lift }| (support, lift)).unzip();
    pb::Evidence {
        item_id,
        share,
        kind: evidence_kind(kind).into(),
        support,
        lift,
    }
}

fn trend(numbers: TrendNumbers) -> pb::Trend {
    let TrendNumbers {
        factor,
        recent,
        expected,
    } = numbers;
    pb::Trend {
        factor,
        recent,
        expected,
    }
}

fn upgrade(numbers: UpgradeNumbers) -> pb::Upgrade {
    let UpgradeNumbers {
        price_ratio,
        acceptance,
        price_fit,
    } = numbers;
    pb::Upgrade {
        price_ratio,
        acceptance,
        price_fit,
    }
}

fn rule_effect(effect: RuleEffect) -> pb::RuleEffect {
    let RuleEffect { name, kind, effect } = effect;
    let mut message = pb::RuleEffect {
        name,
        kind: rule_kind(kind).into(),
        ..pb::RuleEffect::default()
    };
    match effect {
        Effect::Factor(factor) => message.factor = Some(f64::from(factor)),
        Effect::Added(added) => message.added = Some(f64::from(added)),
        Effect::Places(places) => message.places = Some(places),
    }
    message
}

fn rule_kind(kind: RuleKind) -> pb::RuleKind {
    match kind {
        RuleKind::Boost => pb::RuleKind::Boost,
        RuleKind::Slot => pb::RuleKind::Slots,
        RuleKind::MaxPerCategory => pb::RuleKind::MaxPerCategory,
        RuleKind::Diversity => pb::RuleKind::Diversity,
        RuleKind::Rotation => pb::RuleKind::Rotation,
        RuleKind::Margin => pb::RuleKind::Margin,
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
        ReasonKind::BoughtTogether => pb::ReasonKind::BoughtTogether,
        ReasonKind::DueAgain => pb::ReasonKind::DueAgain,
        ReasonKind::Upgrade => pb::ReasonKind::Upgrade,
        ReasonKind::New => pb::ReasonKind::New,
        ReasonKind::Rule => pb::ReasonKind::Rule,
        ReasonKind::Rest => pb::ReasonKind::Rest,
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
        Underfill::MinRelevance => pb::Underfill::MinRelevance,
        Underfill::Rules => pb::Underfill::Rules,
    }
}
