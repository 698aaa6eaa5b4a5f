//! Filling a budget with customers, one after another.

use serde::Serialize;

use super::{Candidate, PlanParams, Terms};
use crate::churn::segment::SEGMENTS;

/// In which order a budget is spent. Ties go by id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Highest expected profit per expected cost first: the plan.
    ProfitPerCost,
    /// Most likely to leave first, whatever an offer earns.
    HighestRisk,
    /// Worth most first, whatever an offer earns.
    HighestValue,
}

/// A candidate of known value, with what an offer to her costs and earns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Priced<'c, 'a> {
    pub candidate: &'c Candidate<'a>,
    pub value: f64,
    pub cost: f64,
    pub profit: f64,
    /// Whether the draw puts her into the control group.
    pub control: bool,
}

impl<'c, 'a> Priced<'c, 'a> {
    pub fn of(candidate: &'c Candidate<'a>, value: f64, terms: &Terms, control: bool) -> Self {
        Self {
            candidate,
            value,
            cost: terms.cost(candidate.probability),
            profit: terms.profit(candidate.probability, value),
            control,
        }
    }

    fn key(&self, order: Order) -> f64 {
        match order {
            Order::ProfitPerCost => self.profit / self.cost,
            Order::HighestRisk => self.candidate.probability,
            Order::HighestValue => self.value,
        }
    }
}

/// What becomes of a customer when the budget comes to her.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reached {
    /// There is money for her.
    Yes,
    /// What is left of the budget is less than she costs.
    BudgetSpent,
    /// What is left of her segment's share is less than she costs.
    SegmentFull,
}

/// Goes through `pool` in `order` and spends the budget on those who are not held back. Nobody is reached for more than
/// is left, and a later, cheaper customer may still be; whoever is held back costs nothing, and the answer says
/// whether there would have been money for her.
///
/// # Guarantee
/// By profit per cost, without a limit per segment and over customers of positive profit only, what the reached ones
/// earn is less than the best possible choice earns by at most the profit of one customer (Dantzig 1957): the order
/// solves the problem with divisible customers, of which at most one is divided.
pub(super) fn choose<'c, 'a>(
    mut pool: Vec<Priced<'c, 'a>>,
    order: Order,
    params: &PlanParams,
) -> Vec<(Priced<'c, 'a>, Reached)> {
    // The pool comes by id and the sort is stable.
    pool.sort_by(|a, b| b.key(order).total_cmp(&a.key(order)));
    let budget = params.raw().budget;
    let most_per_segment = params.raw().most_per_segment * budget;
    let mut spent = 0.0;
    let mut spent_on = [0.0; SEGMENTS.len()];
    pool.into_iter()
        .map(|priced| {
            let of_segment = &mut spent_on[priced.candidate.segment as usize];
            let reached = if spent + priced.cost > budget {
                Reached::BudgetSpent
            } else if *of_segment + priced.cost > most_per_segment {
                Reached::SegmentFull
            } else {
                if !priced.control {
                    spent += priced.cost;
                    *of_segment += priced.cost;
                }
                Reached::Yes
            };
            (priced, reached)
        })
        .collect()
}
