//! One side's factors, turned into their principal axes.
//!
//! Scores are dot products, which a common rotation of both sides does not change. In the axes where `HᵀH` is diagonal
//! the part of the normal equations that all rows share is a vector instead of a matrix, which is what makes solving a
//! row with few entries cheap.

use rayon::prelude::*;

use crate::column::Column;
use crate::numeric::{PackedRows, gram, multiply, symmetric_eigen};

/// Factors whose Gram matrix is diagonal.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `factors` | rows × width | one row of factors each, columns by falling energy |
/// | `energy` | width | `Σ_r factors[r][k]²`: the diagonal of the Gram matrix |
/// | `n_touched` | | rows that are not all zero: those that training saw an entry of |
#[derive(Clone, Debug)]
pub(super) struct Axes {
    pub(super) factors: Column<f32>,
    pub(super) energy: Vec<f32>,
    pub(super) n_touched: usize,
}

impl Axes {
    /// Turns factors into their principal axes; factors that are there already stay as they are, bit for bit.
    pub(super) fn new(mut factors: Column<f32>, width: usize) -> Self {
        let mut squares = gram(&factors, width);
        // One turn is enough up to rounding; the second sees to what rounding left.
        for _ in 0..2 {
            if is_diagonal(&squares, width) {
                break;
            }
            turn(factors.to_mut(), &symmetric_eigen(&squares, width).vectors, width);
            squares = gram(&factors, width);
        }
        let energy = (0..width).map(|k| squares[k * width + k] as f32).collect();
        let n_touched = factors
            .par_chunks_exact(width)
            .filter(|row| row.iter().any(|x| x.abs() > 0.0))
            .count();
        Self {
            factors,
            energy,
            n_touched,
        }
    }
}

/// Whether all that is beside the diagonal is rounding of single precision.
fn is_diagonal(gram: &[f64], width: usize) -> bool {
    const ROUNDING: f64 = 1e-5;
    let largest = (0..width).map(|k| gram[k * width + k]).fold(0.0, f64::max);
    // Directions with next to no energy have nothing but rounding; they are measured against the strongest.
    let energy = |k: usize| gram[k * width + k] + 1e-4 * largest;
    (0..width).all(|i| (0..i).all(|j| gram[i * width + j].abs() <= ROUNDING * (energy(i) * energy(j)).sqrt()))
}

fn turn(factors: &mut [f32], vectors: &[f64], width: usize) {
    /// Rows that stay in the second cache with their image.
    const BLOCK_ROWS: usize = 64;
    let vectors: Vec<f32> = vectors.iter().map(|&x| x as f32).collect();
    let vectors = PackedRows::new(&vectors, width);
    factors
        .par_chunks_mut(BLOCK_ROWS * width)
        .for_each_init(Vec::new, |rows, block| {
            rows.clear();
            rows.extend_from_slice(block);
            multiply(rows, &vectors, block);
        });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::dot;

    #[test]
    fn turning_keeps_dot_products_and_twice_is_once() {
        let width = 7;
        let factors: Vec<f32> = (0..width * 50)
            .map(|k| ((k * 7919) % 1009) as f32 / 504.5 - 1.0)
            .collect();
        let axes = Axes::new(factors.clone().into(), width);
        for (i, j) in [(0, 0), (3, 41), (17, 8)] {
            let pair = |rows: &[f32]| dot(&rows[i * width..][..width], &rows[j * width..][..width]);
            assert!((pair(&factors) - pair(&axes.factors)).abs() < 1e-4);
        }
        assert!(axes.energy.is_sorted_by(|a, b| a >= b), "{:?}", axes.energy);
        let again = Axes::new(axes.factors.clone(), width);
        assert_eq!((again.factors, again.energy), (axes.factors, axes.energy));
    }
}
