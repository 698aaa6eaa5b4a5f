//! One query meets the rows.

use std::array::from_fn;

use super::super::dot::{dot, dot_four};
use super::super::prefetch::prefetch;
use super::super::tile::LANES;
use super::addends::{Addends, NO_ROW};
use super::best::Best;
use super::form::GROUPS;
use super::index::{Bias, ExactIndex, LONG, Screened};
use super::query::{Query, length};
use super::reach::Reach;
use super::walk::{Found, Look, Walk};

/// Rows that are passed between two questions whether the search is over.
const ROUND: usize = 1 << 12;
/// Groups that are looked at before the others: so many, and one for so many wanted rows, or one of so many groups. These
/// numbers and the next were the fastest of those tried, with 41 thousand rows and with a million.
const FIRST: usize = 16;
const WANTED: usize = 4;
const OF_ALL: usize = 128;
/// So many groups, or a few more, are looked at together.
const TOGETHER: usize = 256;
/// How many times four rows ahead memory is asked.
const AHEAD: usize = 4;
/// So many times as many rows as are wanted are scored before the others are looked at.
const PROMISING: usize = 2;
/// So many more candidates than twice what is wanted are kept before those are dropped that the threshold has left behind.
const SPARE: usize = 1 << 10;

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
    reach: Reach,
    /// Exact scores.
    best: Best,
    /// What scores are likely not below, by place: so many of them are the threshold.
    lower: Best,
    /// Places of touched groups that are scored first.
    promising: Vec<(u32, f32)>,
    /// What a walk found.
    found: Found,
    /// What may be among the best.
    candidates: Vec<Candidate>,
    /// From so many on, those are dropped that the threshold has left behind.
    many: usize,
    /// Groups that are looked at together, and where their bases are.
    groups: Vec<(u32, u32)>,
}

/// A row that may be among the best.
#[derive(Clone, Copy, Debug, Default)]
struct Candidate {
    row: u32,
    place: u32,
    /// What its score is not above, where that was asked.
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
        let bias = index.bias.as_ref().map(|bias| bias.by_row[row as usize]);
        let addend = self.addends.map(|addends| addends.get(row as usize));
        self.sum(dot(index.row(row), self.query), bias, addend)
    }

    fn sum(&self, dot: f32, bias: Option<f32>, addend: Option<f32>) -> f32 {
        let mut score = dot;
        if let Some(bias) = bias {
            score += self.bias_weight * bias;
        }
        if let Some(addend) = addend {
            score += addend;
        }
        score
    }
}

impl<R: AsRef<[f32]> + Sync> Set<'_, R> {
    /// The row at a place, where there is one.
    fn row(&self, place: u32) -> Option<u32> {
        Some(self.screened.places.order[place as usize]).filter(|&row| row != NO_ROW)
    }

    /// The scores of four rows.
    fn score_four(&self, four: [Candidate; 4]) -> [f32; 4] {
        let dots = dot_four(four.map(|of| self.index.row(of.row)), self.search.query);
        from_fn(|at| self.add(dots[at], four[at].place))
    }

    fn score(&self, of: Candidate) -> f32 {
        self.add(dot(self.index.row(of.row), self.search.query), of.place)
    }

    /// Adds what lies at a row's place: beside what was read of it already.
    fn add(&self, dot: f32, place: u32) -> f32 {
        let place = place as usize;
        let bias = self.index.bias.as_ref();
        let bias = bias.map(|bias| bias.term.by_place.as_flattened()[place]);
        let addend = self.search.addends.map(|addends| addends.at(place));
        self.search.sum(dot, bias, addend)
    }
}

impl<R: AsRef<[f32]> + Sync> ExactIndex<R> {
    /// Writes the best `k` of the rows that `keep` lets through over `best`: score descending, then row ascending, equal
    /// to [`top_k`](crate::numeric::top_k) of all scores. A score that is not above negative infinity (so also NaN) is
    /// left out.
    ///
    /// Groups of sixteen rows of a cluster go by falling length. A group whose length, whose two bits a number, or whose six
    /// bits a number show that it cannot reach the threshold is passed over. The threshold is the `k`-th largest of what
    /// scores are likely not below by six bits, and nearly the last one early, because the likeliest groups are looked at before
    /// all others. No more rows than nearly `k` are scored exactly in the end, beside twice as many at the beginning where
    /// something is added. Should one of the best lie below the threshold after all, which happens where few are wanted of
    /// short rows, the search is done again with what scores cannot be below.
    ///
    /// `keep` is asked for rows that may be among the best alone. `is_over` is asked every few thousand rows; once it says
    /// so, the outcome is `None`, and `best` is empty.
    ///
    /// # Panics
    /// When the query is not as wide as the rows, or the addends were not opened by [`Self::open`].
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
        if let (Some(screened), Some(addends)) = (&self.screened, search.addends) {
            assert!(addends.lies_at(&screened.places), "addends that the index opened");
        }
        best.clear();
        if search.k == 0 {
            return (!is_over()).then_some(());
        }
        room.open(search.k, f32::NEG_INFINITY);
        let added = self.largest_added(search);
        match &self.screened {
            // Not so where it is not a number.
            Some(screened) if search.k < self.n_rows && length(search.query) <= LONG && added <= LONG => {
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
        bias + search.addends.map_or(0.0, |addends| addends.reach() as f32)
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
        room.find(set, search.k, keep, is_over)
    }
}

impl SearchRoom {
    /// Collects the best `k`.
    fn find<R: AsRef<[f32]> + Sync>(
        &mut self,
        set: Set<'_, R>,
        k: usize,
        keep: impl Fn(usize) -> bool,
        is_over: impl Fn() -> bool,
    ) -> Option<()> {
        let mut reached = f32::NEG_INFINITY;
        for look in [Look::Likely, Look::Sure] {
            self.reach
                .set(set.screened, &self.query, set.bias, set.search.addends);
            self.open(k, reached);
            if !self.begin_with_promising(set, k, &keep, &is_over)? {
                let first = (FIRST + k / WANTED).max(set.screened.cluster_of_group.len() / OF_ALL);
                let cut = self.reach.cut(set.screened, &self.query, first);
                self.walk(set, look, Some(cut), &keep, &is_over)?;
                self.lower.settle();
            }
            self.walk(set, look, None, &keep, &is_over)?;
            self.lower.settle();
            drop_below(self.lower.threshold(), &mut self.candidates);
            self.score(set, &is_over)?;
            // What was passed over does not reach the threshold. If all that was found does, nothing is missing; if not, the
            // threshold was too high, and what was found says one that is not.
            if self.best.threshold() >= self.lower.threshold() {
                break;
            }
            reached = self.best.threshold();
        }
        Some(())
    }

    /// Scores the most promising rows of the groups that something is added to, among which the best usually are, so that the
    /// threshold is nearly the last one from the beginning. Says whether there were enough; if not, nothing is changed.
    fn begin_with_promising<R: AsRef<[f32]> + Sync>(
        &mut self,
        set: Set<'_, R>,
        k: usize,
        keep: impl Fn(usize) -> bool,
        is_over: impl Fn() -> bool,
    ) -> Option<bool> {
        self.reach.promising(PROMISING * k, &mut self.promising);
        if self.promising.len() < k {
            return Some(false);
        }
        for &(place, upper) in &self.promising {
            if let Some(row) = set.row(place).filter(|&row| keep(row as usize)) {
                self.candidates.push(Candidate { row, place, upper });
            }
        }
        self.score(set, &is_over)?;
        self.candidates.clear();
        if !self.best.is_full() {
            self.best.open(k, self.lower.threshold());
            return Some(false);
        }
        self.lower.raise(self.best.threshold());
        for &(place, _) in &self.promising {
            self.reach.forget(set.screened, &self.query, place);
        }
        Some(true)
    }

    /// Forgets candidates and scores, for the best `k` that reach a threshold.
    fn open(&mut self, k: usize, threshold: f32) {
        self.candidates.clear();
        self.many = k.saturating_mul(2).saturating_add(SPARE);
        self.best.open(k, threshold);
        self.lower.open(k, threshold);
    }

    /// Passes the groups that may reach the threshold and were not passed before; with a cut, the likely ones alone.
    fn walk<R: AsRef<[f32]> + Sync>(
        &mut self,
        set: Set<'_, R>,
        look: Look,
        cut: Option<f32>,
        keep: impl Fn(usize) -> bool,
        is_over: impl Fn() -> bool,
    ) -> Option<()> {
        let screened = set.screened;
        let n_groups = screened.cluster_of_group.len();
        self.groups.clear();
        for first in (0..n_groups).step_by(GROUPS) {
            if first % (ROUND / LANES) == 0 && is_over() {
                return None;
            }
            let block = first / GROUPS;
            let mut reaching = screened
                .form
                .reaching(self.reach.block(block), self.lower.threshold());
            if let Some(cut) = cut {
                reaching &= screened.form.reaching(self.reach.likely(block), cut);
            }
            while reaching != 0 {
                let group = first + reaching.trailing_zeros() as usize;
                reaching &= reaching - 1;
                if group < n_groups {
                    self.groups.push((group as u32, self.reach.slot(group)));
                    if cut.is_some() {
                        self.reach.pass_by(group);
                    }
                }
            }
            if self.groups.len() >= TOGETHER {
                self.pass(set, look, &keep);
            }
        }
        self.pass(set, look, keep);
        Some(())
    }

    /// Looks at the collected groups, and collects what may be among the best.
    fn pass<R: AsRef<[f32]> + Sync>(&mut self, set: Set<'_, R>, look: Look, keep: impl Fn(usize) -> bool) {
        let walk = Walk {
            look,
            planes: &set.screened.planes,
            query: &self.query,
            lengths: set.screened.lengths.as_flattened(),
            groups: &self.groups,
            bases: self.reach.bases(),
            added: set.screened.added(set.bias),
            threshold: self.lower.threshold(),
        };
        set.screened.form.walk(walk, &mut self.found);
        let mut n = self.candidates.len();
        self.candidates.resize(n + self.found.len(), Candidate::default());
        for (place, upper, lower) in self.found.iter() {
            if upper >= self.lower.threshold()
                && let Some(row) = set.row(place).filter(|&row| keep(row as usize))
            {
                self.candidates[n] = Candidate { row, place, upper };
                n += 1;
                self.lower.offer(place, lower);
            }
        }
        self.candidates.truncate(n);
        if n >= self.many {
            self.lower.settle();
            drop_below(self.lower.threshold(), &mut self.candidates);
            // Where many are alike, few are dropped: they are not looked at again before there are twice as many.
            self.many = self.many.max(2 * self.candidates.len());
        }
        self.groups.clear();
    }

    /// Scores the candidates exactly.
    fn score<R: AsRef<[f32]> + Sync>(&mut self, set: Set<'_, R>, is_over: impl Fn() -> bool) -> Option<()> {
        let ask = |of: &Candidate| prefetch(set.index.row(of.row));
        self.candidates.iter().take(4 * AHEAD).for_each(ask);
        let (fours, rest) = self.candidates.as_chunks::<4>();
        for (at, four) in fours.iter().enumerate() {
            if (at + 1) % (ROUND / 4) == 0 && is_over() {
                return None;
            }
            self.candidates
                .iter()
                .skip(4 * (at + AHEAD))
                .take(4)
                .for_each(ask);
            for (of, score) in four.iter().zip(set.score_four(*four)) {
                self.best.offer(of.row, score);
            }
        }
        for of in rest {
            self.best.offer(of.row, set.score(*of));
        }
        self.best.settle();
        Some(())
    }
}

fn drop_below(threshold: f32, candidates: &mut Vec<Candidate>) {
    let mut n = 0;
    for at in 0..candidates.len() {
        let candidate = candidates[at];
        // Written either way, because nobody foretells which way it will be.
        candidates[n] = candidate;
        n += usize::from(candidate.upper >= threshold);
    }
    candidates.truncate(n);
}
