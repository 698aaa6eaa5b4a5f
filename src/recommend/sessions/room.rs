//! Working memory of a query, used again and again so that no answer allocates.

use crate::id::{ItemIdx, Row};

/// What one item has gathered; not of this query unless the epoch is this query's.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    epoch: u32,
    votes: f32,
    links: f32,
}

/// A posting list that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    /// The item whose list it is.
    pub(crate) item: u32,
    /// The session that comes next, plus one; 0 at the end.
    pub(crate) next: u32,
    pub(crate) at: usize,
    pub(crate) end: usize,
    pub(crate) decay: f32,
    /// Clicks from the end of the asking session, from 1.
    pub(crate) position: u32,
}

/// A past session that shares an item with the asking one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Neighbour {
    pub(crate) session: u32,
    pub(crate) similarity: f32,
    /// Position of the newest shared item.
    pub(crate) position: u32,
    /// That item.
    pub(crate) shared: u32,
}

/// Working memory of queries: one for each thread, for any model.
///
/// What an item gathers is stamped with the number of the query, so that nothing has to be emptied between two.
#[derive(Clone, Debug, Default)]
pub struct Room {
    epoch: u32,
    marks: Vec<Mark>,
    touched: Vec<u32>,
    pub(crate) heads: Vec<Head>,
    pub(crate) found: Vec<Neighbour>,
    similarities: Vec<f32>,
    /// Different items of the asking session, newest first.
    pub(crate) recent: Vec<u32>,
    best: Vec<(ItemIdx, f32)>,
}

fn best_first(a: &(ItemIdx, f32), b: &(ItemIdx, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

impl Room {
    /// The items that the last query gave a score, in no meaningful order.
    #[must_use]
    pub fn touched(&self) -> &[u32] {
        &self.touched
    }

    /// Forgets the last query and makes place for `n_items`.
    pub(crate) fn open(&mut self, n_items: usize) {
        if self.marks.len() < n_items {
            self.marks.resize(n_items, Mark::default());
        }
        self.touched.clear();
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            // After four thousand million queries an old stamp could be taken for a new one.
            self.marks.fill(Mark::default());
            self.epoch = 1;
        }
    }

    fn mark(&mut self, item: u32) -> &mut Mark {
        let mark = &mut self.marks[item as usize];
        if mark.epoch != self.epoch {
            *mark = Mark {
                epoch: self.epoch,
                ..Mark::default()
            };
            self.touched.push(item);
        }
        mark
    }

    pub(crate) fn add_vote(&mut self, item: u32, value: f32) {
        self.mark(item).votes += value;
    }

    pub(crate) fn add_link(&mut self, item: u32, value: f32) {
        self.mark(item).links += value;
    }

    /// Multiplies what each item gathered of votes by its own factor.
    pub(crate) fn scale_votes(&mut self, factors: &[f32]) {
        for &item in &self.touched {
            self.marks[item as usize].votes *= factors[item as usize];
        }
    }

    /// Euclidean lengths of votes and of links.
    pub(crate) fn lengths(&self) -> (f32, f32) {
        let (mut votes, mut links) = (0.0f64, 0.0f64);
        for &item in &self.touched {
            let mark = &self.marks[item as usize];
            votes += f64::from(mark.votes) * f64::from(mark.votes);
            links += f64::from(mark.links) * f64::from(mark.links);
        }
        (votes.sqrt() as f32, links.sqrt() as f32)
    }

    /// Makes one score of both parts, which is then found under votes.
    pub(crate) fn join(&mut self, votes: f32, links: f32) {
        for &item in &self.touched {
            let mark = &mut self.marks[item as usize];
            mark.votes = votes * mark.votes + links * mark.links;
        }
    }

    /// What the touched items scored.
    pub(crate) fn scores(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        self.touched
            .iter()
            .map(|&item| (item, self.marks[item as usize].votes))
    }

    /// Keeps the `k` most similar of the found sessions; of equally similar ones the newer.
    pub(crate) fn keep_most_similar(&mut self, k: usize) {
        if self.found.len() <= k {
            return;
        }
        self.similarities.clear();
        self.similarities
            .extend(self.found.iter().map(|found| found.similarity));
        let (_, &mut least, _) = self
            .similarities
            .select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        let above = self.found.iter().filter(|found| found.similarity > least).count();
        // The found sessions stand newest first, so the first that equal the last place are the newest of them.
        let mut places = k - above;
        self.found.retain(|found| {
            let equal = found.similarity.total_cmp(&least).is_eq();
            let fits = equal && places > 0;
            places -= usize::from(fits);
            fits || found.similarity > least
        });
    }

    /// The best `n` of the scores above zero, each with what everybody adds, and of the untouched items of `tail`, which
    /// descends by that.
    pub(crate) fn rank(
        &mut self,
        n: usize,
        masked: Option<u32>,
        everybody: impl Fn(u32) -> f32,
        tail: &[u32],
    ) -> &[(ItemIdx, f32)] {
        let mut best = Best {
            n,
            threshold: 0.0,
            kept: std::mem::take(&mut self.best),
        };
        best.kept.clear();
        for (item, score) in self.scores().filter(|&(item, _)| Some(item) != masked) {
            best.offer(item, score + everybody(item));
        }
        let open = |item: &&u32| Some(**item) != masked && self.marks[**item as usize].epoch != self.epoch;
        for &item in tail.iter().filter(open).take(n) {
            best.offer(item, everybody(item));
        }
        best.kept.sort_unstable_by(best_first);
        best.kept.truncate(n);
        self.best = best.kept;
        &self.best
    }
}

/// The best so far, and up to as many again.
struct Best {
    n: usize,
    /// What a newcomer must exceed.
    threshold: f32,
    kept: Vec<(ItemIdx, f32)>,
}

impl Best {
    fn offer(&mut self, item: u32, score: f32) {
        // Arrays from outside may hold numbers so large that their sums are none.
        if score <= self.threshold || !score.is_finite() || self.n == 0 {
            return;
        }
        self.kept.push((ItemIdx::from_u32(item), score));
        if self.kept.len() >= self.n.saturating_mul(2).max(64) {
            self.kept.select_nth_unstable_by(self.n - 1, best_first);
            self.kept.truncate(self.n);
            // An equal score may still win by its row, so it must pass.
            self.threshold = self.kept[self.n - 1].1.next_down();
        }
    }
}
