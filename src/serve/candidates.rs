//! Every item's score for one asker, searched instead of computed.
//!
//! Enters: the blend, what came lately, profiles of some customers. Leaves: [`Candidates`], which finds the best items
//! of a profile and a visit without looking at most of the others.
//!
//! # Formula
//! `score = L s` over the items, with `s` the blend's and the sessions' scores and `L` the levelling of [`Newcomers`]. Both
//! are linear, so the rows, what everybody buys and the sparse parts are levelled instead of the scores: rows and
//! everybody's part once, the sparse part where it touches a neighbour of something new.
//!
//! Memory: `4 · items · (low-pass rank + factors)` bytes for the rows, beside the index of [`ExactIndex::bytes`].
//!
//! The one decision: a column `k` of the rows is multiplied by `t_k = √(|q_k| / |x_k|)` and the query divided by it, with
//! lengths over the rows and over queries of customers. What both say little of then counts little in either, which is
//! what makes bounds on the rest tight.

use rayon::prelude::*;

use super::newcomers::Newcomers;
use crate::history::Profile;
use crate::id::{ItemIdx, Row};
use crate::numeric::{Addends, ExactIndex, Search, SearchRoom, dot};
use crate::recommend::blend::{BlendRoom, Composed};
use crate::recommend::sessions::Room;
use crate::recommend::{Blend, Recommender};

/// The rows of all items, ready to be searched.
#[derive(Debug)]
pub(super) struct Candidates {
    index: ExactIndex,
    /// `1 / t_k`.
    balance: Vec<f32>,
    /// What everybody buys, levelled.
    everybody: Vec<f32>,
    levels: Levels,
}

/// Working memory of one answer.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) sessions: Room,
    pub(super) blend: BlendRoom,
    /// What links and sessions add, by item.
    pub(super) addends: Addends,
    query: Vec<f32>,
    changes: Vec<(u32, f32)>,
    pub(super) search: SearchRoom,
    /// Items with their scores.
    pub(super) scored: Vec<(u32, f32)>,
}

impl Candidates {
    /// Lays out a blend's items; `profiles` are of customers as they ask.
    pub(super) fn new(blend: &Blend, newcomers: &Newcomers, profiles: &[Profile]) -> Self {
        let (n_items, width) = (blend.n_items(), blend.width());
        let mut rows = vec![0.0; n_items * width];
        rows.par_chunks_exact_mut(width)
            .enumerate()
            // Item rows are u32.
            .for_each(|(item, row)| blend.write_row(ItemIdx::from_u32(item as u32), row));
        let mut everybody = blend.everybody().to_vec();
        newcomers.level(&mut everybody);
        newcomers.level_rows(&mut rows, width);
        let scale = scale(blend, &rows, profiles);
        rows.par_chunks_exact_mut(width).for_each(|row| {
            for (x, scale) in row.iter_mut().zip(&scale) {
                *x *= scale;
            }
        });
        Self {
            index: ExactIndex::new(rows, width, Some(everybody.clone())),
            everybody,
            balance: scale.iter().map(|scale| 1.0 / scale).collect(),
            levels: Levels::new(newcomers, n_items),
        }
    }

    /// Forgets what the last asker left, for a composition and for what a visit adds to it.
    pub(super) fn open(&self, room: &mut Workspace) {
        self.index.open(&mut room.addends);
    }

    /// Levels what was added; comes after everything is.
    pub(super) fn level(&self, room: &mut Workspace) {
        self.levels.apply(&mut room.addends, &mut room.changes);
    }

    /// The best `k` items of those that `keep` lets through, for a composition that lies in the room and whose addends are
    /// levelled: score descending, then row ascending; `None` once `is_over` says that nobody waits for them.
    pub(super) fn best(
        &self,
        composed: Composed,
        k: usize,
        keep: impl Fn(usize) -> bool,
        is_over: &dyn Fn() -> bool,
        room: &mut Workspace,
    ) -> Option<Vec<(u32, f32)>> {
        self.balance(room);
        let search = Search {
            k,
            bias_weight: composed.popularity,
            addends: Some(&room.addends),
            ..Search::new(&room.query, k)
        };
        self.index
            .search(&mut room.search, &search, keep, is_over, &mut room.scored)?;
        let found = room.scored.iter();
        Some(
            found
                .map(|&(item, score)| (item, composed.unit * score))
                .collect(),
        )
    }

    /// The scores of a few items, under the same conditions as [`Self::best`].
    pub(super) fn scores(
        &self,
        composed: Composed,
        items: &[ItemIdx],
        room: &mut Workspace,
    ) -> Vec<(u32, f32)> {
        self.balance(room);
        let (rows, width) = (self.index.rows(), self.index.width());
        items
            .iter()
            .map(|item| {
                let product = dot(&rows[item.index() * width..][..width], &room.query);
                let everybody = composed.popularity * self.everybody[item.index()];
                let sum = product + everybody + room.addends.get(item.index());
                (item.as_u32(), composed.unit * sum)
            })
            .collect()
    }

    fn balance(&self, room: &mut Workspace) {
        room.query.clear();
        let balanced = room.blend.query().iter().zip(&self.balance);
        room.query.extend(balanced.map(|(q, balance)| q * balance));
    }
}

/// `t_k`; 1 where rows or queries have nothing in a column.
fn scale(blend: &Blend, rows: &[f32], profiles: &[Profile]) -> Vec<f32> {
    let width = blend.width();
    let queries: Vec<f32> = profiles
        .par_iter()
        .map_init(
            || (BlendRoom::default(), Addends::default()),
            |(room, links), profile| {
                links.open(blend.n_items());
                let composed = blend.compose(profile, room, links);
                let unit = composed.unit;
                room.query().iter().map(|q| unit * q).collect::<Vec<f32>>()
            },
        )
        .flatten_iter()
        .collect();
    let lengths = |rows: &[f32]| {
        let mut squares = vec![0.0f64; width];
        for row in rows.chunks_exact(width) {
            for (square, &x) in squares.iter_mut().zip(row) {
                *square += f64::from(x) * f64::from(x);
            }
        }
        squares
    };
    lengths(rows)
        .into_iter()
        .zip(lengths(&queries))
        .map(|(x, q)| {
            let scale = (q / x).powf(0.25) as f32;
            if scale.is_normal() { scale } else { 1.0 }
        })
        .collect()
}

/// The levelling of sparse scores: what a touched item changes, in itself where it is new, in what is new where it is a
/// neighbour.
#[derive(Debug)]
struct Levels {
    /// Items + 1, empty where nothing is new.
    offsets: Vec<u32>,
    /// A new item, and the share of the touched one's score that it gains.
    gains: Vec<(u32, f32)>,
}

impl Levels {
    fn new(newcomers: &Newcomers, n_items: usize) -> Self {
        let mut gains: Vec<(u32, (u32, f32))> = Vec::new();
        for item in newcomers.rankable() {
            gains.push((item.as_u32(), (item.as_u32(), newcomers.trust(item) - 1.0)));
            let neighbours = newcomers.neighbours(item);
            gains.extend(neighbours.map(|(of, weight)| (of.as_u32(), (item.as_u32(), weight))));
        }
        // Stable: of one item the gains stay in the order of the new items.
        gains.sort_by_key(|gain| gain.0);
        let mut offsets = Vec::new();
        if !gains.is_empty() {
            let until = |item: usize| gains.partition_point(|gain| (gain.0 as usize) < item) as u32;
            offsets = (0..=n_items).map(until).collect();
        }
        Self {
            offsets,
            gains: gains.into_iter().map(|gain| gain.1).collect(),
        }
    }

    fn apply(&self, addends: &mut Addends, changes: &mut Vec<(u32, f32)>) {
        if self.gains.is_empty() {
            return;
        }
        // All are found before any is made: a new item's own part counts as it was.
        changes.clear();
        addends.for_each_touched(|item, value| {
            let [from, to] = [0, 1].map(|next| self.offsets[item as usize + next] as usize);
            let gains = self.gains[from..to].iter();
            changes.extend(gains.map(|&(new, gain)| (new, gain * value)));
        });
        for &(item, change) in changes.iter() {
            addends.add(item as usize, change);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::history::Csr;
    use crate::recommend::blend::RawTerm;
    use crate::recommend::{Ials, ItemLinks, LowRank, Popularity, RawIalsParams, RawWeights, Weights};
    use crate::serve::newcomers::tests::find;

    const ITEMS: usize = 4;

    /// Links from every item to the next two; factors without a pattern.
    fn blend() -> Blend {
        let number = |at: usize| ((at * 7919 + 13) % 101) as f32 / 50.5 - 1.0;
        let link = |from: usize, to: usize| (ItemIdx::from_u32(to as u32), number(from + 5 * to));
        let links: Vec<Profile> = (0..ITEMS)
            .map(|from| (from + 1..ITEMS.min(from + 3)).map(|to| link(from, to)).collect())
            .collect();
        let params = RawIalsParams {
            factors: 3,
            unobserved_weight: Some(0.1),
            ..RawIalsParams::default()
        };
        let factors =
            |width: usize| Array2::from_shape_fn((ITEMS, width), |(item, k)| number(item * 31 + 7 * k));
        let term = |weight: f64| RawTerm {
            weight,
            length_exponent: 0.0,
        };
        let weights = RawWeights {
            usual_length: 1.0,
            ridge_share: 0.0,
            links: term(0.5),
            low_pass: term(0.7),
            ials: term(1.0),
            popularity: term(0.3),
        };
        Blend::of_merged(
            Some(ItemLinks::new("links", Csr::from_rows(&links, ITEMS))),
            LowRank::new("low-pass", factors(2), vec![1.0; ITEMS], vec![1.0, 0.5]).ok(),
            Ials::from_factors(params.try_into().unwrap(), factors(3)).unwrap(),
            Popularity::from_scores(vec![3.0, 2.0, 1.0, 0.0]).unwrap(),
            Weights::try_from(weights).unwrap(),
        )
    }

    #[test]
    fn levelled_rows_and_addends_give_the_levelled_scores() {
        let blend = blend();
        let newcomers = find(3.0);
        let profiles: Vec<Profile> = (0..ITEMS as u32)
            .map(|item| vec![(ItemIdx::from_u32(item), 1.0)])
            .collect();
        let candidates = Candidates::new(&blend, &newcomers, &profiles);
        let mut room = Workspace::default();
        for profile in &profiles {
            let mut expected = vec![0.0; ITEMS];
            blend.score(profile, &mut expected);
            // What a visit adds to an old item and to a new one.
            expected[1] += 0.25;
            expected[2] -= 0.5;
            newcomers.level(&mut expected);
            candidates.open(&mut room);
            let composed = blend.compose(profile, &mut room.blend, &mut room.addends);
            room.addends.add(1, 0.25 / composed.unit);
            room.addends.add(2, -0.5 / composed.unit);
            candidates.level(&mut room);
            let items: Vec<ItemIdx> = (0..ITEMS as u32).map(ItemIdx::from_u32).collect();
            let scores = candidates.scores(composed, &items, &mut room);
            for (at, (&(_, score), expected)) in scores.iter().zip(&expected).enumerate() {
                assert!(
                    (score - expected).abs() < 1e-5,
                    "item {at} of {profile:?}: {score} {expected}"
                );
            }
            let best = candidates
                .best(composed, 2, |item| item != 0, &|| false, &mut room)
                .unwrap();
            let mut order = [1, 2, 3];
            order.sort_by(|&a: &usize, &b| expected[b].total_cmp(&expected[a]));
            let found: Vec<usize> = best.iter().map(|of| of.0 as usize).collect();
            assert_eq!(found, order[..2]);
            assert!((best[0].1 - expected[order[0]]).abs() < 1e-5);
        }
    }
}
