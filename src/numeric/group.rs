//! A few rows of a matrix that are computed together, kept in single precision or rounded.

use super::normal::WeightedRows;
use super::rounded::RoundedRows;
use super::tile::LANES;
use super::vector::{Vector, madd};

/// What rows are kept as.
pub(super) trait Number: Copy {
    /// The numbers of a slice.
    fn load<V: Vector>(from: &[Self; LANES]) -> V;
    /// One of them.
    fn single(self) -> f32;
}

impl Number for i16 {
    #[inline(always)]
    fn load<V: Vector>(from: &[Self; LANES]) -> V {
        V::load_whole(from)
    }

    #[inline(always)]
    fn single(self) -> f32 {
        f32::from(self)
    }
}

impl Number for f32 {
    #[inline(always)]
    fn load<V: Vector>(from: &[Self; LANES]) -> V {
        V::load(from)
    }

    #[inline(always)]
    fn single(self) -> f32 {
        self
    }
}

/// Rows in the order in which they were chosen.
pub(super) trait Rows {
    type Number: Number;

    /// Row `first` and those that follow it, `n_rows` of them and at most `N`; the last one stands for those that are
    /// missing.
    fn group<const N: usize>(&self, first: usize, n_rows: usize) -> Group<'_, Self::Number, N>;
}

/// Chosen rows where they stand.
pub(super) struct Rounded<'a> {
    rows: &'a RoundedRows,
    chosen: &'a [u32],
}

impl<'a> Rounded<'a> {
    #[inline(always)]
    pub(super) fn of(chosen: WeightedRows<'a>) -> Self {
        Self {
            rows: chosen.rows,
            chosen: chosen.chosen,
        }
    }
}

impl Rows for Rounded<'_> {
    type Number = i16;

    #[inline(always)]
    fn group<const N: usize>(&self, first: usize, n_rows: usize) -> Group<'_, i16, N> {
        let chosen = &self.chosen[first..first + n_rows];
        let mut group = Group::EMPTY;
        for n in 0..N {
            let (row, unit) = self.rows.row(chosen[n.min(n_rows - 1)] as usize);
            group.set(n, row, unit);
        }
        group
    }
}

/// Rows one after another.
pub(super) struct Wide<'a> {
    pub(super) rows: &'a [f32],
    pub(super) width: usize,
}

impl Rows for Wide<'_> {
    type Number = f32;

    #[inline(always)]
    fn group<const N: usize>(&self, first: usize, n_rows: usize) -> Group<'_, f32, N> {
        let mut group = Group::EMPTY;
        for n in 0..N {
            let row = &self.rows[(first + n.min(n_rows - 1)) * self.width..][..self.width];
            group.set(n, row, 1.0);
        }
        group
    }
}

/// Rows that are computed together, and the unit of each one's numbers.
pub(super) struct Group<'a, T, const N: usize> {
    chunks: [&'a [[T; LANES]]; N],
    rests: [&'a [T]; N],
    units: [f32; N],
}

impl<'a, T: Number, const N: usize> Group<'a, T, N> {
    const EMPTY: Self = Self {
        chunks: [&[]; N],
        rests: [&[]; N],
        units: [0.0; N],
    };

    #[inline(always)]
    fn set(&mut self, n: usize, row: &'a [T], unit: f32) {
        (self.chunks[n], self.rests[n]) = row.as_chunks();
        self.units[n] = unit;
    }

    /// The dot product of each row with `x`.
    #[inline(always)]
    pub(super) fn along<V: Vector>(&self, x: &[f32]) -> [f32; N] {
        let (x, x_rest) = x.as_chunks::<LANES>();
        let mut sums = [V::ZERO; N];
        for (k, x) in x.iter().enumerate() {
            let x = V::load(x);
            for (sum, chunks) in sums.iter_mut().zip(&self.chunks) {
                *sum = V::fused(T::load::<V>(&chunks[k]), x, *sum);
            }
        }
        let mut sums = V::sums(sums);
        for (n, sum) in sums.iter_mut().enumerate() {
            for (&h, &x) in self.rests[n].iter().zip(x_rest) {
                *sum = madd::<V>(h.single(), x, *sum);
            }
            *sum *= self.units[n];
        }
        sums
    }

    /// Adds to `out` each row times `weight (offset + slope · row·x)`.
    #[inline(always)]
    pub(super) fn add<V: Vector>(
        &self,
        weights: &[f32; N],
        [offset, slope]: [f32; 2],
        x: &[f32],
        out: &mut [f32],
    ) {
        let mut factors = self.along::<V>(x);
        for (n, factor) in factors.iter_mut().enumerate() {
            *factor = weights[n] * self.units[n] * madd::<V>(slope, *factor, offset);
        }
        let (out, out_rest) = out.as_chunks_mut::<LANES>();
        for (k, out) in out.iter_mut().enumerate() {
            let mut sum = V::load(out);
            for (&factor, chunks) in factors.iter().zip(&self.chunks) {
                sum = V::madd(factor, T::load::<V>(&chunks[k]), sum);
            }
            *out = sum.store();
        }
        for (&factor, rest) in factors.iter().zip(&self.rests) {
            for (out, &h) in out_rest.iter_mut().zip(*rest) {
                *out = madd::<V>(factor, h.single(), *out);
            }
        }
    }
}
