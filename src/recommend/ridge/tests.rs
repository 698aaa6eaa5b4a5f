use super::*;
use crate::id::{ItemIdx, Row};
use crate::numeric::cholesky_plain;
use crate::progress::Silent;
use crate::recommend::item_gram::tests::{dense_gram, matrix, tastes};

fn links(matrix: &Csr, raw: &RawRidgeParams) -> Csr {
    let params = raw.clone().try_into().unwrap();
    fit(matrix, &params, &Silent).unwrap().links().clone()
}

fn at(links: &Csr, from: usize, to: usize) -> f64 {
    let (columns, values) = links.row(from);
    let found = columns.binary_search(&(to as u32));
    found.map_or(0.0, |at| f64::from(values[at]))
}

/// The inverse by solving for each unit vector.
fn inverse(a: &[f64], n: usize) -> Vec<f64> {
    let u = cholesky_plain(a, n).unwrap();
    let mut inverse = vec![0.0; n * n];
    for column in 0..n {
        let mut x: Vec<f64> = (0..n).map(|i| if i == column { 1.0 } else { 0.0 }).collect();
        for i in 0..n {
            let known: f64 = (0..i).map(|k| u[k * n + i] * x[k]).sum();
            x[i] = (x[i] - known) / u[i * n + i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| u[i * n + k] * x[k]).sum();
            x[i] = (x[i] - known) / u[i * n + i];
        }
        for i in 0..n {
            inverse[i * n + column] = x[i];
        }
    }
    inverse
}

/// `B = I − C diag(1 / C_jj)` with `C = (G + L)⁻¹`: EASE, EDLAE and the rescaled field, each by its closed form.
#[test]
fn with_all_items_as_support_it_is_the_closed_form() {
    let n = 40;
    let matrix = tastes(900, n as u32);
    for (customer_exponent, popularity_exponent, dropout) in [
        (0.0, 0.0, 0.0),
        (0.0, 0.0, 0.4),
        (0.2, 0.75, 0.0),
        (0.1, 0.5, 0.2),
    ] {
        let raw = RawRidgeParams {
            support: n,
            customer_exponent,
            popularity_exponent,
            dropout,
            l2: 5.0,
            clip: false,
            ..RawRidgeParams::default()
        };
        let gram = dense_gram(&matrix, customer_exponent);
        let entry = (0..n).map(|i| gram[i][i]).sum::<f64>() / matrix.n_entries() as f64;
        let mut penalised: Vec<f64> = gram.iter().flatten().copied().collect();
        for i in 0..n {
            penalised[i * n + i] += 5.0 * entry * (gram[i][i] / entry).powf(popularity_exponent)
                + dropout / (1.0 - dropout) * gram[i][i];
        }
        let c = inverse(&penalised, n);
        let links = links(&matrix, &raw);
        assert_eq!(links.n_entries(), n * (n - 1), "every item meets every other");
        for i in 0..n {
            for j in 0..n {
                let expected = if i == j { 0.0 } else { -c[i * n + j] / c[j * n + j] };
                let found = at(&links, i, j);
                assert!((found - expected).abs() < 1e-4, "{i} {j}: {found} {expected}");
            }
        }
    }
}

#[test]
fn two_items_by_hand() {
    // G = [[5, 2], [2, 1]]; an entry adds (4 + 1 + 1) / 3 = 2; the penalty is 2 · 2 on each.
    let matrix = matrix(&[&[(0, 2.0), (1, 1.0)], &[(0, 1.0)]], 2);
    let raw = RawRidgeParams {
        l2: 2.0,
        customer_exponent: 0.0,
        popularity_exponent: 0.0,
        ..RawRidgeParams::default()
    };
    let links = links(&matrix, &raw);
    assert!((at(&links, 0, 1) - 2.0 / 9.0).abs() < 1e-6);
    assert!((at(&links, 1, 0) - 2.0 / 5.0).abs() < 1e-6);
    assert_eq!(links.n_entries(), 2);
}

#[test]
fn a_local_support_solves_its_own_system() {
    let matrix = tastes(200, 30);
    let raw = RawRidgeParams {
        support: 4,
        clip: false,
        ..RawRidgeParams::default()
    };
    let gram = ItemGram::new(&matrix, raw.customer_exponent).unwrap();
    let sizes = matrix.column_sums();
    let supports = supports(&gram, &sizes, &raw, &Silent).unwrap();
    let penalty = penalty(&gram, &raw);
    let dense = dense_gram(&matrix, raw.customer_exponent);
    let links = links(&matrix, &raw);
    for target in 0..30 {
        let (sources, _) = supports.row(target);
        let mut order: Vec<usize> = (0..30).filter(|&item| item != target).collect();
        order.sort_by(|&a, &b| {
            let score = |i: usize| dense[target][i] * sizes[i].powf(-raw.support_exponent);
            score(b).total_cmp(&score(a))
        });
        order.truncate(4);
        order.sort_unstable();
        assert_eq!(sources.iter().map(|&i| i as usize).collect::<Vec<_>>(), order);
        for &i in &order {
            let solved: f64 = order.iter().map(|&k| dense[i][k] * at(&links, k, target)).sum();
            let left = solved + f64::from(penalty[i]) * at(&links, i, target) - dense[i][target];
            assert!(left.abs() < 1e-4, "{target} {i}: {left}");
        }
    }
}

#[test]
fn weights_are_clipped_and_pruned() {
    let raw = RawRidgeParams {
        keep: 2,
        ..RawRidgeParams::default()
    };
    let (sources, solution) = ([1, 4, 6, 9], [0.3, -0.9, 0.1, 0.2]);
    assert_eq!(weights(&raw, &sources, &solution), [(1, 0.3), (9, 0.2)]);
    let both = RawRidgeParams { clip: false, ..raw };
    assert_eq!(weights(&both, &sources, &solution), [(1, 0.3), (4, -0.9)]);
    let all = RawRidgeParams { keep: 0, ..both };
    assert_eq!(weights(&all, &sources, &solution).len(), 4);
}

#[test]
fn neither_threads_nor_batches_change_a_bit() {
    let matrix = tastes(300, 60);
    let raw = RawRidgeParams {
        support: 12,
        ..RawRidgeParams::default()
    };
    let params = RidgeParams::try_from(raw).unwrap();
    let fit_with = |threads: usize, gathered: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| fit_within(&matrix, &params, gathered, &Silent).unwrap())
    };
    let one = fit_with(1, GATHERED);
    assert_eq!(one, fit_with(3, GATHERED));
    assert_eq!(one, fit_with(2, 500));
    assert_eq!(one, fit_with(2, 1));
}

#[test]
fn permuting_items_permutes_links() {
    let matrix = tastes(200, 40);
    let place = |item: u32| 39 - (item * 7 + 3) % 40;
    let rows: Vec<Vec<(ItemIdx, f32)>> = (0..200)
        .map(|customer| {
            let (items, weights) = matrix.row(customer);
            let moved = items.iter().map(|&item| ItemIdx::from_u32(place(item)));
            let mut row: Vec<_> = moved.zip(weights.iter().copied()).collect();
            row.sort_unstable_by_key(|entry| entry.0);
            row
        })
        .collect();
    let raw = RawRidgeParams {
        support: 10,
        ..RawRidgeParams::default()
    };
    let (one, other) = (links(&matrix, &raw), links(&Csr::from_rows(&rows, 40), &raw));
    for from in 0..40 {
        for to in 0..40 {
            let moved = at(&other, place(from) as usize, place(to) as usize);
            assert!((at(&one, from as usize, to as usize) - moved).abs() < 1e-5);
        }
    }
}

#[test]
fn items_without_company_have_no_links_and_nothing_is_an_error() {
    let alone = matrix(&[&[(0, 1.0), (1, 1.0)], &[(2, 5.0)]], 4);
    let links = links(&alone, &RawRidgeParams::default());
    assert_eq!(links.offsets(), [0, 1, 2, 2, 2]);
    let params = RidgeParams::try_from(RawRidgeParams::default()).unwrap();
    let error = fit(&matrix(&[&[], &[]], 3), &params, &Silent).unwrap_err();
    assert_eq!(
        error,
        FitError::Empty {
            customers: 2,
            items: 3
        }
    );
}
