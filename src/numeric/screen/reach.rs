//! What rows can reach, as far as that is known before their planes are looked at.
//!
//! Enters: a query, and what is added for it to some rows. Leaves: for each group what none of its rows exceeds, and for the
//! groups in which something was added what is known of each row, with which the most promising are found; and what the best row
//! of each group is likely to score, with which the likeliest groups are.

use super::super::dispatch::dispatch;
use super::super::tile::LANES;
use super::super::vector::Vector;
use super::addends::Addends;
use super::form::GROUPS;
use super::index::{Bias, Screened};
use super::query::Query;
use super::walk::Added;

/// How much of what the longest row of a group could add to its score it is taken to add where likely groups are told: little,
/// because vectors of many numbers stand nearly upright on one another.
const LIKELY: f32 = 0.05;
/// About so many groups are looked through for the likeliest.
const SAMPLED: usize = 1 << 10;

/// No base.
pub(super) const UNTOUCHED: u32 = u32::MAX;

/// Of all groups, for one query.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach {
    /// What no row of a group that was not passed by exceeds, the groups of a block together.
    most: Vec<[f32; GROUPS]>,
    /// What the best row of a group is likely to score, in the same order.
    likely: Vec<[f32; GROUPS]>,
    /// Which of the bases are a group's, or [`UNTOUCHED`].
    slots: Vec<u32>,
    touched: Vec<Touched>,
    /// All that is known of a row's score but the product of what lies beside direction and centroid.
    bases: Vec<[f32; LANES]>,
    /// The largest bases of groups while the most promising are found, or what is likely of some groups.
    peaks: Vec<f32>,
}

/// A group in which something was added.
#[derive(Clone, Copy, Debug)]
struct Touched {
    group: u32,
    /// The largest of its bases.
    peak: f32,
}

impl Reach {
    /// Takes up a query.
    pub(super) fn set(
        &mut self,
        screened: &Screened,
        query: &Query,
        bias: Option<&Bias>,
        addends: Option<&Addends>,
    ) {
        self.most.resize(screened.lengths.len(), [0.0; GROUPS]);
        reach_of_all(&screened.lengths, query, &mut self.most);
        add_ends(query.along, screened.along.ends(query.along), &mut self.most);
        if let Some(bias) = bias {
            add_ends(
                query.bias_weight,
                bias.term.ends(query.bias_weight),
                &mut self.most,
            );
        }
        for touched in self.touched.drain(..) {
            self.slots[touched.group as usize] = UNTOUCHED;
        }
        self.slots.resize(screened.lengths.len() * GROUPS, UNTOUCHED);
        self.bases.clear();
        if let Some(addends) = addends {
            lay_bases(
                screened.added(bias),
                query,
                addends,
                &mut self.touched,
                &mut self.bases,
            );
        }
        let lengths = screened.lengths.as_flattened();
        let most = self.most.as_flattened_mut();
        for (slot, touched) in (0..).zip(&self.touched) {
            let group = touched.group as usize;
            self.slots[group] = slot;
            most[group] = touched.peak + query.reach * lengths[group];
        }
    }

    /// What no row of a group exceeds, for the groups of a block.
    #[inline]
    pub(super) fn block(&self, block: usize) -> &[f32; GROUPS] {
        &self.most[block]
    }

    /// Finds what groups are likely to reach; says what about `n` of them reach.
    pub(super) fn cut(&mut self, screened: &Screened, query: &Query, n: usize) -> f32 {
        let Self { most, likely, .. } = self;
        likely.clear();
        likely.extend(most.iter().zip(&screened.lengths).map(|(most, lengths)| {
            let mut likely = *most;
            for at in 0..GROUPS {
                likely[at] -= (1.0 - LIKELY) * query.reach * lengths[at];
            }
            likely
        }));
        let n_groups = screened.cluster_of_group.len();
        let step = (n_groups / SAMPLED).max(1);
        self.peaks.clear();
        self.peaks
            .extend(likely.as_flattened()[..n_groups].iter().step_by(step));
        let nth = (n / step).clamp(1, self.peaks.len()) - 1;
        *self.peaks.select_nth_unstable_by(nth, |a, b| b.total_cmp(a)).1
    }

    /// What groups are likely to reach, for the groups of a block, as of the last cut.
    #[inline]
    pub(super) fn likely(&self, block: usize) -> &[f32; GROUPS] {
        &self.likely[block]
    }

    /// Forgets a group: it is looked at now.
    #[inline]
    pub(super) fn pass_by(&mut self, group: usize) {
        self.most.as_flattened_mut()[group] = f32::NEG_INFINITY;
    }

    /// Where the bases of a group are.
    #[inline]
    pub(super) fn slot(&self, group: usize) -> u32 {
        self.slots[group]
    }

    /// Bases of touched groups.
    pub(super) fn bases(&self) -> &[[f32; LANES]] {
        &self.bases
    }

    /// Writes the places of the `n` largest bases over `places`, or of all of the touched groups where there are no more.
    pub(super) fn promising(&mut self, n: usize, places: &mut Vec<(u32, f32)>) {
        places.clear();
        let falling = |a: &f32, b: &f32| b.total_cmp(a);
        self.peaks.clear();
        self.peaks.extend(self.touched.iter().map(|touched| touched.peak));
        let cut = match self.peaks.len() > n {
            // So many groups have a row that is as large.
            true => *self.peaks.select_nth_unstable_by(n - 1, falling).1,
            false => f32::NEG_INFINITY,
        };
        for (touched, bases) in self.touched.iter().zip(&self.bases) {
            if touched.peak < cut {
                continue;
            }
            for (place, &base) in (touched.group * LANES as u32..).zip(bases) {
                if base >= cut {
                    places.push((place, base));
                }
            }
        }
        if places.len() > n {
            places.select_nth_unstable_by(n - 1, |a, b| falling(&a.1, &b.1));
            places.truncate(n);
        }
    }

    /// Forgets the row at a place of a touched group: it has been looked at.
    pub(super) fn forget(&mut self, screened: &Screened, query: &Query, place: u32) {
        let (group, lane) = (place as usize / LANES, place as usize % LANES);
        let bases = &mut self.bases[self.slots[group] as usize];
        bases[lane] = f32::NEG_INFINITY;
        let length = screened.lengths.as_flattened()[group];
        self.most.as_flattened_mut()[group] = peak(bases) + query.reach * length;
    }
}

fn reach_of_all(lengths: &[[f32; GROUPS]], query: &Query, most: &mut [[f32; GROUPS]]) {
    dispatch!(reach_of_all_body(lengths: &[[f32; GROUPS]], query: &Query, most: &mut [[f32; GROUPS]]));
}

#[inline(always)]
fn reach_of_all_body<V: Vector, const ROWS: usize>(
    lengths: &[[f32; GROUPS]],
    query: &Query,
    most: &mut [[f32; GROUPS]],
) {
    for ((most, lengths), offsets) in most.iter_mut().zip(lengths).zip(&query.offsets) {
        for at in 0..GROUPS {
            most[at] = query.reach * lengths[at] + offsets[at];
        }
    }
}

fn add_ends<'a>(weight: f32, ends: impl Iterator<Item = &'a [f32; GROUPS]>, most: &mut [[f32; GROUPS]]) {
    for (most, ends) in most.iter_mut().zip(ends) {
        for (most, end) in most.iter_mut().zip(ends) {
            *most += weight * end;
        }
    }
}

fn lay_bases(
    added: Added<'_>,
    query: &Query,
    addends: &Addends,
    touched: &mut Vec<Touched>,
    bases: &mut Vec<[f32; LANES]>,
) {
    dispatch!(lay_bases_body(
        added: Added<'_>,
        query: &Query,
        addends: &Addends,
        touched: &mut Vec<Touched>,
        bases: &mut Vec<[f32; LANES]>,
    ));
}

#[inline(always)]
fn lay_bases_body<V: Vector, const ROWS: usize>(
    added: Added<'_>,
    query: &Query,
    addends: &Addends,
    touched: &mut Vec<Touched>,
    bases: &mut Vec<[f32; LANES]>,
) {
    addends.for_each_group(|group, values| {
        let mut base = added.base(query, group);
        for lane in 0..LANES {
            base[lane] += values[lane];
        }
        bases.push(base);
        // Groups of u32 rows.
        touched.push(Touched {
            group: group as u32,
            peak: peak(&base),
        });
    });
}

#[inline(always)]
fn peak(bases: &[f32; LANES]) -> f32 {
    let mut most = *bases;
    let mut half = LANES / 2;
    while half > 0 {
        for at in 0..half {
            most[at] = if most[at] > most[at + half] {
                most[at]
            } else {
                most[at + half]
            };
        }
        half /= 2;
    }
    most[0]
}
