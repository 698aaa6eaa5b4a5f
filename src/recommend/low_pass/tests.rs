use proptest::prelude::*;

use super::*;
use crate::history::Profile;
use crate::progress::Silent;
use crate::recommend::Recommender;

/// Two hundred customers and thirty items with a little of everything, from a fixed rule; dense enough for full rank.
fn dense_enough(n_customers: usize, n_items: usize) -> Vec<Vec<(ItemIdx, f32)>> {
    let mut state = 12345u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 16
    };
    (0..n_customers)
        .map(|customer| {
            (0..n_items as u32)
                .filter_map(|item| {
                    // Two tastes: items of a customer's own are three times as likely.
                    let own = (customer as u32 + item).is_multiple_of(2);
                    (next() % 100 < if own { 30 } else { 10 })
                        .then(|| (ItemIdx::from_u32(item), 0.5 + (next() % 4) as f32 * 0.5))
                })
                .collect()
        })
        .collect()
}

fn params(change: impl FnOnce(&mut RawLowPassParams)) -> LowPassParams {
    let mut raw = RawLowPassParams {
        customer_exponent: 0.5,
        item_exponent: 0.5,
        degree_smoothing: 0.0,
        input_exponent: 0.5,
        output_exponent: 0.5,
        ..RawLowPassParams::default()
    };
    change(&mut raw);
    raw.try_into().unwrap()
}

fn fitted(rows: &[Vec<(ItemIdx, f32)>], n_items: usize, params: &LowPassParams) -> LowRank {
    fit(&Csr::from_rows(rows, n_items), params, 7, &Silent).unwrap()
}

fn scores(model: &LowRank, profile: &Profile) -> Vec<f32> {
    let mut scores = vec![0.0; model.n_items()];
    model.score(profile, &mut scores);
    scores
}

/// `P x` with `P = R̃ᵀR̃`, both exponents ½, by two dense products in `f64`; `x` and the result over items.
struct Propagation {
    entries: Vec<Vec<(usize, f64)>>,
    degrees: Vec<f64>,
}

impl Propagation {
    fn new(rows: &[Vec<(ItemIdx, f32)>], n_items: usize) -> Self {
        let mut degrees = vec![0.0; n_items];
        for (item, weight) in rows.iter().flatten() {
            degrees[item.index()] += f64::from(*weight);
        }
        let entries = rows
            .iter()
            .map(|row| {
                let degree: f64 = row.iter().map(|(_, weight)| f64::from(*weight)).sum();
                let value = |&(item, weight): &(ItemIdx, f32)| {
                    (
                        item.index(),
                        f64::from(weight) / (degree * degrees[item.index()]).sqrt(),
                    )
                };
                row.iter().map(value).collect()
            })
            .collect();
        Self { entries, degrees }
    }

    fn apply(&self, x: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; x.len()];
        for row in &self.entries {
            let along: f64 = row.iter().map(|&(item, value)| value * x[item]).sum();
            for &(item, value) in row {
                out[item] += value * along;
            }
        }
        out
    }

    /// `profile D^−exponent`.
    fn signal(&self, profile: &Profile, exponent: f64) -> Vec<f64> {
        let mut x = vec![0.0; self.degrees.len()];
        for (item, weight) in profile {
            x[item.index()] = f64::from(*weight) * self.degrees[item.index()].powf(-exponent);
        }
        x
    }
}

fn assert_close(found: &[f32], expected: &[f64], tolerance: f64) {
    let largest = expected.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    for (at, (&found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (f64::from(found) - expected).abs() <= tolerance * largest,
            "{at}: {found} {expected}"
        );
    }
}

#[test]
fn at_full_rank_and_power_two_it_is_the_sparse_product() {
    let rows = dense_enough(200, 30);
    let model = fitted(&rows, 30, &params(|raw| raw.power = 2.0));
    assert_eq!(model.rank(), 30);
    let sparse = Propagation::new(&rows, 30);
    for profile in &rows[..20] {
        let mut expected = sparse.apply(&sparse.signal(profile, 0.5));
        for (score, degree) in expected.iter_mut().zip(&sparse.degrees) {
            *score *= degree.sqrt();
        }
        assert_close(&scores(&model, profile), &expected, 1e-5);
    }
}

#[test]
fn at_full_rank_the_chebyshev_filter_is_the_recurrence() {
    let rows = dense_enough(200, 30);
    let params = params(|raw| {
        raw.filter = Filter::Chebyshev;
        raw.chebyshev.ideal_weight = 0.0;
        (raw.input_exponent, raw.output_exponent) = (0.4, 0.4);
    });
    let model = fitted(&rows, 30, &params);
    let coefficients = transfer::coefficients(&params.raw().chebyshev);
    let sparse = Propagation::new(&rows, 30);
    // L̃ = 1 − 2 P.
    let laplacian = |x: &[f64]| -> Vec<f64> {
        let applied = sparse.apply(x);
        x.iter().zip(&applied).map(|(x, p)| x - 2.0 * p).collect()
    };
    for profile in &rows[..20] {
        let mut before = sparse.signal(profile, 0.4);
        let mut now = laplacian(&before);
        let mut sum: Vec<f64> = before
            .iter()
            .zip(&now)
            .map(|(b, n)| coefficients[0] * b + coefficients[1] * n)
            .collect();
        for coefficient in &coefficients[2..] {
            let next: Vec<f64> = laplacian(&now)
                .iter()
                .zip(&before)
                .map(|(l, b)| 2.0 * l - b)
                .collect();
            for (sum, next) in sum.iter_mut().zip(&next) {
                *sum += coefficient * next;
            }
            (before, now) = (now, next);
        }
        for (sum, degree) in sum.iter_mut().zip(&sparse.degrees) {
            *sum *= degree.powf(0.4);
        }
        assert_close(&scores(&model, profile), &sum, 1e-5);
    }
}

#[test]
fn the_ideal_part_of_the_chebyshev_filter_adds_the_ideal_filter() {
    let rows = dense_enough(200, 30);
    let with = |weight: f64| {
        fitted(
            &rows,
            30,
            &params(|raw| {
                raw.filter = Filter::Chebyshev;
                (raw.chebyshev.ideal_factors, raw.chebyshev.ideal_weight) = (6, weight);
            }),
        )
    };
    let ideal = fitted(
        &rows,
        30,
        &params(|raw| (raw.filter, raw.factors) = (Filter::Ideal, 6)),
    );
    let profile = &rows[3];
    let (without, both) = (scores(&with(0.0), profile), scores(&with(0.5), profile));
    let expected: Vec<f64> = without
        .iter()
        .zip(scores(&ideal, profile))
        .map(|(&without, ideal)| f64::from(without) + 0.5 * f64::from(ideal))
        .collect();
    assert_close(&both, &expected, 1e-4);
}

#[test]
fn permuting_ids_permutes_scores() {
    let rows = dense_enough(60, 20);
    let new_item = |item: ItemIdx| ItemIdx::from_u32((item.as_u32() * 7 + 3) % 20);
    let mut moved: Vec<Vec<(ItemIdx, f32)>> = rows
        .iter()
        .map(|row| {
            let mut row: Vec<_> = row
                .iter()
                .map(|&(item, weight)| (new_item(item), weight))
                .collect();
            row.sort_by_key(|entry| entry.0.as_u32());
            row
        })
        .collect();
    let profile = rows[5].clone();
    let moved_profile = moved[5].clone();
    moved.rotate_left(17);
    let params = params(|raw| raw.factors = 20);
    let (before, after) = (
        scores(&fitted(&rows, 20, &params), &profile),
        scores(&fitted(&moved, 20, &params), &moved_profile),
    );
    let expected: Vec<f64> = (0..20)
        .map(|item| f64::from(after[new_item(ItemIdx::from_u32(item)).index()]))
        .collect();
    assert_close(&before, &expected, 1e-5);
}

#[test]
fn what_has_no_entry_scores_zero_and_changes_nothing() {
    let rows = dense_enough(60, 20);
    let params = params(|raw| raw.output_exponent = -0.5);
    let without = fitted(&rows, 20, &params);
    // An empty customer between the others, and item rows 20 to 24 that only the catalogue knows.
    let mut with = rows.clone();
    with.insert(9, Vec::new());
    let with = fitted(&with, 25, &params);
    let mut profile = rows[5].clone();
    let known = scores(&without, &profile);
    profile.push((ItemIdx::from_u32(22), 3.0));
    let found = scores(&with, &profile);
    assert_eq!(found[..20], known);
    assert!(
        found[20..].iter().all(|score| score.abs() < f32::MIN_POSITIVE),
        "{found:?}"
    );
    assert!(
        scores(&with, &Vec::new())
            .iter()
            .all(|score| score.abs() < f32::MIN_POSITIVE)
    );
}

#[test]
fn fewer_directions_than_asked_for_where_the_matrix_has_no_more() {
    // Three customers of one taste, two of another.
    let item = ItemIdx::from_u32;
    let first = vec![(item(0), 1.0), (item(1), 1.0)];
    let second = vec![(item(2), 1.0)];
    let rows = [
        first.clone(),
        first.clone(),
        first.clone(),
        second.clone(),
        second,
    ];
    let model = fitted(&rows, 4, &params(|raw| raw.power = 1.0));
    assert_eq!(model.rank(), 2);
    let found = scores(&model, &first);
    assert!(
        (found[0] - 1.0).abs() < 1e-5 && (found[1] - 1.0).abs() < 1e-5,
        "{found:?}"
    );
    assert!(found[2].abs() < 1e-5 && found[3].abs() < 1e-5, "{found:?}");
}

#[test]
fn what_cannot_be_fitted_is_named() {
    let params = params(|_| ());
    let fit = |rows: &[Vec<(ItemIdx, f32)>]| fit(&Csr::from_rows(rows, 2), &params, 0, &Silent);
    assert_eq!(
        fit(&[Vec::new()]),
        Err(FitError::Empty {
            customers: 1,
            items: 2
        })
    );
    for value in [0.0, -1.0, f32::INFINITY] {
        let error = fit(&[Vec::new(), vec![(ItemIdx::from_u32(1), value)]]).unwrap_err();
        assert_eq!(
            error,
            FitError::Weight {
                customer: 1,
                item: 1,
                value
            }
        );
    }
}

#[test]
fn the_smallest_and_the_largest_weights_stay_finite() {
    let item = ItemIdx::from_u32;
    let rows = [
        vec![(item(0), f32::MIN_POSITIVE), (item(1), f32::MAX)],
        vec![(item(1), f32::MIN_POSITIVE), (item(2), 1.0)],
    ];
    let matrix = Csr::from_rows(&rows, 3);
    for exponent in [0.0, 0.5, 2.0] {
        let params = params(|raw| (raw.input_exponent, raw.output_exponent) = (exponent, exponent));
        match fit(&matrix, &params, 0, &Silent) {
            Ok(model) => assert!(
                scores(&model, &vec![(item(2), 1.0)])
                    .iter()
                    .all(|score| score.is_finite())
            ),
            Err(error) => assert!(matches!(error, FitError::Degrees(_)), "{error}"),
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let rows = dense_enough(400, 150);
    let matrix = Csr::from_rows(&rows, 150);
    let params = params(|raw| raw.factors = 16);
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| fit(&matrix, &params, 3, &Silent).unwrap())
    };
    let one = with(1);
    assert_eq!(one.rank(), 16);
    assert_eq!(one, with(2));
    assert_eq!(one, with(4));
    assert_ne!(one, fit(&matrix, &params, 4, &Silent).unwrap());
}

proptest! {
    #[test]
    fn directions_of_the_ideal_filter_are_orthonormal(
        cells in prop::collection::btree_map((0u32..40, 0u32..30), 1u8..5, 1..400), factors in 1usize..40
    ) {
        let mut rows = vec![Vec::new(); 40];
        for (&(row, column), &value) in &cells {
            rows[row as usize].push((ItemIdx::from_u32(column), f32::from(value)));
        }
        let params = params(|raw| {
            raw.factors = factors;
            (raw.input_exponent, raw.output_exponent) = (0.0, 0.0);
        });
        let model = fitted(&rows, 30, &params);
        let d = model.directions();
        prop_assert!((1..=factors.min(30)).contains(&model.rank()));
        for i in 0..model.rank() {
            for j in 0..=i {
                let inner: f32 = (0..30).map(|item| d[[item, i]] * d[[item, j]]).sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                prop_assert!((inner - expected).abs() < 2e-5, "{i} {j}: {inner}");
            }
        }
    }
}
