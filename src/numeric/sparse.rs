//! Sparse matrix times a panel of dense columns.

use rayon::prelude::*;

use super::dispatch::dispatch;
use super::tile::LANES;
use super::vector::Vector;

/// Rows of a sparse matrix, borrowed from whoever holds them.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `offsets` | rows + 1 | entries of row `r` are `offsets[r]..offsets[r + 1]` |
/// | `columns` | entries | column of each entry |
/// | `values` | entries | value of each entry |
/// | `n_columns` | | what every column lies below |
#[derive(Clone, Copy, Debug)]
pub struct SparseRows<'a> {
    /// Where each row starts and the last one ends.
    pub offsets: &'a [usize],
    /// Column of each entry.
    pub columns: &'a [u32],
    /// Value of each entry.
    pub values: &'a [f32],
    /// Number of columns.
    pub n_columns: usize,
}

impl SparseRows<'_> {
    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let entries = self.offsets[row]..self.offsets[row + 1];
        (&self.columns[entries.clone()], &self.values[entries])
    }
}

/// The definition: `out[r][k] = Σ_c matrix[r][c] · panel[c][k]`.
pub fn multiply_sparse_plain(matrix: SparseRows<'_>, panel: &[f32], width: usize, out: &mut [f32]) {
    for (row, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
        out.fill(0.0);
        let (columns, values) = matrix.row(row);
        for (&column, &value) in columns.iter().zip(values) {
            for (out, x) in out.iter_mut().zip(&panel[column as usize * width..]) {
                *out += value * x;
            }
        }
    }
}

/// [`multiply_sparse_plain`], in parallel over rows. The product with the transpose is the same call on the transposed
/// matrix, so that no two threads ever write to one row.
///
/// # Panics
/// When `panel` has not a row of `width` numbers for each column, or `out` not one for each row of the matrix.
///
/// # Determinism
/// Each row is summed by one thread, in the order of its entries.
pub fn multiply_sparse(matrix: SparseRows<'_>, panel: &[f32], width: usize, out: &mut [f32]) {
    assert_eq!(
        panel.len(),
        matrix.n_columns * width,
        "a row of the panel for each column"
    );
    assert_eq!(
        out.len(),
        matrix.n_rows() * width,
        "a row of the result for each row"
    );
    if width == 0 {
        return;
    }
    out.par_chunks_exact_mut(width)
        .enumerate()
        .for_each(|(row, out)| {
            let (columns, values) = matrix.row(row);
            combine(columns, values, panel, out);
        });
}

/// `out = Σ_k values[k] · panel[columns[k]]`, with rows of the length of `out`.
fn combine(columns: &[u32], values: &[f32], panel: &[f32], out: &mut [f32]) {
    dispatch!(combine_body(columns: &[u32], values: &[f32], panel: &[f32], out: &mut [f32]));
}

/// Columns are taken in strips whose sums stay in registers over all entries of the row.
#[inline(always)]
fn combine_body<V: Vector, const ROWS: usize>(
    columns: &[u32],
    values: &[f32],
    panel: &[f32],
    out: &mut [f32],
) {
    let width = out.len();
    let mut at = 0;
    while width - at >= ROWS * LANES {
        let mut sums = [V::ZERO; ROWS];
        for (&column, &value) in columns.iter().zip(values) {
            let row = &panel[column as usize * width + at..][..ROWS * LANES];
            for (sum, x) in sums.iter_mut().zip(row.as_chunks::<LANES>().0) {
                *sum = V::madd(value, V::load(x), *sum);
            }
        }
        for (out, sum) in out[at..].as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
            *out = sum.store();
        }
        at += ROWS * LANES;
    }
    let rest = &mut out[at..];
    rest.fill(0.0);
    for (&column, &value) in columns.iter().zip(values) {
        let row = &panel[column as usize * width + at..][..rest.len()];
        super::dot::axpy_body::<V, ROWS>(value, row, rest);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_fast_form_agrees_with_the_definition(
            width in 0usize..300,
            rows in prop::collection::vec(prop::collection::btree_map(0u32..20, -2f32..2.0, 0..9), 0..12),
        ) {
            let mut offsets = vec![0];
            let (mut columns, mut values) = (Vec::new(), Vec::new());
            for row in &rows {
                columns.extend(row.keys());
                values.extend(row.values());
                offsets.push(columns.len());
            }
            let matrix = SparseRows { offsets: &offsets, columns: &columns, values: &values, n_columns: 20 };
            let panel: Vec<f32> = (0..20 * width).map(|k| ((k * 7919) % 1009) as f32 / 504.5 - 1.0).collect();
            let mut fast = vec![f32::NAN; rows.len() * width];
            let mut plain = fast.clone();
            multiply_sparse(matrix, &panel, width, &mut fast);
            multiply_sparse_plain(matrix, &panel, width, &mut plain);
            for (fast, plain) in fast.iter().zip(&plain) {
                prop_assert!((fast - plain).abs() <= 1e-5, "{fast} {plain}");
            }
        }
    }
}
