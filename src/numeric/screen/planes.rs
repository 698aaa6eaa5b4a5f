//! Rows in a plane of two bits a number and one of four, with how far each is from the truth.
//!
//! A row `x` becomes `x ≈ a·c + b·d`, where the numbers of `c` are −1.5, −0.5, 0.5 or 1.5, those of `d` −7.5 … 7.5, and the
//! scales are the row's own; the second plane rounds what the first left. For a row of normal numbers the first leaves a
//! third of its length, the second less than three hundredths. Sixteen rows lie side by side, so that one line of memory
//! is some columns of sixteen rows.

use rayon::prelude::*;

use super::super::dispatch::dispatch;
use super::super::tile::LANES;
use super::super::vector::Vector;
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
    /// For each group of sixteen rows, lines of [`columns`] columns each, and one of [`Halves`]: scales of the rows, and lengths of
    /// what the plane leaves.
    lines: Vec<Line>,
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

/// Rows and queries are filled up with zeros to whole lines of every plane: so many columns.
pub(super) const PADDED: usize = 16;

/// Columns of a line.
const fn columns(bits: usize) -> usize {
    4 * (8 / bits)
}

impl<const BITS: usize> Plane<BITS> {
    fn new(groups: usize, width: usize) -> Self {
        let width = width.next_multiple_of(PADDED) / columns(BITS) + 1;
        Self {
            width,
            lines: vec![Line([[0; 4]; LANES]); groups * width],
        }
    }

    /// The lines of a group, of which the last holds [`Halves`]; for rows of `COLUMNS` numbers
    /// when they are filled up, or of any where that is zero.
    #[inline(always)]
    pub(super) fn group<const COLUMNS: usize>(&self, group: usize) -> &[Line] {
        let width = match COLUMNS {
            0 => self.width,
            // The compiler knows it, too.
            _ => COLUMNS / columns(BITS) + 1,
        };
        debug_assert_eq!(width, self.width, "the columns that the plane has");
        &self.lines[group * width..][..width]
    }

    /// What a code stands for is this much less, in scales.
    pub(super) const MIDDLE: f32 = ((1 << BITS) - 1) as f32 / 2.0;

    fn bytes(&self) -> usize {
        size_of_val(&self.lines[..])
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
            .zip(coarse.lines.par_chunks_mut(coarse.width))
            .zip(detail.lines.par_chunks_mut(detail.width))
            .for_each_init(Default::default, |(rest, codes), ((order, coarse), detail)| {
                for (lane, &row) in order.iter().enumerate().filter(|of| *of.1 != NO_ROW) {
                    let length = write(row, rest);
                    let length = halve::<COARSE>(rest, length, COARSE_STEPS, codes, lane, coarse);
                    halve::<DETAIL>(rest, length, DETAIL_STEPS, codes, lane, detail);
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

/// Writes the plane of one row into its lane and takes it from the row; says the length of what is left.
fn halve<const BITS: usize>(
    row: &mut [f32],
    length: f32,
    steps: [f32; 3],
    codes: &mut Vec<u8>,
    lane: usize,
    lines: &mut [Line],
) -> f32 {
    let (lines, halves) = lines.split_at_mut(lines.len() - 1);
    let halves = &mut halves[0].0[lane];
    if length < SHORT {
        *halves = upper_half(length).to_ne_bytes();
        return length;
    }
    let deviation = length / (row.len() as f32).sqrt();
    let mut best = (f32::NEG_INFINITY, 0.0, 0.0);
    for step in steps {
        let inverse = 1.0 / (step * deviation);
        let [along, square] = fit(row, Plane::<BITS>::MIDDLE, inverse);
        // With the best scale, along / square, the plane takes this much from the square of the length.
        let taken = along / square * along;
        if taken > best.0 {
            best = (taken, inverse, along / square);
        }
    }
    let (_, inverse, scale) = best;
    let scale = f32::from_bits(scale.to_bits() & 0xffff_0000);
    codes.clear();
    codes.resize(row.len(), 0);
    let length = take(row, codes, Plane::<BITS>::MIDDLE, inverse, scale).sqrt();
    for (line, codes) in lines.iter_mut().zip(codes.chunks(columns(BITS))) {
        for (at, codes) in codes.chunks(4).enumerate() {
            for (byte, code) in line.0[lane].iter_mut().zip(codes) {
                *byte |= code << (BITS * at);
            }
        }
    }
    *halves = (scale.to_bits() | upper_half(length)).to_ne_bytes();
    length
}

/// The number of the plane, in scales, that stands for `x`: one of those around zero up to `largest`, in steps of one.
#[inline(always)]
fn level(x: f32, largest: f32, inverse: f32) -> f32 {
    let above = (x * inverse + (largest + 0.5)).floor();
    // The order of the comparisons is that of the machine's instructions.
    let above = if above > 0.0 { above } else { 0.0 };
    let above = if above < 2.0 * largest {
        above
    } else {
        2.0 * largest
    };
    above - largest
}

/// `Σ x · level` and `Σ level²`.
fn fit(row: &[f32], largest: f32, inverse: f32) -> [f32; 2] {
    dispatch!(fit_body(row: &[f32], largest: f32, inverse: f32) -> [f32; 2])
}

#[inline(always)]
fn fit_body<V: Vector, const ROWS: usize>(row: &[f32], largest: f32, inverse: f32) -> [f32; 2] {
    let (mut along, mut square) = ([0.0f32; LANES], [0.0f32; LANES]);
    for row in row.chunks(LANES) {
        for ((x, along), square) in row.iter().zip(&mut along).zip(&mut square) {
            let level = level(*x, largest, inverse);
            *along += x * level;
            *square += level * level;
        }
    }
    [along.iter().sum(), square.iter().sum()]
}

/// Takes `scale · level` from each number and writes which level it was; says the square of the length of what is left.
fn take(row: &mut [f32], codes: &mut [u8], largest: f32, inverse: f32, scale: f32) -> f32 {
    dispatch!(take_body(row: &mut [f32], codes: &mut [u8], largest: f32, inverse: f32, scale: f32) -> f32)
}

#[inline(always)]
fn take_body<V: Vector, const ROWS: usize>(
    row: &mut [f32],
    codes: &mut [u8],
    largest: f32,
    inverse: f32,
    scale: f32,
) -> f32 {
    let mut square = [0.0f32; LANES];
    for (row, codes) in row.chunks_mut(LANES).zip(codes.chunks_mut(LANES)) {
        for ((x, code), square) in row.iter_mut().zip(codes).zip(&mut square) {
            let level = level(*x, largest, inverse);
            *x -= scale * level;
            *square += *x * *x;
            // A whole number of so few bits.
            *code = (level + largest) as u8;
        }
    }
    square.iter().sum()
}

/// The least upper half of a `f32` that is not below the number and the rounding with which it was computed.
fn upper_half(x: f32) -> Halves {
    ((x * SLACK).to_bits() + 0xffff) >> 16
}
