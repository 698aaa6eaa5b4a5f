//! Matrix times vector: the score of every row for one query.

use super::dispatch::dispatch;
use super::dot::dot_body;
use super::vector::Vector;

/// `out[r] = Σ_k rows[r · width + k] · x[k]` with `width = x.len()`.
///
/// # Panics
/// When `rows` is not `out.len()` rows of `x.len()` numbers.
pub fn matvec(rows: &[f32], x: &[f32], out: &mut [f32]) {
    assert_eq!(
        rows.len(),
        out.len() * x.len(),
        "a row of the matrix for each result"
    );
    if x.is_empty() {
        out.fill(0.0);
        return;
    }
    dispatch!(matvec_body(rows: &[f32], x: &[f32], out: &mut [f32]));
}

#[inline(always)]
fn matvec_body<V: Vector, const ROWS: usize>(rows: &[f32], x: &[f32], out: &mut [f32]) {
    for (row, out) in rows.chunks_exact(x.len()).zip(out) {
        *out = dot_body::<V, ROWS>(row, x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_meets_the_vector() {
        let mut out = [0.0; 3];
        matvec(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[10.0, 1.0], &mut out);
        assert_eq!(out.map(|x| x as i32), [12, 34, 56]);
        matvec(&[], &[], &mut out);
        assert_eq!(out.map(|x| x as i32), [0; 3]);
    }
}
