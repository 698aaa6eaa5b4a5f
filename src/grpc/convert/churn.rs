//! Risks across the wire.

use super::{known, maybe_instant, problem, refuse, wire_instant};
use crate::churn::segment::{Rfm, Segment, Stage};
use crate::churn::value::CustomerValue;
use crate::churn::{Band, Change, ChangePart, ChurnReason, ChurnScore, Family, Standing};
use crate::grpc::pb;
use crate::measure::bootstrap::Interval;
use crate::serve::{AtRiskFilter, ChurnAnswer, RiskOrder, ScoreFlag, ServeError, Since};
use crate::time::Timestamp;

/// Whose risk is asked for, and as of when.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::grpc) struct ScoreQuestion {
    pub(in crate::grpc) customer_id: String,
    pub(in crate::grpc) as_of: Option<Timestamp>,
    pub(in crate::grpc) since: Option<Since>,
}

/// The question of one score.
pub(in crate::grpc) fn question(message: pb::ScoreCustomerRequest) -> Result<ScoreQuestion, ServeError> {
    let pb::ScoreCustomerRequest {
        customer_id,
        as_of,
        compared_to,
        compared_model_version,
    } = message;
    let since = match (
        maybe_instant(|| "compared_to".to_owned(), compared_to)?,
        compared_model_version,
    ) {
        (Some(as_of), model_version) => Some(Since { as_of, model_version }),
        (None, None) => None,
        (None, Some(_)) => {
            return Err(refuse(
                "compared_to",
                "must be given beside compared_model_version",
            ));
        }
    };
    Ok(ScoreQuestion {
        customer_id,
        as_of: maybe_instant(|| "as_of".to_owned(), as_of)?,
        since,
    })
}

/// The question of one of many scores.
pub(in crate::grpc) fn streamed_question(
    message: pb::ScoreCustomersRequest,
) -> Result<ScoreQuestion, ServeError> {
    let pb::ScoreCustomersRequest { customer_id, as_of } = message;
    question(pb::ScoreCustomerRequest {
        customer_id,
        as_of,
        compared_to: None,
        compared_model_version: None,
    })
}

/// One score or its problem as a message of the stream.
pub(in crate::grpc) fn streamed_response(
    customer_id: String,
    outcome: Result<ChurnAnswer, ServeError>,
) -> pb::ScoreCustomersResponse {
    use pb::score_customers_response::Outcome;
    pb::ScoreCustomersResponse {
        customer_id,
        outcome: Some(match outcome {
            Ok(answer) => Outcome::Score(score(answer)),
            Err(error) => Outcome::Problem(problem(&error, "")),
        }),
    }
}

/// Which customers a list wants.
pub(in crate::grpc) fn at_risk_filter(message: pb::ListAtRiskRequest) -> Result<AtRiskFilter, ServeError> {
    let pb::ListAtRiskRequest {
        min_probability,
        max_probability,
        bands,
        standings,
        segments,
        limit,
        as_of,
        stages,
        min_value_at_risk,
        order,
    } = message;
    Ok(AtRiskFilter {
        min_probability,
        max_probability,
        bands: each("bands", bands, band)?,
        standings: each("standings", standings, standing)?,
        segments: each("segments", segments, segment)?,
        stages: each("stages", stages, stage)?,
        min_value_at_risk,
        order: known(|| "order".to_owned(), order, risk_order)?,
        limit: limit.map(|limit| limit as usize),
        as_of: maybe_instant(|| "as_of".to_owned(), as_of)?,
    })
}

/// A list of wire enums in the domain's words.
fn each<E: TryFrom<i32>, D>(
    field: &str,
    numbers: Vec<i32>,
    word: impl Fn(E) -> Option<D>,
) -> Result<Vec<D>, ServeError> {
    numbers
        .into_iter()
        .enumerate()
        .map(|(at, number)| known(|| format!("{field}[{at}]"), number, &word))
        .collect()
}

/// One score as a message.
pub(in crate::grpc) fn score(answer: ChurnAnswer) -> pb::ChurnScore {
    let ChurnAnswer {
        customer_id,
        score,
        profile,
        flags,
        change,
        earlier_version,
        model_version,
    } = answer;
    let ChurnScore {
        probability,
        interval,
        percentile,
        horizon_days,
        as_of,
        band,
        standing,
        relative_risk,
        log_odds,
        base_log_odds,
        reasons,
    } = score;
    pb::ChurnScore {
        customer_id,
        probability,
        horizon_days,
        as_of: Some(wire_instant(as_of)),
        band: wire_band(band).into(),
        standing: wire_standing(standing).into(),
        relative_risk,
        reasons: reasons.iter().map(reason).collect(),
        base_log_odds,
        log_odds,
        model_version,
        interval: interval.map(|Interval { low, high }| pb::Interval { low, high }),
        percentile,
        flags: flags.into_iter().map(|flag| wire_flag(flag).into()).collect(),
        segment: profile
            .map_or(pb::Segment::Unspecified, |profile| wire_segment(profile.segment))
            .into(),
        stage: profile
            .map_or(pb::Stage::Unspecified, |profile| wire_stage(profile.stage))
            .into(),
        rfm: profile.map(|profile| rfm(profile.rfm)),
        value: profile.and_then(|profile| Some(value(profile.value?, profile.value_at_risk(probability)))),
        change: change.map(|change| wire_change(&change, earlier_version.unwrap_or_default())),
    }
}

fn reason(reason: &ChurnReason) -> pb::ChurnReason {
    let &ChurnReason {
        feature,
        family: side,
        value,
        usual,
        typical,
        contribution,
        points,
    } = reason;
    pb::ChurnReason {
        feature: feature.to_owned(),
        family: family(side).into(),
        value,
        typical_value: typical,
        usual_value: usual,
        contribution_points: points,
        contribution_log_odds: contribution,
    }
}

fn family(family: Family) -> pb::FeatureFamily {
    match family {
        Family::Recency => pb::FeatureFamily::Recency,
        Family::Frequency => pb::FeatureFamily::Frequency,
        Family::Monetary => pb::FeatureFamily::Monetary,
        Family::Trend => pb::FeatureFamily::Trend,
        Family::Gap => pb::FeatureFamily::Gap,
        Family::Browsing => pb::FeatureFamily::Browsing,
        Family::Cart => pb::FeatureFamily::Cart,
        Family::Breadth => pb::FeatureFamily::Breadth,
    }
}

pub(super) fn band(band: pb::RiskBand) -> Option<Band> {
    match band {
        pb::RiskBand::Unspecified => None,
        pb::RiskBand::Low => Some(Band::Low),
        pb::RiskBand::Medium => Some(Band::Medium),
        pb::RiskBand::High => Some(Band::High),
    }
}

fn wire_band(band: Band) -> pb::RiskBand {
    match band {
        Band::Low => pb::RiskBand::Low,
        Band::Medium => pb::RiskBand::Medium,
        Band::High => pb::RiskBand::High,
    }
}

fn standing(standing: pb::Standing) -> Option<Standing> {
    match standing {
        pb::Standing::Unspecified => None,
        pb::Standing::Eligible => Some(Standing::Eligible),
        pb::Standing::Lapsed => Some(Standing::Lapsed),
    }
}

fn wire_standing(standing: Standing) -> pb::Standing {
    match standing {
        Standing::Eligible => pb::Standing::Eligible,
        Standing::Lapsed => pb::Standing::Lapsed,
    }
}

/// Each word of the domain beside its word of the contract, which differ by the number for "not given" alone.
macro_rules! words {
    ($domain:ty, $wire:ty, $read:ident, $write:ident: $($word:ident),+) => {
        fn $read(wire: $wire) -> Option<$domain> {
            match wire {
                <$wire>::Unspecified => None,
                $(<$wire>::$word => Some(<$domain>::$word),)+
            }
        }

        pub(super) fn $write(domain: $domain) -> $wire {
            match domain {
                $(<$domain>::$word => <$wire>::$word,)+
            }
        }
    };
}
words!(Segment, pb::Segment, segment, wire_segment:
    Champions, Loyal, PotentialLoyalist, New, Promising, NeedsAttention, AboutToSleep, CannotLose, AtRisk,
    Hibernating, Lost);
words!(Stage, pb::Stage, stage, wire_stage: New, Active, Late, AtRisk, Lapsed, WonBack);

/// The order of a list: by probability unless another is asked for.
fn risk_order(order: pb::RiskOrder) -> Option<RiskOrder> {
    Some(match order {
        pb::RiskOrder::Unspecified | pb::RiskOrder::Probability => RiskOrder::Probability,
        pb::RiskOrder::ValueAtRisk => RiskOrder::ValueAtRisk,
    })
}

fn wire_flag(flag: ScoreFlag) -> pb::ScoreFlag {
    match flag {
        ScoreFlag::OneTimeBuyer => pb::ScoreFlag::OneTimeBuyer,
        ScoreFlag::Stale => pb::ScoreFlag::Stale,
        ScoreFlag::Frozen => pb::ScoreFlag::Frozen,
    }
}

fn rfm(scores: Rfm) -> pb::Rfm {
    let Rfm {
        recency,
        frequency,
        monetary,
    } = scores;
    pb::Rfm {
        recency: recency.into(),
        frequency: frequency.into(),
        monetary: monetary.map(u32::from),
    }
}

fn value(value: CustomerValue, value_at_risk: Option<f64>) -> pb::CustomerValue {
    let CustomerValue {
        months,
        probability_alive,
        expected_purchases,
        expected_spend,
        value,
        value_if_kept,
        next_order_at,
    } = value;
    pb::CustomerValue {
        months,
        probability_alive,
        expected_purchases,
        expected_spend,
        value,
        value_if_kept,
        value_at_risk,
        next_order_at: next_order_at.map(wire_instant),
    }
}

fn wire_change(change: &Change, model_version: String) -> pb::ScoreChange {
    let Change {
        earlier,
        elapsed,
        behaviour,
        model,
    } = change;
    let part = |part: &ChangePart| {
        let &ChangePart { log_odds, points } = part;
        Some(pb::ChangePart { log_odds, points })
    };
    pb::ScoreChange {
        since: Some(wire_instant(earlier.as_of)),
        model_version,
        probability: earlier.probability,
        elapsed_time: part(elapsed),
        behaviour: part(behaviour),
        model: part(model),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_at_risk_names_the_field_that_it_refuses() {
        let refused = |message| at_risk_filter(message).unwrap_err().to_string();
        let request = pb::ListAtRiskRequest::default;
        assert_eq!(
            refused(pb::ListAtRiskRequest {
                bands: vec![3, 9],
                ..request()
            }),
            "bands[1] must be one of the enum's numbers, got 9"
        );
        assert_eq!(
            refused(pb::ListAtRiskRequest {
                standings: vec![0],
                ..request()
            }),
            "standings[0] must be given"
        );
        assert_eq!(
            refused(pb::ListAtRiskRequest {
                stages: vec![1, 0],
                ..request()
            }),
            "stages[1] must be given"
        );
        let filter = at_risk_filter(pb::ListAtRiskRequest {
            segments: vec![pb::Segment::CannotLose.into()],
            order: pb::RiskOrder::ValueAtRisk.into(),
            ..request()
        });
        let filter = filter.unwrap();
        assert_eq!(filter.segments, [Segment::CannotLose]);
        assert_eq!(filter.order, RiskOrder::ValueAtRisk);
    }
}
