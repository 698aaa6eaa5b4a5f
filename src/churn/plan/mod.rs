//! The retention plan: whom to make an offer with a given budget, and whom to leave alone.
//!
//! Enters: [`Candidate`]s with a probability of churn and a value, and [`PlanParams`]. Leaves: a [`Plan`] that treats
//! some, holds a random control group back, names those whom an offer would cost more than it brings, and counts all
//! others by reason.
//!
//! The one decision: customers are chosen by expected profit per expected cost, not by risk. Those most likely to leave
//! are not those on whom an offer earns most (Ascarza 2018), and ranking by expected profit instead raised it in field
//! experiments (Lemmens & Gupta 2020). The plan says beside its own profit what the two usual orders, highest risk first
//! and highest value first, would have earned with the same budget.
//!
//! What it cannot know: how many would-be churners an offer keeps. That share, the acceptance, is an assumption until
//! the shop has treated and held back customers itself, which is what the control group is for.
//!
//! Deliberately not here: where probabilities and values come from, and sending anything to anybody.
//!
//! # Source
//! Verbraken, Verbeke & Baesens, *A novel profit maximizing metric for measuring classification performance of customer
//! churn prediction models*, IEEE TKDE 25(5), 2013: profit of a treated customer, and acceptance ~ Beta(6, 14).
//! Ascarza, *Retention futility: targeting high-risk customers might be ineffective*, Journal of Marketing Research
//! 55(1), 2018. Lemmens & Gupta, *Managing churn to maximize profits*, Marketing Science 39(5), 2020.

mod candidate;
mod choose;
mod control;
mod params;
#[expect(
    clippy::module_inception,
    reason = "the noun of the file is the noun of the room"
)]
mod plan;
mod terms;

pub use candidate::{Candidate, PlanError};
pub use choose::Order;
pub use control::draw;
pub use params::{PlanParams, PlanParamsError, RawPlanParams};
pub use plan::{
    DoNotDisturb, Held, LeaveAlone, LeftOutCounts, Outcome, Plan, SegmentTotals, Sensitivity, Treated, plan,
};
pub use terms::Terms;

#[cfg(test)]
mod tests;
