//! Many dot products at once: every row of one matrix with every row of another.

use super::dispatch::dispatch;
use super::tile::{LANES, padded, row_tile, tile};
use super::vector::Vector;

/// Rows stored the way the tile reads them: groups of [`LANES`] rows, and within a group by depth. The last group is
/// padded with zeros.
#[derive(Clone, Debug, Default)]
pub struct PackedRows {
    packed: Vec<f32>,
    n_rows: usize,
    width: usize,
}

impl PackedRows {
    /// Packs rows of `width` numbers.
    #[must_use]
    pub fn new(rows: &[f32], width: usize) -> Self {
        let n_rows = rows.len() / width.max(1);
        let mut packed = vec![0.0; n_rows.div_ceil(LANES) * LANES * width];
        for (r, row) in rows.chunks_exact(width.max(1)).enumerate() {
            let group = &mut packed[r / LANES * LANES * width..][..LANES * width];
            for (slot, &value) in group.chunks_exact_mut(LANES).zip(row) {
                slot[r % LANES] = value;
            }
        }
        Self {
            packed,
            n_rows,
            width,
        }
    }

    /// Replaces what is here by chosen rows of a matrix, each number multiplied by its column's scale.
    ///
    /// # Panics
    /// When a chosen row is not in the matrix.
    pub fn gather(&mut self, rows: &[f32], chosen: &[u32], scale: &[f32]) {
        let width = scale.len();
        (self.n_rows, self.width) = (chosen.len(), width);
        self.packed.clear();
        self.packed
            .resize(chosen.len().div_ceil(LANES) * LANES * width, 0.0);
        let group = (LANES * width).max(1);
        for (slots, chosen) in self.packed.chunks_exact_mut(group).zip(chosen.chunks(LANES)) {
            // A square at a time: whole cache lines are read, and whole ones are written.
            for (at, (slots, scale)) in slots
                .chunks_mut(LANES * LANES)
                .zip(scale.chunks(LANES))
                .enumerate()
            {
                let mut square = [[0.0; LANES]; LANES];
                for (square, &row) in square.iter_mut().zip(chosen) {
                    let values = &rows[row as usize * width + at * LANES..][..scale.len()];
                    for ((square, &value), &scale) in square.iter_mut().zip(values).zip(scale) {
                        *square = value * scale;
                    }
                }
                for (column, slots) in slots.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                    *slots = std::array::from_fn(|lane| square[lane][column]);
                }
            }
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }
}

/// The definition: `out[r][c] = Σ_k a[r][k] · b[c][k]`.
pub fn multiply_plain(a: &[f32], b: &[f32], width: usize, out: &mut [f32]) {
    let n_rows = b.len() / width.max(1);
    for (a, out) in a
        .chunks_exact(width.max(1))
        .zip(out.chunks_exact_mut(n_rows.max(1)))
    {
        for (b, out) in b.chunks_exact(width.max(1)).zip(out) {
            *out = a.iter().zip(b).map(|(a, b)| a * b).sum();
        }
    }
}

/// [`multiply_plain`] with packed rows of `b`.
///
/// # Panics
/// When `a` is not whole rows of the width of `b`, or `out` is not a result for each pair of rows.
pub fn multiply(a: &[f32], b: &PackedRows, out: &mut [f32]) {
    assert_eq!(
        a.len() * b.n_rows,
        out.len() * b.width,
        "one result for each pair of rows"
    );
    if b.width == 0 || b.n_rows == 0 {
        out.fill(0.0);
        return;
    }
    dispatch!(multiply_body(a: &[f32], b: &PackedRows, out: &mut [f32]));
}

#[inline(always)]
fn multiply_body<V: Vector, const ROWS: usize>(a: &[f32], b: &PackedRows, out: &mut [f32]) {
    let band = ROWS * b.width;
    let pairs = if V::PAIRS {
        b.n_rows.div_ceil(LANES) / 2 * 2
    } else {
        0
    };
    for column in (0..pairs).step_by(2) {
        for (a, out) in a.chunks(band).zip(out.chunks_mut(ROWS * b.n_rows)) {
            row_band::<V, ROWS, 2>(a, b, column, out);
        }
    }
    for column in pairs..b.n_rows.div_ceil(LANES) {
        for (a, out) in a.chunks(band).zip(out.chunks_mut(ROWS * b.n_rows)) {
            row_band::<V, ROWS, 1>(a, b, column, out);
        }
    }
}

/// The results of up to `ROWS` rows with some groups of columns.
#[inline(always)]
fn row_band<V: Vector, const ROWS: usize, const GROUPS: usize>(
    a: &[f32],
    b: &PackedRows,
    group: usize,
    out: &mut [f32],
) {
    let (width, n_columns) = (b.width, b.n_rows);
    let n_rows = a.len() / width;
    // A band with fewer rows repeats its last one, whose results nobody reads.
    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &a[r.min(n_rows - 1) * width..][..width];
    }
    let groups = std::array::from_fn(|g| {
        b.packed[(group + g) * LANES * width..][..LANES * width]
            .as_chunks()
            .0
    });
    let tile = row_tile::<V, ROWS, GROUPS>(rows, groups, width);
    for (tile, out) in tile.iter().zip(out.chunks_exact_mut(n_columns)) {
        for (tile, out) in tile.iter().zip(out[group * LANES..].chunks_mut(LANES)) {
            if let Some(whole) = out.first_chunk_mut::<LANES>() {
                *whole = *tile;
            } else {
                out.copy_from_slice(&tile[..out.len()]);
            }
        }
    }
}

/// Adds `P Pᵀ`, the dot product of every pair of packed rows, to the upper triangle of `sums`, whose rows are `step`
/// apart. What is below the diagonal is left in an unspecified state.
///
/// # Panics
/// When `step` is not the number of rows padded to whole tiles, or `sums` is not `step × step`.
pub(crate) fn add_row_gram(rows: &PackedRows, step: usize, sums: &mut [f32]) {
    assert_eq!(
        step,
        padded(rows.n_rows),
        "a place for each row, padded to whole tiles"
    );
    assert_eq!(sums.len(), step * step, "one sum for each pair of rows");
    if rows.width > 0 {
        dispatch!(add_row_gram_body(rows: &PackedRows, step: usize, sums: &mut [f32]));
    }
}

#[inline(always)]
fn add_row_gram_body<V: Vector, const ROWS: usize>(rows: &PackedRows, step: usize, sums: &mut [f32]) {
    let group = LANES * rows.width;
    for i in (0..step).step_by(ROWS) {
        let a = &rows.packed[i / LANES * group..][..group];
        for j in (i / LANES * LANES..step).step_by(LANES) {
            let b = &rows.packed[j / LANES * group..][..group];
            let tile = tile::<V, ROWS>(&a[i % LANES..], LANES, b, LANES);
            for (r, tile) in tile.iter().enumerate() {
                let sums = &mut sums[(i + r) * step + j..][..LANES];
                for lane in 0..LANES {
                    sums[lane] += tile[lane];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn chosen_rows_meet_each_other() {
        let rows = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        let mut packed = PackedRows::default();
        packed.gather(&rows, &[2, 0], &[1.0, 10.0]);
        let mut sums = vec![0.0; LANES * LANES];
        add_row_gram(&packed, LANES, &mut sums);
        assert_eq!(sums[..2], [25.0 + 3600.0, 5.0 + 1200.0]);
        assert_eq!(sums[LANES + 1..LANES + 3], [1.0 + 400.0, 0.0]);
    }

    #[test]
    fn no_rows_make_no_product() {
        multiply(&[1.0], &PackedRows::new(&[], 1), &mut []);
        multiply(&[], &PackedRows::new(&[1.0; 16], 1), &mut []);
    }

    proptest! {
        #[test]
        fn the_tiled_form_agrees_with_the_definition(
            width in 1usize..40, n in 1usize..40, m in 1usize..60, seed in 0u32..9
        ) {
            let number = |k: usize| ((k as u32 * 7919 + seed * 31) % 1000) as f32 / 500.0 - 1.0;
            let a: Vec<f32> = (0..n * width).map(number).collect();
            let b: Vec<f32> = (0..m * width).map(|k| number(k + 17)).collect();
            let (mut fast, mut plain) = (vec![f32::NAN; n * m], vec![f32::NAN; n * m]);
            multiply(&a, &PackedRows::new(&b, width), &mut fast);
            multiply_plain(&a, &b, width, &mut plain);
            for (fast, plain) in fast.iter().zip(&plain) {
                prop_assert!((fast - plain).abs() <= 1e-5 * width as f32, "{fast} {plain}");
            }
        }
    }
}
