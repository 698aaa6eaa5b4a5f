//! Rows in a plane of two bits a number and one of four, with how far each is from the truth.
//!
//! A row `x` becomes `x ≈ a·c + b·d`, where the numbers of `c` are −1.5, −0.5, 0.5 or 1.5, those of `d` −7.5 … 7.5, and the
//! scales are the row's own; the second plane rounds what the first left. For a row of normal numbers the first leaves a
//! third of its length, the second less than three hundredths. Sixteen rows lie side by side, so that one line of memory
//! is some columns of sixteen rows.

use rayon::prelude::*;

use super::super::tile::LANES;
use super::SLACK;
use super::addends::NO_ROW;

/// Shorter rows are not rounded, because the squares of what rounding leaves of them might vanish.
pub(super) const SHORT: f32 = 1e-10;

/// For each of sixteen rows, four bytes: with `B` bits a number, those from `B j` on of byte `i` are of column `4 j + i`.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(super) struct Line(pub(super) [[u8; 4]; LANES]);

/// A scale in the upper half and a rest's length in the lower, each the upper half of a `f32`.
type Halves = u32;

/// `BITS` of each number.
#[derive(Clone, Debug, Default)]
pub(super) struct Plane<const BITS: usize> {
    /// Lines of a group.
    width: usize,
    /// For each group of sixteen rows, lines of [`columns`] columns each.
    pub(super) lines: Vec<Line>,
    /// By group: scales of the rows, and lengths of what the plane leaves.
    pub(super) halves: Vec<[Halves; LANES]>,
}

/// Rows in the order of their places, rounded.
#[derive(Clone, Debug, Default)]
pub(super) struct Planes {
    pub(super) coarse: Plane<COARSE>,
    pub(super) detail: Plane<DETAIL>,
}

/// Bits of a number in the first plane.
pub(super) const COARSE: usize = 2;
/// Bits of a number in the second.
pub(super) const DETAIL: usize = 4;

/// Columns of a line.
const fn columns(bits: usize) -> usize {
    4 * (8 / bits)
}

impl<const BITS: usize> Plane<BITS> {
    fn new(groups: usize, width: usize) -> Self {
        let width = width.div_ceil(columns(BITS));
        Self {
            width,
            lines: vec![Line([[0; 4]; LANES]); groups * width],
            halves: vec![[0; LANES]; groups],
        }
    }

    /// The lines of a group.
    #[inline(always)]
    pub(super) fn group(&self, group: usize) -> &[Line] {
        &self.lines[group * self.width..][..self.width]
    }

    /// What a code stands for is this much less, in scales.
    pub(super) const MIDDLE: f32 = ((1 << BITS) - 1) as f32 / 2.0;

    fn bytes(&self) -> usize {
        size_of_val(&self.lines[..]) + size_of_val(&self.halves[..])
    }
}

impl Planes {
    /// Rounds rows in the given order, of which some may be none; `write` writes one over its second argument and says its length.
    pub(super) fn new(width: usize, order: &[u32], write: impl Fn(u32, &mut Vec<f32>) -> f32 + Sync) -> Self {
        let groups = order.len().div_ceil(LANES);
        let (mut coarse, mut detail) = (
            Plane::<COARSE>::new(groups, width),
            Plane::<DETAIL>::new(groups, width),
        );
        order
            .par_chunks(LANES)
            .zip(
                coarse
                    .lines
                    .par_chunks_mut(coarse.width.max(1))
                    .zip(&mut coarse.halves),
            )
            .zip(
                detail
                    .lines
                    .par_chunks_mut(detail.width.max(1))
                    .zip(&mut detail.halves),
            )
            .for_each_init(Vec::new, |rest, ((order, coarse), detail)| {
                for (lane, &row) in order.iter().enumerate().filter(|of| *of.1 != NO_ROW) {
                    let length = write(row, rest);
                    let (halves, length) = halve::<COARSE>(rest, length, COARSE_STEPS, lane, coarse.0);
                    coarse.1[lane] = halves;
                    detail.1[lane] = halve::<DETAIL>(rest, length, DETAIL_STEPS, lane, detail.0).0;
                }
            });
        Self { coarse, detail }
    }

    /// What all this holds.
    pub(super) fn bytes(&self) -> usize {
        self.coarse.bytes() + self.detail.bytes()
    }
}

/// Distances between neighbouring numbers of a plane, in root mean squares of what it rounds: the best of these is
/// taken. For normal numbers that is 0.996 (Max, "Quantizing for Minimum Distortion", 1960, table II).
const COARSE_STEPS: [f32; 3] = [0.75, 1.0, 1.3];
/// What is left by the first plane is uniform but for a few large numbers.
const DETAIL_STEPS: [f32; 3] = [0.21, 0.26, 0.33];

/// Writes the plane of one row into its lane and takes it from the row; says scale and rest as halves, and the rest's
/// length.
fn halve<const BITS: usize>(
    row: &mut [f32],
    length: f32,
    steps: [f32; 3],
    lane: usize,
    lines: &mut [Line],
) -> (Halves, f32) {
    let middle = Plane::<BITS>::MIDDLE;
    if length < SHORT {
        return (upper_half(length), length);
    }
    let deviation = length / (row.len() as f32).sqrt();
    let mut best = (f32::NEG_INFINITY, 0.0, 0.0);
    for step in steps {
        let inverse = 1.0 / (step * deviation);
        let (mut along, mut square) = (0.0f32, 0.0f32);
        for &x in &*row {
            let level = f32::from(code::<BITS>(x, inverse)) - middle;
            along += x * level;
            square += level * level;
        }
        // With the best scale, along / square, the plane takes this much from the square of the length.
        let taken = along / square * along;
        if taken > best.0 {
            best = (taken, inverse, along / square);
        }
    }
    let (_, inverse, scale) = best;
    let scale = f32::from_bits(scale.to_bits() & 0xffff_0000);
    let mut square = 0.0;
    for (column, x) in row.iter_mut().enumerate() {
        let code = code::<BITS>(*x, inverse);
        let at = column % columns(BITS);
        lines[column / columns(BITS)].0[lane][at % 4] |= code << (BITS * (at / 4));
        *x -= scale * (f32::from(code) - middle);
        square += *x * *x;
    }
    let length = square.sqrt();
    (scale.to_bits() | upper_half(length), length)
}

fn code<const BITS: usize>(x: f32, inverse: f32) -> u8 {
    let levels = 1u8 << BITS;
    // The conversion of a number out of range takes the nearest in range.
    ((x * inverse + f32::from(levels / 2)) as u8).min(levels - 1)
}

/// The least upper half of a `f32` that is not below the number and the rounding with which it was computed.
fn upper_half(x: f32) -> Halves {
    ((x * SLACK).to_bits() + 0xffff) >> 16
}
