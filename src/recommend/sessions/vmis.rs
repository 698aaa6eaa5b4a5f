//! VMIS-kNN: the newest sessions that share an item with the asking one vote for their items, the more alike the more.
//!
//! # Formula
//! Of the last `L` clicks `i` of the asking session, the newest at position `p_i = 1`, each different item decays as
//! `δ_i = (L + 1 − p_i) / different items`. A past session `s` is like it by `σ_s = Σ_{i ∈ s} δ_i`. Compared are the `m`
//! newest sessions with any of the items; the `k` most alike (of equals the newer) vote:
//! `score_j = idf_j Σ_{s ∋ j} σ_s · max(0, 1 − p_s / 10) · c_sj`, where `p_s` is the position of the newest shared item
//! and `idf_j = ln(N / n_j)^w` with `N` entries of the index, `n_j` of them of `j`. VMIS-kNN has `c = 1`; damping by length, distance, direction and age is
//! [`RawKnnParams`]'s.
//!
//! # Source
//! Kersbergen, Sprangers, Schelter, "Serenade: Low-Latency Session-Based Recommendation in e-Commerce at Scale",
//! SIGMOD 2022; its factor before the logarithm orders nothing and is an exponent here. The linear weight there falls below zero beyond ten clicks; here it ends at zero. Distances and ages:
//! Garg et al., "Sequence and Time Aware Neighborhood for Session-based Recommendations" (STAN), SIGIR 2019.
//!
//! The one decision: posting lists hold numbers of sessions in order of time, so the `m` newest sessions are what a merge
//! of the lists meets first, each with its similarity complete. There is no table of sessions seen, no heap and no
//! time stamp, and the work ends after `m` sessions however long the lists are.

use crate::id::{ItemIdx, Row};

use super::index::SessionIndex;
use super::params::{CurrentItem, RawKnnParams};
use super::room::{Head, Neighbour, Room};

/// Distances beyond this count as this.
const FARTHEST: usize = 64;

/// A fitted VMIS-kNN.
#[derive(Clone, Debug, PartialEq)]
pub struct Vmis {
    params: RawKnnParams,
    current_item: CurrentItem,
    index: SessionIndex,
    idf: Vec<f32>,
    /// `c` for places after and before the shared item, by distance; `None` where all are 1.
    distances: Option<[Vec<f32>; 2]>,
}

impl Vmis {
    /// Name of the model.
    pub const NAME: &'static str = "vmis-knn";

    pub(crate) fn new(index: SessionIndex, params: &RawKnnParams, current_item: CurrentItem) -> Self {
        let damped = |weight: f64| -> Vec<f32> {
            let count = |distance: usize| match distance {
                0 => 1.0,
                d => (weight * (d as f64).powf(-params.distance_exponent)) as f32,
            };
            (0..=FARTHEST).map(count).collect()
        };
        let even = params.distance_exponent <= 0.0 && (params.backward_weight - 1.0).abs() < f64::EPSILON;
        Self {
            params: params.clone(),
            current_item,
            idf: index.idf(params.idf_exponent),
            distances: (!even).then(|| [damped(1.0), damped(params.backward_weight)]),
            index,
        }
    }

    /// The index that it answers from.
    #[must_use]
    pub fn index(&self) -> &SessionIndex {
        &self.index
    }

    pub(crate) fn current_item(&self) -> CurrentItem {
        self.current_item
    }

    /// The best `n` items after these clicks, oldest click first: score descending, then row ascending, above zero.
    ///
    /// Items beyond the index are clicks like others, about which nothing is known.
    pub fn rank<'r>(&self, session: &[ItemIdx], n: usize, room: &'r mut Room) -> &'r [(ItemIdx, f32)] {
        room.open(self.index.n_items());
        self.gather(session, room);
        let masked = masked(self.current_item, session);
        room.rank(n, masked, |_| 0.0, &[])
    }

    /// Gathers the scores of all items of the neighbours; the neighbours stay in the room.
    pub(crate) fn gather(&self, session: &[ItemIdx], room: &mut Room) {
        self.find_neighbours(session, room);
        let found = std::mem::take(&mut room.found);
        for neighbour in &found {
            let vote = neighbour.similarity * self.vote(neighbour);
            if vote > 0.0 {
                self.each_item(neighbour, |item, count| room.add_vote(item, vote * count));
            }
        }
        room.found = found;
        room.scale_votes(&self.idf);
    }

    /// Leaves the `k` neighbours in the room, newest first.
    fn find_neighbours(&self, session: &[ItemIdx], room: &mut Room) {
        self.open_heads(session, &mut room.heads);
        room.found.clear();
        let postings = self.index.postings();
        while room.found.len() < self.params.recent_sessions {
            let next = room.heads.iter().map(|head| head.next).max().unwrap_or(0);
            if next == 0 {
                break;
            }
            let mut neighbour = Neighbour {
                session: next - 1,
                similarity: 0.0,
                position: 0,
                shared: 0,
            };
            for head in room.heads.iter_mut().filter(|head| head.next == next) {
                neighbour.similarity += head.decay;
                if neighbour.position == 0 {
                    // Readers stand newest item first.
                    neighbour.position = head.position;
                    neighbour.shared = head.item;
                }
                head.at += 1;
                head.next = if head.at < head.end {
                    postings[head.at] + 1
                } else {
                    0
                };
            }
            room.found.push(neighbour);
        }
        room.keep_most_similar(self.params.neighbours);
    }

    /// One reader for each different item of the session that the index knows, newest first.
    fn open_heads(&self, session: &[ItemIdx], heads: &mut Vec<Head>) {
        heads.clear();
        let session = &session[session.len().saturating_sub(self.params.last_items)..];
        let mut different = 0.0f32;
        for (back, &item) in session.iter().rev().enumerate() {
            if session[session.len() - back..].contains(&item) {
                continue;
            }
            different += 1.0;
            let (at, end) = self.index.posting_range(item.as_u32());
            if at < end {
                heads.push(Head {
                    item: item.as_u32(),
                    next: self.index.postings()[at] + 1,
                    at,
                    end,
                    decay: (session.len() - back) as f32,
                    position: back as u32 + 1,
                });
            }
        }
        heads.iter_mut().for_each(|head| head.decay /= different);
    }

    /// What a neighbour's similarity is multiplied by.
    pub(crate) fn vote(&self, neighbour: &Neighbour) -> f32 {
        let mut vote = (1.0 - 0.1 * neighbour.position as f32).max(0.0);
        if self.params.length_exponent > 0.0 {
            let length = self.index.items_of(neighbour.session).len() as f32;
            vote *= length.powf(-self.params.length_exponent as f32);
        }
        if self.params.half_life_sessions > 0.0 {
            let age = (self.index.n_sessions() - 1) as f64 - f64::from(neighbour.session);
            vote *= (-age / self.params.half_life_sessions).exp2() as f32;
        }
        vote
    }

    /// Calls `see` with each item of a neighbour and what the item counts there.
    pub(crate) fn each_item(&self, neighbour: &Neighbour, mut see: impl FnMut(u32, f32)) {
        let items = self.index.items_of(neighbour.session);
        let Some([after, before]) = &self.distances else {
            items.iter().for_each(|&item| see(item, 1.0));
            return;
        };
        let shared = items
            .iter()
            .position(|&item| item == neighbour.shared)
            .unwrap_or(0);
        for (at, &item) in items.iter().enumerate() {
            let side = if at >= shared { after } else { before };
            see(item, side[at.abs_diff(shared).min(FARTHEST)]);
        }
    }

    pub(crate) fn idf(&self, item: u32) -> f32 {
        self.idf[item as usize]
    }
}

/// The item that must not be answered.
pub(crate) fn masked(current_item: CurrentItem, session: &[ItemIdx]) -> Option<u32> {
    match current_item {
        CurrentItem::Masked => session.last().map(|item| item.as_u32()),
        CurrentItem::Ranked => None,
    }
}
