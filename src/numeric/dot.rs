//! Dot product and scaled addition of two vectors.

use super::dispatch::dispatch;
use super::tile::LANES;
use super::vector::{Vector, madd};

/// `Σ_k a[k] · b[k]`.
///
/// # Panics
/// When the lengths differ.
#[must_use]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "a dot product needs two vectors of one length");
    dispatch!(dot_body(a: &[f32], b: &[f32]) -> f32)
}

#[inline(always)]
pub(super) fn dot_body<V: Vector, const ROWS: usize>(a: &[f32], b: &[f32]) -> f32 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] = madd::<V>(a[lane], b[lane], sums[lane]);
        }
    }
    for lane in 0..a_rest.len().min(b_rest.len()) {
        sums[lane] = madd::<V>(a_rest[lane], b_rest[lane], sums[lane]);
    }
    // Halving keeps the additions independent, and the order the same on every machine.
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

/// What [`dot`] is of each of four vectors with `b`, bit by bit but for the sign of a zero: in less time than one after another,
/// because a sum waits for the one before.
///
/// # Panics
/// When the lengths differ.
pub(super) fn dot_four(a: [&[f32]; 4], b: &[f32]) -> [f32; 4] {
    for a in a {
        assert_eq!(a.len(), b.len(), "a dot product needs two vectors of one length");
    }
    dispatch!(dot_four_body(a: [&[f32]; 4], b: &[f32]) -> [f32; 4])
}

#[inline(always)]
fn dot_four_body<V: Vector, const ROWS: usize>([a0, a1, a2, a3]: [&[f32]; 4], b: &[f32]) -> [f32; 4] {
    let mut sums = [V::ZERO; 4];
    let whole = b.as_chunks::<LANES>().0.iter();
    let (rows, rests) = {
        let ((a0, rest0), (a1, rest1)) = (a0.as_chunks(), a1.as_chunks());
        let ((a2, rest2), (a3, rest3)) = (a2.as_chunks(), a3.as_chunks());
        ((a0, a1, a2, a3), [rest0, rest1, rest2, rest3])
    };
    for ((((b, a0), a1), a2), a3) in whole.zip(rows.0).zip(rows.1).zip(rows.2).zip(rows.3) {
        let b = V::load(b);
        for (sum, a) in sums.iter_mut().zip([a0, a1, a2, a3]) {
            *sum = V::fused(V::load(a), b, *sum);
        }
    }
    let rest = b.as_chunks::<LANES>().1;
    if !rest.is_empty() {
        let b = V::load(&padded(rest));
        for (sum, rest) in sums.iter_mut().zip(rests) {
            *sum = V::fused(V::load(&padded(rest)), b, *sum);
        }
    }
    V::sum_four(sums)
}

/// The last numbers of a row, and zeros.
#[inline(always)]
fn padded(rest: &[f32]) -> [f32; LANES] {
    let mut lanes = [0.0; LANES];
    lanes[..rest.len()].copy_from_slice(rest);
    lanes
}

/// `√(Σ_k x[k]²)`, in blocks whose sums are added in `f64`, so that a million entries lose no digits.
#[must_use]
pub fn norm(x: &[f32]) -> f32 {
    const BLOCK: usize = 1024;
    let square: f64 = x.chunks(BLOCK).map(|block| f64::from(dot(block, block))).sum();
    square.sqrt() as f32
}

/// `y[k] += a · x[k]`.
///
/// # Panics
/// When the lengths differ.
pub fn axpy(a: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(
        x.len(),
        y.len(),
        "a scaled addition needs two vectors of one length"
    );
    dispatch!(axpy_body(a: f32, x: &[f32], y: &mut [f32]));
}

#[inline(always)]
pub(super) fn axpy_body<V: Vector, const ROWS: usize>(a: f32, x: &[f32], y: &mut [f32]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = madd::<V>(a, x, *y);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_agree_with_f64(pairs in prop::collection::vec((-1e3f32..1e3, -1e3f32..1e3), 0..70), a in -9f32..9.0) {
            let (x, y): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
            let exact: f64 = pairs.iter().map(|&(x, y)| f64::from(x) * f64::from(y)).sum();
            // Rounding of a sum of n products is below n · ε · Σ |x y|.
            let magnitude: f64 = pairs.iter().map(|&(x, y)| f64::from((x * y).abs())).sum();
            let bound = pairs.len() as f64 * f64::from(f32::EPSILON) * magnitude;
            prop_assert!((f64::from(dot(&x, &y)) - exact).abs() <= bound);
            let square: f64 = x.iter().map(|&x| f64::from(x).powi(2)).sum();
            prop_assert!((f64::from(norm(&x)) - square.sqrt()).abs() <= 1e-6 * square.sqrt());
            let mut sum = y.clone();
            axpy(a, &x, &mut sum);
            let alone = [&x, &y, &sum, &x].map(|x| dot(x, &y).to_bits());
            prop_assert_eq!(dot_four([&x, &y, &sum, &x], &y).map(f32::to_bits), alone);
            for ((&x, &y), &sum) in x.iter().zip(&y).zip(&sum) {
                let exact = f64::from(a) * f64::from(x) + f64::from(y);
                prop_assert!((f64::from(sum) - exact).abs() <= 2e-7 * (f64::from((a * x).abs()) + f64::from(y.abs())));
            }
        }
    }
}
