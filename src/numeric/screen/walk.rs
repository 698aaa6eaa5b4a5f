//! The walk over the rounded rows of some groups, of which it finds those that may reach a threshold.

use std::array::from_fn;

use super::super::prefetch::prefetch;
use super::super::tile::LANES;
use super::form::{GROUPS, Machine};
use super::planes::{COARSE, DETAIL, Plane, Planes};
use super::query::Query;
use super::reach::UNTOUCHED;

/// Groups between the one that is summed and the one that is asked for from memory.
const AHEAD: usize = 4;

/// What is added to the dot product of each place, multiplied by a query's weights.
#[derive(Clone, Copy, Debug)]
pub(super) struct Added<'a> {
    pub(super) along: &'a [[f32; LANES]],
    pub(super) bias: Option<&'a [[f32; LANES]]>,
}

impl Added<'_> {
    /// For the rows of a group.
    #[inline(always)]
    pub(super) fn base(self, query: &Query, group: usize) -> [f32; LANES] {
        let offset = query.offsets.as_flattened()[group];
        let along = &self.along[group];
        let mut base = [0.0; LANES];
        for lane in 0..LANES {
            base[lane] = offset + query.along * along[lane];
        }
        if let Some(bias) = self.bias {
            let bias = &bias[group];
            for lane in 0..LANES {
                base[lane] += query.bias_weight * bias[lane];
            }
        }
        base
    }
}

/// How sure it is that a score is not below what a walk says.
#[derive(Clone, Copy, Debug)]
pub(super) enum Look {
    /// One of several may be: the search asks in the end whether so many were that it matters.
    Likely,
    /// None is.
    Sure,
}

impl Look {
    /// How much is taken off a score of all that rounding can move it. It moves it by the whole where what is left of a row points
    /// along the query; among w numbers one part in √w is usual.
    fn part(self) -> f32 {
        match self {
            Self::Likely => 0.125,
            Self::Sure => 1.0,
        }
    }
}

/// What a walk reads: some groups of the planes, and lengths of the longest row of each group of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk<'a> {
    pub(super) look: Look,
    pub(super) planes: &'a Planes,
    pub(super) query: &'a Query,
    pub(super) lengths: &'a [f32],
    /// Groups, and which of the bases are theirs, or [`UNTOUCHED`].
    pub(super) groups: &'a [(u32, u32)],
    pub(super) bases: &'a [[f32; LANES]],
    pub(super) added: Added<'a>,
    pub(super) threshold: f32,
}

/// Places whose rows may reach the threshold, what their scores are not above, and what they are not below, as surely as was
/// asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) n: usize,
    /// Longer than `n` by a group at least, and so are the others.
    pub(super) places: Vec<u32>,
    pub(super) upper: Vec<f32>,
    pub(super) lower: Vec<f32>,
}

impl Found {
    /// Forgets all, and makes room for so many groups.
    fn open(&mut self, groups: usize) {
        let n = (groups + 1) * LANES;
        if self.places.len() < n {
            self.places.resize(n, 0);
            self.upper.resize(n, 0.0);
            self.lower.resize(n, 0.0);
        }
        self.n = 0;
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.n
    }

    /// Place, upper and lower bound of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, f32, f32)> {
        let bounds = self.upper.iter().zip(&self.lower);
        let all = self.places.iter().zip(bounds).take(self.n);
        all.map(|(&place, (&upper, &lower))| (place, upper, lower))
    }
}

/// Rows of a group: the first one's place, and the bounds of all.
pub(super) struct Reached {
    pub(super) first: u32,
    pub(super) upper: [f32; LANES],
    pub(super) lower: [f32; LANES],
}

/// A group that the coarse plane lets through.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Waiting {
    /// Dot products so far.
    close: [f32; LANES],
    /// What is added to them.
    base: [f32; LANES],
    group: usize,
}

/// Goes through a few groups at a time. What the coarse plane lets through waits while the next few are looked at, until the
/// details have come from memory.
#[inline(always)]
pub(super) fn walk_body<S: Machine, const COLUMNS: usize>(walk: Walk<'_>, found: &mut Found) {
    found.open(walk.groups.len());
    let mut room = [Waiting::default(); 2 * GROUPS];
    let (mut waiting, mut before) = room.split_at_mut(GROUPS);
    let mut n_before = 0;
    let mut groups = walk.groups;
    while n_before + groups.len() > 0 {
        let n = look::<S, COLUMNS>(walk, groups, waiting);
        groups = &groups[groups.len().min(GROUPS)..];
        for waiting in &waiting[..n] {
            prefetch(walk.planes.detail.group::<COLUMNS>(waiting.group));
        }
        look_closer::<S, COLUMNS>(walk, &before[..n_before], found);
        (waiting, before, n_before) = (before, waiting, n);
    }
}

/// Writes those of the next few groups that the coarse plane lets through over `waiting`, and says how many they are.
#[inline(always)]
fn look<S: Machine, const COLUMNS: usize>(
    walk: Walk<'_>,
    groups: &[(u32, u32)],
    waiting: &mut [Waiting],
) -> usize {
    let Walk { planes, query, .. } = walk;
    let mut n = 0;
    for (at, &(group, slot)) in groups.iter().take(GROUPS).enumerate() {
        let group = group as usize;
        if let Some(&(ahead, slot)) = groups.get(at + AHEAD) {
            let ahead = ahead as usize;
            prefetch(planes.coarse.group::<COLUMNS>(ahead));
            if slot == UNTOUCHED {
                prefetch(&walk.added.along[ahead..=ahead]);
            }
        }
        let longest = walk.lengths[group];
        let base = match slot {
            UNTOUCHED => walk.added.base(query, group),
            slot => walk.bases[slot as usize],
        };
        let reach = query.reach * longest;
        if S::reaching(&from_fn(|lane| base[lane] + reach), walk.threshold) == 0 {
            continue;
        }
        let (close, slack) = dots::<S, COLUMNS, COARSE, 4>(&planes.coarse, group, query);
        let near = query.by_length * longest;
        let mut upper = [0.0; LANES];
        for lane in 0..LANES {
            upper[lane] = close[lane] + (slack[lane] + near) + base[lane];
        }
        // Written either way, because nobody foretells which way it will be.
        waiting[n] = Waiting { group, close, base };
        n += usize::from(S::reaching(&upper, walk.threshold) != 0);
    }
    n
}

/// Appends what the details let through.
#[inline(always)]
fn look_closer<S: Machine, const COLUMNS: usize>(walk: Walk<'_>, waiting: &[Waiting], found: &mut Found) {
    let Walk { planes, query, .. } = walk;
    let (part, twice) = (walk.look.part(), 2.0 * query.rounding);
    for &Waiting { group, close, base } in waiting {
        let near = query.by_length * walk.lengths[group];
        let (closer, slack) = dots::<S, COLUMNS, DETAIL, 2>(&planes.detail, group, query);
        let mut about = [0.0; LANES];
        for lane in 0..LANES {
            about[lane] = close[lane] + closer[lane] + base[lane];
        }
        let mut reached = Reached {
            first: (group * LANES) as u32,
            upper: [0.0; LANES],
            lower: [0.0; LANES],
        };
        for lane in 0..LANES {
            reached.upper[lane] = about[lane] + (slack[lane] + near);
        }
        for lane in 0..LANES {
            // The base holds the rounding.
            reached.lower[lane] = about[lane] - part * (slack[lane] + near) - twice;
        }
        S::append(S::reaching(&reached.upper, walk.threshold), &reached, found);
    }
}

/// Dot products of the rounded query and a plane of a group, and how far the plane's rest can move them.
#[inline(always)]
fn dots<S: Machine, const COLUMNS: usize, const BITS: usize, const PER: usize>(
    plane: &Plane<BITS>,
    group: usize,
    query: &Query,
) -> ([f32; LANES], [f32; LANES]) {
    let lines = plane.group::<COLUMNS>(group);
    let (lines, halves) = lines.split_at(lines.len() - 1);
    let sums = S::lines::<BITS, PER>(lines, query.words::<COLUMNS>());
    let (scales, rests) = S::split(&halves[0]);
    let twice = (2.0 * Plane::<BITS>::MIDDLE) as i32 * query.sum;
    let unit = 0.5 * query.unit;
    let (mut close, mut slack) = ([0.0; LANES], [0.0; LANES]);
    for lane in 0..LANES {
        close[lane] = (2 * sums[lane] - twice) as f32 * (scales[lane] * unit);
    }
    for lane in 0..LANES {
        slack[lane] = query.by_rest * rests[lane];
    }
    (close, slack)
}
