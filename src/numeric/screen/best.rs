//! The best `k` rows so far, in a room that is used again.

/// Rows and scores, as numbers that rise as scores fall and, among equal scores, as rows rise.
#[derive(Clone, Debug, Default)]
pub(super) struct Best {
    k: usize,
    threshold: f32,
    /// So many are taken in before the best `k` of them are kept.
    limit: usize,
    /// The first `n` are taken in.
    keys: Vec<u64>,
    n: usize,
}

impl Best {
    /// Forgets all, for the best `k`, which is not zero, among those that reach a threshold.
    pub(super) fn open(&mut self, k: usize, threshold: f32) {
        self.k = k;
        self.threshold = threshold;
        // Fewer between two looks for the threshold make it dear, more make it stale; so many were the fastest of those tried.
        self.limit = k.saturating_add((k / 2).max(16));
        self.keys.truncate(self.limit);
        self.n = 0;
    }

    /// What a score must at least reach: an equal one may come from a lower row.
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    /// Takes a row in whose score reaches the threshold.
    #[inline(always)]
    pub(super) fn offer(&mut self, row: u32, score: f32) {
        if self.n == self.keys.len() {
            self.make_room();
        }
        // Written either way, because nobody foretells which way it will be.
        self.keys[self.n] = key(row, score);
        self.n += usize::from(score >= self.threshold && score > f32::NEG_INFINITY);
    }

    #[cold]
    fn make_room(&mut self) {
        if self.keys.len() == self.limit {
            self.settle();
        } else {
            let more = (2 * self.keys.len()).max(64).min(self.limit);
            self.keys.resize(more, 0);
        }
    }

    /// Whether there are `k`, all of which reach the threshold that was given.
    pub(super) fn is_full(&self) -> bool {
        self.n >= self.k
    }

    /// Keeps the best `k` and raises the threshold to the last of them.
    pub(super) fn settle(&mut self) {
        if self.is_full() {
            let (_, &mut kth, _) = self.keys[..self.n].select_nth_unstable(self.k - 1);
            self.n = self.k;
            self.raise(pair(kth).1);
        }
    }

    /// Takes note that there are `k` that reach a threshold.
    pub(super) fn raise(&mut self, threshold: f32) {
        self.threshold = self.threshold.max(threshold);
    }

    /// Writes the best `k`, best first, behind what `out` holds.
    pub(super) fn write(&mut self, out: &mut Vec<(u32, f32)>) {
        self.settle();
        let keys = &mut self.keys[..self.n];
        keys.sort_unstable();
        out.extend(keys.iter().map(|&key| pair(key)));
    }
}

fn key(row: u32, score: f32) -> u64 {
    // Adding zero makes a negative zero positive: the two are one score.
    let bits = (score + 0.0).to_bits();
    let rising = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(!rising) << 32 | u64::from(row)
}

fn pair(key: u64) -> (u32, f32) {
    let rising = !((key >> 32) as u32);
    let bits = if rising >> 31 == 1 {
        rising & !(1 << 31)
    } else {
        !rising
    };
    (key as u32, f32::from_bits(bits))
}
