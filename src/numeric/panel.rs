//! A tall panel turned by a small matrix, and made orthonormal.

use rayon::prelude::*;

use super::gram::gram;
use super::product::{PackedRows, multiply};

/// `panel · matrix`: rows of `width` numbers, and a `width × count` matrix.
///
/// # Panics
/// When the matrix is not `width × count`.
///
/// # Determinism
/// Each row is computed by one thread.
#[must_use]
pub fn turned(panel: &[f32], width: usize, matrix: &[f64], count: usize) -> Vec<f32> {
    /// A packed block and a packed group of columns stay in the second cache.
    const BLOCK_ROWS: usize = 128;
    assert_eq!(matrix.len(), width * count, "a row of the matrix for each column");
    let n_rows = panel.len() / width.max(1);
    let mut out = vec![0.0; n_rows * count];
    if width == 0 || count == 0 {
        return out;
    }
    let mut columns = vec![0.0; width * count];
    columns
        .par_chunks_exact_mut(width)
        .enumerate()
        .for_each(|(c, column)| {
            for (slot, row) in column.iter_mut().zip(matrix.chunks_exact(count)) {
                *slot = row[c] as f32;
            }
        });
    let columns = PackedRows::new(&columns, width);
    out.par_chunks_mut(BLOCK_ROWS * count)
        .zip(panel.par_chunks(BLOCK_ROWS * width))
        .for_each(|(out, block)| multiply(block, &columns, out));
    out
}

/// A pivot below this much of its column's square is rounding of single precision: the column lies within the span of
/// those before it.
const ROUNDING: f64 = 1e-6;

/// What becomes of a column that lies within the span of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dependent {
    /// Its rounding is blown up to a direction of its own.
    Kept,
    /// It becomes zero.
    Cleared,
}

/// One round of Cholesky-QR: the panel becomes `X U⁻¹` with `XᵀX = UᵀU`, whose columns are orthonormal but for the
/// square of the panel's condition number times rounding. The diagonal of `U` is returned.
///
/// # Source
/// Fukaya, Nakatsukasa, Yanagisawa, Yamamoto, "CholeskyQR2: A Simple and Communication-Avoiding Algorithm for Computing
/// a Tall-Skinny QR Factorization", 2014.
pub(super) fn orthonormalise_once(panel: &mut Vec<f32>, width: usize, dependent: Dependent) -> Vec<f64> {
    let (mut factor, diagonal) = upper_factor(gram(panel, width), width, dependent);
    invert_upper(&mut factor, width);
    *panel = turned(panel, width, &factor, width);
    diagonal
}

/// Makes the columns of a panel orthonormal to single precision; columns that lie in the span of those before them become
/// zero.
///
/// The first round takes away the condition number, the second what rounding left; a panel that was close to dependent
/// may need a third.
pub fn orthonormalise(panel: &mut Vec<f32>, width: usize) {
    const ROUNDS: usize = 4;
    const ORTHONORMAL: f64 = 3e-6;
    for round in 0..ROUNDS {
        let gram = gram(panel, width);
        let off = |at: usize| {
            let (i, j) = (at / width, at % width);
            let cleared = i == j && gram[at] <= 0.0;
            let expected = f64::from(u8::from(i == j));
            !cleared && (gram[at] - expected).abs() > ORTHONORMAL
        };
        if !(0..gram.len()).into_par_iter().any(off) {
            break;
        }
        let dependent = if round == 0 {
            Dependent::Kept
        } else {
            Dependent::Cleared
        };
        let (mut factor, _) = upper_factor(gram, width, dependent);
        invert_upper(&mut factor, width);
        *panel = turned(panel, width, &factor, width);
    }
}

/// The upper factor `U` of a Gram matrix, row-major with zeros below the diagonal, and its diagonal.
///
/// A dependent column has a pivot of rounding's size when it is kept, and the columns after it are left for the next
/// round to part from it; when cleared its pivot is infinite, which makes its column of the inverse zero.
fn upper_factor(mut a: Vec<f64>, n: usize, dependent: Dependent) -> (Vec<f64>, Vec<f64>) {
    let squares: Vec<f64> = (0..n).map(|i| a[i * n + i]).collect();
    for k in 0..n {
        let (done, later) = a.split_at_mut((k + 1) * n);
        let row = &mut done[k * n..];
        row[..k].fill(0.0);
        let floor = ROUNDING * squares[k];
        let independent = row[k] > floor;
        row[k] = match dependent {
            _ if independent => row[k].sqrt(),
            Dependent::Kept if floor > 0.0 => floor.sqrt(),
            _ => f64::INFINITY,
        };
        // What is beside a lost pivot is rounding: it must not spread to the columns that follow.
        let inverse = if independent { 1.0 / row[k] } else { 0.0 };
        for value in &mut row[k + 1..] {
            *value *= inverse;
        }
        let row = &*row;
        let below = |(at, later): (usize, &mut [f64])| {
            let i = k + 1 + at;
            let factor = row[i];
            for (later, row) in later[i..].iter_mut().zip(&row[i..]) {
                *later -= factor * row;
            }
        };
        later
            .par_chunks_exact_mut(n)
            .with_min_len(64)
            .enumerate()
            .for_each(below);
    }
    let diagonal = (0..n).map(|i| a[i * n + i]).collect();
    (a, diagonal)
}

/// The inverse of an upper triangular matrix, in place.
fn invert_upper(u: &mut [f64], n: usize) {
    for i in (0..n).rev() {
        let (row, below) = u[i * n..].split_at_mut(n);
        let inverse = 1.0 / row[i];
        let factors: Vec<f64> = row[i + 1..].iter().map(|x| -x * inverse).collect();
        row.fill(0.0);
        row[i] = inverse;
        for (k, (factor, solved)) in factors.iter().zip(below.chunks_exact(n)).enumerate() {
            let from = i + 1 + k;
            for (x, solved) in row[from..].iter_mut().zip(&solved[from..]) {
                *x += factor * solved;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::super::gram_plain;
    use super::*;

    fn numbers(n: usize, seed: u64) -> Vec<f32> {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        (0..n).map(|_| random.gen_range(-1.0..1.0)).collect()
    }

    proptest! {
        #[test]
        fn turning_is_the_product(width in 0usize..40, count in 0usize..40, n in 0usize..200) {
            let panel = numbers(n * width, 1);
            let matrix: Vec<f64> = numbers(width * count, 2).into_iter().map(f64::from).collect();
            let found = turned(&panel, width, &matrix, count);
            prop_assert_eq!(found.len(), if width == 0 { 0 } else { n * count });
            for (row, found) in panel.chunks(width.max(1)).zip(found.chunks(count.max(1))) {
                for (c, found) in found.iter().enumerate() {
                    let exact: f64 = row.iter().enumerate().map(|(k, &x)| f64::from(x) * matrix[k * count + c]).sum();
                    prop_assert!((f64::from(*found) - exact).abs() < 1e-5 * width as f64);
                }
            }
        }

        #[test]
        fn columns_become_orthonormal_and_dependent_ones_zero(
            width in 1usize..30, more in 8usize..200, copies in 0usize..3, scale in -12i32..12
        ) {
            let mut panel = numbers((width + more) * width, 3);
            // Columns of very different length, and some that are sums of two before them.
            for row in panel.chunks_exact_mut(width) {
                for (c, x) in row.iter_mut().enumerate() {
                    *x *= 2f32.powi(scale * (c as i32 % 3));
                }
                for copy in 0..copies.min(width.saturating_sub(2)) {
                    row[width - 1 - copy] = row[0] - row[1];
                }
            }
            let expected_rank = width - copies.min(width.saturating_sub(2));
            orthonormalise(&mut panel, width);
            let gram = gram_plain(&panel, width);
            for i in 0..width {
                for j in 0..i {
                    prop_assert!(gram[i * width + j].abs() < 1e-5, "{i} {j}: {}", gram[i * width + j]);
                }
            }
            let of_length_one = (0..width).filter(|i| (gram[i * width + i] - 1.0).abs() < 1e-5).count();
            // Rounding may be blown up to a direction of its own, but none is lost.
            prop_assert!(of_length_one >= expected_rank, "{of_length_one} of {expected_rank}");
        }
    }

    #[test]
    fn the_inverse_undoes_the_factor() {
        let (mut factor, diagonal) = upper_factor(vec![4.0, 2.0, 2.0, 10.0], 2, Dependent::Cleared);
        assert_eq!(
            (factor.clone(), diagonal),
            (vec![2.0, 1.0, 0.0, 3.0], vec![2.0, 3.0])
        );
        invert_upper(&mut factor, 2);
        assert_eq!(factor, [0.5, -1.0 / 6.0, 0.0, 1.0 / 3.0]);
        let (mut factor, _) = upper_factor(vec![1.0, 1.0, 1.0, 1.0], 2, Dependent::Cleared);
        invert_upper(&mut factor, 2);
        assert_eq!(factor, [1.0, 0.0, 0.0, 0.0]);
    }
}
