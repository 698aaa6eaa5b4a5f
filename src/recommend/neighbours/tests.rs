use proptest::prelude::*;

use super::*;
use crate::id::{ItemIdx, Row};
use crate::progress::Silent;
use crate::recommend::item_gram::tests::{dense_gram, matrix, tastes};

fn links(matrix: &Csr, raw: RawNeighboursParams) -> Csr {
    let params = raw.try_into().unwrap();
    fit(matrix, &params, &Silent).unwrap().links().clone()
}

fn at(links: &Csr, from: usize, to: u32) -> f32 {
    let (columns, values) = links.row(from);
    columns.binary_search(&to).map_or(0.0, |at| values[at])
}

/// Nothing damped, shrunk or raised: the Gram matrix itself.
fn plain() -> RawNeighboursParams {
    RawNeighboursParams {
        neighbours: 0,
        customer_exponent: 0.0,
        item_size: ItemSize::Weights,
        source_exponent: 0.0,
        target_exponent: 0.0,
        shrinkage: 0.0,
        power: 1.0,
        self_links: false,
    }
}

#[test]
fn every_term_counted_by_hand() {
    // Items 0 and 1 meet twice; customers weigh 4, 2 and 1 in all, items 4, 2 and 1.
    let matrix = matrix(
        &[
            &[(0, 2.0), (1, 1.0), (2, 1.0)],
            &[(0, 1.0), (1, 1.0)],
            &[(0, 1.0)],
        ],
        4,
    );
    let gram = links(&matrix, plain());
    assert_eq!(gram.row(0), (&[1u32, 2][..], &[3.0f32, 2.0][..]));
    assert_eq!(gram.row(3).0.len(), 0);
    let damped = RawNeighboursParams {
        customer_exponent: 0.5,
        source_exponent: 0.5,
        target_exponent: 1.0,
        shrinkage: 2.0,
        power: 2.0,
        ..plain()
    };
    // 2 of 2 + 2 common customers; 2/4 + 1/2 in the Gram matrix; sizes 4 and 2.
    let expected = (0.5f32 * 1.0 / (2.0 * 2.0)).powi(2);
    assert!((at(&links(&matrix, damped), 0, 1) - expected).abs() < 1e-6);
    let cosine = RawNeighboursParams {
        item_size: ItemSize::Diagonal,
        source_exponent: 0.5,
        target_exponent: 0.5,
        self_links: true,
        ..plain()
    };
    let cosine = links(&matrix, cosine);
    assert!((at(&cosine, 0, 1) - 3.0 / 12f32.sqrt()).abs() < 1e-6);
    assert!((at(&cosine, 1, 1) - 1.0).abs() < 1e-6);
}

#[test]
fn norms_are_those_of_the_gram_matrix() {
    let matrix = tastes(120, 24);
    let dense = dense_gram(&matrix, 0.3);
    let norm = |item: usize| dense[item].iter().map(|g| g * g).sum::<f64>().sqrt();
    let raw = RawNeighboursParams {
        customer_exponent: 0.3,
        item_size: ItemSize::Norms,
        source_exponent: 0.5,
        target_exponent: 0.5,
        ..plain()
    };
    let links = links(&matrix, raw);
    for (from, gram) in dense.iter().enumerate() {
        for to in (0..24).filter(|&to| to != from) {
            let expected = gram[to] / (norm(from) * norm(to)).sqrt();
            let found = f64::from(at(&links, from, to as u32));
            assert!((found - expected).abs() < 1e-5, "{from} {to}: {found} {expected}");
        }
    }
}

/// `R̃ = D_u^−α R D_i^(α−1)`, `P = R̃ᵀR̃`, each element raised to `s`: the paper's own words, on dense matrices.
#[test]
fn turbo_cf_is_a_point_of_the_space() {
    let (alpha, s) = (0.6, 0.7);
    let ones = {
        let weighted = tastes(90, 20);
        let ones = vec![1.0; weighted.n_entries()];
        Csr::from_parts(weighted.offsets().to_vec(), weighted.columns().to_vec(), ones, 20).unwrap()
    };
    let counts = ones.column_sums();
    let normal: Vec<Vec<f64>> = (0..90)
        .map(|u| {
            let (items, _) = ones.row(u);
            let mut row = vec![0.0; 20];
            for &item in items {
                row[item as usize] =
                    (items.len() as f64).powf(-alpha) * counts[item as usize].powf(alpha - 1.0);
            }
            row
        })
        .collect();
    let raw = RawNeighboursParams {
        customer_exponent: alpha,
        source_exponent: 1.0 - alpha,
        target_exponent: 1.0 - alpha,
        power: s,
        self_links: true,
        ..plain()
    };
    let links = links(&ones, raw);
    for i in 0..20 {
        for j in 0..20 {
            let expected = normal.iter().map(|row| row[i] * row[j]).sum::<f64>().powf(s);
            let found = f64::from(at(&links, i, j as u32));
            assert!((found - expected).abs() < 1e-5, "{i} {j}: {found} {expected}");
        }
    }
}

#[test]
fn the_strongest_of_each_row_are_kept() {
    let matrix = tastes(200, 30);
    let all = links(
        &matrix,
        RawNeighboursParams {
            neighbours: 0,
            ..RawNeighboursParams::default()
        },
    );
    let raw = RawNeighboursParams {
        neighbours: 5,
        self_links: true,
        ..RawNeighboursParams::default()
    };
    let few = links(&matrix, raw);
    for item in 0..30 {
        let (columns, values) = few.row(item);
        assert_eq!(columns.len(), 6);
        assert!(columns.binary_search(&(item as u32)).is_ok());
        let least = columns.iter().zip(values).filter(|(to, _)| **to as usize != item);
        let least = least.map(|(_, &value)| value).fold(f32::INFINITY, f32::min);
        let (columns, values) = all.row(item);
        assert!(columns.binary_search(&(item as u32)).is_err());
        assert_eq!(values.iter().filter(|&&value| value >= least).count(), 5);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let matrix = tastes(300, 60);
    let fit_with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            links(
                &matrix,
                RawNeighboursParams {
                    neighbours: 7,
                    item_size: ItemSize::Norms,
                    ..RawNeighboursParams::default()
                },
            )
        })
    };
    assert_eq!(fit_with(1), fit_with(3));
}

#[test]
fn what_cannot_be_linked_is_named() {
    let params = NeighboursParams::try_from(RawNeighboursParams::default()).unwrap();
    let huge = matrix(&[&[(0, 1e38), (1, 1e38)]], 2);
    let raw = RawNeighboursParams {
        customer_exponent: 0.0,
        ..RawNeighboursParams::default()
    };
    let error = fit(&huge, &raw.try_into().unwrap(), &Silent).unwrap_err();
    assert_eq!(error, FitError::Links { item: 0 });
    let error = fit(&matrix(&[&[]], 2), &params, &Silent).unwrap_err();
    assert!(error.to_string().contains("1 customers × 2 items"), "{error}");
}

proptest! {
    #[test]
    fn permuting_items_permutes_links(turn in 1u32..40, flip in any::<bool>()) {
        let matrix = tastes(100, 40);
        let place = |item: u32| {
            let turned = (item + turn) % 40;
            if flip { 39 - turned } else { turned }
        };
        let rows: Vec<Vec<(ItemIdx, f32)>> = (0..100)
            .map(|customer| {
                let (items, weights) = matrix.row(customer);
                let moved = items.iter().map(|&item| ItemIdx::from_u32(place(item)));
                let mut row: Vec<_> = moved.zip(weights.iter().copied()).collect();
                row.sort_unstable_by_key(|entry| entry.0);
                row
            })
            .collect();
        let raw = RawNeighboursParams { neighbours: 0, ..RawNeighboursParams::default() };
        let (one, other) = (links(&matrix, raw.clone()), links(&Csr::from_rows(&rows, 40), raw));
        for from in 0..40u32 {
            for to in 0..40u32 {
                let (a, b) = (at(&one, from as usize, to), at(&other, place(from) as usize, place(to)));
                prop_assert!((a - b).abs() <= 1e-5 * a.abs());
            }
        }
    }
}
