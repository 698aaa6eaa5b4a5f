//! The best `k` of many scores: score descending, then index ascending, everywhere in the product.

/// The best `k` of all pairs that are offered, in ascending order of index.
///
/// A score that is not above negative infinity (so also NaN) is never kept.
#[derive(Clone, Debug)]
pub struct TopK {
    k: usize,
    /// What a newcomer must exceed: the `k`-th best so far. Later indices lose ties, so equal is not enough.
    threshold: f32,
    kept: Vec<(u32, f32)>,
}

fn best_first(a: &(u32, f32), b: &(u32, f32)) -> std::cmp::Ordering {
    b.1.total_cmp(&a.1).then(a.0.cmp(&b.0))
}

impl TopK {
    /// Keeps the best `k`.
    #[must_use]
    pub fn new(k: usize) -> Self {
        let threshold = if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self {
            k,
            threshold,
            kept: Vec::with_capacity(k.saturating_mul(2).min(1024)),
        }
    }

    /// Offers a run of scores with consecutive indices from `first`, which come after all indices offered before.
    pub fn offer(&mut self, first: usize, scores: &[f32], keep: &impl Fn(usize) -> bool) {
        const RUN: usize = 32;
        for (run, scores) in scores.chunks(RUN).enumerate() {
            // Almost every run holds nothing of interest: one pass without a branch says so.
            let threshold = self.threshold;
            if !scores.iter().fold(false, |any, &score| any | (score > threshold)) {
                continue;
            }
            for (at, &score) in scores.iter().enumerate() {
                let index = first + run * RUN + at;
                if score > self.threshold && keep(index) {
                    // Adding zero makes a negative zero positive: the two are one score.
                    self.kept.push((index as u32, score + 0.0));
                    if self.kept.len() >= self.k.saturating_mul(2).max(16) {
                        self.shrink();
                    }
                }
            }
        }
    }

    /// Offers one pair; unlike [`Self::offer`] in any order of index, so that an equal score is kept until
    /// [`Self::settle`] has compared the indices.
    pub(super) fn offer_unordered(&mut self, index: u32, score: f32) {
        if score >= self.threshold && score > f32::NEG_INFINITY {
            self.kept.push((index, score + 0.0));
            if self.kept.len() >= self.k.saturating_mul(2).max(16) {
                self.shrink();
            }
        }
    }

    /// What an unordered pair must at least reach, after the pairs beyond the best `k` are dropped.
    pub(super) fn settle(&mut self) -> f32 {
        self.shrink();
        self.threshold
    }

    /// What an unordered pair must at least reach.
    pub(super) fn threshold(&self) -> f32 {
        self.threshold
    }

    fn shrink(&mut self) {
        if self.kept.len() > self.k {
            self.kept.select_nth_unstable_by(self.k - 1, best_first);
            self.kept.truncate(self.k);
        }
        if self.kept.len() == self.k {
            self.threshold = self
                .kept
                .iter()
                .fold(f32::INFINITY, |least, kept| least.min(kept.1));
        }
    }

    /// The best, best first.
    #[must_use]
    pub fn into_sorted(mut self) -> Vec<(u32, f32)> {
        self.kept.sort_unstable_by(best_first);
        self.kept.truncate(self.k);
        self.kept
    }
}

/// The best `k` of `scores` among the indices that `keep` lets through, best first.
///
/// # Determinism
/// Score descending, then index ascending. A score that is not above negative infinity (so also NaN) is left out.
#[must_use]
pub fn top_k(scores: &[f32], k: usize, keep: impl Fn(usize) -> bool) -> Vec<(u32, f32)> {
    let mut best = TopK::new(k);
    best.offer(0, scores, &keep);
    best.into_sorted()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Few different scores, so that ties are the rule.
        #[test]
        fn it_is_the_head_of_a_full_sort(
            scores in prop::collection::vec(prop_oneof![8 => (-6i8..6).prop_map(|s| f32::from(s) / 2.0), 1 => Just(f32::NAN), 1 => Just(-0.0)], 0..300),
            k in 0usize..40,
            masked in 1usize..6,
            split in 0usize..300,
        ) {
            let keep = |index: usize| index % masked != 1;
            let mut sorted: Vec<(u32, f32)> =
                (0u32..).zip(scores.iter().map(|s| s + 0.0)).filter(|&(at, s)| !s.is_nan() && keep(at as usize)).collect();
            sorted.sort_by(|a, b| b.1.partial_cmp(&a.1).unwrap().then(a.0.cmp(&b.0)));
            sorted.truncate(k);
            prop_assert_eq!(&top_k(&scores, k, keep), &sorted);
            let split = split.min(scores.len());
            let mut in_two = TopK::new(k);
            in_two.offer(0, &scores[..split], &keep);
            in_two.offer(split, &scores[split..], &keep);
            prop_assert_eq!(&in_two.into_sorted(), &sorted);
        }
    }

    #[test]
    fn a_huge_k_is_no_allocation() {
        assert_eq!(top_k(&[1.0, 2.0], usize::MAX, |_| true), [(1, 2.0), (0, 1.0)]);
    }
}
