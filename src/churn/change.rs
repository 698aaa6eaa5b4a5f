//! What changed between two scores of one customer: how much time passed, what she did, and which model asked.

use super::platt::sigmoid;
use super::{ChurnModel, ChurnScore, Shop};
use crate::history::History;
use crate::time::Timestamp;

/// A model, and the instant of which it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The model.
    pub model: &'a ChurnModel,
    /// The instant.
    pub as_of: Timestamp,
}

/// One cause's part in a change.
#[derive(Clone, Copy, PartialEq, Debug, serde::Serialize)]
pub struct ChangePart {
    /// What it adds to the log-odds.
    pub log_odds: f64,
    /// What it adds to the probability, in percentage points.
    pub points: f64,
}

/// A change between two scores, in three steps that add up to it.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// The earlier score.
    pub earlier: ChurnScore,
    /// Had she done nothing since: the earlier events, seen by the earlier model at the later instant.
    pub elapsed: ChangePart,
    /// What she did in between, seen by the earlier model.
    pub behaviour: ChangePart,
    /// The later model instead of the earlier one; nothing where both are the same.
    pub model: ChangePart,
}

/// The change of a customer's score from `earlier` to `later`; `None` when she had not bought by the earlier instant.
///
/// With `s(m, e, t)` the log-odds that model `m` gives to events `e` at `t`: elapsed time is
/// `s(m₁, e₁, t₂) − s(m₁, e₁, t₁)`, behaviour `s(m₁, e₂, t₂) − s(m₁, e₁, t₂)`, model `s(m₂, e₂, t₂) − s(m₁, e₂, t₂)`; their
/// sum is the whole change. Points are the same differences of probabilities.
#[must_use]
pub fn change(history: History<'_>, earlier: Asked<'_>, later: Asked<'_>, shop: Shop<'_>) -> Option<Change> {
    let known_then = history.before(earlier.as_of);
    let then = earlier.model.score(known_then, earlier.as_of, shop)?;
    let waited = earlier.model.score(known_then, later.as_of, shop)?.log_odds;
    let acted = earlier.model.score(history, later.as_of, shop)?.log_odds;
    let now = later.model.score(history, later.as_of, shop)?.log_odds;
    let step = |from: f64, to: f64| ChangePart {
        log_odds: to - from,
        points: 100.0 * (sigmoid(to) - sigmoid(from)),
    };
    Some(Change {
        elapsed: step(then.log_odds, waited),
        behaviour: step(waited, acted),
        model: step(acted, now),
        earlier: then,
    })
}
