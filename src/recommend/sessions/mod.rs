//! Session recommendations: what follows the clicks of this visit, whoever it is.
//!
//! Enters: past sessions, from [`sessions_of`] all histories or from plain lists. Leaves: [`Sessions`], which turns a
//! few clicks into a ranking within some ten microseconds, and the parts of each score by click.
//!
//! # Formula
//! `score_j = w_knn v_j / |v| + w_links l_j / |l| + w_returns r_j + w_popularity p_j`
//!
//! | part | what it is |
//! |---|---|
//! | `v` | votes of past sessions like this one: [`Vmis`], which is VMIS-kNN with more damping |
//! | `l` | `l_j = Σ_i q_i^−e L_ij` over the different items `i` of the session, the `q_i`-th last, along links from click to click |
//! | `r` | how often sessions come back to an item of theirs, by how many different items ago it was |
//! | `p` | sessions of an item, divided by the most of any item |
//!
//! The one decision: neighbours and links are each brought to length one before they are weighed. A session that many
//! past ones are like would otherwise drown the links, and one that few are like would be all links.
//!
//! Deliberately not here: who the visitor is. A personal ranking is joined by [`Sessions::join`].

mod arrays;
mod explain;
mod index;
pub(crate) mod links;
mod params;
mod returns;
mod room;
#[cfg(test)]
mod tests;
mod training;
pub(crate) mod vmis;

use crate::history::Csr;
use crate::id::ItemIdx;

use vmis::masked;

pub use arrays::{SessionArrays, SessionArraysError};
pub use index::{IndexArrays, SessionIndex};
pub use params::{CurrentItem, RawKnnParams, RawLinkParams, RawPartWeights, RawSessionParams, SessionParams};
pub use room::Room;
pub(crate) use training::visits;
pub use training::{Session, Training, sessions_of};
pub use vmis::Vmis;

/// A fitted model of all parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Sessions {
    params: SessionParams,
    vmis: Vmis,
    links: Csr,
    returns: Vec<f32>,
    popularity: Vec<f32>,
    /// Items, the most popular first.
    tail: Vec<u32>,
    /// `q^−e` by `q` from 1.
    positions: Vec<f32>,
}

/// What the parts are multiplied by in one answer.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Scales {
    votes: f32,
    links: f32,
}

impl Sessions {
    /// Name of the model.
    pub const NAME: &'static str = "session-blend";

    /// Fits all parts.
    ///
    /// # Determinism
    /// The same bits for any number of threads.
    #[must_use]
    pub fn fit(training: &Training, params: &SessionParams) -> Self {
        let raw = params.raw();
        let index = SessionIndex::fit(training, raw.knn.recent_sessions);
        let links = links::fit(training, &raw.links);
        Self::assemble(params.clone(), index, links, returns::fit(training))
    }

    fn assemble(params: SessionParams, index: SessionIndex, links: Csr, returns: Vec<f32>) -> Self {
        let raw = params.raw();
        let popularity = index.popularity();
        let mut tail: Vec<u32> = (0u32..).take(popularity.len()).collect();
        // A stable sort: of equally popular items the lower row comes first.
        tail.sort_by(|&a, &b| popularity[b as usize].total_cmp(&popularity[a as usize]));
        let place = |at: usize| ((at + 1) as f64).powf(-raw.links.position_exponent) as f32;
        Self {
            positions: (0..raw.links.last_items).map(place).collect(),
            vmis: Vmis::new(index, &raw.knn, raw.current_item),
            links,
            returns,
            popularity,
            tail,
            params,
        }
    }

    /// The hyper-parameters that it was fitted with.
    #[must_use]
    pub fn params(&self) -> &SessionParams {
        &self.params
    }

    /// The part that votes, alone.
    #[must_use]
    pub fn vmis(&self) -> &Vmis {
        &self.vmis
    }

    /// Number of items that it ranks.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.popularity.len()
    }

    /// The best `n` items after these clicks, oldest click first: score descending, then row ascending, above zero.
    ///
    /// Items beyond [`Self::n_items`] are clicks like others, about which nothing is known.
    pub fn rank<'r>(&self, session: &[ItemIdx], n: usize, room: &'r mut Room) -> &'r [(ItemIdx, f32)] {
        let scales = self.gather(session, room);
        room.join(scales.votes, scales.links);
        self.add_returns(room);
        let masked = masked(self.vmis.current_item(), session);
        let weight = self.params.raw().weights.popularity as f32;
        let tail = if weight > 0.0 { &self.tail[..] } else { &[] };
        room.rank(n, masked, |item| weight * self.popularity[item as usize], tail)
    }

    /// Calls `add` with the items of a session's scores and `weight` times these, brought to length one; gives what the
    /// scores were multiplied by, so that explanations can be multiplied alike. 0 where the session says nothing.
    ///
    /// Popularity is left out: the ranking that is added to knows it better. So are returns: what the visitor looked at a
    /// minute ago is likely to be looked at again, and no discovery. So is the current item where it is masked.
    pub fn join(
        &self,
        session: &[ItemIdx],
        weight: f32,
        room: &mut Room,
        mut add: impl FnMut(u32, f32),
    ) -> f32 {
        let scales = self.gather(session, room);
        room.join(scales.votes, scales.links);
        let masked = masked(self.vmis.current_item(), session);
        let open = || room.scores().filter(|&(item, _)| Some(item) != masked);
        let squares: f64 = open().map(|(_, score)| f64::from(score) * f64::from(score)).sum();
        if squares <= 0.0 || !squares.is_finite() {
            return 0.0;
        }
        let factor = (f64::from(weight) / squares.sqrt()) as f32;
        for (item, score) in open() {
            add(item, factor * score);
        }
        factor
    }

    /// [`Self::join`] to dense scores. The items that were added to are [`Room::touched`], without the current one where
    /// it is masked.
    ///
    /// # Panics
    /// When `scores` does not have one place per item.
    pub fn add_to(&self, scores: &mut [f32], session: &[ItemIdx], weight: f32, room: &mut Room) -> f32 {
        assert_eq!(scores.len(), self.n_items(), "one score for each item");
        self.join(session, weight, room, |item, value| {
            scores[item as usize] += value
        })
    }

    /// Gathers votes and links in the room, and the different items of the session.
    fn gather(&self, session: &[ItemIdx], room: &mut Room) -> Scales {
        let weights = self.params.raw().weights;
        room.open(self.n_items());
        if weights.knn > 0.0 {
            self.vmis.gather(session, room);
        } else {
            room.found.clear();
            room.heads.clear();
        }
        let mut recent = std::mem::take(&mut room.recent);
        returns::recent(session, &mut recent);
        if weights.links > 0.0 {
            for (&item, &position) in recent.iter().zip(&self.positions) {
                if (item as usize) < self.n_items() {
                    let (columns, values) = self.links.row(item as usize);
                    for (&to, &value) in columns.iter().zip(values) {
                        room.add_link(to, position * value);
                    }
                }
            }
        }
        room.recent = recent;
        let (votes, links) = room.lengths();
        let scale = |weight: f64, length: f32| if length > 0.0 { weight as f32 / length } else { 0.0 };
        Scales {
            votes: scale(weights.knn, votes),
            links: scale(weights.links, links),
        }
    }

    /// Adds to the joined scores what speaks for going back.
    fn add_returns(&self, room: &mut Room) {
        let recent = std::mem::take(&mut room.recent);
        for (place, &item) in recent.iter().enumerate() {
            let value = self.returning(place);
            if value > 0.0 && (item as usize) < self.n_items() {
                room.add_vote(item, value);
            }
        }
        room.recent = recent;
    }

    /// What speaks for going back to the item at this place, 0 for the current one.
    fn returning(&self, place: usize) -> f32 {
        self.params.raw().weights.returns as f32 * self.returns.get(place).copied().unwrap_or(0.0)
    }
}
