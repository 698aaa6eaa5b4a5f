use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::numeric::cholesky_plain;
use crate::progress::Silent;

fn params(factors: usize, epochs: usize) -> IalsParams {
    let raw = RawIalsParams {
        factors,
        epochs,
        unobserved_weight: Some(0.05),
        regularization: 0.02,
        ..RawIalsParams::default()
    };
    raw.try_into().unwrap()
}

fn stepping(params: &IalsParams, solver_steps: usize) -> IalsParams {
    let raw = RawIalsParams {
        solver_steps,
        ..params.raw().clone()
    };
    raw.try_into().unwrap()
}

/// A matrix of `customers × items` with a few entries a row and weights between 0.5 and 2; one item is never touched.
fn matrix(customers: usize, items: usize, per_row: usize, seed: u64) -> Csr {
    use rand::{Rng, SeedableRng};
    let mut random = rand_xoshiro::Xoshiro256PlusPlus::seed_from_u64(seed);
    let rows: Vec<Profile> = (0..customers)
        .map(|_| {
            let mut row: Vec<u32> = (0..per_row)
                .map(|_| random.gen_range(0..items as u32 - 1))
                .collect();
            row.sort_unstable();
            row.dedup();
            row.into_iter()
                .map(|item| (ItemIdx::from_u32(item), random.gen_range(0.5..2.0)))
                .collect()
        })
        .collect();
    Csr::from_rows(&rows, items)
}

fn profile(matrix: &Csr, row: usize) -> Profile {
    let (columns, weights) = matrix.row(row);
    columns
        .iter()
        .copied()
        .map(ItemIdx::from_u32)
        .zip(weights.iter().copied())
        .collect()
}

fn widened(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// The first item factors; zero for items without an entry, which training leaves out.
fn first_items(matrix: &Csr, params: &IalsParams, seed: u64) -> Vec<f32> {
    let width = params.raw().factors;
    let (filled, columns) = matrix.without_empty();
    let drawn = fit::first_items(filled.n_columns(), params, seed);
    let mut first = vec![0.0; matrix.n_columns() * width];
    for (drawn, &column) in drawn.chunks_exact(width).zip(&columns) {
        first[column as usize * width..][..width].copy_from_slice(drawn);
    }
    first
}

fn touched(factors: &[f64], width: usize) -> usize {
    factors
        .chunks_exact(width)
        .filter(|row| row.iter().any(|&x| x != 0.0))
        .count()
}

/// The reference: dense normal equations in `f64`, straight from the objective.
fn solve_plain(matrix: &Csr, other: &[f64], width: usize, params: &IalsParams) -> Vec<f64> {
    let raw = params.raw();
    let n_others = touched(other, width);
    let mut out = Vec::new();
    for row in 0..matrix.n_rows() {
        let (columns, weights) = matrix.row(row);
        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
        let lambda = raw.regularization
            * (total + params.unobserved_weight() * n_others as f64).powf(raw.regularization_exponent);
        let (mut a, mut b) = (vec![0.0; width * width], vec![0.0; width]);
        for i in 0..width {
            a[i * width + i] += lambda;
        }
        for (at, h) in other.chunks_exact(width).enumerate() {
            let seen = columns
                .iter()
                .position(|&column| column as usize == at)
                .map_or(0.0, |at| f64::from(weights[at]));
            for i in 0..width {
                b[i] += seen * h[i];
                for j in 0..width {
                    a[i * width + j] += (seen + params.unobserved_weight()) * h[i] * h[j];
                }
            }
        }
        let u = cholesky_plain(&a, width).unwrap();
        for i in 0..width {
            let known: f64 = (0..i).map(|k| u[k * width + i] * b[k]).sum();
            b[i] = (b[i] - known) / u[i * width + i];
        }
        for i in (0..width).rev() {
            let known: f64 = (i + 1..width).map(|k| u[i * width + k] * b[k]).sum();
            b[i] = (b[i] - known) / u[i * width + i];
        }
        out.extend(b);
    }
    out
}

fn objective(matrix: &Csr, customers: &[f64], items: &[f64], width: usize, params: &IalsParams) -> f64 {
    let (n_customers, n_items) = (touched(customers, width), touched(items, width));
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let mut sum = 0.0;
    let mut item_weights = vec![0.0; n_items];
    for row in 0..matrix.n_rows() {
        let w = &customers[row * width..][..width];
        let (columns, weights) = matrix.row(row);
        for (&column, &weight) in columns.iter().zip(weights) {
            let error = inner(w, &items[column as usize * width..][..width]) - 1.0;
            sum += f64::from(weight) * error * error;
            item_weights[column as usize] += f64::from(weight);
        }
        for h in items.chunks_exact(width) {
            sum += params.unobserved_weight() * inner(w, h).powi(2);
        }
        let weight = weights.iter().map(|&w| f64::from(w)).sum();
        sum += params.row_regularization(weight, n_items) * inner(w, w);
    }
    for (h, &weight) in items.chunks_exact(width).zip(&item_weights) {
        sum += params.row_regularization(weight, n_customers) * inner(h, h);
    }
    sum
}

fn scores(model: &Ials, profile: &Profile) -> Vec<f32> {
    let mut scores = vec![0.0; model.n_items()];
    model.score(profile, &mut scores);
    scores
}

#[test]
fn one_customer_and_one_item_have_a_closed_form() {
    // With one factor h = 2, weight 3, α₀ = 0.1, λ = 0.5, ν = 1:
    // w = c h / ((c + α₀) h² + λ (c + α₀)) = 6 / (12.4 + 1.55).
    let raw = RawIalsParams {
        factors: 1,
        unobserved_weight: Some(0.1),
        regularization: 0.5,
        ..RawIalsParams::default()
    };
    let model = Ials::from_factors(raw.try_into().unwrap(), Array2::from_elem((1, 1), 2.0)).unwrap();
    let w = model.fold_in(&vec![(ItemIdx::from_u32(0), 3.0)]);
    assert!((w[0] - 6.0 / 13.95).abs() < 1e-6, "{w:?}");
    assert!(model.fold_in(&Vec::new())[0].abs() < f32::EPSILON);
}

#[test]
fn training_agrees_with_the_dense_reference() {
    let width = 6;
    let matrix = matrix(30, 25, 7, 1);
    let params = stepping(&params(width, 3), 0);
    let first = first_items(&matrix, &params, 5);
    let mut items = widened(&first);
    let transposed = matrix.transposed();
    let mut before = f64::INFINITY;
    for _ in 0..3 {
        let customers = solve_plain(&matrix, &items, width, &params);
        items = solve_plain(&transposed, &customers, width, &params);
        let now = objective(&matrix, &customers, &items, width, &params);
        assert!(
            now < before,
            "the reference's objective rose from {before} to {now}"
        );
        before = now;
    }
    let customers = solve_plain(&matrix, &items, width, &params);
    // Exact solves, and as many steps as there are unknowns and a few for rounding.
    for steps in [0, width + 4] {
        let model = Ials::fit(&matrix, &stepping(&params, steps), 5, &Silent).unwrap();
        // The model's axes are turned, so scores are compared and not factors.
        for row in 0..30 {
            for (item, &score) in scores(&model, &profile(&matrix, row)).iter().enumerate() {
                let exact: f64 = (0..width)
                    .map(|k| customers[row * width + k] * items[item * width + k])
                    .sum();
                assert!(
                    (f64::from(score) - exact).abs() < 2e-4,
                    "{steps} {row} {item}: {score} {exact}"
                );
            }
        }
    }
}

#[test]
fn few_steps_from_the_last_epoch_reach_what_exact_solves_reach() {
    let width = 10;
    let matrix = matrix(120, 80, 15, 13);
    let reached = |steps| {
        let params = stepping(&params(width, 15), steps);
        let model = Ials::fit(&matrix, &params, 5, &Silent).unwrap();
        let items = widened(&model.items.factors);
        let customers = solve_plain(&matrix, &items, width, &params);
        objective(&matrix, &customers, &items, width, &params)
    };
    let (exact, stepped) = (reached(0), reached(3));
    assert!((stepped / exact - 1.0).abs() < 0.02, "{stepped} {exact}");
}

#[test]
fn steps_lead_to_the_exact_solution_of_light_and_heavy_rows() {
    let width = 20;
    let items = 3 * conjugate::HEAVY_ROW / 2;
    let long = |n: usize| {
        (0..n as u32)
            .map(|at| (ItemIdx::from_u32(at), 0.5 + (at % 3) as f32))
            .collect()
    };
    let rows: Vec<Profile> = [1, 4, 13, 300, items].map(long).into();
    let matrix = Csr::from_rows(&rows, items);
    let exact = stepping(&params(width, 1), 0);
    let other = Axes::new(
        first_items(&matrix, &exact, 1).iter().map(|x| x * 20.0).collect(),
        width,
    );
    let solved = |params: &IalsParams| {
        let mut out = vec![0.3; rows.len() * width];
        fit::solve_side(&matrix, &other, params, &mut out);
        out
    };
    for (x, exact) in solved(&stepping(&exact, 40)).iter().zip(solved(&exact)) {
        assert!((x - exact).abs() < 1e-4 * (1.0 + exact.abs()), "{x} {exact}");
    }
}

#[test]
fn the_objective_never_rises() {
    let width = 8;
    let matrix = matrix(60, 40, 12, 2);
    let params = params(width, 1);
    let mut training = fit::Training::new(&matrix, &params, first_items(&matrix, &params, 1));
    let mut before = f64::INFINITY;
    let mut must_not_rise = |training: &fit::Training| {
        let sides = [&training.customers, &training.items];
        let [customers, items] = sides.map(|side| widened(&side.turned(width)));
        let now = objective(&matrix, &customers, &items, width, &params);
        assert!(now <= before * (1.0 + 1e-6), "rose from {before} to {now}");
        before = now;
    };
    for _ in 0..8 {
        training.solve_customers();
        must_not_rise(&training);
        training.solve_items();
        must_not_rise(&training);
    }
}

#[test]
fn rows_and_columns_without_an_entry_change_no_bit() {
    // What only a catalogue or a later part of the log knows: α₀ is left open, so that it would notice too.
    let raw = RawIalsParams {
        factors: 6,
        epochs: 3,
        ..RawIalsParams::default()
    };
    let params = IalsParams::try_from(raw).unwrap();
    let some: Vec<Profile> = (0..30).map(|row| profile(&matrix(30, 20, 6, 12), row)).collect();
    let mut more = some.clone();
    more.resize(50, Profile::new());
    let fit = |rows: &[Profile], items| Ials::fit(&Csr::from_rows(rows, items), &params, 1, &Silent).unwrap();
    let (lone, among) = (fit(&some, 20), fit(&more, 64));
    assert_eq!(among.params(), lone.params());
    for profile in &some {
        assert_eq!(among.fold_in(profile), lone.fold_in(profile));
        assert_eq!(scores(&among, profile)[..20], scores(&lone, profile));
    }
}

#[test]
fn both_forms_of_the_system_have_one_solution() {
    // Rows with fewer, as many and more entries than the 16 factors, with and without padding.
    for (width, per_row) in [(16, 3), (16, 16), (16, 60), (13, 40), (40, 20)] {
        let matrix = matrix(20, 80, per_row, 3);
        let params = params(width, 1);
        let items = Axes::new(
            first_items(&matrix, &params, 1)
                .iter()
                .map(|x| x * 20.0)
                .collect(),
            width,
        );
        let exact = solve_plain(&matrix, &widened(&items.factors), width, &params);
        let mut solver = RowSolver::default();
        for row in 0..20 {
            let (columns, weights) = matrix.row(row);
            for form in [Form::Entries, Form::Factors] {
                let mut out = vec![0.0; width];
                solver.solve_in(form, &items, &params, Entries { columns, weights }, &mut out);
                for (x, exact) in out.iter().zip(&exact[row * width..]) {
                    assert!(
                        (f64::from(*x) - exact).abs() < 1e-4,
                        "{form:?} {width} {per_row}: {x} {exact}"
                    );
                }
            }
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    let matrix = matrix(300, 200, 30, 4);
    let fit = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let model = Ials::fit(&matrix, &params(24, 3), 9, &Silent).unwrap();
            let ranked = model.rank_all(&matrix, Some(&matrix), 5);
            (model.item_factors().to_owned(), ranked)
        })
    };
    assert_eq!(fit(1), fit(4));
}

#[test]
fn renaming_items_and_customers_renames_the_answers() {
    let width = 5;
    let matrix = matrix(40, 20, 6, 6);
    let params = params(width, 4);
    let first = first_items(&matrix, &params, 2);
    let renamed = |item: usize| (item * 7 + 3) % 20;
    let mut first_renamed = vec![0.0; first.len()];
    for item in 0..20 {
        first_renamed[renamed(item) * width..][..width].copy_from_slice(&first[item * width..][..width]);
    }
    let rename = |profile: Profile| {
        let mut profile: Profile = profile
            .into_iter()
            .map(|(item, weight)| (ItemIdx::from_u32(renamed(item.index()) as u32), weight))
            .collect();
        profile.sort_by_key(|entry| entry.0);
        profile
    };
    // Customers in reverse.
    let rows: Vec<Profile> = (0..40).rev().map(|row| rename(profile(&matrix, row))).collect();
    let fit = |matrix: &Csr, first: Vec<f32>| {
        Ials::new(
            params.clone(),
            fit::fit_items(matrix, &params, first, &Silent).unwrap().into(),
        )
    };
    let plain = fit(&matrix, first);
    let other = fit(&Csr::from_rows(&rows, 20), first_renamed);
    for row in 0..40 {
        let (here, there) = (
            scores(&plain, &profile(&matrix, row)),
            scores(&other, &rename(profile(&matrix, row))),
        );
        for (item, score) in here.iter().enumerate() {
            assert!((score - there[renamed(item)]).abs() < 1e-4, "{row} {item}");
        }
    }
}

#[test]
fn folding_in_is_the_customers_own_step() {
    let matrix = matrix(50, 30, 40, 7);
    let params = stepping(&params(12, 3), 0);
    let model = Ials::fit(&matrix, &params, 1, &Silent).unwrap();
    let mut customers = vec![0.0; 50 * 12];
    fit::solve_side(&matrix, &model.items, &model.params, &mut customers);
    for row in 0..50 {
        assert_eq!(model.fold_in(&profile(&matrix, row)), customers[row * 12..][..12]);
    }
}

#[test]
fn ranking_many_is_ranking_one_after_another() {
    let matrix = matrix(150, 70, 9, 8);
    let model = Ials::fit(&matrix, &params(10, 3), 1, &Silent).unwrap();
    let ranked = model.rank_all(&matrix, Some(&matrix), 8);
    assert_eq!(ranked.len(), 150);
    for (row, ranked) in ranked.iter().enumerate() {
        let scores = scores(&model, &profile(&matrix, row));
        let seen = matrix.row(row).0;
        assert!(ranked.is_sorted_by(|a, b| a.1 > b.1 || (a.1 >= b.1 && a.0 < b.0)));
        let worst = ranked.last().unwrap().1;
        for (item, &score) in scores.iter().enumerate() {
            let place = ranked.iter().find(|best| best.0.index() == item);
            match place {
                Some(best) => assert!((best.1 - score).abs() < 1e-5 && !seen.contains(&(item as u32))),
                None => assert!(
                    score <= worst + 1e-5 || seen.contains(&(item as u32)),
                    "{row} {item}"
                ),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// In both forms of the system: the parts of every score sum to it.
    #[test]
    fn parts_sum_to_the_score(per_row in 1usize..40, seed in 0u64..50) {
        let matrix = matrix(30, 40, per_row, seed);
        let model = Ials::fit(&matrix, &params(11, 2), seed, &Silent).unwrap();
        let profile = profile(&matrix, 0);
        let scores = scores(&model, &profile);
        let items: Vec<ItemIdx> = (0..40).map(ItemIdx::from_u32).collect();
        for (item, explained) in model.explain(&profile, &items).iter().enumerate() {
            let parts = &explained.parts;
            prop_assert_eq!(parts.len(), profile.len());
            let sum: f32 = parts.iter().map(|c| c.part).sum();
            prop_assert!((sum - scores[item]).abs() < 1e-4, "{} {}", sum, scores[item]);
        }
    }
}

#[test]
fn an_entry_explains_its_own_item_most() {
    // Two tastes without overlap: what is of the other taste adds nothing.
    let rows: Vec<Profile> = (0..40u32)
        .map(|row| {
            (0..4)
                .map(|at| (ItemIdx::from_u32((row % 2) * 5 + (row / 2 + at) % 5), 1.0))
                .collect::<Profile>()
        })
        .map(|mut row| {
            row.sort_by_key(|entry| entry.0);
            row
        })
        .collect();
    let model = Ials::fit(&Csr::from_rows(&rows, 10), &params(4, 12), 1, &Silent).unwrap();
    let both = vec![(ItemIdx::from_u32(1), 1.0), (ItemIdx::from_u32(7), 1.0)];
    let parts = &model.explain(&both, &[ItemIdx::from_u32(3)])[0].parts;
    assert!(parts[0].part > 0.1 && parts[1].part.abs() < 0.05, "{parts:?}");
    let alike: Vec<u32> = model
        .similar(ItemIdx::from_u32(3), 4)
        .iter()
        .map(|best| best.0.as_u32())
        .collect();
    assert!(alike.iter().all(|&item| item < 5 && item != 3), "{alike:?}");
}

#[test]
fn a_model_comes_back_from_its_factors_bit_for_bit() {
    let matrix = matrix(100, 60, 10, 9);
    let model = Ials::fit(&matrix, &params(20, 4), 1, &Silent).unwrap();
    let again = Ials::from_factors(model.params().clone(), model.item_factors().to_owned()).unwrap();
    assert_eq!(again.item_factors(), model.item_factors());
    assert_eq!(
        scores(&again, &profile(&matrix, 3)),
        scores(&model, &profile(&matrix, 3))
    );
}

#[test]
fn extreme_parameters_stay_finite() {
    let matrix = matrix(60, 40, 20, 11);
    for (unobserved_weight, regularization) in [(0.0, 1e-9), (1.0, 1e3), (1e-6, 1e-9)] {
        let raw = RawIalsParams {
            factors: 16,
            epochs: 4,
            unobserved_weight: Some(unobserved_weight),
            regularization,
            ..RawIalsParams::default()
        };
        let model = Ials::fit(&matrix, &raw.try_into().unwrap(), 1, &Silent).unwrap();
        for row in 0..60 {
            assert!(
                scores(&model, &profile(&matrix, row))
                    .iter()
                    .all(|score| score.is_finite())
            );
        }
    }
}

#[test]
fn what_nobody_touched_is_like_nothing() {
    let matrix = matrix(30, 20, 5, 10);
    let model = Ials::fit(&matrix, &params(6, 3), 1, &Silent).unwrap();
    let untouched = ItemIdx::from_u32(19);
    assert_eq!(model.similar(untouched, 5), []);
    let similar = model.similar(ItemIdx::from_u32(0), 100);
    assert_eq!(similar.len(), 18, "neither itself nor the untouched one");
    assert!(similar.iter().all(|best| (-1.0..=1.0).contains(&best.1)));
}

#[test]
fn bad_input_is_named() {
    let empty = Csr::from_rows::<ItemIdx>(&[Vec::new(), Vec::new()], 3);
    let error = Ials::fit(&empty, &params(4, 1), 1, &Silent).unwrap_err();
    assert_eq!(
        error,
        FitError::Empty {
            customers: 2,
            items: 3
        }
    );
    let bad = Csr::from_rows(&[vec![(ItemIdx::from_u32(2), f32::NAN)]], 3);
    let error = Ials::fit(&bad, &params(4, 1), 1, &Silent)
        .unwrap_err()
        .to_string();
    assert!(error.contains("item row 2 is NaN"), "{error}");
    let open = RawIalsParams {
        factors: 4,
        ..RawIalsParams::default()
    };
    let error = Ials::from_factors(open.try_into().unwrap(), Array2::zeros((3, 4))).unwrap_err();
    assert_eq!(error, FactorsError::NotFitted);
    let error = Ials::from_factors(params(4, 1), Array2::zeros((3, 5))).unwrap_err();
    assert_eq!(
        error,
        FactorsError::Width {
            found: 5,
            expected: 4
        }
    );
    let mut factors = Array2::zeros((3, 4));
    factors[(1, 2)] = f32::INFINITY;
    let error = Ials::from_factors(params(4, 1), factors).unwrap_err();
    assert!(
        matches!(
            error,
            FactorsError::NotFinite {
                item: 1,
                column: 2,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_handful_of_events_makes_a_model_of_any_width() {
    // Two customers and two items span two directions; the other 254 hold next to nothing, epoch after epoch.
    let item = ItemIdx::from_u32;
    let rows = [vec![(item(0), 1.0)], vec![(item(0), 0.9), (item(1), 0.4)]];
    let matrix = Csr::from_rows(&rows, 2);
    for epochs in [1, 5, 10, 40] {
        let raw = RawIalsParams {
            epochs,
            ..RawIalsParams::default()
        };
        let model = Ials::fit(&matrix, &raw.try_into().unwrap(), 0, &Silent).unwrap();
        let mut scores = [0.0; 2];
        model.score(&vec![(item(0), 1.0)], &mut scores);
        assert!(
            scores.iter().all(|score| score.is_finite()) && scores[0] > scores[1],
            "{epochs}: {scores:?}"
        );
    }
}
