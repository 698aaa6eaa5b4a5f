//! Where the customers of a fold stand: by risk, by recency and frequency, and apart those who had come back before.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::churn::segment::Rfm;
use crate::churn::{Band, ChurnParams};
use crate::measure::classification::{ScoredRows, brier};

/// Bins of the risk over 0 to 1.
pub const RISK_BINS: usize = 20;

/// How the risk is spread over the customers.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RiskSpread {
    /// Customers by probability: bin `b` holds `[b / 20, (b + 1) / 20)`, the last one 1 too.
    pub counts: [u64; RISK_BINS],
    /// A probability below this is low risk.
    pub low_below: f64,
    /// A probability above this is high risk.
    pub high_above: f64,
    /// Customers of low risk.
    pub low: u64,
    /// Customers of medium risk.
    pub medium: u64,
    /// Customers of high risk.
    pub high: u64,
}

impl RiskSpread {
    /// Counts probabilities, which lie within 0 and 1, by bin and by the bands of the parameters.
    pub(super) fn of(probabilities: &[f64], params: &ChurnParams) -> Self {
        let mut spread = Self {
            counts: [0; RISK_BINS],
            low_below: params.raw().low_below,
            high_above: params.raw().high_above,
            low: 0,
            medium: 0,
            high: 0,
        };
        for &p in probabilities {
            // A float-to-int cast saturates; 1 belongs to the last bin.
            let bin = ((p * RISK_BINS as f64) as usize).min(RISK_BINS - 1);
            spread.counts[bin] += 1;
            *match Band::of(p, params) {
                Band::Low => &mut spread.low,
                Band::Medium => &mut spread.medium,
                Band::High => &mut spread.high,
            } += 1;
        }
        spread
    }
}

/// The judged customers of one recency and frequency, all money scores together.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct RfmCell {
    /// Recency score, 1 to 5; 5 bought latest.
    pub recency: u8,
    /// Frequency score, 1 to 5; 5 bought most often.
    pub frequency: u8,
    /// How many they are.
    pub customers: u64,
    /// Mean of their probabilities to churn.
    pub mean_risk: f64,
    /// Share of them who churned.
    pub churn_rate: f64,
}

/// The cells that have customers, by rising recency and frequency within it. Who has no scores is in none.
pub(super) fn rfm_cells(scores: &[Option<Rfm>], probabilities: &[f64], churned: &[bool]) -> Vec<RfmCell> {
    let mut cells: BTreeMap<(u8, u8), RfmCell> = BTreeMap::new();
    for ((rfm, risk), &left) in scores.iter().zip(probabilities).zip(churned) {
        let Some(Rfm {
            recency, frequency, ..
        }) = *rfm
        else {
            continue;
        };
        let cell = cells.entry((recency, frequency)).or_insert(RfmCell {
            recency,
            frequency,
            customers: 0,
            mean_risk: 0.0,
            churn_rate: 0.0,
        });
        // Sums until all are counted.
        cell.customers += 1;
        cell.mean_risk += risk;
        cell.churn_rate += f64::from(u8::from(left));
    }
    cells
        .into_values()
        .map(|cell| RfmCell {
            mean_risk: cell.mean_risk / cell.customers as f64,
            churn_rate: cell.churn_rate / cell.customers as f64,
            ..cell
        })
        .collect()
}

/// Metrics over the customers with two purchase days or more. One-time buyers, most of whom do not come back, are easy
/// to foresee: with them every ranking looks better than it is where a campaign has a choice.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct RepeatBuyers {
    /// How many they are.
    pub customers: usize,
    /// Share of them who churned.
    pub churn_rate: f64,
    /// AUC among them; `None` when all had the same outcome.
    pub auc: Option<f64>,
    /// Mean squared error of their probabilities.
    pub brier: f64,
}

impl RepeatBuyers {
    /// The metrics over the customers whom `repeat` says; `None` without one.
    pub(super) fn of(probabilities: &[f64], churned: &[bool], repeat: &[bool]) -> Option<Self> {
        let (p, y): (Vec<f64>, Vec<bool>) = probabilities
            .iter()
            .zip(churned)
            .zip(repeat)
            .filter(|(_, repeat)| **repeat)
            .map(|((&p, &y), _)| (p, y))
            .unzip();
        (!y.is_empty()).then(|| Self {
            customers: y.len(),
            churn_rate: y.iter().filter(|&&y| y).count() as f64 / y.len() as f64,
            auc: ScoredRows::new(&p, &y).auc(),
            brier: brier(&p, &y),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risks_are_counted_by_bin_and_by_the_limits_of_the_recipe() {
        let spread = RiskSpread::of(&[0.0, 0.32, 0.33, 0.34, 0.66, 0.67, 1.0], &ChurnParams::default());
        let mut counts = [0; RISK_BINS];
        (counts[0], counts[6], counts[13], counts[19]) = (1, 3, 2, 1);
        assert_eq!(spread.counts, counts);
        assert_eq!((spread.low, spread.medium, spread.high), (2, 3, 2));
        assert!((spread.low_below - 0.33).abs() < 1e-12 && (spread.high_above - 0.66).abs() < 1e-12);
    }

    #[test]
    fn cells_have_the_means_of_their_customers() {
        let rfm = |recency, frequency, monetary| {
            Some(Rfm {
                recency,
                frequency,
                monetary,
            })
        };
        let scores = [rfm(5, 4, Some(1)), None, rfm(1, 2, None), rfm(5, 4, Some(5))];
        let cells = rfm_cells(&scores, &[0.25, 0.9, 0.8, 0.5], &[true, true, true, false]);
        let cell = |recency, frequency, customers, mean_risk, churn_rate| RfmCell {
            recency,
            frequency,
            customers,
            mean_risk,
            churn_rate,
        };
        assert_eq!(cells, [cell(1, 2, 1, 0.8, 1.0), cell(5, 4, 2, 0.375, 0.5)]);
    }

    #[test]
    fn repeat_buyers_are_judged_without_the_others() {
        // The first customer would spoil both numbers.
        let (p, y) = ([0.9, 0.8, 0.2, 0.4], [false, true, false, false]);
        let of = |repeat: [bool; 4]| RepeatBuyers::of(&p, &y, &repeat);
        let found = of([false, true, true, true]).unwrap();
        assert_eq!((found.customers, found.auc), (3, Some(1.0)));
        assert!((found.churn_rate - 1.0 / 3.0).abs() < 1e-12);
        assert!((found.brier - (0.04 + 0.04 + 0.16) / 3.0).abs() < 1e-12);
        assert_eq!(of([false, true, false, false]).unwrap().auc, None);
        assert_eq!(of([false; 4]), None);
    }
}
