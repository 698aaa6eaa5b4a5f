//! The strongest singular values of a sparse matrix and its right singular vectors.
//!
//! A random panel is multiplied by a polynomial of `AᵀA` that is large where the wanted values are and at most one in
//! size elsewhere, made orthonormal, and again; what it then spans is diagonalised exactly.
//!
//! # Source
//! Halko, Martinsson, Tropp, "Finding Structure with Randomness", 2011, section 4.5; the polynomial in place of a power:
//! Zhou, Saad, Tiago, Chelikowsky, "Self-Consistent-Field Calculations Using Chebyshev-Filtered Subspace Iteration", 2006.

use rand::{RngCore, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use super::eigen::symmetric_eigen;
use super::gram::gram;
use super::panel::{Dependent, orthonormalise, orthonormalise_once, turned};
use super::sparse::{SparseRows, multiply_sparse};
use super::tile::LANES;

/// Columns of the panel beyond the wanted ones, as a part of them: the last wanted vectors converge as fast as the value
/// after the panel's last lies below theirs, and spectra of purchases fall slowly.
const OVERSAMPLING: f64 = 0.125;
/// No fewer columns than this beyond the wanted ones.
const LEAST_OVERSAMPLING: usize = 32;
/// Times that `AᵀA` is applied after the first, which makes the panel.
const POWER: usize = 12;
/// Highest degree of one polynomial: what goes on between two rounds of orthonormalisation.
const DEGREE: usize = 4;
/// How far one polynomial may raise the strongest direction above the weakest wanted one, for the weakest to outlive the
/// rounding of single precision.
const LARGEST_GAIN: f64 = 1e5;
/// A singular value below this much of the largest is rounding.
const NEGLIGIBLE: f64 = 1e-4;

/// Singular values and right singular vectors.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `values` | found | descending, above zero; fewer than wanted where the matrix has lower rank |
/// | `vectors` | columns × found | row-major; column `j` is the unit vector of `values[j]`, and its largest component (the first of equals) is positive |
#[derive(Clone, Debug, PartialEq)]
pub struct SingularVectors {
    /// Descending.
    pub values: Vec<f64>,
    /// Row-major, one row for each column of the matrix.
    pub vectors: Vec<f32>,
}

/// The `wanted` strongest right singular vectors of a matrix, given with its transpose. Calls `step` with the part that is
/// done, from 0 to 1, now and then.
///
/// Memory: four panels of columns × `1.125 · wanted` numbers and one of rows × as many.
///
/// # Panics
/// When `transposed` has not the shape of the transpose.
///
/// # Determinism
/// The same matrix and seed give the same bits for any number of threads.
#[must_use]
pub fn truncated_svd(
    matrix: SparseRows<'_>,
    transposed: SparseRows<'_>,
    wanted: usize,
    seed: u64,
    step: &dyn Fn(f64),
) -> SingularVectors {
    assert_eq!(
        (matrix.n_rows(), matrix.n_columns),
        (transposed.n_columns, transposed.n_rows()),
        "the shape of the transpose"
    );
    let normal = Normal { matrix, transposed };
    let rank = matrix.n_rows().min(matrix.n_columns);
    let beyond = ((wanted as f64 * OVERSAMPLING).ceil() as usize).max(LEAST_OVERSAMPLING);
    let width = (wanted + beyond).next_multiple_of(LANES).min(rank);
    let mut panel = normal.first(width, seed);
    if width < rank {
        normal.filter(&mut panel, width, step);
    }
    orthonormalise(&mut panel, width);
    // Rayleigh and Ritz: the singular vectors of A X, turned back.
    let mut image = vec![0.0; matrix.n_rows() * width];
    multiply_sparse(matrix, &panel, width, &mut image);
    let eigen = symmetric_eigen(&gram(&image, width), width);
    drop(image);
    let largest = eigen.values.first().copied().unwrap_or(0.0);
    let found = eigen
        .values
        .iter()
        .take(wanted)
        .take_while(|&&square| square > NEGLIGIBLE * NEGLIGIBLE * largest)
        .count();
    let mut turn = vec![0.0; width * found];
    for (j, vector) in eigen.vectors.chunks_exact(width.max(1)).take(found).enumerate() {
        for (k, &value) in vector.iter().enumerate() {
            turn[k * found + j] = value;
        }
    }
    let mut vectors = turned(&panel, width, &turn, found);
    fix_signs(&mut vectors, found);
    step(1.0);
    SingularVectors {
        values: eigen.values[..found].iter().map(|square| square.sqrt()).collect(),
        vectors,
    }
}

/// `AᵀA`, as its two factors.
struct Normal<'a> {
    matrix: SparseRows<'a>,
    transposed: SparseRows<'a>,
}

impl Normal<'_> {
    /// A panel that spans most of what `A` reads: `Aᵀ` times random signs, or everything there is where the panel is as
    /// wide as the matrix.
    fn first(&self, width: usize, seed: u64) -> Vec<f32> {
        let (n_rows, n_columns) = (self.matrix.n_rows(), self.matrix.n_columns);
        let identity = |n: usize| {
            let mut panel = vec![0.0; n * n];
            panel.iter_mut().step_by(n + 1).for_each(|x| *x = 1.0);
            panel
        };
        if width == n_columns {
            return identity(width);
        }
        let signs = if width == n_rows {
            identity(width)
        } else {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut signs = vec![1.0; n_rows * width];
            for signs in signs.chunks_mut(64) {
                let bits = random.next_u64();
                for (bit, sign) in signs.iter_mut().enumerate() {
                    *sign = if bits >> bit & 1 == 0 { 1.0 } else { -1.0 };
                }
            }
            signs
        };
        let mut panel = vec![0.0; n_columns * width];
        multiply_sparse(self.transposed, &signs, width, &mut panel);
        panel
    }

    /// Raises the strong directions of a panel over the weak ones.
    fn filter(&self, panel: &mut Vec<f32>, width: usize, step: &dyn Fn(f64)) {
        let mut image = vec![0.0; self.matrix.n_rows() * width];
        let mut other = vec![0.0; panel.len()];
        orthonormalise_once(panel, width, Dependent::Kept);
        self.apply(panel, width, &mut image, &mut other);
        std::mem::swap(panel, &mut other);
        let mut spectrum = Spectrum::of(&orthonormalise_once(panel, width, Dependent::Kept));
        let mut done = 0;
        while done < POWER {
            let degree = spectrum.degree().min(POWER - done);
            // T_{d+1} = 2 (2 AᵀA / c − 1) T_d − T_{d−1}, from T_0 = 1 and T_1 = 2 AᵀA / c − 1.
            let mut before = panel.clone();
            for d in 0..degree {
                other.resize(panel.len(), 0.0);
                self.apply(panel, width, &mut image, &mut other);
                let twice = if d == 0 { 1.0 } else { 2.0 };
                let scale = (2.0 * twice / spectrum.cut) as f32;
                let subtract = if d == 0 { 0.0 } else { 1.0 };
                other
                    .par_iter_mut()
                    .zip(&*panel)
                    .zip(&before)
                    .with_min_len(1 << 14)
                    .for_each(|((next, now), before)| {
                        *next = scale * *next - twice as f32 * now - subtract * before;
                    });
                std::mem::swap(&mut before, panel);
                std::mem::swap(panel, &mut other);
            }
            let diagonal = orthonormalise_once(panel, width, Dependent::Kept);
            spectrum = spectrum.refined(&diagonal, degree);
            done += degree;
            step(done as f64 / (POWER + 1) as f64);
        }
    }

    fn apply(&self, panel: &[f32], width: usize, image: &mut [f32], out: &mut [f32]) {
        multiply_sparse(self.matrix, panel, width, image);
        multiply_sparse(self.transposed, image, width, out);
    }
}

/// What is known of the eigenvalues of `AᵀA` from the last round of orthonormalisation.
#[derive(Clone, Copy, Debug)]
struct Spectrum {
    /// The largest.
    largest: f64,
    /// The smallest that the panel holds: the polynomial is small below it.
    cut: f64,
    /// The polynomial's degree is one until the columns of the panel have found their order.
    ordered: bool,
}

impl Spectrum {
    /// From the diagonal of the factor that made `AᵀA X` orthonormal, for an orthonormal `X`.
    fn of(diagonal: &[f64]) -> Self {
        let largest = finite(diagonal).fold(0.0, f64::max);
        let smallest = finite(diagonal).fold(largest, f64::min);
        Self {
            largest,
            // Below the square of what is negligible there is nothing to find.
            cut: smallest
                .max(NEGLIGIBLE * NEGLIGIBLE * largest)
                .max(f64::MIN_POSITIVE),
            ordered: false,
        }
    }

    /// The highest degree whose polynomial does not drown the weak directions in the strong ones.
    fn degree(&self) -> usize {
        if !self.ordered {
            return 1;
        }
        let at = 2.0 * self.largest / self.cut - 1.0;
        let gain = |degree: usize| (degree as f64 * at.max(1.0).acosh()).cosh();
        (2..=DEGREE)
            .rev()
            .find(|&degree| gain(degree) <= LARGEST_GAIN)
            .unwrap_or(1)
    }

    /// The same from the diagonal after a polynomial of this degree.
    fn refined(&self, diagonal: &[f64], degree: usize) -> Self {
        // T_d(2 λ / c − 1) = r, for r ≥ 1.
        let value = |r: f64| 0.5 * self.cut * (1.0 + (r.max(1.0).acosh() / degree as f64).cosh());
        let (low, high) =
            finite(diagonal).fold((f64::MAX, 0.0f64), |(low, high), r| (low.min(r), high.max(r)));
        Self {
            largest: self.largest.max(value(high)),
            cut: self.cut.max(value(low.min(high))),
            ordered: true,
        }
    }
}

fn finite(diagonal: &[f64]) -> impl Iterator<Item = f64> {
    diagonal.iter().copied().filter(|r| r.is_finite())
}

/// Turns each column so that its largest component, the first of equals, is positive.
fn fix_signs(vectors: &mut [f32], width: usize) {
    let mut largest = vec![0.0f32; width];
    for row in vectors.chunks_exact(width.max(1)) {
        for (largest, &x) in largest.iter_mut().zip(row) {
            if x.abs() > largest.abs() {
                *largest = x;
            }
        }
    }
    vectors.par_chunks_exact_mut(width.max(1)).for_each(|row| {
        for (x, largest) in row.iter_mut().zip(&largest) {
            if *largest < 0.0 {
                *x = -*x;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::gram_plain;
    use super::*;

    /// A sparse matrix by a fixed rule whose spectrum falls slowly, as that of purchases does: its offsets, columns and
    /// values, those of its transpose, and its entries.
    struct Matrix {
        rows: (Vec<usize>, Vec<u32>, Vec<f32>),
        columns: (Vec<usize>, Vec<u32>, Vec<f32>),
        dense: Vec<f32>,
        n_columns: usize,
    }

    impl Matrix {
        fn new(n_rows: usize, n_columns: usize) -> Self {
            let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
            let mut dense = vec![0.0; n_rows * n_columns];
            for (r, row) in dense.chunks_exact_mut(n_columns).enumerate() {
                for (c, x) in row.iter_mut().enumerate() {
                    let likely = if (r + c).is_multiple_of(5) { 30 } else { 5 };
                    if random.next_u64() % 100 < likely {
                        *x = 1.0 / ((1 + r % 7) * (1 + c % 11)) as f32;
                    }
                }
            }
            let compressed = |outer: usize, inner: usize, at: &dyn Fn(usize, usize) -> f32| {
                let (mut offsets, mut columns, mut values) = (vec![0], Vec::new(), Vec::new());
                for o in 0..outer {
                    for i in (0..inner).filter(|&i| at(o, i) > 0.0) {
                        columns.push(i as u32);
                        values.push(at(o, i));
                    }
                    offsets.push(columns.len());
                }
                (offsets, columns, values)
            };
            Self {
                rows: compressed(n_rows, n_columns, &|r, c| dense[r * n_columns + c]),
                columns: compressed(n_columns, n_rows, &|c, r| dense[r * n_columns + c]),
                dense,
                n_columns,
            }
        }

        fn svd(&self, wanted: usize) -> SingularVectors {
            let (offsets, columns, values) = &self.rows;
            let matrix = SparseRows {
                offsets,
                columns,
                values,
                n_columns: self.n_columns,
            };
            let (offsets, columns, values) = &self.columns;
            let transposed = SparseRows {
                offsets,
                columns,
                values,
                n_columns: matrix.n_rows(),
            };
            truncated_svd(matrix, transposed, wanted, 1, &|_| ())
        }
    }

    #[test]
    fn values_and_vectors_are_those_of_the_exact_decomposition() {
        // Wider than the panel, as wide as it, and with fewer rows than it has columns.
        for (n_rows, n_columns, wanted) in [(400, 300, 40), (300, 400, 40), (80, 40, 30), (40, 80, 30)] {
            let matrix = Matrix::new(n_rows, n_columns);
            let exact = symmetric_eigen(&gram_plain(&matrix.dense, n_columns), n_columns);
            let found = matrix.svd(wanted);
            assert_eq!(found.values.len(), wanted);
            for (j, value) in found.values.iter().enumerate() {
                let expected = exact.values[j].sqrt();
                assert!(
                    (value - expected).abs() < 1e-3 * expected,
                    "{n_rows} × {n_columns}, value {j}: {value} {expected}"
                );
            }
            // The first vectors stand alone in the spectrum, so that they can be compared one by one.
            for j in 0..3 {
                for c in 0..n_columns {
                    let difference =
                        f64::from(found.vectors[c * wanted + j]) - exact.vectors[j * n_columns + c];
                    assert!(difference.abs() < 1e-3, "vector {j} at {c}: {difference}");
                }
            }
            let gram = gram_plain(&found.vectors, wanted);
            for (at, inner) in gram.iter().enumerate() {
                let expected = f64::from(u8::from(at / wanted == at % wanted));
                assert!((inner - expected).abs() < 1e-5, "{at}: {inner}");
            }
        }
    }

    #[test]
    fn an_empty_matrix_has_no_direction() {
        let empty = Matrix::new(0, 1);
        assert_eq!(empty.svd(3).values, Vec::<f64>::new());
    }
}
