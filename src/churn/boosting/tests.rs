//! The trees are forust's, the contributions are Shapley's, and what is read back is what was written.

use forust_ml::constraints::{Constraint, ConstraintMap};
use forust_ml::gradientbooster::ContributionsMethod;
use forust_ml::{GradientBooster, Matrix};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};

use super::fit::{BINS, L2, LEARNING_RATE, MIN_LEAF_WEIGHT, TREES};
use super::stored::Stored;
use super::tree::{DEPTH, LEAVES, TESTS, Tree};
use super::{Boosted, Monotone};
use crate::churn::ChurnError;
use crate::churn::platt::{logit, sigmoid};

const WIDTH: usize = 6;

/// Rows of six columns, one after the other, and outcomes that depend on them with interactions. The third column takes
/// four values, the last says nothing.
fn rows(n: usize, seed: u64) -> (Vec<f64>, Vec<bool>) {
    let mut draw = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut columns = vec![0.0; WIDTH * n];
    let mut churned = Vec::with_capacity(n);
    for row in 0..n {
        let mut x: [f64; WIDTH] = std::array::from_fn(|_| draw.gen_range(-2.0..2.0));
        x[2] = x[2].floor();
        let log_odds = 1.2 * x[0] - 0.8 * x[1] * x[2] + (3.0 * x[3]).sin() + 0.5 * x[4].powi(2) - 1.0;
        churned.push(draw.gen_bool(sigmoid(log_odds)));
        for (column, x) in x.iter().enumerate() {
            columns[column * n + row] = *x;
        }
    }
    (columns, churned)
}

fn row(columns: &[f64], at: usize) -> Vec<f64> {
    let n = columns.len() / WIDTH;
    (0..WIDTH).map(|column| columns[column * n + at]).collect()
}

/// The same trees by the crate's own loop.
fn forust(columns: &[f64], churned: &[bool], constraints: Option<ConstraintMap>) -> GradientBooster {
    let mut booster = GradientBooster::default()
        .set_iterations(TREES)
        .set_learning_rate(LEARNING_RATE)
        .set_max_depth(DEPTH)
        .set_l2(L2)
        .set_nbins(BINS)
        .set_min_leaf_weight(MIN_LEAF_WEIGHT)
        .set_allow_missing_splits(false)
        .set_monotone_constraints(constraints);
    let y: Vec<f64> = churned.iter().map(|&c| f64::from(u8::from(c))).collect();
    let data = Matrix::new(columns, churned.len(), WIDTH);
    booster.fit_unweighted(&data, &y, None).unwrap();
    booster
}

/// A fit that begins with the share of churners in every row.
fn fit(columns: &[f64], monotone: &[Monotone], churned: &[bool]) -> Result<Boosted, ChurnError> {
    let churners = churned.iter().filter(|&&c| c).count();
    let start = vec![logit(churners as f64 / churned.len() as f64); churned.len()];
    Boosted::fit(&start, columns, monotone, churned)
}

#[test]
fn log_odds_and_contributions_are_those_of_forust() {
    let (columns, churned) = rows(4000, 1);
    let ours = fit(&columns, &[Monotone::Free; WIDTH], &churned).unwrap();
    let theirs = forust(&columns, &churned, None);
    let data = Matrix::new(&columns, churned.len(), WIDTH);
    let predicted = theirs.predict(&data, true);
    let shapley = theirs.predict_contributions(&data, ContributionsMethod::Shapley, true);
    let (lowest, highest) = predicted
        .iter()
        .fold((0.0_f64, 0.0_f64), |(low, high), p| (low.min(*p), high.max(*p)));
    assert!(lowest < -2.0 && highest > 2.0, "{lowest} to {highest}");
    let mut out = [0.0; WIDTH];
    for at in 0..churned.len() {
        let row = row(&columns, at);
        let log_odds = ours.log_odds(&row);
        assert!(
            (log_odds - predicted[at]).abs() < 1e-9,
            "{log_odds} is not {}",
            predicted[at]
        );
        let expectation = ours.contributions(&row, &mut out);
        assert!((expectation + out.iter().sum::<f64>() - log_odds).abs() < 1e-12);
        let expected = &shapley[at * (WIDTH + 1)..][..WIDTH + 1];
        for (found, expected) in out.iter().chain([&expectation]).zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} is not {expected}");
        }
    }
}

/// What a tree says when only the columns of a set are known: Algorithm 1 of Lundberg et al.
fn known(tree: &Tree, covers: &[f64], node: usize, row: &[f64], set: usize) -> f64 {
    if node >= TESTS {
        return tree.leaves[node - TESTS].weight;
    }
    let (left, right) = (2 * node + 1, 2 * node + 2);
    let test = tree.tests[node];
    let column = test.column as usize;
    if test.is_none() || (set >> column & 1 == 1 && row[column] < test.below) {
        known(tree, covers, left, row, set)
    } else if set >> column & 1 == 1 {
        known(tree, covers, right, row, set)
    } else {
        (covers[left] * known(tree, covers, left, row, set)
            + covers[right] * known(tree, covers, right, row, set))
            / covers[node]
    }
}

#[test]
fn contributions_are_shapley_values_over_all_sets_of_columns() {
    let (columns, churned) = rows(3000, 2);
    let boosted = fit(&columns, &[Monotone::Free; WIDTH], &churned).unwrap();
    let twice = |tree: &Tree| {
        let on_path = |l: usize| [0, 1 + l / 4, 3 + l / 2].map(|node| tree.tests[node].column);
        (0..LEAVES).any(|leaf| {
            let [a, b, c] = on_path(leaf);
            a == b || b == c || a == c
        })
    };
    assert!(boosted.trees.iter().any(twice), "no path tests a column twice");
    let factorial = |k: usize| (1..=k).product::<usize>() as f64;
    let mut out = [0.0; WIDTH];
    for at in 0..40 {
        let row = row(&columns, at);
        let value: Vec<f64> = (0..1 << WIDTH)
            .map(|set| {
                let of = |tree: &Tree| known(tree, &tree.covers(), 0, &row, set);
                boosted.base + boosted.trees.iter().map(of).sum::<f64>()
            })
            .collect();
        let expectation = boosted.contributions(&row, &mut out);
        assert!(
            (expectation - value[0]).abs() < 1e-9,
            "{expectation} is not {}",
            value[0]
        );
        for (column, found) in out.iter().enumerate() {
            let expected: f64 = (0..1_usize << WIDTH)
                .filter(|set| set >> column & 1 == 0)
                .map(|set| {
                    let size = set.count_ones() as usize;
                    let share = factorial(size) * factorial(WIDTH - size - 1) / factorial(WIDTH);
                    share * (value[set | 1 << column] - value[set])
                })
                .sum();
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }
}

/// The largest step against the direction when one column rises and everything else stays.
fn worst_step(log_odds: impl Fn(&[f64]) -> f64, columns: &[f64], column: usize, sign: f64) -> f64 {
    let mut worst = 0.0_f64;
    for at in 0..400 {
        let mut row = row(columns, at);
        let mut before = f64::NEG_INFINITY;
        for step in 0..=80 {
            row[column] = -2.1 + 4.2 * f64::from(step) / 80.0;
            let now = sign * log_odds(&row);
            worst = worst.max(before - now);
            before = now;
        }
    }
    worst
}

#[test]
fn log_odds_never_go_against_a_monotone_column() {
    let (columns, churned) = rows(4000, 3);
    let mut monotone = [Monotone::Free; WIDTH];
    (monotone[0], monotone[1]) = (Monotone::Rising, Monotone::Falling);
    let held = fit(&columns, &monotone, &churned).unwrap();
    let free = fit(&columns, &[Monotone::Free; WIDTH], &churned).unwrap();
    for (column, sign) in [(0, 1.0), (1, -1.0)] {
        let worst = worst_step(|row| held.log_odds(row), &columns, column, sign);
        assert!(worst < 1e-12, "column {column} goes back by {worst}");
        let unheld = worst_step(|row| free.log_odds(row), &columns, column, sign);
        assert!(
            unheld > 0.05,
            "column {column} would be monotone by itself: {unheld}"
        );
    }
    // The other direction, which the rows contradict, leaves nothing to say.
    monotone[0] = Monotone::Falling;
    let against = fit(&columns, &monotone, &churned).unwrap();
    assert!(worst_step(|row| against.log_odds(row), &columns, 0, -1.0) < 1e-12);
    let constraints = ConstraintMap::from([(0, Constraint::Positive), (1, Constraint::Negative)]);
    let theirs = forust(&columns, &churned, Some(constraints));
    let theirs = |row: &[f64]| theirs.predict(&Matrix::new(row, 1, WIDTH), false)[0];
    let slack = [(0, 1.0), (1, -1.0)].map(|(column, sign)| worst_step(theirs, &columns, column, sign));
    assert!(
        slack[0].max(slack[1]) > 1e-6,
        "forust holds its leaves within the bounds by itself: {slack:?}"
    );
}

#[test]
fn the_same_bits_for_any_number_of_threads() {
    // More rows than forust spreads over threads.
    let (columns, churned) = rows(20_000, 4);
    let monotone = [
        Monotone::Rising,
        Monotone::Free,
        Monotone::Free,
        Monotone::Free,
        Monotone::Free,
        Monotone::Free,
    ];
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| fit(&columns, &monotone, &churned).unwrap())
    };
    let one = fit(1);
    assert_eq!(one, fit(3));
    assert_eq!(one, fit(8));
}

#[test]
fn rows_that_cannot_teach_are_refused() {
    let (columns, churned) = rows(200, 5);
    let refusal = |columns: &[f64], churned: &[bool]| {
        fit(columns, &[Monotone::Free; WIDTH], churned)
            .unwrap_err()
            .to_string()
    };
    assert!(refusal(&columns, &[true; 200]).contains("only one outcome"));
    assert!(refusal(&columns, &churned[1..]).contains("1200 values are not 6 columns of 199 rows"));
    for bad in [f64::NAN, f64::INFINITY] {
        let mut columns = columns.clone();
        columns[700] = bad;
        assert!(refusal(&columns, &churned).contains("is not finite"));
    }
    // Too few rows for a split within the least leaf weight: trees of one leaf.
    let boosted = fit(&columns[..60], &[Monotone::Free; WIDTH], &churned[..10]).unwrap();
    let mut out = [0.0; WIDTH];
    let expectation = boosted.contributions(&row(&columns, 0), &mut out);
    assert!(out.iter().all(|contribution: &f64| contribution.abs() < 1e-15));
    assert!((boosted.log_odds(&row(&columns, 0)) - expectation).abs() < 1e-12);
}

#[test]
fn a_stored_model_is_read_back_bit_by_bit() {
    let (columns, churned) = rows(2000, 6);
    let boosted = fit(&columns, &[Monotone::Free; WIDTH], &churned).unwrap();
    let text = serde_json::to_string(&boosted).unwrap();
    assert_eq!(serde_json::from_str::<Boosted>(&text).unwrap(), boosted);
    assert_eq!(boosted.columns(), WIDTH);
}

#[test]
fn a_broken_stored_model_is_refused_by_name() {
    let leaf = |weight: f64, cover: f64| json!({"weight": weight, "cover": cover});
    let test = json!({"column": 1, "below": 0.5});
    let whole = json!({
        "columns": 2,
        "base": -1.0,
        "trees": [{
            "tests": [test, null, null, null, null, null, null],
            "leaves": [leaf(0.1, 3.0), leaf(0.1, 0.0), leaf(0.1, 0.0), leaf(0.1, 0.0),
                       leaf(-0.2, 1.0), leaf(-0.2, 0.0), leaf(-0.2, 0.0), leaf(-0.2, 0.0)],
        }],
    });
    let read = |value: &Value| serde_json::from_value::<Boosted>(value.clone());
    let boosted = read(&whole).unwrap();
    // By hand: the expectation is −1 + (3 · 0.1 − 0.2) / 4.
    let mut out = [0.0; 2];
    assert!((boosted.contributions(&[9.0, 0.4], &mut out) + 0.975).abs() < 1e-12);
    assert!(out[0].abs() < 1e-12 && (out[1] - 0.075).abs() < 1e-12, "{out:?}");
    assert!(
        (boosted.log_odds(&[9.0, 0.5]) + 1.2).abs() < 1e-12,
        "the limit itself goes right"
    );

    let breakages: [(&str, Value, &str); 11] = [
        (
            "/columns",
            json!(1),
            "boosted.trees.tests.column = 1 of tree 0, test 0 is not below 1",
        ),
        ("/columns", json!(0), "boosted.columns = 0"),
        (
            "/trees/0/tests/0/column",
            json!(2),
            "boosted.trees.tests.column = 2",
        ),
        (
            "/trees/0/tests",
            json!([null]),
            "a tree 0 with 1 tests and 8 leaves",
        ),
        ("/trees/0/leaves", json!([]), "a tree 0 with 7 tests and 0 leaves"),
        (
            "/trees/0/leaves/4/cover",
            json!(-1.0),
            "boosted.trees.leaves.cover = -1",
        ),
        (
            "/trees/0/leaves/4/cover",
            json!(0.0),
            "on the two sides of test 0, not above 0 on both",
        ),
        (
            "/trees/0/leaves/1/cover",
            json!(2.0),
            "where no test sends rows to the right",
        ),
        ("/trees/0/tests/6", test.clone(), "on the two sides of test 6"),
        ("/trees/0/tests/1", test, "on the two sides of test 1"),
        (
            "/trees/0/leaves/0/cover",
            json!(0.0),
            "on the two sides of test 0",
        ),
    ];
    for (place, value, problem) in breakages {
        let mut broken = whole.clone();
        *broken.pointer_mut(place).unwrap() = value;
        let found = read(&broken).unwrap_err().to_string();
        assert!(found.contains(problem), "{place}: {found}");
    }
    let mut unknown = whole.clone();
    unknown["colour"] = json!("red");
    assert!(read(&unknown).unwrap_err().to_string().contains("colour"));
    // JSON has no infinities, other forms have.
    let spoiled = |spoil: fn(&mut Stored)| {
        let mut stored: Stored = serde_json::from_value(whole.clone()).unwrap();
        spoil(&mut stored);
        Boosted::try_from(stored).unwrap_err().to_string()
    };
    assert!(spoiled(|s| s.base = f64::NAN).contains("boosted.base = NaN"));
    assert!(spoiled(|s| s.trees[0].leaves[0].weight = f64::INFINITY).contains("leaves.weight = inf"));
    assert!(spoiled(|s| s.trees[0].leaves[0].cover = f64::NAN).contains("leaves.cover = NaN"));
    assert!(
        spoiled(|s| s.trees[0].tests[0].as_mut().unwrap().below = f64::INFINITY)
            .contains("tests.below = inf")
    );
    assert!(spoiled(|s| s.trees[0].leaves.iter_mut().for_each(|l| l.cover = 0.0)).contains("sums to 0"));
}
