//! How well a model tells what is bought again: every pair known at an instant, against what followed.
//!
//! Enters: histories, parameters, an instant and a window. Leaves: average precision over all pairs and its mean by customer, for the
//! model and for what anybody could do without one, with intervals over customers; and for the model, Brier score and
//! calibration.
//!
//! A pair is a customer and an item that she bought before the instant and has not given back; it is positive when she buys the item in
//! `[cut_off, cut_off + window)`.

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

use crate::id::{CustomerIdx, ItemIdx};
use crate::measure::bootstrap::Bootstrap;
use crate::measure::calibration::expected_calibration_error;
use crate::measure::classification::{ScoredRows, brier, brier_skill};
use crate::recommend::buy_again::past::{Bought, Past};
use crate::recommend::buy_again::{BuyAgain, BuyAgainError, BuyAgainInputs, BuyAgainParams, BuyAgainReport};
use crate::time::Timestamp;

use super::temporal_ranking::Estimate;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BuyAgainQuestion {
    /// Everything strictly before is known.
    pub cut_off: Timestamp,
    /// Days from there in which a pair may be bought again.
    pub window_days: f64,
    /// How intervals are drawn.
    pub bootstrap: Bootstrap,
}

/// One way to rank.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RankerReport {
    /// Average precision over all pairs.
    pub average_precision: Estimate,
    /// Mean over customers who bought something again of the average precision among their pairs.
    pub customer_average_precision: Estimate,
}

/// What the evaluation found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BuyAgainEvaluation {
    /// Everything strictly before was known.
    pub as_of: Timestamp,
    /// The window.
    pub window_days: f64,
    /// Customers with a pair.
    pub customers: usize,
    /// Pairs.
    pub pairs: usize,
    /// Part of them that was bought again.
    pub rate: f64,
    /// By name: the model and what anybody could do.
    pub models: BTreeMap<&'static str, RankerReport>,
    /// By name: the model less the other.
    pub buy_again_minus: BTreeMap<&'static str, RankerReport>,
    /// Mean squared error of the model's probabilities.
    pub brier: f64,
    /// How much better than always saying the rate.
    pub brier_skill: Option<f64>,
    /// Expected calibration error of the probabilities.
    pub ece: f64,
    /// Mean probability.
    pub mean_probability: f64,
    /// What the fit found.
    pub fit: BuyAgainReport,
}

/// Ranks by how often the item was bought.
pub const MOST_BOUGHT: &str = "most-bought";
/// Ranks by how lately the item was bought.
pub const MOST_RECENT: &str = "most-recently-bought";
/// Ranks by the number of purchases, each counting half after 30 days.
pub const FADING_30: &str = "fading-count-30";
/// Ranks by the number of purchases, each counting half after 90 days.
pub const FADING_90: &str = "fading-count-90";

/// Names in the order of [`scores`]; the model comes first.
const NAMES: [&str; 5] = [BuyAgain::NAME, MOST_BOUGHT, MOST_RECENT, FADING_30, FADING_90];

/// All pairs, those of a customer side by side.
struct Pairs {
    /// By customer with a pair: where hers begin; one more than customers.
    offsets: Vec<usize>,
    scores: [Vec<f64>; NAMES.len()],
    positive: Vec<bool>,
}

/// Fits on everything before the cut-off and judges by what followed.
///
/// # Errors
/// [`BuyAgainError`] when there is nothing to learn from before the cut-off or the window is longer than the longest of the parameters.
pub fn evaluate(
    inputs: BuyAgainInputs<'_>,
    params: &BuyAgainParams,
    question: &BuyAgainQuestion,
) -> Result<BuyAgainEvaluation, BuyAgainError> {
    let (model, fit) = BuyAgain::fit(inputs, params, question.cut_off)?;
    let pairs = pairs(inputs, &model, question)?;
    let sorted: Vec<ScoredRows> = pairs
        .scores
        .iter()
        .map(|scores| ScoredRows::new(scores, &pairs.positive))
        .collect();
    let owner = owners(&pairs.offsets);
    let of_customers: Vec<Vec<Option<f64>>> = pairs
        .scores
        .iter()
        .map(|scores| by_customer(scores, &pairs))
        .collect();
    let customers = pairs.offsets.len() - 1;
    let mut values: Vec<f64> = Vec::new();
    for (rows, each) in sorted.iter().zip(&of_customers) {
        values.push(rows.average_precision().unwrap_or(0.0));
        values.push(mean_of(each, None));
    }
    let drawn = question.bootstrap.intervals(customers, |drawn| {
        let mut times = vec![0u32; customers];
        drawn.iter().for_each(|&customer| times[customer as usize] += 1);
        let draws: Vec<u32> = owner.iter().map(|&customer| times[customer as usize]).collect();
        let mut found = Vec::with_capacity(4 * NAMES.len());
        for (rows, each) in sorted.iter().zip(&of_customers) {
            found.push(rows.average_precision_of_draws(&draws).unwrap_or(f64::NAN));
            found.push(mean_of(each, Some(&times)));
        }
        with_differences(&found)
    });
    let values = with_differences(&values);
    let estimate = |at: usize| Estimate {
        value: values[at],
        interval: drawn.as_ref().map(|intervals| intervals[at]),
    };
    let report = |at: usize| RankerReport {
        average_precision: estimate(at),
        customer_average_precision: estimate(at + 1),
    };
    let probabilities = &pairs.scores[0];
    let n = pairs.positive.len().max(1) as f64;
    Ok(BuyAgainEvaluation {
        as_of: question.cut_off,
        window_days: question.window_days,
        customers,
        pairs: pairs.positive.len(),
        rate: pairs.positive.iter().filter(|&&hit| hit).count() as f64 / n,
        models: NAMES
            .iter()
            .enumerate()
            .map(|(at, &name)| (name, report(2 * at)))
            .collect(),
        buy_again_minus: (1..NAMES.len())
            .map(|at| (NAMES[at], report(2 * NAMES.len() + 2 * at - 2)))
            .collect(),
        brier: brier(probabilities, &pairs.positive),
        brier_skill: brier_skill(probabilities, &pairs.positive),
        ece: expected_calibration_error(probabilities, &pairs.positive),
        mean_probability: probabilities.iter().sum::<f64>() / n,
        fit,
    })
}

/// The metrics of all rankers, then of the first less each other.
fn with_differences(found: &[f64]) -> Vec<f64> {
    let differences = found[2..]
        .iter()
        .enumerate()
        .map(|(at, value)| found[at % 2] - value);
    found.iter().copied().chain(differences).collect()
}

/// The pairs of one customer: scores of each ranker, and what happened.
type Rows = Vec<([f64; NAMES.len()], bool)>;

fn pairs(
    inputs: BuyAgainInputs<'_>,
    model: &BuyAgain,
    question: &BuyAgainQuestion,
) -> Result<Pairs, BuyAgainError> {
    let customers: Vec<CustomerIdx> = inputs.histories.customers().rows().collect();
    let end = question.cut_off.plus_days(question.window_days);
    let of_customer = |customer: CustomerIdx| -> Result<Rows, BuyAgainError> {
        let history = inputs.histories.of(customer);
        let past = Past::of(history.before(question.cut_off), inputs.calendar);
        let later = Past::of(history.before(end), inputs.calendar);
        let mut due = model.due(history, question.cut_off, question.window_days)?;
        due.sort_unstable_by_key(|due| due.item);
        // The model answers for the same pairs, in the same order of rows.
        let rows = past.pairs().iter().zip(&due).map(|(pair, due)| {
            let item: ItemIdx = pair.item;
            let scores = scores(due.probability, past.bought(pair), question.cut_off);
            (scores, later.bought_since(item, question.cut_off))
        });
        Ok(rows.collect())
    };
    let all = customers
        .into_par_iter()
        .map(of_customer)
        .collect::<Result<Vec<_>, _>>()?;
    let mut pairs = Pairs {
        offsets: vec![0],
        scores: Default::default(),
        positive: Vec::new(),
    };
    for rows in all.into_iter().filter(|rows| !rows.is_empty()) {
        for (scores, hit) in rows {
            for (column, score) in pairs.scores.iter_mut().zip(scores) {
                column.push(score);
            }
            pairs.positive.push(hit);
        }
        pairs.offsets.push(pairs.positive.len());
    }
    Ok(pairs)
}

fn scores(probability: f64, bought: &[Bought], now: Timestamp) -> [f64; NAMES.len()] {
    let silence = bought
        .last()
        .map_or(f64::INFINITY, |last| now.days_since(last.at));
    let fading = |half_life: f64| {
        bought
            .iter()
            .map(|day| (-now.days_since(day.at) / half_life).exp2())
            .sum()
    };
    [
        probability,
        bought.len() as f64,
        -silence,
        fading(30.0),
        fading(90.0),
    ]
}

fn owners(offsets: &[usize]) -> Vec<u32> {
    // Customers are rows, which a u32 counts.
    let of = offsets.windows(2).zip(0u32..);
    of.flat_map(|(ends, customer)| std::iter::repeat_n(customer, ends[1] - ends[0]))
        .collect()
}

fn by_customer(scores: &[f64], pairs: &Pairs) -> Vec<Option<f64>> {
    pairs
        .offsets
        .par_windows(2)
        .map(|ends| {
            let rows = ends[0]..ends[1];
            ScoredRows::new(&scores[rows.clone()], &pairs.positive[rows]).average_precision()
        })
        .collect()
}

/// The mean of the customers who have a value, each as often as drawn.
fn mean_of(values: &[Option<f64>], times: Option<&[u32]>) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        if let Some(value) = value {
            let weight = times.map_or(1.0, |times| f64::from(times[at]));
            sum += weight * value;
            n += weight;
        }
    }
    if n > 0.0 { sum / n } else { f64::NAN }
}
