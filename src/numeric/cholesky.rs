//! Cholesky factor of a symmetric positive definite matrix, and solving with it.

use super::dispatch::dispatch;
use super::tile::{LANES, padded, tile};
use super::vector::{Vector, madd};

/// The definition, in `f64`: the upper factor `U` with `UᵀU = A`, row-major, zeros below the diagonal; `None` when a
/// pivot is not above zero.
#[must_use]
pub fn cholesky_plain(a: &[f64], n: usize) -> Option<Vec<f64>> {
    let mut u = vec![0.0; n * n];
    for i in 0..n {
        for j in i..n {
            let sum: f64 = (0..i).map(|k| u[k * n + i] * u[k * n + j]).sum();
            let rest = a[i * n + j] - sum;
            if i == j {
                if rest.is_nan() || rest <= 0.0 {
                    return None;
                }
                u[i * n + i] = rest.sqrt();
            } else {
                u[i * n + j] = rest / u[i * n + i];
            }
        }
    }
    Some(u)
}

/// Room for a matrix that is filled, factored in place and solved with, again and again.
///
/// Rows are padded to whole tiles; the padding is the identity, so it changes nothing.
#[derive(Clone, Debug, Default)]
pub struct Cholesky {
    matrix: Vec<f32>,
    size: usize,
    step: usize,
}

impl Cholesky {
    /// Empties the room for a matrix of this size: all zero, and one on the padding's diagonal.
    pub fn reset(&mut self, size: usize) {
        self.size = size;
        self.step = padded(size);
        self.matrix.clear();
        self.matrix.resize(self.step * self.step, 0.0);
        for i in size..self.step {
            self.matrix[i * self.step + i] = 1.0;
        }
    }

    /// The room, `step × step`; only the upper triangle is read.
    pub fn matrix_mut(&mut self) -> &mut [f32] {
        &mut self.matrix
    }

    /// Numbers from one row to the next.
    #[must_use]
    pub fn step(&self) -> usize {
        self.step
    }

    /// Adds to a place of the diagonal.
    ///
    /// # Panics
    /// When `at` is not below the padded size.
    pub fn add_diagonal(&mut self, at: usize, value: f32) {
        self.matrix[at * self.step + at] += value;
    }

    /// Replaces the matrix by its upper factor.
    ///
    /// A pivot that rounding has taken below `ε` times its diagonal is held there: the factor of a matrix that is positive
    /// definite on paper always exists and solving stays finite.
    pub fn factor(&mut self) {
        let (matrix, step) = (self.matrix.as_mut_slice(), self.step);
        factor(matrix, step);
    }

    /// Solves `A x = b` in place, with the factor that [`Self::factor`] left.
    ///
    /// # Panics
    /// When `b` is shorter than the padded size.
    pub fn solve(&self, b: &mut [f32]) {
        let (matrix, step) = (self.matrix.as_slice(), self.step);
        assert!(b.len() >= step, "a right-hand side of the padded size");
        solve(matrix, step, &mut b[..step]);
    }
}

fn factor(matrix: &mut [f32], step: usize) {
    dispatch!(factor_body(matrix: &mut [f32], step: usize));
}

/// Left-looking: a band of `ROWS` rows takes away what the rows above it explain, one tile at a time, then is reduced by
/// its own rows.
#[inline(always)]
fn factor_body<V: Vector, const ROWS: usize>(matrix: &mut [f32], step: usize) {
    for band in (0..step).step_by(ROWS) {
        let (above, rest) = matrix.split_at_mut(band * step);
        let rows = &mut rest[..ROWS * step];
        let mut floor = [0.0; ROWS];
        for (r, floor) in floor.iter_mut().enumerate() {
            *floor = f32::EPSILON * rows[r * step + band + r].abs();
        }
        let from = band / LANES * LANES;
        if !above.is_empty() {
            for column in (from..step).step_by(LANES) {
                let tile = tile::<V, ROWS>(&above[band..], step, &above[column..], step);
                for (r, tile) in tile.iter().enumerate() {
                    let row = &mut rows[r * step + column..][..LANES];
                    for lane in 0..LANES {
                        row[lane] -= tile[lane];
                    }
                }
            }
        }
        for r in 0..ROWS {
            let (done, later) = rows.split_at_mut((r + 1) * step);
            let row = &mut done[r * step..];
            let pivot = row[band + r].max(floor[r]).max(f32::MIN_POSITIVE).sqrt();
            let inverse = 1.0 / pivot;
            for value in &mut row[from..] {
                *value *= inverse;
            }
            row[band + r] = pivot;
            for (below, row_below) in later.chunks_exact_mut(step).enumerate() {
                let factor = -row[band + r + 1 + below];
                for (value, &row) in row_below[from..].iter_mut().zip(&row[from..]) {
                    *value = madd::<V>(factor, row, *value);
                }
            }
        }
    }
}

fn solve(matrix: &[f32], step: usize, b: &mut [f32]) {
    dispatch!(solve_body(matrix: &[f32], step: usize, b: &mut [f32]));
}

#[inline(always)]
fn solve_body<V: Vector, const ROWS: usize>(matrix: &[f32], step: usize, b: &mut [f32]) {
    // Uᵀ y = b: each solved place leaves all later ones, along a row of U.
    for k in 0..step {
        let row = &matrix[k * step..][..step];
        let (head, tail) = b.split_at_mut(k + 1);
        head[k] /= row[k];
        let factor = -head[k];
        for (b, &u) in tail.iter_mut().zip(&row[k + 1..]) {
            *b = madd::<V>(factor, u, *b);
        }
    }
    // U x = y: each place is its row's dot product with all later ones.
    for k in (0..step).rev() {
        let row = &matrix[k * step..][..step];
        let (head, tail) = b.split_at_mut(k + 1);
        let known = super::dot::dot_body::<V, ROWS>(&row[k + 1..], tail);
        head[k] = (head[k] - known) / row[k];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `XᵀX + I` of numbers between −1 and 1: eigenvalues from 1 to about `rows`.
    fn definite(n: usize, rows: usize, seed: u32) -> Vec<f64> {
        let x: Vec<f32> = (0..n * rows)
            .map(|k| ((k as u32 * 7919 + seed * 313) % 1009) as f32 / 504.5 - 1.0)
            .collect();
        let mut a = super::super::gram_plain(&x, n);
        for i in 0..n {
            a[i * n + i] += 1.0;
        }
        a
    }

    proptest! {
        #[test]
        fn factor_and_solution_agree_with_f64(n in 1usize..70, rows in 0usize..90, seed in 0u32..9) {
            let a = definite(n, rows, seed);
            let plain = cholesky_plain(&a, n).unwrap();
            let mut fast = Cholesky::default();
            fast.reset(n);
            let step = fast.step();
            for i in 0..n {
                for j in i..n {
                    fast.matrix_mut()[i * step + j] = a[i * n + j] as f32;
                }
            }
            fast.factor();
            for i in 0..n {
                for j in i..n {
                    let difference = f64::from(fast.matrix[i * step + j]) - plain[i * n + j];
                    prop_assert!(difference.abs() <= 1e-4 * (1.0 + rows as f64), "{i} {j}: {difference}");
                }
            }
            let x: Vec<f64> = (0..n).map(|k| (k % 5) as f64 - 2.0).collect();
            let mut b = vec![0.0f32; step];
            for i in 0..n {
                b[i] = (0..n).map(|j| a[i * n + j] * x[j]).sum::<f64>() as f32;
            }
            fast.solve(&mut b);
            for i in 0..n {
                prop_assert!((f64::from(b[i]) - x[i]).abs() <= 1e-4 * (1.0 + rows as f64), "{i}: {} {}", b[i], x[i]);
            }
        }
    }

    #[test]
    fn a_lost_pivot_stays_finite_and_the_definition_refuses_it() {
        assert_eq!(cholesky_plain(&[1.0, 1.0, 1.0, 1.0], 2), None);
        let mut room = Cholesky::default();
        room.reset(2);
        let step = room.step();
        for at in [0, 1, step, step + 1] {
            room.matrix_mut()[at] = 1.0;
        }
        room.factor();
        let mut b = vec![0.0; step];
        b[0] = 1.0;
        room.solve(&mut b);
        assert!(b.iter().all(|x| x.is_finite()), "{b:?}");
    }
}
