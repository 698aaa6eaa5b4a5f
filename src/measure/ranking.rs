//! Metrics of a ranked list against the items that really followed.
//!
//! Enters: item rows, best first, and the relevant rows. Leaves: recall, NDCG, hit and reciprocal rank at a cut-off `k`.
//!
//! The one decision: recall divides by the number of relevant items, not by `min(k, relevant)`, as the published tables
//! of the fixed splits do; NDCG's ideal has `min(relevant, k)` hits.

/// Metrics of one list, or the mean of many.
///
/// # Source
/// Järvelin and Kekäläinen, "Cumulated Gain-Based Evaluation of IR Techniques", 2002, with gain 1 and discount
/// `1 / log₂(rank + 1)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct RankingMetrics {
    /// Hits among the first `k`, divided by the relevant items.
    pub recall: f64,
    /// Discounted hits among the first `k`, divided by those of the best possible list.
    pub ndcg: f64,
    /// 1 with a hit among the first `k`, else 0.
    pub hit_rate: f64,
    /// 1 / rank of the first hit among the first `k`, else 0.
    pub reciprocal_rank: f64,
}

/// What a hit at this rank, from 1, counts in NDCG: `1 / log₂(rank + 1)`.
#[must_use]
pub fn discount(rank: usize) -> f64 {
    1.0 / ((rank + 1) as f64).log2()
}

impl RankingMetrics {
    /// The metrics of one list.
    ///
    /// `relevant` ascends. `n_relevant` counts all that was relevant, also what no list could hold because the model
    /// never saw it: those are misses. `None` when nothing was relevant.
    #[must_use]
    pub fn of(
        ranked: impl IntoIterator<Item = u32>,
        relevant: &[u32],
        n_relevant: usize,
        k: usize,
    ) -> Option<Self> {
        debug_assert!(
            relevant.is_sorted() && relevant.len() <= n_relevant,
            "relevant rows ascend"
        );
        if n_relevant == 0 || k == 0 {
            return None;
        }
        let (mut hits, mut gain, mut first) = (0usize, 0.0, None);
        for (rank, item) in (1..=k).zip(ranked) {
            if relevant.binary_search(&item).is_ok() {
                hits += 1;
                gain += discount(rank);
                first = first.or(Some(rank));
            }
        }
        let ideal: f64 = (1..=n_relevant.min(k)).map(discount).sum();
        Some(Self {
            recall: hits as f64 / n_relevant as f64,
            ndcg: gain / ideal,
            hit_rate: if hits > 0 { 1.0 } else { 0.0 },
            reciprocal_rank: first.map_or(0.0, |rank| 1.0 / rank as f64),
        })
    }

    /// The mean over lists; zero for none.
    #[must_use]
    pub fn mean(lists: &[Self]) -> Self {
        let n = lists.len().max(1) as f64;
        // The sum of nothing is a negative zero; adding zero makes it the zero that a reader expects.
        let mean = |part: fn(&Self) -> f64| lists.iter().map(part).sum::<f64>() / n + 0.0;
        Self {
            recall: mean(|list| list.recall),
            ndcg: mean(|list| list.ndcg),
            hit_rate: mean(|list| list.hit_rate),
            reciprocal_rank: mean(|list| list.reciprocal_rank),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_counted_by_hand() {
        // Hits at ranks 2 and 3 of 4; three relevant items, one of which the model never saw.
        let metrics = RankingMetrics::of([9, 4, 7, 1, 5], &[4, 7], 3, 4).unwrap();
        let log = |x: f64| 1.0 / x.log2();
        assert!((metrics.recall - 2.0 / 3.0).abs() < 1e-12);
        assert!((metrics.ndcg - (log(3.0) + log(4.0)) / (log(2.0) + log(3.0) + log(4.0))).abs() < 1e-12);
        assert!((metrics.hit_rate - 1.0).abs() < 1e-12);
        assert!((metrics.reciprocal_rank - 0.5).abs() < 1e-12);
        assert_eq!(RankingMetrics::of([1], &[], 0, 4), None);
        let missed = RankingMetrics::of([1, 2], &[3], 1, 2).unwrap();
        assert_eq!(missed, RankingMetrics::default());
        assert!((RankingMetrics::mean(&[metrics, missed]).recall - 1.0 / 3.0).abs() < 1e-12);
        assert!(RankingMetrics::mean(&[]).recall.is_sign_positive(), "not -0");
    }

    proptest! {
        /// Against the definition written with sets and a sorted ideal list.
        #[test]
        fn metrics_agree_with_brute_force(
            ranked in Just((0u32..30).collect::<Vec<_>>()).prop_shuffle(),
            relevant in prop::collection::btree_set(0u32..40, 1..20),
            k in 1usize..25,
        ) {
            let relevant: Vec<u32> = relevant.into_iter().collect();
            let metrics = RankingMetrics::of(ranked.iter().copied(), &relevant, relevant.len(), k).unwrap();
            let gains: Vec<f64> = ranked.iter().take(k).map(|item| f64::from(u8::from(relevant.contains(item)))).collect();
            let dcg = |gains: &[f64]| gains.iter().enumerate().map(|(at, gain)| gain * 2f64.ln() / ((at + 2) as f64).ln()).sum::<f64>();
            let mut best: Vec<f64> = vec![1.0; relevant.len()];
            best.resize(relevant.len().max(k), 0.0);
            prop_assert!((metrics.ndcg - dcg(&gains) / dcg(&best[..k])).abs() < 1e-12);
            prop_assert!((metrics.recall - gains.iter().sum::<f64>() / relevant.len() as f64).abs() < 1e-12);
            let first = gains.iter().position(|&gain| gain > 0.0);
            prop_assert!((metrics.reciprocal_rank - first.map_or(0.0, |at| 1.0 / (at as f64 + 1.0))).abs() < 1e-12);
            prop_assert!((0.0..=1.0).contains(&metrics.ndcg));
        }
    }
}
