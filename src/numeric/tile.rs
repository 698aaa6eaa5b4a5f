//! The multiply-add tile: a few rows by sixteen columns, held in registers over the whole depth.

use super::vector::Vector;

/// Columns of a tile, and the width that packed operands are padded to: one AVX-512 register of `f32`.
pub const LANES: usize = 16;

/// `size` rounded up to whole tiles.
pub(crate) const fn padded(size: usize) -> usize {
    size.div_ceil(LANES) * LANES
}

/// `tile[r][l] = Σ_k a[k · a_step + r] · b[k · b_step + l]`, for as many `k` as both slices hold.
///
/// Both operands are stored by depth, so each step reads `ROWS` neighbours of one and `LANES` neighbours of the other.
#[inline(always)]
pub(super) fn tile<V: Vector, const ROWS: usize>(
    a: &[f32],
    a_step: usize,
    b: &[f32],
    b_step: usize,
) -> [[f32; LANES]; ROWS] {
    let mut sums = [V::ZERO; ROWS];
    for (a, b) in a.chunks(a_step).zip(b.chunks(b_step)) {
        let (Some(a), Some(b)) = (a.first_chunk::<ROWS>(), b.first_chunk::<LANES>()) else {
            break;
        };
        let b = V::load(b);
        for (sum, &a) in sums.iter_mut().zip(a) {
            *sum = V::madd(a, b, *sum);
        }
    }
    sums.map(V::store)
}
