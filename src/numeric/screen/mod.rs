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

pub use addends::Addends;
pub use batch::Screen;
pub use index::ExactIndex;
pub use search::{Search, SearchRoom};

/// What bounds grow by, against the rounding of the bounds themselves.
const SLACK: f32 = 1.001;

/// Rounds to −127 … 127; says the unit and how far, in length, the vector moved.
fn round(x: &[f32], length: f32, codes: &mut Vec<i8>) -> (f32, f32) {
    let largest = x.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
    codes.clear();
    let (unit, inverse) = (largest / 127.0, 127.0 / largest);
    if !(unit > f32::MIN_POSITIVE && inverse.is_finite()) {
        codes.resize(x.len(), 0);
        return (0.0, length);
    }
    let mut square = 0.0;
    codes.extend(x.iter().map(|&x| {
        let code = (x * inverse).round_ties_even().clamp(-127.0, 127.0);
        let moved = x - code * unit;
        square += moved * moved;
        code as i8
    }));
    (unit, square.sqrt())
}
