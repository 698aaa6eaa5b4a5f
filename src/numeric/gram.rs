//! Gram matrices: `XᵀX` of the rows of `X`.

use rayon::prelude::*;

use super::dispatch::dispatch;
use super::tile::{LANES, column_tile, padded};
use super::vector::Vector;

/// The definition: `out[i][j] = Σ_r rows[r][i] · rows[r][j]`, `width × width`, summed in `f64`.
#[must_use]
pub fn gram_plain(rows: &[f32], width: usize) -> Vec<f64> {
    let mut out = vec![0.0; width * width];
    for row in rows.chunks_exact(width.max(1)) {
        for i in 0..width {
            for j in 0..width {
                out[i * width + j] += f64::from(row[i]) * f64::from(row[j]);
            }
        }
    }
    out
}

/// [`gram_plain`], in parallel over blocks of rows: tiles of `f32` within a panel, `f64` between blocks.
///
/// # Determinism
/// Blocks depend on the number of rows alone and are added in order.
#[must_use]
pub fn gram(rows: &[f32], width: usize) -> Vec<f64> {
    if width == 0 {
        return Vec::new();
    }
    let step = padded(width);
    let n_rows = rows.len() / width;
    // At most 32 blocks, so that the partial sums of a million rows stay small.
    let block_rows = n_rows.div_ceil(32).next_multiple_of(PANEL_ROWS).max(PANEL_ROWS);
    let partial: Vec<Vec<f32>> = rows
        .par_chunks(block_rows * width)
        .map(|block| {
            let mut sums = vec![0.0; step * step];
            let mut panel = Panel::default();
            panel.reset(width);
            for rows in block.chunks(PANEL_ROWS * width) {
                for row in rows.chunks_exact(width) {
                    panel.push(row, 1.0);
                }
                panel.add_gram(&mut sums);
            }
            sums
        })
        .collect();
    let mut out = vec![0.0; width * width];
    out.par_chunks_exact_mut(width).enumerate().for_each(|(i, out)| {
        for sums in &partial {
            for (out, &sum) in out[i..].iter_mut().zip(&sums[i * step + i..]) {
                *out += f64::from(sum);
            }
        }
    });
    for i in 0..width {
        for j in i + 1..width {
            out[j * width + i] = out[i * width + j];
        }
    }
    out
}

/// Rows that one panel holds: deep enough to pay for writing a tile back, small enough to stay in the second cache.
pub(crate) const PANEL_ROWS: usize = 128;

/// A few rows, stored the way the tile reads them: groups of [`LANES`] columns, and within a group by row. A tile then
/// reads neighbouring cache lines, where whole rows of a power of two would drive each other out of the first cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Panel {
    /// [`PANEL_ROWS`] for each group; the last group is padded with zeros.
    columns: Vec<f32>,
    step: usize,
    n_rows: usize,
}

impl Panel {
    /// Empties the panel for rows of this width.
    pub(crate) fn reset(&mut self, width: usize) {
        self.step = padded(width);
        self.n_rows = 0;
        self.columns.clear();
        self.columns.resize(PANEL_ROWS * self.step, 0.0);
    }

    /// Appends a row, each number multiplied by `scale`.
    ///
    /// # Panics
    /// When [`PANEL_ROWS`] rows are there already.
    pub(crate) fn push(&mut self, row: &[f32], scale: f32) {
        assert!(self.n_rows < PANEL_ROWS, "room for one more row");
        let groups = self.columns.chunks_exact_mut(PANEL_ROWS * LANES);
        for (group, row) in groups.zip(row.chunks(LANES)) {
            for (slot, &x) in group[self.n_rows * LANES..].iter_mut().zip(row) {
                *slot = scale * x;
            }
        }
        self.n_rows += 1;
    }

    /// Adds `PᵀP` of the rows `P` to the upper triangle of `sums`, a square padded to whole tiles, and takes the rows
    /// away. What is below the diagonal is left in an unspecified state.
    ///
    /// # Panics
    /// When `sums` is not of that size.
    pub(crate) fn add_gram(&mut self, sums: &mut [f32]) {
        assert_eq!(
            sums.len(),
            self.step * self.step,
            "one sum for each pair of columns"
        );
        let (columns, depth, step) = (self.columns.as_slice(), self.n_rows, self.step);
        add_gram(columns, depth, step, sums);
        self.n_rows = 0;
    }
}

fn add_gram(columns: &[f32], depth: usize, step: usize, sums: &mut [f32]) {
    dispatch!(add_gram_body(columns: &[f32], depth: usize, step: usize, sums: &mut [f32]));
}

#[inline(always)]
fn add_gram_body<V: Vector, const ROWS: usize>(columns: &[f32], depth: usize, step: usize, sums: &mut [f32]) {
    let columns = columns.as_chunks::<LANES>().0;
    let groups = step / LANES;
    for group in 0..groups {
        // Two groups of columns at a time where there are registers for them, and a last one by itself.
        let pairs = if V::PAIRS { (groups - group) / 2 * 2 } else { 0 };
        for j in (group..group + pairs).step_by(2) {
            add_tiles::<V, ROWS, 2>(columns, depth, [group, j], step, sums);
        }
        for j in group + pairs..groups {
            add_tiles::<V, ROWS, 1>(columns, depth, [group, j], step, sums);
        }
    }
}

/// Adds the products of one group of columns with `GROUPS` others.
#[inline(always)]
fn add_tiles<V: Vector, const ROWS: usize, const GROUPS: usize>(
    columns: &[[f32; LANES]],
    depth: usize,
    [group, with]: [usize; 2],
    step: usize,
    sums: &mut [f32],
) {
    let a = &columns[group * PANEL_ROWS..][..depth];
    let mut b: [&[[f32; LANES]]; GROUPS] = [&[]; GROUPS];
    for (g, b) in b.iter_mut().enumerate() {
        *b = &columns[(with + g) * PANEL_ROWS..][..depth];
    }
    for from in (0..LANES).step_by(ROWS) {
        let tile = column_tile::<V, ROWS, GROUPS>(a, from, b);
        for (r, tile) in tile.iter().enumerate() {
            let sums = &mut sums[(group * LANES + from + r) * step + with * LANES..][..GROUPS * LANES];
            for (sums, tile) in sums.as_chunks_mut::<LANES>().0.iter_mut().zip(tile) {
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

    proptest! {
        #[test]
        fn the_tiled_form_agrees_with_the_definition(width in 1usize..40, n in 0usize..300, seed in 0u32..9) {
            let rows: Vec<f32> = (0..width * n).map(|k| ((k as u32 * 7919 + seed * 31) % 1000) as f32 / 500.0 - 1.0).collect();
            let (fast, plain) = (gram(&rows, width), gram_plain(&rows, width));
            for (fast, plain) in fast.iter().zip(&plain) {
                prop_assert!((fast - plain).abs() <= 1e-5 * (1.0 + n as f64), "{fast} {plain}");
            }
        }
    }
}
