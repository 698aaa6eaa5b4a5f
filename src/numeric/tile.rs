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

/// `tile[r][c][l] = Σ_k a[r][k] · b[c][k][l]` over `depth` places `k`: one operand by rows, as matrices are kept, the
/// other in groups of [`LANES`] rows by depth.
#[inline(always)]
pub(super) fn row_tile<V: Vector, const ROWS: usize, const GROUPS: usize>(
    a: [&[f32]; ROWS],
    b: [&[[f32; LANES]]; GROUPS],
    depth: usize,
) -> [[[f32; LANES]; GROUPS]; ROWS] {
    // Loops, because a closure given to `map` would be compiled without the vector unit.
    let (mut a, mut b) = (a, b);
    for a in &mut a {
        *a = &a[..depth];
    }
    for b in &mut b {
        *b = &b[..depth];
    }
    let mut sums = [[V::ZERO; GROUPS]; ROWS];
    for k in 0..depth {
        let mut columns = [V::ZERO; GROUPS];
        for (columns, b) in columns.iter_mut().zip(&b) {
            *columns = V::load(&b[k]);
        }
        for (sums, a) in sums.iter_mut().zip(&a) {
            for (sum, &columns) in sums.iter_mut().zip(&columns) {
                *sum = V::madd(a[k], columns, *sum);
            }
        }
    }
    let mut tile = [[[0.0; LANES]; GROUPS]; ROWS];
    for (tile, sums) in tile.iter_mut().zip(sums) {
        for (tile, sum) in tile.iter_mut().zip(sums) {
            *tile = sum.store();
        }
    }
    tile
}

/// `tile[r][c][l] = Σ_k a[k][from + r] · b[c][k][l]`: both operands in groups of [`LANES`] columns by depth.
#[inline(always)]
pub(super) fn column_tile<V: Vector, const ROWS: usize, const GROUPS: usize>(
    a: &[[f32; LANES]],
    from: usize,
    b: [&[[f32; LANES]]; GROUPS],
) -> [[[f32; LANES]; GROUPS]; ROWS] {
    let mut b = b;
    for b in &mut b {
        *b = &b[..a.len()];
    }
    assert!(from + ROWS <= LANES, "rows of one group");
    let mut sums = [[V::ZERO; GROUPS]; ROWS];
    for (k, a) in a.iter().enumerate() {
        let mut columns = [V::ZERO; GROUPS];
        for (columns, b) in columns.iter_mut().zip(&b) {
            *columns = V::load(&b[k]);
        }
        for (sums, &a) in sums.iter_mut().zip(&a[from..from + ROWS]) {
            for (sum, &columns) in sums.iter_mut().zip(&columns) {
                *sum = V::madd(a, columns, *sum);
            }
        }
    }
    let mut tile = [[[0.0; LANES]; GROUPS]; ROWS];
    for (tile, sums) in tile.iter_mut().zip(sums) {
        for (tile, sum) in tile.iter_mut().zip(sums) {
            *tile = sum.store();
        }
    }
    tile
}
