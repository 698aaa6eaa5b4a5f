//! Watching a churn model in service: does it still see what it learned from, and was it right?
//!
//! Enters: a fitted model, the histories of a newer log and an instant. Leaves: a [`DriftReport`], how far features and
//! scores have moved since the fit; a [`TruthReport`], what became of scores whose horizon is over; and
//! [`healthy_until`], the outage in which scores had better wait.
//!
//! The one decision: three questions, three answers. Drift needs no outcomes and comes at once, but says only that
//! customers are other ones; truth says whether the scores were wrong, a horizon later; an outage says that neither the
//! customers nor the model changed, only what is known of them.
//!
//! Deliberately not here: when to train again, and whom to tell.

mod drift;
mod error;
mod reference;
mod truth;

pub use drift::{Drift, DriftReport, KindSeen, SCORE, drift};
pub use error::WatchError;
pub use reference::Watch;
pub use truth::{TruthReport, truth};

use crate::history::{Histories, Outage, outages};
use crate::time::{Calendar, Timestamp};

/// The longest outage that `now` lies in: scores are sound up to its `since`. `None` when every usual kind of event
/// comes in.
///
/// A day without events looks like customers who leave, all of them at once. Scores as of the outage's start are older,
/// but they are true.
#[must_use]
pub fn healthy_until(histories: &Histories, calendar: &Calendar, now: Timestamp) -> Option<Outage> {
    outages(histories, calendar, now).current().copied()
}

#[cfg(test)]
mod tests;
