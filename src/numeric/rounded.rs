//! Rows in half the bytes.

use rayon::prelude::*;

use super::dispatch::dispatch;
use super::pages::Pages;
use super::product::{PackedRows, multiply};
use super::tile::LANES;
use super::vector::Vector;

/// Rows of numbers, each kept as a whole multiple of a 32,767th of its row's largest magnitude.
///
/// A number is off by at most `largest / 65,534`. Where rows are read in no order from more memory than the second cache
/// holds, waiting for them is most of the work, and it halves.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `numbers` | rows × width | multiples of the row's unit |
/// | `units` | rows | `largest / 32,767` |
#[derive(Debug, Default)]
pub struct RoundedRows {
    numbers: Pages<i16>,
    units: Vec<f32>,
    width: usize,
}

impl RoundedRows {
    /// Replaces what is here by rows of `width` numbers.
    pub fn refill(&mut self, rows: &[f32], width: usize) {
        self.refill_from(rows, width, |_, rows, numbers, units| round(rows, numbers, units));
    }

    /// Replaces what is here by the dot products of each row with each of `axes`, as many as a row has numbers. The
    /// products stay in the second cache until they are rounded.
    ///
    /// # Panics
    /// When there are not as many axes as a row has numbers.
    pub fn refill_turned(&mut self, rows: &[f32], axes: &PackedRows) {
        self.refill_from(rows, axes.n_rows(), |turned, rows, numbers, units| {
            turned.resize(rows.len(), 0.0);
            multiply(rows, axes, turned);
            round(turned, numbers, units);
        });
    }

    fn refill_from(
        &mut self,
        rows: &[f32],
        width: usize,
        fill: impl Fn(&mut Vec<f32>, &[f32], &mut [i16], &mut [f32]) + Sync,
    ) {
        /// Rows that a thread takes at once.
        const SHARE: usize = 64;
        self.width = width;
        self.units.resize(rows.len() / width.max(1), 0.0);
        self.numbers.resize(self.units.len() * width);
        let size = (SHARE * width).max(1);
        rows.par_chunks(size)
            .zip(self.numbers.numbers_mut().par_chunks_mut(size))
            .zip(self.units.par_chunks_mut(SHARE))
            .for_each_init(Vec::new, |room, ((rows, numbers), units)| {
                fill(room, rows, numbers, units);
            });
    }

    /// Replaces what is in `out` by chosen rows, one after another, each number times its row's unit.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn widen(&self, chosen: &[u32], out: &mut Vec<f32>) {
        out.resize(chosen.len() * self.width, 0.0);
        widen(self, chosen, out);
    }

    /// How many rows are not all zero.
    #[must_use]
    pub fn n_filled(&self) -> usize {
        self.units.iter().filter(|&&unit| unit > 0.0).count()
    }

    /// Numbers in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The multiples of one row, and its unit.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> (&[i16], f32) {
        (
            &self.numbers.numbers()[row * self.width..][..self.width],
            self.units[row],
        )
    }
}

fn widen(rows: &RoundedRows, chosen: &[u32], out: &mut [f32]) {
    dispatch!(widen_body(rows: &RoundedRows, chosen: &[u32], out: &mut [f32]));
}

#[inline(always)]
fn widen_body<V: Vector, const ROWS: usize>(rows: &RoundedRows, chosen: &[u32], out: &mut [f32]) {
    for (&at, out) in chosen.iter().zip(out.chunks_exact_mut(rows.width.max(1))) {
        let (numbers, unit) = rows.row(at as usize);
        for (out, &number) in out.iter_mut().zip(numbers) {
            *out = f32::from(number) * unit;
        }
    }
}

fn round(rows: &[f32], numbers: &mut [i16], units: &mut [f32]) {
    dispatch!(round_body(rows: &[f32], numbers: &mut [i16], units: &mut [f32]));
}

#[inline(always)]
fn round_body<V: Vector, const ROWS: usize>(rows: &[f32], numbers: &mut [i16], units: &mut [f32]) {
    const STEPS: f32 = i16::MAX as f32;
    let width = rows.len() / units.len().max(1);
    for ((row, numbers), unit) in rows
        .chunks_exact(width.max(1))
        .zip(numbers.chunks_exact_mut(width.max(1)))
        .zip(units)
    {
        let largest = largest(row);
        *unit = largest / STEPS;
        let inverse = if largest > 0.0 { STEPS / largest } else { 0.0 };
        for (number, &x) in numbers.iter_mut().zip(row) {
            *number = (x * inverse + ROUNDER).to_bits() as i16;
        }
    }
}

/// Added to a number below 2²², leaves its nearest integer in the lowest bits; taken away again, leaves that integer.
pub(super) const ROUNDER: f32 = 12_582_912.0;

/// The largest magnitude.
#[inline(always)]
pub(super) fn largest(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut largest = [0.0f32; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            let x = chunk[lane].abs();
            largest[lane] = if x > largest[lane] { x } else { largest[lane] };
        }
    }
    largest
        .into_iter()
        .chain(rest.iter().map(|x| x.abs()))
        .fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_off_by_half_a_unit(width in 1usize..40, n in 0usize..200, power in -20i32..20) {
            let rows: Vec<f32> = (0..width * n)
                .map(|k| (((k * 7919) % 1009) as f32 / 504.5 - 1.0) * 2f32.powi(power + (k / width % 5) as i32))
                .collect();
            let mut rounded = RoundedRows::default();
            rounded.refill(&[1.0; 7], 1);
            rounded.refill(&rows, width);
            for (at, row) in rows.chunks_exact(width).enumerate() {
                let (numbers, unit) = rounded.row(at);
                let largest = row.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
                prop_assert!((unit * 32_767.0 - largest).abs() <= largest * 1e-6);
                for (&number, &x) in numbers.iter().zip(row) {
                    // Half a unit, and the rounding of the quotient and the unit themselves.
                    prop_assert!((f32::from(number) * unit - x).abs() <= unit * 0.51, "{number} {unit} {x}");
                }
            }
        }
    }

    #[test]
    fn turned_rows_are_rounded_products() {
        let rows = [3.0, 4.0, 0.0, 0.0, -1.0, 0.0];
        let axes = PackedRows::new(&[0.6, 0.8, -0.8, 0.6], 2);
        let mut rounded = RoundedRows::default();
        rounded.refill_turned(&rows, &axes);
        assert_eq!(rounded.n_filled(), 2);
        for (at, exact) in [[5.0, 0.0], [0.0, 0.0], [-0.6, 0.8]].iter().enumerate() {
            let (numbers, unit) = rounded.row(at);
            for (&number, exact) in numbers.iter().zip(exact) {
                assert!((f32::from(number) * unit - exact).abs() < 1e-4, "{at}");
            }
        }
    }

    #[test]
    fn rows_of_zero_stay_zero() {
        let mut rounded = RoundedRows::default();
        rounded.refill(&[0.0, 0.0, -2.0, 1.0], 2);
        assert_eq!(rounded.row(0), (&[0i16, 0][..], 0.0));
        assert_eq!(rounded.row(1).0, [-32_767, 16_384]);
    }
}
