//! Risks across the wire.

use super::{known, maybe_instant, problem, wire_instant};
use crate::churn::{Band, ChurnReason, ChurnScore, Family, Standing};
use crate::grpc::pb;
use crate::serve::{AtRiskFilter, ChurnAnswer, ServeError};
use crate::time::Timestamp;

/// Whose risk is asked for, and as of when.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::grpc) struct ScoreQuestion {
    pub(in crate::grpc) customer_id: String,
    pub(in crate::grpc) as_of: Option<Timestamp>,
}

/// The question of one score.
pub(in crate::grpc) fn question(message: pb::ScoreCustomerRequest) -> Result<ScoreQuestion, ServeError> {
    let pb::ScoreCustomerRequest { customer_id, as_of } = message;
    Ok(ScoreQuestion {
        customer_id,
        as_of: maybe_instant(|| "as_of".to_owned(), as_of)?,
    })
}

/// The question of one of many scores.
pub(in crate::grpc) fn streamed_question(
    message: pb::ScoreCustomersRequest,
) -> Result<ScoreQuestion, ServeError> {
    let pb::ScoreCustomersRequest { customer_id, as_of } = message;
    question(pb::ScoreCustomerRequest { customer_id, as_of })
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
    } = message;
    let segments: Vec<_> = each("segments", segments, segment)?;
    if !segments.is_empty() {
        return Err(ServeError::NotBuilt { kind: "segments" });
    }
    Ok(AtRiskFilter {
        min_probability,
        max_probability,
        bands: each("bands", bands, band)?,
        standings: each("standings", standings, standing)?,
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
        model_version,
    } = answer;
    let ChurnScore {
        probability,
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
    }
}

fn reason(reason: &ChurnReason) -> pb::ChurnReason {
    let &ChurnReason {
        feature,
        family: side,
        value,
        typical,
        contribution,
        points,
    } = reason;
    pb::ChurnReason {
        feature: feature.to_owned(),
        family: family(side).into(),
        value,
        typical_value: typical,
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

fn segment(segment: pb::Segment) -> Option<pb::Segment> {
    (segment != pb::Segment::Unspecified).then_some(segment)
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
        assert!(matches!(
            at_risk_filter(pb::ListAtRiskRequest {
                segments: vec![pb::Segment::Champions.into()],
                ..request()
            }),
            Err(ServeError::NotBuilt { kind: "segments" })
        ));
    }
}
