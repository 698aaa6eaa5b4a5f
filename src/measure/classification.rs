//! How well a score separates two classes, and how good a probability is.
//!
//! Enters: one score or probability per row and what really happened. Leaves: area under the ROC curve, average
//! precision, lift, Brier score and log loss, all in `f64`.
//!
//! The one decision: rows of equal score are one step. AUC counts a tied pair half, average precision and lift take
//! the tied rows together, so no metric depends on the order in which rows come.
//!
//! # Panics
//! Every function here panics when scores and outcomes differ in number, or a score is NaN: both are broken
//! invariants of the caller.

/// Rows sorted once by score, so that metrics of many resamples of the same rows cost no further sort.
///
/// Resamples are given as weights: how often each row was drawn.
#[derive(Clone, Debug)]
pub struct ScoredRows {
    /// Rows, score descending.
    order: Vec<usize>,
    /// Positions in `order` at which a group of equal scores ends.
    group_ends: Vec<usize>,
    positive: Vec<bool>,
}

/// What one group of equal scores adds, in order of falling score.
struct Step {
    positive: f64,
    negative: f64,
}

impl ScoredRows {
    /// Sorts rows by score; `positive[i]` says whether row `i` is of the class that high scores mean.
    #[must_use]
    pub fn new(scores: &[f64], positive: &[bool]) -> Self {
        assert_eq!(scores.len(), positive.len(), "one outcome per score");
        assert!(!scores.iter().any(|score| score.is_nan()), "a score is NaN");
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        // Adding zero makes -0 and 0 the same score, as they are to a reader.
        let group_ends = (1..=order.len())
            .filter(|&end| {
                end == order.len()
                    || (scores[order[end - 1]] + 0.0).to_bits() != (scores[order[end]] + 0.0).to_bits()
            })
            .collect();
        Self {
            order,
            group_ends,
            positive: positive.to_vec(),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The rows of each group of equal scores, in order of falling score.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[usize]> {
        let mut from = 0;
        self.group_ends.iter().map(move |&end| {
            let rows = &self.order[from..end];
            from = end;
            rows
        })
    }

    fn steps(&self, weight: impl Fn(usize) -> f64) -> impl Iterator<Item = Step> {
        self.groups().map(move |rows| {
            let mut step = Step {
                positive: 0.0,
                negative: 0.0,
            };
            for &row in rows {
                if self.positive[row] {
                    step.positive += weight(row);
                } else {
                    step.negative += weight(row);
                }
            }
            step
        })
    }

    /// Area under the ROC curve: the chance that a positive row has the higher score than a negative one, ties half.
    /// `None` when a class is missing.
    #[must_use]
    pub fn auc(&self) -> Option<f64> {
        self.auc_where(|_| 1.0)
    }

    /// [`Self::auc`] of a resample in which row `i` was drawn `draws[i]` times.
    #[must_use]
    pub fn auc_of_draws(&self, draws: &[u32]) -> Option<f64> {
        assert_eq!(draws.len(), self.len(), "one number of draws per row");
        self.auc_where(|row| f64::from(draws[row]))
    }

    fn auc_where(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let (mut above, mut positives, mut negatives) = (0.0, 0.0, 0.0);
        for step in self.steps(weight) {
            // Positives so far outrank these negatives, those of the same score tie with them.
            above += step.negative * (positives + 0.5 * step.positive);
            positives += step.positive;
            negatives += step.negative;
        }
        (positives > 0.0 && negatives > 0.0).then(|| above / (positives * negatives))
    }

    /// Gini coefficient of the ranking, `2 · AUC − 1`: the ranking quality from 0 (chance) to 1 (perfect), negative when
    /// the ranking is upside down. `None` when a class is missing.
    ///
    /// It is also the area between the gains curve and its diagonal over that area of the perfect ranking, which is how
    /// CRM systems print it, as a per cent.
    #[must_use]
    pub fn gini(&self) -> Option<f64> {
        Some(2.0 * self.auc()? - 1.0)
    }

    /// Average precision, `Σ (R_k − R_{k−1}) P_k` over thresholds; `None` without a positive row.
    ///
    /// # Source
    /// The step-wise sum of Manning, Raghavan and Schütze, *Introduction to Information Retrieval*, §8.4, with tied
    /// rows as one threshold.
    #[must_use]
    pub fn average_precision(&self) -> Option<f64> {
        self.average_precision_where(|_| 1.0)
    }

    /// [`Self::average_precision`] of a resample in which row `i` was drawn `draws[i]` times.
    #[must_use]
    pub fn average_precision_of_draws(&self, draws: &[u32]) -> Option<f64> {
        assert_eq!(draws.len(), self.len(), "one number of draws per row");
        self.average_precision_where(|row| f64::from(draws[row]))
    }

    fn average_precision_where(&self, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let (mut hits, mut rows, mut sum) = (0.0, 0.0, 0.0);
        for step in self.steps(weight) {
            hits += step.positive;
            rows += step.positive + step.negative;
            // Before the first drawn row there is no precision.
            if step.positive > 0.0 {
                sum += step.positive * hits / rows;
            }
        }
        (hits > 0.0).then(|| sum / hits)
    }

    /// Lift of the top `fraction` of rows; `None` without rows, without a positive, or when `fraction` is not in (0,
    /// 1].
    ///
    /// Rows tied at the border are taken in proportion: the expectation over all orders of the tied rows.
    #[must_use]
    pub fn lift(&self, fraction: f64) -> Option<Lift> {
        if !(fraction > 0.0 && fraction <= 1.0) {
            return None;
        }
        let wanted = fraction * self.len() as f64;
        let (mut taken, mut hits, mut positives) = (0.0, 0.0, 0.0);
        for step in self.steps(|_| 1.0) {
            let size = step.positive + step.negative;
            let share = ((wanted - taken) / size).clamp(0.0, 1.0);
            hits += share * step.positive;
            taken += share * size;
            positives += step.positive;
        }
        let rate = positives / self.len() as f64;
        (positives > 0.0).then(|| Lift {
            lift: hits / wanted / rate,
            ceiling: (1.0 / rate).min(1.0 / fraction),
        })
    }
}

/// How much richer in positives the top rows are than all rows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lift {
    /// Rate of positives among the top rows over the rate among all.
    pub lift: f64,
    /// The best that any ranking could reach with this many positives.
    pub ceiling: f64,
}

/// Mean squared error of probabilities (Brier 1950); 0 for no rows.
#[must_use]
pub fn brier(probabilities: &[f64], outcomes: &[bool]) -> f64 {
    mean(probabilities, outcomes, |p, happened| {
        let miss = p - f64::from(u8::from(happened));
        miss * miss
    })
}

/// How much better than always saying the observed rate: `1 − Brier / (rate · (1 − rate))`; `None` when a class is
/// missing.
#[must_use]
pub fn brier_skill(probabilities: &[f64], outcomes: &[bool]) -> Option<f64> {
    let rate = mean(probabilities, outcomes, |_, happened| {
        f64::from(u8::from(happened))
    });
    let reference = rate * (1.0 - rate);
    (reference > 0.0).then(|| 1.0 - brier(probabilities, outcomes) / reference)
}

/// Mean negative log likelihood in nats; probabilities are held within `[1e-15, 1 − 1e-15]`; 0 for no rows.
#[must_use]
pub fn log_loss(probabilities: &[f64], outcomes: &[bool]) -> f64 {
    mean(probabilities, outcomes, |p, happened| {
        let p = p.clamp(1e-15, 1.0 - 1e-15);
        if happened { -p.ln() } else { -(-p).ln_1p() }
    })
}

fn mean(probabilities: &[f64], outcomes: &[bool], of: impl Fn(f64, bool) -> f64) -> f64 {
    assert_eq!(probabilities.len(), outcomes.len(), "one outcome per probability");
    let sum: f64 = probabilities
        .iter()
        .zip(outcomes)
        .map(|(&p, &happened)| of(p, happened))
        .sum();
    sum / (outcomes.len().max(1) as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every pair of a positive and a negative row, straight from the definition.
    fn auc_by_pairs(scores: &[f64], positive: &[bool]) -> Option<f64> {
        let (mut won, mut pairs) = (0.0, 0.0);
        for (&a, _) in scores.iter().zip(positive).filter(|row| *row.1) {
            for (&b, _) in scores.iter().zip(positive).filter(|row| !*row.1) {
                pairs += 1.0;
                if a > b {
                    won += 1.0;
                } else if a.total_cmp(&b).is_eq() {
                    won += 0.5;
                }
            }
        }
        (pairs > 0.0).then(|| won / pairs)
    }

    /// Precision and recall recounted from all rows at every threshold.
    fn average_precision_by_thresholds(scores: &[f64], positive: &[bool]) -> Option<f64> {
        let total = positive.iter().filter(|&&p| p).count() as f64;
        let mut thresholds = scores.to_vec();
        thresholds.sort_by(|a, b| b.total_cmp(a));
        thresholds.dedup();
        let (mut sum, mut recall_before) = (0.0, 0.0);
        for t in thresholds {
            let rows: Vec<bool> = scores
                .iter()
                .zip(positive)
                .filter(|(s, _)| **s >= t)
                .map(|(_, &p)| p)
                .collect();
            let hits = rows.iter().filter(|&&p| p).count() as f64;
            sum += (hits / total - recall_before) * hits / rows.len() as f64;
            recall_before = hits / total;
        }
        (total > 0.0).then_some(sum)
    }

    fn close(a: Option<f64>, b: Option<f64>) -> bool {
        match (a, b) {
            (Some(a), Some(b)) => (a - b).abs() < 1e-12,
            (a, b) => a.is_none() && b.is_none(),
        }
    }

    proptest! {
        #[test]
        fn areas_agree_with_the_definitions(rows in prop::collection::vec((0u8..9, any::<bool>(), 0u32..4), 0..60)) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0) / 3.0).collect();
            let positive: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let draws: Vec<u32> = rows.iter().map(|r| r.2).collect();
            let sorted = ScoredRows::new(&scores, &positive);
            prop_assert!(close(sorted.auc(), auc_by_pairs(&scores, &positive)));
            prop_assert!(close(sorted.average_precision(), average_precision_by_thresholds(&scores, &positive)));
            // Drawing a row n times is the same as writing it n times.
            let (mut more_scores, mut more_positive) = (Vec::new(), Vec::new());
            for (row, &n) in draws.iter().enumerate() {
                more_scores.extend(std::iter::repeat_n(scores[row], n as usize));
                more_positive.extend(std::iter::repeat_n(positive[row], n as usize));
            }
            prop_assert!(close(sorted.auc_of_draws(&draws), auc_by_pairs(&more_scores, &more_positive)));
            let drawn = average_precision_by_thresholds(&more_scores, &more_positive);
            prop_assert!(close(sorted.average_precision_of_draws(&draws), drawn));
        }
    }

    #[test]
    fn the_figures_of_scikit_learn_1_9() {
        // roc_auc_score, average_precision_score, brier_score_loss and log_loss of the same eight rows.
        let p = [0.9, 0.8, 0.8, 0.4, 0.35, 0.3, 0.3, 0.05];
        let y = [true, false, true, true, false, true, false, false];
        let rows = ScoredRows::new(&p, &y);
        assert!(close(rows.auc(), Some(0.75)));
        assert!(close(rows.average_precision(), Some(0.7470238095238095)));
        assert!((brier(&p, &y) - 0.219375).abs() < 1e-12);
        assert!((log_loss(&p, &y) - 0.6121195837531206).abs() < 1e-12);
        assert!(close(brier_skill(&p, &y), Some(1.0 - 0.219375 / 0.25)));
    }

    #[test]
    fn lift_knows_its_ceiling_and_shares_ties() {
        let y = [true, true, false, false, false, false, false, false, false, false];
        let perfect: Vec<f64> = (0..10).map(|i| -f64::from(i)).collect();
        let lift = ScoredRows::new(&perfect, &y).lift(0.1).unwrap();
        assert!(
            (lift.lift - 5.0).abs() < 1e-12 && (lift.ceiling - 5.0).abs() < 1e-12,
            "{lift:?}"
        );
        let same = ScoredRows::new(&[0.5; 10], &y).lift(0.1).unwrap();
        assert!(
            (same.lift - 1.0).abs() < 1e-12,
            "no ranking lifts nothing: {same:?}"
        );
        // With a rate of 0.05 the best tenth can hold at most half positives: ten times the rate.
        let rare: Vec<bool> = (0..20).map(|i| i == 0).collect();
        let lift = ScoredRows::new(&[0.0; 20], &rare).lift(0.1).unwrap();
        assert!((lift.ceiling - 10.0).abs() < 1e-12, "{lift:?}");
        assert_eq!(ScoredRows::new(&[1.0], &[false]).lift(0.1), None);
    }

    #[test]
    fn one_class_has_no_area_and_certainty_costs_a_finite_loss() {
        assert_eq!(ScoredRows::new(&[0.1, 0.2], &[true, true]).auc(), None);
        assert_eq!(
            ScoredRows::new(&[0.1, 0.2], &[false, false]).average_precision(),
            None
        );
        assert_eq!(brier_skill(&[0.1], &[true]), None);
        assert!((log_loss(&[0.0], &[true]) - 1e-15f64.ln().abs()).abs() < 1e-9);
    }
}
