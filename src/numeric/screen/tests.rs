//! Every form that the machine has, held to the definition.

use proptest::prelude::*;

use super::super::{dot, top_k};
use super::form::Form;
use super::*;

/// A seeded number between −1 and 1.
fn number(seed: u32, k: usize) -> f32 {
    let x = (k as u32)
        .wrapping_mul(2_654_435_761)
        .wrapping_add(seed.wrapping_mul(40_503));
    let x = (x ^ (x >> 15)).wrapping_mul(2_246_822_519);
    ((x ^ (x >> 13)) >> 8) as f32 / (1u32 << 23) as f32 - 1.0
}

/// All scores, and the best of them.
fn brute_force(
    index: &ExactIndex,
    search: &Search<'_>,
    bias: Option<&[f32]>,
    keep: impl Fn(usize) -> bool,
) -> Vec<(u32, f32)> {
    let scores: Vec<f32> = (0..index.n_rows())
        .map(|row| {
            let mut score = dot(index.row(row as u32), search.query);
            if let Some(bias) = bias {
                score += search.bias_weight * bias[row];
            }
            if let Some(addends) = search.addends {
                score += addends.get(row);
            }
            score
        })
        .collect();
    top_k(&scores, search.k, keep)
}

fn with_form(index: &ExactIndex, form: Form) -> ExactIndex {
    let mut index = index.clone();
    if let Some(screened) = &mut index.screened {
        screened.form = form;
    }
    index
}

proptest! {
    #[test]
    fn a_search_is_the_head_of_a_full_sort_of_exact_scores(
        width in prop_oneof![3 => 1usize..100, 1 => 100usize..130, 1 => 240usize..260], n in 0usize..900, k in prop_oneof![Just(0usize), Just(1), 2usize..60, 500usize..1000],
        masked in 2usize..6, seed in 0u32..999, steps in prop_oneof![Just(2.0f32), Just(1e4)],
        spread in prop_oneof![Just(0i32), Just(3), Just(12)], bias_weight in prop_oneof![Just(0.0f32), -2.0f32..2.0],
        touched in prop_oneof![Just(0usize), 1usize..300], zeros in 2usize..50,
    ) {
        // Few steps: ties are the rule.
        let rounded = |k: usize| (number(seed, k) * steps).round() / steps;
        let rows: Vec<f32> = (0..n * width)
            .map(|k| {
                let row = k / width;
                if row % zeros == 0 { 0.0 } else { rounded(k) * 2f32.powi((row * 7 % (spread as usize + 1)) as i32) }
            })
            .collect();
        let bias: Option<Vec<f32>> = (seed % 2 == 0).then(|| (0..n).map(|row| rounded(row + 5) * 3.0).collect());
        let index = ExactIndex::new(rows, width, bias.clone());
        let (mut addends, mut room, mut found) = (Addends::default(), SearchRoom::default(), vec![(7, 7.0)]);
        for form in Form::here() {
            let index = with_form(&index, form);
            for turn in 0..3 {
                let query: Vec<f32> = (0..width).map(|k| 4.0 * rounded(k + 17 + turn * 1000)).collect();
                index.open(&mut addends);
                for k in 0..if n == 0 { 0 } else { touched } {
                    addends.add((k * 37 + turn) % n, rounded(k + 3) * 8.0);
                }
                let search = Search {
                    query: &query, k, bias_weight, addends: (turn != 1).then_some(&addends),
                };
                let keep = |row: usize| row % masked != 1;
                prop_assert_eq!(index.search(&mut room, &search, keep, || false, &mut found), Some(()));
                let expected = brute_force(&index, &search, bias.as_deref(), keep);
                prop_assert_eq!(&found, &expected, "{:?} {}", form, turn);
            }
        }
    }

    #[test]
    fn magnitudes_at_both_ends_of_the_range_change_nothing(
        width in 1usize..40, seed in 0u32..999, powers in prop::collection::vec(-140i32..127, 1..60),
        query_power in -140i32..127, k in 1usize..9, bias_power in -140i32..127,
    ) {
        let rows: Vec<f32> = powers
            .iter()
            .enumerate()
            .flat_map(|(row, &power)| (0..width).map(move |k| number(seed, row * width + k) * 2f32.powi(power)))
            .collect();
        let bias: Vec<f32> = (0..powers.len()).map(|row| number(seed, row + 9) * 2f32.powi(bias_power)).collect();
        let index = ExactIndex::new(rows, width, Some(bias.clone()));
        let query: Vec<f32> = (0..width).map(|k| number(seed, k + 77) * 2f32.powi(query_power)).collect();
        for form in Form::here() {
            for bias_weight in [0.0, 1.0] {
                let search = Search { bias_weight, ..Search::new(&query, k) };
                let mut found = Vec::new();
                let index = with_form(&index, form);
                index.search(&mut SearchRoom::default(), &search, |_| true, || false, &mut found);
                prop_assert_eq!(&found, &brute_force(&index, &search, Some(&bias), |_| true));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// So many rows that most are passed over, also where what is nearly always so is not, or few rows are wanted.
    #[test]
    fn a_threshold_that_is_only_likely_changes_nothing(
        width in 1usize..20, n in 4097usize..9000, k in prop_oneof![1usize..40, 200usize..1500],
        masked in prop_oneof![Just(2usize), Just(2000)], seed in 0u32..999, steps in prop_oneof![Just(2.0f32), Just(1e4)],
        period in 1usize..200,
    ) {
        let rounded = |k: usize| (number(seed, k) * steps).round() / steps;
        // Lengths that come back after a period: some clusters are of long rows alone.
        let rows: Vec<f32> = (0..n * width).map(|k| rounded(k) * (1 + k / width % period) as f32).collect();
        let bias: Vec<f32> = (0..n).map(|row| rounded(row + 5)).collect();
        let index = ExactIndex::new(rows, width, Some(bias.clone()));
        let query: Vec<f32> = (0..width).map(|k| rounded(k + 17)).collect();
        let mut addends = Addends::default();
        index.open(&mut addends);
        (0..500).for_each(|k| addends.add(k * 37 % n, rounded(k + 3) * 8.0));
        let (mut room, mut found) = (SearchRoom::default(), Vec::new());
        let keep = |row: usize| if masked == 2 { row % 2 == 1 } else { row % masked == 1 };
        for form in Form::here() {
            let index = with_form(&index, form);
            for (bias_weight, addends) in [(0.0, None), (-0.5, None), (2.0, Some(&addends))] {
                let search = Search { query: &query, k, bias_weight, addends };
                prop_assert_eq!(index.search(&mut room, &search, keep, || false, &mut found), Some(()));
                prop_assert_eq!(&found, &brute_force(&index, &search, Some(&bias), keep));
            }
        }
    }
}

#[test]
fn more_than_there_are_is_all_of_them() {
    let rows: Vec<f32> = (0..5_000).map(|k| number(1, k)).collect();
    let index = ExactIndex::new(rows, 1, None);
    for k in [4_999, 5_000, usize::MAX] {
        let mut found = Vec::new();
        let search = Search::new(&[1.0], k);
        index.search(
            &mut SearchRoom::default(),
            &search,
            |_| true,
            || false,
            &mut found,
        );
        assert_eq!(found, brute_force(&index, &search, None, |_| true));
    }
}

/// Everything ties, so that nothing can be dropped before it is scored.
#[test]
fn a_search_that_is_over_stops_while_it_scores() {
    let index = ExactIndex::new(vec![1.0; 20_000], 1, None);
    let asked = std::cell::Cell::new(0);
    let search = |most: usize, found: &mut Vec<(u32, f32)>| {
        asked.set(0);
        let is_over = || {
            asked.set(asked.get() + 1);
            asked.get() > most
        };
        index.search(
            &mut SearchRoom::default(),
            &Search::new(&[1.0], 10),
            |_| true,
            is_over,
            found,
        )
    };
    let mut found = Vec::new();
    assert_eq!(search(usize::MAX, &mut found), Some(()));
    assert_eq!(found, (0..10).map(|row| (row, 1.0)).collect::<Vec<_>>());
    let asked_in_all = asked.get();
    assert_eq!(search(asked_in_all - 1, &mut found), None);
    assert_eq!(found, []);
}

#[test]
fn few_rows_are_looked_at_closely() {
    let rows: Vec<f32> = (0..20_000 * 32)
        .map(|k| number(3, k) + number(5, k) + number(7, k))
        .collect();
    let index = ExactIndex::new(rows, 32, None);
    let query: Vec<f32> = (0..32).map(|k| number(9, k)).collect();
    for form in Form::here() {
        let asked = std::cell::Cell::new(0);
        let keep = |_| {
            asked.set(asked.get() + 1);
            true
        };
        let mut found = Vec::new();
        let index = with_form(&index, form);
        index.search(
            &mut SearchRoom::default(),
            &Search::new(&query, 10),
            keep,
            || false,
            &mut found,
        );
        assert_eq!(found.len(), 10);
        assert!(asked.get() < 200, "{form:?}: {}", asked.get());
    }
}

/// As the server's threads do: one room meets indices of all sizes, with and without what is added, and searches that were
/// given up.
#[test]
fn a_room_may_go_from_one_index_to_another() {
    let (mut room, mut addends, mut found) = (SearchRoom::default(), Addends::default(), Vec::new());
    for (turn, (n, width)) in [
        (9000, 8),
        (300, 64),
        (5000, 20),
        (0, 3),
        (7000, 8),
        (40, 130),
        (9000, 8),
    ]
    .into_iter()
    .enumerate()
    {
        let rows: Vec<f32> = (0..n * width).map(|k| number(turn as u32, k)).collect();
        let index = ExactIndex::new(rows, width, None);
        let query: Vec<f32> = (0..width).map(|k| number(50, k)).collect();
        for touched in [200, 0, 2000] {
            index.open(&mut addends);
            for k in 0..if n == 0 { 0 } else { touched } {
                addends.add((k * 7) % n, number(60, k));
            }
            let search = Search {
                addends: (touched > 0).then_some(&addends),
                ..Search::new(&query, 30)
            };
            for given_up in [2, 1, 0, usize::MAX] {
                let asked = std::cell::Cell::new(0);
                let is_over = || {
                    asked.set(asked.get() + 1);
                    asked.get() > given_up
                };
                if index.search(&mut room, &search, |row| row % 5 != 1, is_over, &mut found) == Some(()) {
                    let expected = brute_force(&index, &search, None, |row| row % 5 != 1);
                    assert_eq!(found, expected, "{n} × {width}, {touched}");
                }
            }
        }
    }
}

#[test]
fn what_is_no_number_is_left_out() {
    let rows = vec![1.0, 0.0, f32::NAN, 0.0, f32::INFINITY, 0.0, 2.0, 0.0];
    let index = ExactIndex::new(rows, 2, None);
    let mut found = Vec::new();
    index.search(
        &mut SearchRoom::default(),
        &Search::new(&[1.0, 0.0], 9),
        |_| true,
        || false,
        &mut found,
    );
    assert_eq!(found, [(2, f32::INFINITY), (3, 2.0), (0, 1.0)]);
    let index = ExactIndex::new(vec![1.0, 2.0, 3.0], 1, Some(vec![f32::NAN, 0.0, -1.0]));
    let search = Search {
        bias_weight: 1.0,
        ..Search::new(&[1.0], 9)
    };
    index.search(
        &mut SearchRoom::default(),
        &search,
        |_| true,
        || false,
        &mut found,
    );
    assert_eq!(found, [(1, 2.0), (2, 2.0)]);
    index.search(
        &mut SearchRoom::default(),
        &Search::new(&[f32::NAN], 9),
        |_| true,
        || false,
        &mut found,
    );
    assert_eq!(found, []);
}

#[test]
fn a_search_that_is_over_stops_and_leaves_no_addends_behind() {
    let rows: Vec<f32> = (0..40_000).map(|k| number(1, k)).collect();
    let index = ExactIndex::new(rows, 2, None);
    let (mut room, mut found, mut addends) = (SearchRoom::default(), vec![(1, 1.0)], Addends::default());
    index.open(&mut addends);
    addends.add(11_111, 100.0);
    let asked = std::cell::Cell::new(0);
    let is_over = || {
        asked.set(asked.get() + 1);
        asked.get() == 3
    };
    let search = Search {
        addends: Some(&addends),
        ..Search::new(&[0.0, 0.0], 5)
    };
    assert_eq!(
        index.search(&mut room, &search, |_| true, is_over, &mut found),
        None
    );
    assert_eq!((found.len(), asked.get()), (0, 3));
    let mut none = Addends::default();
    index.open(&mut none);
    let search = Search {
        addends: Some(&none),
        ..Search::new(&[1.0, 0.5], 3)
    };
    assert_eq!(
        index.search(&mut room, &search, |_| true, || false, &mut found),
        Some(())
    );
    assert_eq!(found, brute_force(&index, &search, None, |_| true));
}

#[test]
fn rows_may_be_shared() {
    let index = ExactIndex::new(std::sync::Arc::<[f32]>::from(vec![1.0, 2.0]), 1, None);
    let mut found = Vec::new();
    index.search(
        &mut SearchRoom::default(),
        &Search::new(&[-1.0], 1),
        |_| true,
        || false,
        &mut found,
    );
    assert_eq!(found, [(0, -1.0)]);
}

#[test]
fn every_form_tells_the_same_numbers_from_those_below() {
    let mut numbers = [0.0; 16];
    for (at, number) in numbers.iter_mut().enumerate() {
        *number = at as f32 - 8.0;
    }
    numbers[..5].copy_from_slice(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MIN, f32::MAX]);
    for threshold in [
        f32::NEG_INFINITY,
        f32::MIN,
        -1.0,
        0.0,
        7.0,
        f32::MAX,
        f32::INFINITY,
    ] {
        let expected = (0..16).fold(0, |bits, at| {
            let reaches = numbers[at] >= threshold && numbers[at] > f32::NEG_INFINITY;
            bits | u32::from(reaches) << at
        });
        for form in Form::here() {
            assert_eq!(
                form.reaching(&numbers, threshold),
                expected,
                "{form:?} {threshold}"
            );
        }
    }
}
