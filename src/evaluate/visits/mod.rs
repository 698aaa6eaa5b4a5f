//! Visits foretold: what the visit so far adds to what is known of the customer, and how much it should count.
//!
//! Enters: a shop's histories, the blend and the session model of what was before the cut-off. Leaves: MRR and hit rate
//! at `k` of the blend, of the sessions alone and of both joined by each weight, with intervals over customers.
//!
//! At every place of a visit at which an item comes that the visit has not held before, that item is foretold from the
//! customer's history before the cut-off and from the visit before the place, each of its items a view of just now. What
//! the visit held before is no answer. Every place counts alike; an item that nobody touched before the cut-off is ranked
//! as the models score it, which is at the end. Of more than [`MOST_VISITS`] visits as many are drawn by the seed.
//!
//! | model | ranks by |
//! |---|---|
//! | `blend` | the blend, for the profile of history and visit |
//! | `session-blend` | [`Sessions`], which do not know who it is |
//! | joined | the blend plus `beside_profile` times the sessions' scores, brought to length one: as YOU_MAY_LIKE answers |
//!
//! The one decision: as in service, the models are those of the cut-off throughout; what a customer did in earlier visits of
//! the window is in no profile.

mod report;

use rand::SeedableRng;
use rand::seq::index;
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::history::{Csr, Histories, History, HistoryBuf, Interaction, Profile, Weighting};
use crate::id::{CustomerIdx, ItemIdx, Row};
use crate::log::EventKind;
use crate::measure::bootstrap::Bootstrap;
use crate::progress::Progress;
use crate::recommend::batch::BatchScorer;
use crate::recommend::sessions::{Room, Session, SessionParams, Sessions, Training, sessions_of, visits};
use crate::recommend::{LEAST_SESSIONS, Recommender};
use crate::time::Timestamp;

use super::temporal_ranking::JudgedBlend;

pub use report::{JoinedReport, VisitAdvantage, VisitModelReport, VisitsReport};

/// Visits that are foretold at most.
pub const MOST_VISITS: usize = 5000;

/// Weights beside the profile that are tried, besides that of the recipe.
pub const WEIGHTS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// Predictions that are scored together.
const BLOCK: usize = 64;

/// Why visits cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VisitsError {
    /// Purchases alone.
    #[error("the log has no views, and orders alone do not tell how visits go on")]
    NoViews,
    /// Too little to learn from.
    #[error("{sessions} visits of two items before {before} are fewer than {LEAST_SESSIONS}")]
    NothingToLearn {
        /// Visits that could be learned from.
        sessions: usize,
        /// End of the training.
        before: Timestamp,
    },
    /// Nothing to foretell.
    #[error("no visit from {from} until {end} has two different items")]
    NothingToForetell {
        /// Begin of the window.
        from: Timestamp,
        /// End of the window.
        end: Timestamp,
    },
}

/// What the models are made of.
#[derive(Clone, Copy)]
pub struct VisitInputs<'a> {
    /// Everybody's histories.
    pub histories: &'a Histories,
    /// What an event is worth in a profile.
    pub weighting: &'a Weighting,
    /// Parameters of the session model.
    pub sessions: &'a SessionParams,
}

/// Fits the sessions to what was before the split's cut-off and foretells the visits of its window.
///
/// # Errors
/// [`VisitsError`] when there is nothing to learn from or to foretell.
///
/// # Determinism
/// The same for any number of threads.
pub fn evaluate_visits(
    inputs: VisitInputs<'_>,
    judged: &JudgedBlend,
    progress: &dyn Progress,
) -> Result<VisitsReport, VisitsError> {
    let VisitInputs {
        histories,
        weighting,
        sessions: params,
    } = inputs;
    let split = judged.split();
    let (from, end) = (split.cut_off, split.end);
    if histories.kind_counts()[usize::from(EventKind::View.code())] == 0 {
        return Err(VisitsError::NoViews);
    }
    let training = Training::new(
        sessions_of(histories, from, params),
        histories.items().len(),
        params,
    );
    if training.len() < LEAST_SESSIONS {
        return Err(VisitsError::NothingToLearn {
            sessions: training.len(),
            before: from,
        });
    }
    let (visits, of) = drawn(histories, params, (from, end), split.seed);
    if visits.is_empty() {
        return Err(VisitsError::NothingToForetell { from, end });
    }
    let places: Vec<Place<'_>> = visits.iter().flat_map(Visit::places).collect();
    progress.begin("Foretelling visits", places.len().div_ceil(BLOCK) as u64);
    let scorer = judged.blend().batch();
    let models = Models {
        weighting,
        histories,
        cut_off: from,
        blend: &*scorer,
        sessions: &Sessions::fit(&training, params),
        weights: weights(params.raw().beside_profile),
        k: split.k,
    };
    let ranks: Vec<Vec<u32>> = places
        .par_chunks(BLOCK)
        .map_init(Desk::default, |desk, places| {
            let ranks = models.ranks(places, desk);
            progress.advance(1);
            ranks
        })
        .flatten_iter()
        .collect();
    progress.end();
    let customers: Vec<CustomerIdx> = places.iter().map(|place| place.visit.customer).collect();
    let bootstrap = Bootstrap {
        seed: split.seed,
        ..Bootstrap::default()
    };
    Ok(report::report(&report::Judgement {
        split,
        visits: visits.len(),
        of,
        train_sessions: training.len(),
        weights: &models.weights,
        serves: params.raw().beside_profile,
        customers: &customers,
        ranks: &ranks,
        bootstrap,
    }))
}

/// The weights to try, ascending, with that of the recipe among them.
fn weights(recipe: f64) -> Vec<f64> {
    let mut weights = WEIGHTS.to_vec();
    weights.push(recipe);
    weights.sort_by(f64::total_cmp);
    weights.dedup_by(|a, b| a.total_cmp(b).is_eq());
    weights
}

/// A visit of the window.
struct Visit {
    customer: CustomerIdx,
    session: Session,
}

/// A place of a visit that is foretold.
struct Place<'a> {
    visit: &'a Visit,
    at: usize,
}

impl Visit {
    /// The places at which an item comes for the first time, but for the first.
    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let items = &self.session.items;
        let is_new = move |&at: &usize| !items[..at].contains(&items[at]);
        (1..items.len())
            .filter(is_new)
            .map(|at| Place { visit: self, at })
    }
}

impl Place<'_> {
    fn so_far(&self) -> &[ItemIdx] {
        &self.visit.session.items[..self.at]
    }

    fn target(&self) -> ItemIdx {
        self.visit.session.items[self.at]
    }

    /// What the customer is known by: the history before the cut-off, then the visit so far as views of just now.
    fn profile(&self, past: History<'_>, weighting: &Weighting) -> Profile {
        let mut history = HistoryBuf::from_history(past);
        let end = Timestamp::from_micros(self.visit.session.end).unwrap_or(Timestamp::MAX);
        let now = end.plus_days(1e-6);
        history.extend(self.so_far().iter().map(|&item| Interaction {
            item,
            kind: EventKind::View,
            at: end,
            quantity: 1.0,
            unit_price: None,
            order: None,
            session: None,
        }));
        weighting.profile(history.as_history(), now)
    }
}

/// The visits of the window with two different items, and how many there were to draw from.
fn drawn(
    histories: &Histories,
    params: &SessionParams,
    (from, end): (Timestamp, Timestamp),
    seed: u64,
) -> (Vec<Visit>, usize) {
    let of_customer = |customer: CustomerIdx| {
        visits(histories.of(customer).within(from, end), params)
            .filter(|session| session.items.len() > 1)
            .map(move |session| Visit { customer, session })
    };
    let mut all: Vec<Visit> = histories.customers().rows().flat_map(of_customer).collect();
    let amount = all.len();
    if amount > MOST_VISITS {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut kept = vec![false; amount];
        for at in index::sample(&mut random, amount, MOST_VISITS) {
            kept[at] = true;
        }
        let mut kept = kept.into_iter();
        all.retain(|_| kept.next().unwrap_or(false));
    }
    (all, amount)
}

/// What answers.
struct Models<'a> {
    weighting: &'a Weighting,
    histories: &'a Histories,
    cut_off: Timestamp,
    blend: &'a dyn BatchScorer,
    sessions: &'a Sessions,
    /// What the sessions count beside the blend.
    weights: Vec<f64>,
    k: usize,
}

/// Working memory of one thread.
#[derive(Default)]
struct Desk {
    room: Room,
    blend: Vec<f32>,
    visit: Vec<f32>,
    joined: Vec<f32>,
}

impl Models<'_> {
    /// For each place the rank, from 1, by the blend, the sessions and each weight; 0 beyond `k`.
    fn ranks(&self, places: &[Place<'_>], desk: &mut Desk) -> Vec<Vec<u32>> {
        let n_items = self.blend.n_items();
        let profile = |place: &Place<'_>| {
            let past = self.histories.of(place.visit.customer).before(self.cut_off);
            place.profile(past, self.weighting)
        };
        let profiles: Vec<Profile> = places.iter().map(profile).collect();
        desk.blend.resize(places.len() * n_items, 0.0);
        let profiles = Csr::from_rows(&profiles, n_items);
        self.blend.score_rows(&profiles, 0..places.len(), &mut desk.blend);
        desk.visit.resize(n_items, 0.0);
        let blocks = desk.blend.chunks_exact(n_items.max(1));
        places
            .iter()
            .zip(blocks)
            .map(|(place, blend)| {
                let (so_far, target) = (place.so_far(), place.target());
                let rank = |scores: &[f32]| rank(scores, target, so_far, self.k);
                let mut ranks = vec![rank(blend), self.rank_by_visit(place, &mut desk.room)];
                desk.visit.fill(0.0);
                self.sessions.add_to(&mut desk.visit, so_far, 1.0, &mut desk.room);
                for &weight in &self.weights {
                    desk.joined.clear();
                    let joined = blend.iter().zip(&desk.visit);
                    desk.joined
                        .extend(joined.map(|(blend, visit)| blend + weight as f32 * visit));
                    ranks.push(rank(&desk.joined));
                }
                ranks
            })
            .collect()
    }

    fn rank_by_visit(&self, place: &Place<'_>, room: &mut Room) -> u32 {
        let so_far = place.so_far();
        let ranked = self.sessions.rank(so_far, self.k + so_far.len(), room);
        let mut open = ranked.iter().filter(|best| !so_far.contains(&best.0));
        let found = open.position(|best| best.0 == place.target());
        found.filter(|&at| at < self.k).map_or(0, |at| at as u32 + 1)
    }
}

/// The target's place by score descending, then row ascending, without the items of the visit; 0 beyond `k`.
fn rank(scores: &[f32], target: ItemIdx, without: &[ItemIdx], k: usize) -> u32 {
    let own = scores[target.index()];
    let is_better = |row: usize| {
        let score = scores[row];
        score > own || (score >= own && row < target.index())
    };
    let better = (0..scores.len()).filter(|&row| is_better(row)).count();
    let first = |at: &usize| !without[..*at].contains(&without[*at]);
    let masked = (0..without.len())
        .filter(first)
        .filter(|&at| is_better(without[at].index()))
        .count();
    let rank = better - masked + 1;
    if rank <= k { rank as u32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_leave_out_the_visit_and_break_ties_by_row() {
        let item = ItemIdx::from_u32;
        let scores = [0.5, 0.9, 0.5, 0.7, 0.1];
        assert_eq!(rank(&scores, item(2), &[], 20), 4, "row 0 has the same score");
        assert_eq!(rank(&scores, item(2), &[item(1), item(4), item(1)], 20), 3);
        assert_eq!(rank(&scores, item(2), &[item(1)], 2), 0);
    }

    #[test]
    fn the_recipes_weight_is_tried_once() {
        assert_eq!(weights(2.0), WEIGHTS);
        assert_eq!(weights(0.3), [0.25, 0.3, 0.5, 1.0, 2.0, 4.0]);
    }

    #[test]
    fn what_comes_back_is_not_foretold() {
        let items = [7, 8, 7, 9, 8].map(ItemIdx::from_u32).to_vec();
        let visit = Visit {
            customer: CustomerIdx::from_u32(0),
            session: Session { items, end: 0 },
        };
        let found: Vec<(usize, u32)> = visit
            .places()
            .map(|place| (place.so_far().len(), place.target().as_u32()))
            .collect();
        assert_eq!(found, [(1, 8), (3, 9)]);
    }
}
