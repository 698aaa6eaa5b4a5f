//! Whether two items go together, stand in for each other, or neither.
//!
//! # Formula
//! `sub = (e + a₀) / (e + t + a₀ + b₀)`, the probability that whoever has to do with both takes one of them.
//!
//! | evidence | `e` | `t` | substitutes when |
//! |---|---|---|---|
//! | views | visits in which both were looked at and exactly one was bought | … and both were | looked at together significantly often, and `sub` at least `least_substitute` or bought together no more than by chance |
//! | orders | pairs of different baskets of one customer that hold one each, `Σ_u (x_ua x_ub − n_uab) / (k_u − 1)` | baskets of the same customers that hold both | `(t + b₀) / (e + a₀)` below `substitute_ratio` |
//!
//! With orders alone, `e` is what `t` would be if it were by chance which of her things a customer buys in one basket:
//! the customer's own taste cancels. `a₀` and `b₀` sum to `prior_choices`; their ratio is the prior by leaf category and
//! price.
//!
//! **Which evidence a shop is judged by**: the views, when in at least `least_choices` visits two or more items were
//! looked at and one of them was bought; else the orders. A shop that logs views but not which purchase followed has no
//! such visits.

use super::association::Together;
use super::groups::Groups;
use super::leaves::Nearness;
use super::pairs::Cell;
use super::similar::RawSimilarParams;

/// What tells substitutes from complements in a shop.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// What was looked at together and bought.
    Views,
    /// What the same customer bought in the same and in different orders.
    Orders,
}

/// The groups that a pair was counted in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meetings {
    pub bought: Together,
    pub viewed: Together,
}

/// What two items are to each other.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Verdict {
    /// `sub`.
    pub substitute: f64,
    pub relation: Relation,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relation {
    Complements,
    Substitutes,
    Neither,
}

/// How a shop's pairs are judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judge<'a> {
    pub basis: Basis,
    pub similar: &'a RawSimilarParams,
    pub least_lift: f64,
    pub least_llr: f64,
    pub view_discount: f64,
}

/// Groups by which shrunk PMIs are drawn towards 0.
const PMI_SHRINKAGE: f64 = 1.0;

/// Pairs of different baskets from which on two items are seen to be bought apart.
const LEAST_APART: f32 = 1.0;

impl Basis {
    /// The views where there are enough choices.
    pub(crate) fn of(visits: &Groups, least_choices: usize) -> Self {
        let is_choice = |visit: &usize| {
            let (items, bought) = visits.by_group.row(*visit);
            items.len() > 1 && bought.iter().any(|&bought| bought > 0.0)
        };
        let choices = (0..visits.len()).filter(is_choice).take(least_choices).count();
        if choices >= least_choices {
            Self::Views
        } else {
            Self::Orders
        }
    }
}

impl Judge<'_> {
    pub(crate) fn judge(&self, cell: &Cell, meetings: &Meetings, nearness: Nearness) -> Verdict {
        let prior = nearness.substitute_prior();
        let strength = self.similar.prior_choices;
        let (apart, together) = match self.basis {
            Basis::Views => (f64::from(cell.one), f64::from(cell.both)),
            Basis::Orders => (f64::from(cell.apart), f64::from(cell.together)),
        };
        let apart = apart + prior * strength;
        let together = together + (1.0 - prior) * strength;
        let substitute = apart / (apart + together);
        let significant =
            |pair: &Together| pair.lift() > self.least_lift && pair.log_likelihood_ratio() > self.least_llr;
        let are_substitutes = match self.basis {
            Basis::Views => {
                significant(&meetings.viewed)
                    && (substitute >= self.similar.least_substitute || meetings.bought.lift() <= 1.0)
            }
            // What is bought together for sure is not split up by a prior alone.
            Basis::Orders => {
                together / apart < self.similar.substitute_ratio
                    && (cell.apart >= LEAST_APART || !significant(&meetings.bought))
            }
        };
        let are_complements = !are_substitutes
            && significant(&meetings.bought)
            && match self.basis {
                Basis::Views => {
                    let bought = meetings.bought.shrunk_pmi(PMI_SHRINKAGE);
                    bought > self.view_discount * meetings.viewed.shrunk_pmi(PMI_SHRINKAGE)
                }
                Basis::Orders => true,
            };
        Verdict {
            substitute,
            relation: match (are_substitutes, are_complements) {
                (true, _) => Relation::Substitutes,
                (false, true) => Relation::Complements,
                (false, false) => Relation::Neither,
            },
        }
    }

    /// Whether complements of this ratio are no alternatives either.
    pub(crate) fn is_no_alternative(&self, verdict: Verdict) -> bool {
        match self.basis {
            Basis::Views => verdict.relation == Relation::Complements,
            Basis::Orders => {
                let ratio = (1.0 - verdict.substitute) / verdict.substitute;
                verdict.relation == Relation::Complements && ratio > self.similar.complement_ratio
            }
        }
    }
}
