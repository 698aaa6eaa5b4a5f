//! Plans and summaries across the wire.

use super::churn::wire_segment;
use super::{maybe_instant, refuse, wire_instant};
use crate::churn::plan::{DoNotDisturb, Held, Outcome, PlanParams, RawPlanParams, Treated};
use crate::churn::value::TrackRecord;
use crate::grpc::pb;
use crate::serve::{CustomerSummary, PlanAnswer, RiskTotals, ServeError};
use crate::time::Timestamp;

/// Which plan is asked for, and as of when.
pub(in crate::grpc) fn plan_question(
    message: pb::PlanRetentionRequest,
) -> Result<(PlanParams, Option<Timestamp>), ServeError> {
    let pb::PlanRetentionRequest {
        budget,
        offer_cost,
        contact_cost,
        acceptance,
        control_share,
        most_per_segment,
        policy,
        include_lapsed,
        as_of,
    } = message;
    let usual = RawPlanParams::new(budget, offer_cost, contact_cost);
    let raw = RawPlanParams {
        acceptance: acceptance.unwrap_or(usual.acceptance),
        control_share: control_share.unwrap_or(usual.control_share),
        most_per_segment: most_per_segment.unwrap_or(usual.most_per_segment),
        policy: if policy.is_empty() {
            usual.policy.clone()
        } else {
            policy
        },
        include_lapsed,
        ..usual
    };
    let params = PlanParams::try_from(raw).map_err(|error| refuse(error.field(), error.rule()))?;
    Ok((params, maybe_instant(|| "as_of".to_owned(), as_of)?))
}

/// A plan as messages: the summary, then its customers.
pub(in crate::grpc) fn plan_messages(answer: PlanAnswer) -> impl Iterator<Item = pb::PlanRetentionResponse> {
    use pb::plan_retention_response::Content;
    let summary = summary_of(&answer);
    let plan = answer.plan;
    let customers = plan
        .treated
        .into_iter()
        .map(treated)
        .chain(plan.control.into_iter().map(held))
        .chain(plan.do_not_disturb.into_iter().map(left_alone))
        .map(Content::Customer);
    std::iter::once(Content::Summary(summary))
        .chain(customers)
        .map(|content| pb::PlanRetentionResponse {
            content: Some(content),
        })
}

fn summary_of(answer: &PlanAnswer) -> pb::PlanSummary {
    let PlanAnswer {
        plan,
        as_of,
        horizon_days,
        value_months,
        value_record,
        model_version,
    } = answer;
    let [risk, value] = &plan.alternatives;
    pb::PlanSummary {
        assumption: plan.assumption.clone(),
        as_of: Some(wire_instant(*as_of)),
        horizon_days: *horizon_days,
        value_months: *value_months,
        plan: Some(outcome(&plan.outcome)),
        highest_risk_first: Some(outcome(risk)),
        highest_value_first: Some(outcome(value)),
        control: plan.control.len() as u64,
        do_not_disturb: plan.do_not_disturb.len() as u64,
        break_even_probability: plan.break_even,
        break_even_acceptance: plan.break_even_acceptance,
        model_version: model_version.clone(),
        value_record: value_record.map(record),
    }
}

fn record(record: TrackRecord) -> pb::ValueRecord {
    let TrackRecord {
        from,
        months,
        customers: _,
        expected,
        happened,
    } = record;
    pb::ValueRecord {
        from: Some(wire_instant(from)),
        months,
        expected_purchases: expected,
        actual_purchases: happened,
    }
}

fn outcome(outcome: &Outcome) -> pb::PlanOutcome {
    let &Outcome {
        order: _,
        treated,
        expected_cost,
        worst_cost,
        expected_profit,
        expected_saved,
    } = outcome;
    pb::PlanOutcome {
        treated: treated as u64,
        expected_cost,
        worst_cost,
        expected_profit,
        expected_saved,
    }
}

fn treated(row: Treated) -> pb::PlannedCustomer {
    pb::PlannedCustomer {
        customer_id: row.customer,
        group: pb::PlanGroup::Treated.into(),
        segment: wire_segment(row.segment).into(),
        probability: row.probability,
        value_if_kept: row.value_if_kept,
        expected_profit: row.expected_profit,
        propensity: Some(row.propensity),
        in_reach: true,
    }
}

fn held(row: Held) -> pb::PlannedCustomer {
    pb::PlannedCustomer {
        customer_id: row.customer,
        group: pb::PlanGroup::Control.into(),
        segment: wire_segment(row.segment).into(),
        probability: row.probability,
        value_if_kept: row.value_if_kept,
        expected_profit: row.expected_profit,
        propensity: Some(row.propensity),
        in_reach: row.in_reach,
    }
}

fn left_alone(row: DoNotDisturb) -> pb::PlannedCustomer {
    pb::PlannedCustomer {
        customer_id: row.customer,
        group: pb::PlanGroup::DoNotDisturb.into(),
        segment: wire_segment(row.segment).into(),
        probability: row.probability,
        value_if_kept: row.value_if_kept,
        expected_profit: row.expected_profit,
        propensity: None,
        in_reach: false,
    }
}

/// Risk and value by segment as a message.
pub(in crate::grpc) fn summary(summary: CustomerSummary) -> pb::SummarizeCustomersResponse {
    let CustomerSummary {
        as_of,
        horizon_days,
        value_months,
        value_record,
        segments,
        total,
        model_version,
    } = summary;
    pb::SummarizeCustomersResponse {
        as_of: Some(wire_instant(as_of)),
        horizon_days,
        value_months,
        segments: segments
            .into_iter()
            .map(|(segment, found)| pb::SegmentTotals {
                segment: wire_segment(segment).into(),
                totals: Some(totals(found)),
            })
            .collect(),
        total: Some(totals(total)),
        model_version,
        value_record: value_record.map(record),
    }
}

/// The instant that a summary is asked for.
pub(in crate::grpc) fn summary_question(
    message: pb::SummarizeCustomersRequest,
) -> Result<Option<Timestamp>, ServeError> {
    let pb::SummarizeCustomersRequest { as_of } = message;
    maybe_instant(|| "as_of".to_owned(), as_of)
}

fn totals(totals: RiskTotals) -> pb::RiskTotals {
    let RiskTotals {
        customers,
        eligible,
        expected_leavers,
        value,
        value_at_risk,
    } = totals;
    pb::RiskTotals {
        customers: customers as u64,
        eligible: eligible as u64,
        expected_leavers,
        value,
        value_at_risk,
    }
}
