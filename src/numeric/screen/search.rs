//! One query meets the rows.

use super::super::dot::dot;
use super::super::tile::LANES;
use super::addends::Addends;
use super::best::Best;
use super::form::{Added, BLOCK, GROUPS, Walk, prefetch};
use super::index::{Bias, ExactIndex, LONG, NO_ROW, Screened};
use super::query::{Query, length};

/// Rows that are passed between two questions whether the search is over.
const ROUND: usize = 1 << 12;
/// From so many groups on, a sample says what threshold to begin with, one group of so many.
const SAMPLED: usize = 256;
const SAMPLE: usize = 16;
/// Groups that are looked at together.
const TOGETHER: usize = 64;
/// How many rows ahead memory is asked.
const AHEAD: usize = 4;
/// So many times as many rows as are wanted are scored before the others are looked at.
const PROMISING: usize = 4;
/// Standard deviations by which more of the best may come into the sample.
const SURE: f32 = 2.3;

/// What is asked: the best `k` by `(row · query + bias_weight · bias) + addend`, computed in `f32` in this order.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// As wide as the rows.
    pub query: &'a [f32],
    /// How many are wanted.
    pub k: usize,
    /// Factor of the rows' bias, where the index has one.
    pub bias_weight: f32,
    /// What else is added, by row.
    pub addends: Option<&'a Addends>,
}

/// What a search works in: kept and used again, so that a search allocates nothing once the room has grown.
#[derive(Clone, Debug, Default)]
pub struct SearchRoom {
    query: Query,
    best: Best,
    /// Places whose rows may be among the best, and what their scores cannot exceed.
    places: Vec<(u32, f32)>,
    /// Groups that are looked at together.
    groups: Vec<u32>,
    /// Rows that something is added to.
    touched: Vec<Touched>,
    /// Addends by place, all zero between searches, and the largest of each group but never below zero. Of rows that cannot
    /// be among the best, or have been scored, there are none.
    addends: Vec<[f32; LANES]>,
    largest: Vec<[f32; GROUPS]>,
}

/// A row that something is added to.
#[derive(Clone, Copy, Debug)]
struct Touched {
    row: u32,
    addend: f32,
    /// What is known of its score: all but the product of what lies beside the direction that rows share.
    promise: f32,
    /// What its score cannot exceed.
    upper: f32,
}

/// What a search goes through.
struct Set<'a, R> {
    index: &'a ExactIndex<R>,
    screened: &'a Screened,
    search: &'a Search<'a>,
    bias: Option<&'a Bias>,
}

impl<R> Clone for Set<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Set<'_, R> {}

impl<'a> Search<'a> {
    /// The best `k` by dot product alone.
    #[must_use]
    pub fn new(query: &'a [f32], k: usize) -> Self {
        Self {
            query,
            k,
            bias_weight: 0.0,
            addends: None,
        }
    }

    fn score<R: AsRef<[f32]> + Sync>(&self, index: &ExactIndex<R>, row: u32) -> f32 {
        let mut score = dot(index.row(row), self.query);
        if let Some(bias) = &index.bias {
            score += self.bias_weight * bias.by_row[row as usize];
        }
        if let Some(addends) = self.addends {
            score += addends.get(row as usize);
        }
        score
    }
}

impl<R: AsRef<[f32]> + Sync> ExactIndex<R> {
    /// Writes the best `k` of the rows that `keep` lets through over `best`: score descending, then row ascending, equal
    /// to [`top_k`](crate::numeric::top_k) of all scores. A score that is not above negative infinity (so also NaN) is
    /// left out.
    ///
    /// Groups of sixteen rows of a cluster go by falling length. A group whose length, whose two bits a number, or whose six bits a number
    /// show that it cannot reach the threshold is passed over; rows that remain are scored exactly.
    ///
    /// `keep` is asked for rows that may be among the best alone. `is_over` is asked every few thousand rows; once it says
    /// so, the outcome is `None`, and `best` is empty.
    ///
    /// # Panics
    /// When the query is not as wide as the rows, or the addends were opened for another number of rows.
    pub fn search(
        &self,
        room: &mut SearchRoom,
        search: &Search<'_>,
        keep: impl Fn(usize) -> bool,
        is_over: impl Fn() -> bool,
        best: &mut Vec<(u32, f32)>,
    ) -> Option<()> {
        assert_eq!(search.query.len(), self.width(), "a query as wide as the rows");
        assert!(
            search
                .addends
                .is_none_or(|addends| addends.n_rows() == self.n_rows()),
            "addends for the rows of the index"
        );
        best.clear();
        if search.k == 0 {
            return (!is_over()).then_some(());
        }
        room.best.open(search.k, f32::NEG_INFINITY);
        let added = self.largest_added(search);
        match &self.screened {
            // Not so where it is not a number.
            Some(screened) if length(search.query) <= LONG && added <= LONG => {
                room.query.set(search.query, screened, search.bias_weight, added);
                self.screen(screened, room, search, keep, &is_over)?;
            }
            _ => self.scan(room, search, keep, &is_over)?,
        }
        room.best.write(best);
        Some(())
    }

    /// The largest magnitude of what may be added to a dot product; not a number where one of its parts is none.
    fn largest_added(&self, search: &Search<'_>) -> f32 {
        let bias = self
            .bias
            .as_ref()
            .map_or(0.0, |bias| search.bias_weight.abs() * bias.term.largest);
        // No number is larger than the length of all.
        bias + search.addends.map_or(0.0, |addends| addends.length() as f32)
    }

    /// Every row is scored.
    fn scan(
        &self,
        room: &mut SearchRoom,
        search: &Search<'_>,
        keep: impl Fn(usize) -> bool,
        is_over: impl Fn() -> bool,
    ) -> Option<()> {
        for first in (0..self.n_rows).step_by(ROUND) {
            if is_over() {
                return None;
            }
            for row in first..(first + ROUND).min(self.n_rows) {
                if keep(row) {
                    room.best.offer(row as u32, search.score(self, row as u32));
                }
            }
        }
        Some(())
    }

    pub(super) fn screen(
        &self,
        screened: &Screened,
        room: &mut SearchRoom,
        search: &Search<'_>,
        keep: impl Fn(usize) -> bool,
        is_over: impl Fn() -> bool,
    ) -> Option<()> {
        let bias = self.bias.as_ref().filter(|_| search.bias_weight.abs() > 0.0);
        let set = Set {
            index: self,
            screened,
            search,
            bias,
        };
        let outcome = room.find(set, search.k, keep, is_over);
        room.gather(screened);
        outcome
    }
}

impl SearchRoom {
    /// Collects what may be among the best `k`.
    fn find<R: AsRef<[f32]> + Sync>(
        &mut self,
        set: Set<'_, R>,
        k: usize,
        keep: impl Fn(usize) -> bool,
        is_over: impl Fn() -> bool,
    ) -> Option<()> {
        if self.begin_with_touched(set, k, &keep) {
            return self.walk(set, 1, &keep, &is_over);
        }
        let mut guess = f32::NEG_INFINITY;
        if set.screened.lengths.len() * GROUPS >= SAMPLED {
            // So many of the best k come into the sample, and no more but for one time in a hundred.
            let expected = k as f32 / SAMPLE as f32;
            let sampled = (expected + SURE * expected.sqrt()).ceil() + 1.0;
            self.best.open(sampled as usize, guess);
            self.walk(set, SAMPLE, &keep, &is_over)?;
            self.best.settle();
            if self.best.is_full() {
                guess = self.best.threshold();
            }
        }
        self.best.open(k, guess);
        self.walk(set, 1, &keep, &is_over)?;
        if guess > f32::NEG_INFINITY && !self.best.is_full() {
            self.best.open(k, f32::NEG_INFINITY);
            self.walk(set, 1, &keep, &is_over)?;
        }
        Some(())
    }

    /// Scores the most promising of the rows that something is added to, among which the best usually are, so that the
    /// threshold is nearly the last one from the beginning. Of the others, the addends are laid out by place, as far as they
    /// may matter. Says whether there were enough; if not, all addends are laid out.
    fn begin_with_touched<R: AsRef<[f32]> + Sync>(
        &mut self,
        set: Set<'_, R>,
        k: usize,
        keep: impl Fn(usize) -> bool,
    ) -> bool {
        let screened = set.screened;
        let blocks = screened.lengths.len();
        if set.search.addends.is_some() && self.largest.len() < blocks {
            self.addends.resize(blocks * GROUPS, [0.0; LANES]);
            self.largest.resize(blocks, [0.0; GROUPS]);
        }
        let query = &self.query;
        // By row, because touched rows come in their order.
        let (along, length) = (&screened.along_by_row[..], &screened.length_by_row[..]);
        let bias = set.bias.map_or(&[][..], |bias| &bias.by_row[..]);
        self.touched.clear();
        for (row, addend) in set.search.addends.into_iter().flat_map(Addends::touched) {
            let at = row as usize;
            let bias = bias.get(at).map_or(0.0, |bias| query.bias_weight * bias);
            let near = query.near[usize::from(screened.clusters.of[at])];
            let promise = query.along * along[at] + near + (addend + bias);
            let upper = promise + query.reach * length[at] + query.rounding;
            self.touched.push(Touched {
                row,
                addend,
                promise,
                upper,
            });
        }
        if self.touched.is_empty() {
            return false;
        }
        let first = (PROMISING * k).min(self.touched.len());
        if first < self.touched.len() {
            let falling = |a: &Touched, b: &Touched| b.promise.total_cmp(&a.promise);
            self.touched.select_nth_unstable_by(first, falling);
        }
        for at in 0..first {
            if let Some(ahead) = self.touched[..first].get(at + AHEAD) {
                prefetch(set.index.row(ahead.row));
            }
            let row = self.touched[at].row;
            if keep(row as usize) {
                self.best.offer(row, set.search.score(set.index, row));
            }
        }
        self.best.settle();
        let is_enough = self.best.is_full();
        let threshold = self.best.threshold();
        // Those that stay are the ones whose addends are laid out.
        let mut n = 0;
        for at in 0..self.touched.len() {
            let touched = self.touched[at];
            let is_scored = is_enough && at < first;
            if is_enough && !is_scored && touched.upper < threshold {
                continue;
            }
            let place = screened.places[touched.row as usize] as usize;
            let slot = &mut self.addends[place / LANES][place % LANES];
            if is_scored {
                *slot = f32::NEG_INFINITY;
            } else {
                *slot = touched.addend;
                let largest = &mut self.largest[place / BLOCK][place / LANES % GROUPS];
                *largest = largest.max(touched.addend);
            }
            self.touched[n] = touched;
            n += 1;
        }
        self.touched.truncate(n);
        is_enough
    }

    /// Takes the addends away.
    fn gather(&mut self, screened: &Screened) {
        for touched in self.touched.drain(..) {
            let place = screened.places[touched.row as usize] as usize;
            self.addends[place / LANES][place % LANES] = 0.0;
            self.largest[place / BLOCK][place / LANES % GROUPS] = 0.0;
        }
    }

    /// Offers every `step`-th group.
    fn walk<R: AsRef<[f32]> + Sync>(
        &mut self,
        set: Set<'_, R>,
        step: usize,
        keep: impl Fn(usize) -> bool,
        is_over: impl Fn() -> bool,
    ) -> Option<()> {
        let n_groups = set.screened.cluster_of_group.len();
        self.groups.clear();
        for block in 0..set.screened.lengths.len() {
            if block % (ROUND / BLOCK) == 0 && is_over() {
                return None;
            }
            let threshold = self.best.threshold();
            let reach = self.reach(set, block);
            for at in (0..GROUPS.min(n_groups - block * GROUPS)).step_by(step) {
                if reach[at] >= threshold {
                    self.groups.push((block * GROUPS + at) as u32);
                }
            }
            if self.groups.len() >= TOGETHER {
                self.pass(set, &keep);
            }
        }
        self.pass(set, keep);
        Some(())
    }

    /// What no row of each group of a block can exceed.
    fn reach<R>(&self, set: Set<'_, R>, block: usize) -> [f32; GROUPS] {
        let query = &self.query;
        let mut reach = set.screened.lengths[block].map(|length| query.reach * length + query.rounding);
        set.screened.along.add_reach(block, query.along, &mut reach);
        for (reach, offset) in reach.iter_mut().zip(&query.offsets[block * GROUPS..]) {
            *reach += offset;
        }
        if let Some(bias) = set.bias {
            bias.term.add_reach(block, query.bias_weight, &mut reach);
        }
        if set.search.addends.is_some() {
            for (reach, largest) in reach.iter_mut().zip(&self.largest[block]) {
                *reach += largest;
            }
        }
        reach
    }

    /// Looks at the collected groups, and scores the rows that may be among the best.
    fn pass<R: AsRef<[f32]> + Sync>(&mut self, set: Set<'_, R>, keep: impl Fn(usize) -> bool) {
        let walk = Walk {
            planes: &set.screened.planes,
            query: &self.query,
            lengths: set.screened.lengths.as_flattened(),
            groups: &self.groups,
            added: Added {
                along: &set.screened.along.by_place,
                bias: set.bias.map(|bias| &bias.term.by_place[..]),
                addends: set.search.addends.map(|_| &self.addends[..]),
            },
            threshold: self.best.threshold(),
        };
        set.screened.form.walk(walk, &mut self.places);
        self.groups.clear();
        self.offer(set, keep);
    }

    /// Scores the rows of the collected places.
    fn offer<R: AsRef<[f32]> + Sync>(&mut self, set: Set<'_, R>, keep: impl Fn(usize) -> bool) {
        let k = self.best.k();
        if self.best.threshold() < f32::MIN && self.places.len() > k {
            // While everything reaches the threshold, the most promising say what it should be.
            self.places
                .select_nth_unstable_by(k - 1, |a, b| b.1.total_cmp(&a.1));
        }
        let row = |place: u32| Some(set.screened.order[place as usize]).filter(|&row| row != NO_ROW);
        let first = self
            .places
            .iter()
            .take(AHEAD)
            .filter_map(|&(place, _)| row(place));
        first.for_each(|row| prefetch(set.index.row(row)));
        for (at, &(place, upper)) in self.places.iter().enumerate() {
            if let Some(row) = self.places.get(at + AHEAD).and_then(|&(place, _)| row(place)) {
                prefetch(set.index.row(row));
            }
            let Some(row) = row(place) else { continue };
            if upper >= self.best.threshold() && keep(row as usize) {
                self.best.offer(row, set.search.score(set.index, row));
            }
            if at + 1 == k {
                self.best.settle();
            }
        }
        self.places.clear();
    }
}
