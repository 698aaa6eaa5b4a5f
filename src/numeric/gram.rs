//! Gram matrices: `XᵀX` of the rows of `X`.

use rayon::prelude::*;

use super::dispatch::dispatch;
use super::tile::{LANES, padded, tile};
use super::vector::Vector;

/// Rows that one panel holds: deep enough to pay for writing a tile back, small enough to stay in the second cache.
pub(crate) const PANEL_ROWS: usize = 128;

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
    // At most 64 blocks, so that the partial sums of a million rows stay small.
    let block_rows = n_rows.div_ceil(64).next_multiple_of(PANEL_ROWS).max(PANEL_ROWS);
    let partial: Vec<Vec<f32>> = rows
        .par_chunks(block_rows * width)
        .map(|block| {
            let mut sums = vec![0.0; step * step];
            let mut panel = vec![0.0; PANEL_ROWS * step];
            for rows in block.chunks(PANEL_ROWS * width) {
                for (slot, row) in panel.chunks_exact_mut(step).zip(rows.chunks_exact(width)) {
                    slot[..width].copy_from_slice(row);
                }
                add_gram(&panel[..rows.len() / width * step], step, &mut sums);
            }
            sums
        })
        .collect();
    let mut out = vec![0.0; width * width];
    for i in 0..width {
        for j in i..width {
            let sum: f64 = partial.iter().map(|sums| f64::from(sums[i * step + j])).sum();
            out[i * width + j] = sum;
            out[j * width + i] = sum;
        }
    }
    out
}

/// Adds `PᵀP` to the upper triangle of `sums`, where `P` has rows of `step` numbers, a multiple of [`LANES`]. What is
/// below the diagonal is left in an unspecified state.
pub(crate) fn add_gram(panel: &[f32], step: usize, sums: &mut [f32]) {
    assert_eq!(step % LANES, 0, "rows padded to whole tiles");
    assert_eq!(sums.len(), step * step, "one sum for each pair of columns");
    dispatch!(add_gram_body(panel: &[f32], step: usize, sums: &mut [f32]));
}

#[inline(always)]
fn add_gram_body<V: Vector, const ROWS: usize>(panel: &[f32], step: usize, sums: &mut [f32]) {
    if panel.is_empty() {
        return;
    }
    for i in (0..step).step_by(ROWS) {
        for j in (i / LANES * LANES..step).step_by(LANES) {
            let tile = tile::<V, ROWS>(&panel[i..], step, &panel[j..], step);
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
