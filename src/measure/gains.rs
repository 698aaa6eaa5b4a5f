//! The gains table: how many of those who leave are found among the tenth, the two tenths, … with the highest scores.
//!
//! Enters: a score, a probability and an outcome per customer. Leaves: one row per decile.
//!
//! The one decision: a decile that ends within customers of equal score takes its part of them in proportion, the
//! expectation over all orders of the tied customers. No row depends on the order in which customers come.

use serde::Serialize;

use super::classification::ScoredRows;

/// Parts of equally many customers.
pub const DECILES: usize = 10;

/// Customers in tenths by falling score.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct GainsTable {
    /// All customers.
    pub customers: usize,
    /// How many of them are positive.
    pub positives: usize,
    /// Gini coefficient of the ranking, `2 · AUC − 1`; `None` when every customer is positive.
    pub gini: Option<f64>,
    /// The tenths, highest scores first. Of fewer than ten customers some tenths are empty and left out.
    pub deciles: Vec<Decile>,
}

/// One tenth of the customers.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Decile {
    /// Customers in it: decile `d` ends at customer `⌊n · d / 10⌋`.
    pub customers: usize,
    /// Share of all customers in this and the higher deciles.
    pub contacted: f64,
    /// Share of all positives in this and the higher deciles.
    pub found: f64,
    /// Share of the decile's customers who are positive.
    pub rate: f64,
    /// `rate` over the rate of all customers.
    pub lift: f64,
    /// Mean predicted probability.
    pub predicted: f64,
}

/// Sums over customers; parts of a customer count in parts.
#[derive(Clone, Copy, Default)]
struct Sums {
    customers: f64,
    positives: f64,
    probability: f64,
}

impl Sums {
    fn add(&mut self, share: f64, of: Self) {
        self.customers += share * of.customers;
        self.positives += share * of.positives;
        self.probability += share * of.probability;
    }
}

/// The gains table of `scores`, which order the customers, with `probabilities`, which are only averaged; `None` without
/// a positive customer.
///
/// # Panics
/// When the arguments differ in length, or a score is NaN: broken invariants of the caller.
#[must_use]
pub fn gains(scores: &[f64], probabilities: &[f64], positive: &[bool]) -> Option<GainsTable> {
    assert_eq!(scores.len(), probabilities.len(), "one probability per score");
    let rows = ScoredRows::new(scores, positive);
    let positives = positive.iter().filter(|&&positive| positive).count();
    if positives == 0 {
        return None;
    }
    let n = rows.len();
    let ends: Vec<usize> = (1..=DECILES).map(|decile| n * decile / DECILES).collect();
    let mut sums = [Sums::default(); DECILES];
    let (mut at, mut taken) = (0, 0usize);
    for group in rows.groups() {
        let of_group = Sums {
            customers: group.len() as f64,
            positives: group.iter().filter(|&&row| positive[row]).count() as f64,
            probability: group.iter().map(|&row| probabilities[row]).sum(),
        };
        let group_end = taken + group.len();
        while taken < group_end {
            // The last decile ends at `n`, which no group passes.
            while ends[at] <= taken {
                at += 1;
            }
            let to = group_end.min(ends[at]);
            sums[at].add((to - taken) as f64 / group.len() as f64, of_group);
            taken = to;
        }
    }
    let rate_of_all = positives as f64 / n as f64;
    let mut found = 0.0;
    let deciles = sums.iter().zip(&ends).scan(0, |before, (sums, &end)| {
        let customers = end - *before;
        *before = end;
        found += sums.positives;
        let decile = Decile {
            customers,
            contacted: end as f64 / n as f64,
            found: found / positives as f64,
            rate: sums.positives / sums.customers,
            lift: sums.positives / sums.customers / rate_of_all,
            predicted: sums.probability / sums.customers,
        };
        Some((customers > 0).then_some(decile))
    });
    let deciles = deciles.flatten().collect();
    Some(GainsTable {
        customers: n,
        positives,
        gini: rows.gini(),
        deciles,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-9
    }

    #[test]
    fn a_perfect_ranking_finds_everybody_first() {
        // 20 customers, the upper four positive: two to a decile.
        let scores: Vec<f64> = (0..20).map(|i| -f64::from(i)).collect();
        let probabilities: Vec<f64> = (0..20).map(|i| 1.0 - f64::from(i) / 20.0).collect();
        let positive: Vec<bool> = (0..20).map(|i| i < 4).collect();
        let table = gains(&scores, &probabilities, &positive).unwrap();
        assert_eq!((table.customers, table.positives, table.gini), (20, 4, Some(1.0)));
        let found: Vec<f64> = table.deciles.iter().map(|decile| decile.found).collect();
        assert_eq!(found, [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
        let first = table.deciles[0];
        assert_eq!((first.customers, first.contacted), (2, 0.1));
        assert!(near(first.rate, 1.0) && near(first.lift, 5.0) && near(first.predicted, 0.975));
        assert!(near(table.deciles[2].lift, 0.0));
    }

    #[test]
    fn equal_scores_are_the_diagonal() {
        let positive: Vec<bool> = (0..37).map(|i| i % 3 == 0).collect();
        let probabilities: Vec<f64> = (0..37).map(|i| f64::from(i) / 37.0).collect();
        let table = gains(&[0.5; 37], &probabilities, &positive).unwrap();
        assert_eq!(table.gini, Some(0.0));
        assert_eq!(
            table.deciles.iter().map(|decile| decile.customers).sum::<usize>(),
            37
        );
        for decile in &table.deciles {
            assert!(near(decile.found, decile.contacted) && near(decile.lift, 1.0));
            assert!(near(decile.predicted, 18.0 / 37.0), "{decile:?}");
        }
    }

    #[test]
    fn few_customers_fill_few_deciles_and_nobody_found_is_no_table() {
        let table = gains(&[3.0, 2.0, 1.0], &[0.9, 0.5, 0.1], &[true, false, false]).unwrap();
        let customers: Vec<usize> = table.deciles.iter().map(|decile| decile.customers).collect();
        assert_eq!(customers, [1, 1, 1]);
        assert!(near(table.deciles[0].found, 1.0) && near(table.deciles[0].contacted, 1.0 / 3.0));
        assert_eq!(gains(&[1.0], &[0.5], &[false]), None);
        assert_eq!(gains(&[], &[], &[]), None);
        assert_eq!(gains(&[1.0], &[0.5], &[true]).unwrap().gini, None);
    }

    proptest! {
        /// Each customer of a group stands at every place of the group equally often: the mean over all rotations
        /// within each group is the expectation over its orders.
        #[test]
        fn ties_are_the_mean_over_their_orders(rows in prop::collection::vec((0u8..5, 0u8..9, any::<bool>()), 1..40)) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let probabilities: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 8.0).collect();
            let positive: Vec<bool> = rows.iter().map(|r| r.2).collect();
            let total = positive.iter().filter(|&&p| p).count() as f64;
            let table = gains(&scores, &probabilities, &positive);
            prop_assert_eq!(table.is_some(), total > 0.0);
            let Some(table) = table else { return Ok(()) };

            let n = rows.len();
            // The chance that a customer stands in a decile: places of her group that lie in it, over its size.
            let share = |row: usize, from: usize, to: usize| {
                let above = scores.iter().filter(|&&s| s > scores[row]).count();
                let same = scores.iter().filter(|&&s| near(s, scores[row])).count();
                let places = (above..above + same).filter(|place| (from..to).contains(place)).count();
                places as f64 / same as f64
            };
            let (mut from, mut found, mut at) = (0, 0.0, 0);
            for decile in 1..=10 {
                let to = n * decile / 10;
                if to == from {
                    continue;
                }
                let sum = |of: &dyn Fn(usize) -> f64| -> f64 {
                    (0..n).map(|row| share(row, from, to) * of(row)).sum()
                };
                let positives = sum(&|row| f64::from(u8::from(positive[row])));
                found += positives;
                let row = table.deciles[at];
                let customers = (to - from) as f64;
                prop_assert_eq!(row.customers, to - from);
                prop_assert!(near(row.found, found / total));
                prop_assert!(near(row.rate, positives / customers));
                prop_assert!(near(row.lift, positives / customers / (total / n as f64)));
                prop_assert!(near(row.predicted, sum(&|row| probabilities[row]) / customers));
                at += 1;
                from = to;
            }
            prop_assert_eq!(at, table.deciles.len());
        }

        #[test]
        fn order_changes_nothing_and_the_first_decile_has_the_lift(rows in prop::collection::vec((0u8..6, any::<bool>()), 10..50)) {
            let n = rows.len() / 10 * 10;
            let rows = &rows[..n];
            let score = |r: &(u8, bool)| f64::from(r.0) / 6.0;
            let scores: Vec<f64> = rows.iter().map(score).collect();
            let positive: Vec<bool> = rows.iter().map(|r| r.1).collect();
            let table = gains(&scores, &scores, &positive);
            let reversed: Vec<f64> = scores.iter().rev().copied().collect();
            let outcomes: Vec<bool> = positive.iter().rev().copied().collect();
            let other = gains(&reversed, &reversed, &outcomes);
            let lift = ScoredRows::new(&scores, &positive).lift(0.1);
            prop_assert_eq!(table.is_some(), lift.is_some());
            if let (Some(table), Some(other), Some(lift)) = (table, other, lift) {
                prop_assert!(near(table.deciles[0].lift, lift.lift));
                for (a, b) in table.deciles.iter().zip(&other.deciles) {
                    prop_assert!(near(a.found, b.found) && near(a.predicted, b.predicted));
                }
            }
        }
    }
}
