//! The best `k` rows of a matrix by dot product, without computing most of the dot products exactly.
//!
//! Enters: rows, and queries with what is added to their scores. Leaves: the best rows, equal to those of a full sort of
//! exact scores, ties included.
//!
//! The one decision: rows are rounded coarsely once, how far rounding can move a score is known (Cauchy and Schwarz),
//! and what cannot reach the best `k` even with that much on top is passed over. [`Screen`] meets many queries at once,
//! [`ExactIndex`] one at a time.
//!
//! Deliberately not here: approximate answers, and indices that change.

mod addends;
mod batch;
mod best;
mod clusters;
mod form;
mod index;
mod planes;
mod query;
mod reach;
mod search;
#[cfg(test)]
mod tests;
mod walk;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions")]
mod x86;

use super::dispatch::dispatch;
use super::rounded::{ROUNDER, largest};
use super::tile::LANES;
use super::vector::Vector;

pub use addends::Addends;
pub use batch::Screen;
pub use index::ExactIndex;
pub use search::{Search, SearchRoom};

/// What bounds grow by, against the rounding of the bounds themselves.
const SLACK: f32 = 1.001;

/// Rounds to −127 … 127; says the unit and how far, in length, the vector moved.
fn round(x: &[f32], length: f32, codes: &mut Vec<i8>) -> (f32, f32) {
    codes.clear();
    codes.resize(x.len(), 0);
    dispatch!(round_body(x: &[f32], length: f32, codes: &mut [i8]) -> (f32, f32))
}

#[inline(always)]
fn round_body<V: Vector, const ROWS: usize>(x: &[f32], length: f32, codes: &mut [i8]) -> (f32, f32) {
    let largest = largest(x);
    let (unit, inverse) = (largest / 127.0, 127.0 / largest);
    if !(unit > f32::MIN_POSITIVE && inverse.is_finite()) {
        return (0.0, length);
    }
    let mut squares = [0.0f32; LANES];
    for (x, codes) in x.chunks(LANES).zip(codes.chunks_mut(LANES)) {
        for ((x, code), square) in x.iter().zip(codes).zip(&mut squares) {
            // Of its magnitude no more than 127 is left but for rounding.
            let near = (x * inverse).clamp(-127.0, 127.0);
            let near = near + ROUNDER - ROUNDER;
            let moved = x - near * unit;
            *square += moved * moved;
            *code = near as i8;
        }
    }
    (unit, squares.iter().sum::<f32>().sqrt())
}
