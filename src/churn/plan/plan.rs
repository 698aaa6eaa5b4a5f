//! The plan: who is treated, who is held back, who is left alone, and what that is expected to bring.

use serde::Serialize;

use super::candidate::checked;
use super::choose::{Priced, Reached, choose};
use super::{Candidate, Order, PlanError, PlanParams, RawPlanParams, Terms, draw};
use crate::churn::segment::{SEGMENTS, Segment};
use crate::churn::{Band, Standing};

/// For which acceptances the plan's profit is told.
const ACCEPTANCES: [f64; 4] = [0.1, 0.2, 0.3, 0.5];

/// A retention plan. Every candidate is in exactly one of `treated`, `control`, `do_not_disturb` and `left_out`.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Plan {
    /// What was asked for.
    pub params: RawPlanParams,
    /// What is taken for granted; to be shown with every figure of the plan.
    pub assumption: String,
    /// How many candidates there were.
    pub candidates: usize,
    /// Who gets the offer, the highest profit per cost first.
    pub treated: Vec<Treated>,
    /// Who would be worth an offer and is held back at random, in the same order.
    pub control: Vec<Held>,
    /// Who is at high risk and should be left alone all the same, by id.
    pub do_not_disturb: Vec<DoNotDisturb>,
    /// Everybody else, counted by the first reason that holds.
    pub left_out: LeftOutCounts,
    /// What is expected of the plan.
    pub outcome: Outcome,
    /// What the usual orders would bring with the same budget, the same limit per segment and the same people held
    /// back. They take customers of any expected profit, as those who rank by risk or value alone do.
    pub alternatives: [Outcome; 2],
    /// Treated and held back by segment, segments without either left out.
    pub by_segment: Vec<SegmentTotals>,
    /// Median of the known values among the candidates who are considered.
    pub median_value: Option<f64>,
    /// The probability above which an offer to a customer of the median value pays; `None` where none does.
    pub break_even: Option<f64>,
    /// Profit of the same treated customers if the acceptance were another.
    pub sensitivity: [Sensitivity; 4],
    /// The acceptance at which their profit is zero; `None` without anybody treated.
    pub break_even_acceptance: Option<f64>,
}

/// A customer who gets the offer.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Treated {
    /// Who.
    pub customer: String,
    /// Her segment.
    pub segment: Segment,
    /// How high her risk is.
    pub band: Band,
    /// Probability that she leaves when nothing is done.
    pub probability: f64,
    /// What she is worth when she stays.
    pub value_if_kept: f64,
    /// The probability above which an offer to her pays.
    pub break_even: Option<f64>,
    /// Expected cost of the offer to her.
    pub expected_cost: f64,
    /// Expected profit of it.
    pub expected_profit: f64,
    /// Probability that the draw let her have an offer: 1 minus the control share.
    pub propensity: f64,
}

/// A customer who is held back to measure by.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Held {
    /// Who.
    pub customer: String,
    /// Her segment.
    pub segment: Segment,
    /// Probability that she leaves when nothing is done.
    pub probability: f64,
    /// What she is worth when she stays.
    pub value_if_kept: f64,
    /// What treating her would have earned.
    pub expected_profit: f64,
    /// Whether there would have been money for her. The treated are to be compared with these only: the budget went to
    /// the best, and the others are not like them.
    pub in_reach: bool,
    /// Probability that the draw held her back: the control share.
    pub propensity: f64,
}

/// A customer at high risk for whom an offer costs more than it brings.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DoNotDisturb {
    /// Who.
    pub customer: String,
    /// Her segment.
    pub segment: Segment,
    /// Probability that she leaves.
    pub probability: f64,
    /// What she is worth when she stays.
    pub value_if_kept: f64,
    /// What treating her would earn: zero or less.
    pub expected_profit: f64,
    /// The value above which an offer would pay at her probability.
    pub least_value: Option<f64>,
    /// Why she is left alone.
    pub reason: LeaveAlone,
}

/// Why a customer at high risk is left alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveAlone {
    /// She is worth too little to repay the offer.
    ValueTooSmall,
    /// She has lapsed, and what she would bring does not repay the offer.
    SurelyGone,
}

/// How many candidates are left out, by the first reason that holds.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct LeftOutCounts {
    /// They have left already, and lapsed customers are not included.
    pub lapsed: usize,
    /// Nobody knows what they are worth.
    pub no_value: usize,
    /// An offer would cost more than it brings, and their risk is not high.
    pub below_break_even: usize,
    /// An offer would pay, and what is left of the budget does not suffice.
    pub budget_spent: usize,
    /// An offer would pay, and what is left of their segment's share does not suffice.
    pub segment_full: usize,
}

/// What treating some customers is expected to bring.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Outcome {
    /// In which order they were chosen.
    pub order: Order,
    /// How many are treated.
    pub treated: usize,
    /// Expected cost; never above the budget.
    pub expected_cost: f64,
    /// Cost if everybody takes the offer; may be above the budget.
    pub worst_cost: f64,
    /// Expected profit after cost.
    pub expected_profit: f64,
    /// Expected number of customers who stay because of the offer.
    pub expected_saved: f64,
}

/// A segment's part of a plan.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct SegmentTotals {
    /// The segment.
    pub segment: Segment,
    /// Customers treated.
    pub treated: usize,
    /// Customers held back.
    pub control: usize,
    /// Expected cost of the treated.
    pub expected_cost: f64,
    /// Expected profit of the treated.
    pub expected_profit: f64,
}

/// The plan's outcome under another acceptance.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Sensitivity {
    /// Share of would-be churners who take the offer and stay.
    pub acceptance: f64,
    /// Expected cost of the same customers.
    pub expected_cost: f64,
    /// Expected profit of the same customers.
    pub expected_profit: f64,
}

/// Plans how the budget is spent on these candidates.
///
/// Considered are candidates of known value, lapsed ones only when included. Those of positive expected profit are
/// either held back by [`draw`] or treated, the highest profit per cost first, while the budget and their segment's
/// share of it suffice in expectation.
///
/// # Errors
/// [`PlanError`] for a probability or value out of range, or a customer who is given twice.
///
/// # Determinism
/// The order of the candidates does not matter; ties go by id.
pub fn plan(candidates: &[Candidate<'_>], params: &PlanParams) -> Result<Plan, PlanError> {
    let terms = params.terms();
    let share = params.raw().control_share;
    let mut left_out = LeftOutCounts::default();
    let mut considered = Vec::with_capacity(candidates.len());
    for candidate in checked(candidates)? {
        if candidate.standing == Standing::Lapsed && !params.raw().include_lapsed {
            left_out.lapsed += 1;
        } else if let Some(value) = candidate.value_if_kept {
            let control = draw(&params.raw().policy, candidate.customer) < share;
            considered.push(Priced::of(candidate, value, &terms, control));
        } else {
            left_out.no_value += 1;
        }
    }
    let median_value = median(considered.iter().map(|priced| priced.value).collect());
    let alternatives = [Order::HighestRisk, Order::HighestValue].map(|order| {
        let chosen = choose(considered.clone(), order, params);
        outcome(order, &treated_of(&chosen), &terms)
    });

    let (worth, not_worth): (Vec<_>, Vec<_>) = considered.into_iter().partition(|priced| priced.profit > 0.0);
    let (alone, below): (Vec<_>, Vec<_>) = not_worth
        .into_iter()
        .partition(|priced| priced.candidate.band == Band::High);
    left_out.below_break_even = below.len();
    let chosen = choose(worth, Order::ProfitPerCost, params);
    for (priced, reached) in &chosen {
        match reached {
            Reached::BudgetSpent if !priced.control => left_out.budget_spent += 1,
            Reached::SegmentFull if !priced.control => left_out.segment_full += 1,
            _ => {}
        }
    }
    let treated = treated_of(&chosen);
    let held: Vec<_> = chosen.into_iter().filter(|(priced, _)| priced.control).collect();
    Ok(Plan {
        params: params.raw().clone(),
        assumption: params.assumption(),
        candidates: candidates.len(),
        outcome: outcome(Order::ProfitPerCost, &treated, &terms),
        alternatives,
        by_segment: by_segment(&treated, &held),
        median_value,
        break_even: median_value.and_then(|value| terms.break_even(value)),
        sensitivity: ACCEPTANCES.map(|acceptance| sensitivity(&treated, Terms { acceptance, ..terms })),
        break_even_acceptance: break_even_acceptance(&treated, &terms),
        treated: treated.iter().map(|priced| treated_row(priced, params)).collect(),
        control: held
            .iter()
            .map(|(priced, reached)| held_row(priced, *reached, params))
            .collect(),
        do_not_disturb: alone.iter().map(|priced| alone_row(priced, &terms)).collect(),
        left_out,
    })
}

fn treated_of<'c, 'a>(chosen: &[(Priced<'c, 'a>, Reached)]) -> Vec<Priced<'c, 'a>> {
    chosen
        .iter()
        .filter(|(priced, reached)| *reached == Reached::Yes && !priced.control)
        .map(|(priced, _)| *priced)
        .collect()
}

/// Adding zero: the sum of nothing is a negative zero, which a person would read as a debt.
fn sum(treated: &[Priced<'_, '_>], of: impl Fn(&Priced<'_, '_>) -> f64) -> f64 {
    treated.iter().map(of).sum::<f64>() + 0.0
}

fn outcome(order: Order, treated: &[Priced<'_, '_>], terms: &Terms) -> Outcome {
    Outcome {
        order,
        treated: treated.len(),
        expected_cost: sum(treated, |priced| priced.cost),
        worst_cost: treated.len() as f64 * terms.worst_cost(),
        expected_profit: sum(treated, |priced| priced.profit),
        expected_saved: sum(treated, |priced| terms.saved(priced.candidate.probability)),
    }
}

fn sensitivity(treated: &[Priced<'_, '_>], terms: Terms) -> Sensitivity {
    Sensitivity {
        acceptance: terms.acceptance,
        expected_cost: sum(treated, |priced| terms.cost(priced.candidate.probability)),
        expected_profit: sum(treated, |priced| {
            terms.profit(priced.candidate.probability, priced.value)
        }),
    }
}

/// Profit is linear in the acceptance: `γ Σ p (V − d) − Σ (p f + (1 − p)(d + f))`.
fn break_even_acceptance(treated: &[Priced<'_, '_>], terms: &Terms) -> Option<f64> {
    let gained = sum(treated, |priced| {
        priced.candidate.probability * (priced.value - terms.offer_cost)
    });
    let paid = sum(treated, |priced| {
        terms.contact_cost + (1.0 - priced.candidate.probability) * terms.offer_cost
    });
    (gained > 0.0).then(|| paid / gained)
}

fn by_segment(treated: &[Priced<'_, '_>], held: &[(Priced<'_, '_>, Reached)]) -> Vec<SegmentTotals> {
    let mut totals = SEGMENTS.map(|rule| SegmentTotals {
        segment: rule.segment,
        treated: 0,
        control: 0,
        expected_cost: 0.0,
        expected_profit: 0.0,
    });
    for priced in treated {
        let total = &mut totals[priced.candidate.segment as usize];
        total.treated += 1;
        total.expected_cost += priced.cost;
        total.expected_profit += priced.profit;
    }
    for (priced, _) in held {
        totals[priced.candidate.segment as usize].control += 1;
    }
    totals
        .into_iter()
        .filter(|total| total.treated + total.control > 0)
        .collect()
}

fn treated_row(priced: &Priced<'_, '_>, params: &PlanParams) -> Treated {
    let candidate = priced.candidate;
    Treated {
        customer: candidate.customer.to_owned(),
        segment: candidate.segment,
        band: candidate.band,
        probability: candidate.probability,
        value_if_kept: priced.value,
        break_even: params.terms().break_even(priced.value),
        expected_cost: priced.cost,
        expected_profit: priced.profit,
        propensity: 1.0 - params.raw().control_share,
    }
}

fn held_row(priced: &Priced<'_, '_>, reached: Reached, params: &PlanParams) -> Held {
    Held {
        customer: priced.candidate.customer.to_owned(),
        segment: priced.candidate.segment,
        probability: priced.candidate.probability,
        value_if_kept: priced.value,
        expected_profit: priced.profit,
        in_reach: reached == Reached::Yes,
        propensity: params.raw().control_share,
    }
}

fn alone_row(priced: &Priced<'_, '_>, terms: &Terms) -> DoNotDisturb {
    let candidate = priced.candidate;
    DoNotDisturb {
        customer: candidate.customer.to_owned(),
        segment: candidate.segment,
        probability: candidate.probability,
        value_if_kept: priced.value,
        expected_profit: priced.profit,
        least_value: terms.least_value(candidate.probability),
        reason: match candidate.standing {
            Standing::Eligible => LeaveAlone::ValueTooSmall,
            Standing::Lapsed => LeaveAlone::SurelyGone,
        },
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    Some(values[last / 2].midpoint(values[values.len() / 2]))
}
