//! Sparse numbers by row, collected and forgotten in time that depends on the touched rows, and on a byte for sixteen others.

use std::sync::Arc;

use super::super::dispatch::dispatch;
use super::super::tile::LANES;
use super::super::vector::Vector;

/// Where an index keeps its rows.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The place of each row.
    pub(super) of_row: Vec<u32>,
    /// The row at each place, or [`NO_ROW`]; whole groups.
    pub(super) order: Vec<u32>,
}

/// No row: clusters are filled up with it to whole groups.
pub(super) const NO_ROW: u32 = u32::MAX;

/// Numbers that are added to the scores of a few rows: a scatter array whose touched groups of rows are marked, reused by one
/// request after another.
///
/// A number is added and its group is marked without asking whether it was the first: that would be as good as chance, and
/// the dearest part of the work. Numbers lie where the index that they are for keeps its rows, so that a search reads
/// them beside its own.
#[derive(Clone, Debug, Default)]
pub struct Addends {
    /// None where rows lie as they are numbered.
    places: Option<Arc<Places>>,
    /// By place: zero unless something was added since the opening.
    values: Vec<[f32; LANES]>,
    /// One where a group may hold a number, else zero; whole words.
    touched: Vec<u8>,
    n: usize,
    /// What [`Self::length`] gave, and the magnitudes that came after; none where they are still to be summed.
    reach: Option<f64>,
}

impl Addends {
    /// Forgets everything and makes room for rows `0..n` that lie as they are numbered; for a search, see
    /// [`ExactIndex::open`](super::ExactIndex::open). Allocates nothing when there was room for as many before.
    pub fn open(&mut self, n: usize) {
        self.clear(n.div_ceil(LANES));
        self.places = None;
        self.n = n;
    }

    /// As [`Self::open`], for rows that lie so.
    pub(super) fn open_at(&mut self, places: &Arc<Places>) {
        self.clear(places.order.len() / LANES);
        if !self.lies_at(places) {
            self.places = Some(Arc::clone(places));
        }
        self.n = places.of_row.len();
    }

    fn clear(&mut self, groups: usize) {
        let values = &mut self.values;
        for_each_mark(&self.touched, |group| values[group] = [0.0; LANES]);
        self.touched.fill(0);
        self.reach = Some(0.0);
        if self.values.len() < groups {
            self.values.resize(groups, [0.0; LANES]);
            self.touched.resize(groups.next_multiple_of(WORD), 0);
        }
    }

    /// Whether numbers lie where such places say.
    pub(super) fn lies_at(&self, places: &Arc<Places>) -> bool {
        self.places.as_ref().is_some_and(|own| Arc::ptr_eq(own, places))
    }

    /// Adds to the number of a row.
    ///
    /// # Panics
    /// When the row is not among those that were opened.
    #[inline]
    pub fn add(&mut self, row: usize, value: f32) {
        assert!(row < self.n, "a row among those that were opened");
        let place = self.place(row);
        self.values.as_flattened_mut()[place] += value;
        self.touched[place / LANES] = 1;
        if let Some(reach) = &mut self.reach {
            *reach += f64::from(value).abs();
        }
    }

    /// Adds `weight` times a sparse row: [`Self::add`] for each of its numbers.
    ///
    /// # Panics
    /// When a column is not among the rows that were opened, or the lengths of columns and values differ.
    pub fn scatter(&mut self, weight: f32, columns: &[u32], values: &[f32]) {
        assert_eq!(columns.len(), values.len(), "a value for each column");
        self.reach = None;
        let (slots, touched) = (self.values.as_flattened_mut(), &mut self.touched[..]);
        let mut add = |place: usize, value: f32| {
            slots[place] += weight * value;
            touched[place / LANES] = 1;
        };
        let numbers = columns.iter().zip(values);
        match &self.places {
            Some(places) => {
                let of_row = &places.of_row[..];
                numbers.for_each(|(&row, &value)| add(of_row[row as usize] as usize, value));
            }
            None => numbers.for_each(|(&row, &value)| {
                assert!((row as usize) < self.n, "a row among those that were opened");
                add(row as usize, value);
            }),
        }
    }

    /// The number of a row: zero where nothing was added.
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize) -> f32 {
        if row < self.n {
            self.values.as_flattened()[self.place(row)]
        } else {
            0.0
        }
    }

    /// The number at a place.
    #[inline]
    pub(super) fn at(&self, place: usize) -> f32 {
        self.values.as_flattened()[place]
    }

    /// Tells the rows whose number is above or below zero, with their numbers, in the order of the places.
    pub fn for_each_touched(&self, mut tell: impl FnMut(u32, f32)) {
        let order = self.places.as_ref().map(|places| &places.order[..]);
        self.for_each_group(|group, values| {
            for (place, &value) in (group * LANES..).zip(values) {
                if value.abs() > 0.0 {
                    // Rows are u32.
                    tell(order.map_or(place as u32, |order| order[place]), value);
                }
            }
        });
    }

    /// Tells the groups that may hold a number.
    #[inline(always)]
    pub(super) fn for_each_group(&self, mut tell: impl FnMut(usize, &[f32; LANES])) {
        for_each_mark(&self.touched, |group| tell(group, &self.values[group]));
    }

    /// `√(Σ number²)`.
    pub fn length(&mut self) -> f64 {
        let length = square(self).sqrt();
        self.reach = Some(length);
        length
    }

    /// What no number's magnitude exceeds but for rounding; not a number where one is none.
    pub(super) fn reach(&self) -> f64 {
        self.reach.unwrap_or_else(|| square(self).sqrt())
    }

    /// How many rows were opened.
    pub(super) fn n_rows(&self) -> usize {
        self.n
    }

    #[inline]
    fn place(&self, row: usize) -> usize {
        self.places
            .as_ref()
            .map_or(row, |places| places.of_row[row] as usize)
    }
}

/// Marks that are read together.
const WORD: usize = size_of::<u64>();

/// Tells where the ones are among zeros, a bit of a word for each: which of them are ones is as good as chance, so that asking one
/// by one would be dear.
#[inline(always)]
fn for_each_mark(marks: &[u8], mut tell: impl FnMut(usize)) {
    /// Times a word whose bytes are ones and zeros, they are the bits of the highest byte, the first the lowest.
    const BITS: u64 = 0x0102_0408_1020_4080;
    for (at, words) in marks.chunks(WORD * WORD).enumerate() {
        let mut mask = 0;
        for (byte, word) in words.as_chunks::<WORD>().0.iter().enumerate() {
            mask |= u64::from_le_bytes(*word).wrapping_mul(BITS) >> (64 - WORD) << (WORD * byte);
        }
        while mask != 0 {
            tell(at * WORD * WORD + mask.trailing_zeros() as usize);
            mask &= mask - 1;
        }
    }
}

fn square(addends: &Addends) -> f64 {
    dispatch!(square_body(addends: &Addends) -> f64)
}

#[inline(always)]
fn square_body<V: Vector, const ROWS: usize>(addends: &Addends) -> f64 {
    let mut squares = [0.0f64; LANES];
    addends.for_each_group(|_, values| {
        for lane in 0..LANES {
            squares[lane] += f64::from(values[lane]) * f64::from(values[lane]);
        }
    });
    squares.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touched(addends: &Addends) -> Vec<(u32, f32)> {
        let mut touched = Vec::new();
        addends.for_each_touched(|row, value| touched.push((row, value)));
        touched
    }

    #[test]
    fn what_was_added_is_forgotten_at_the_next_opening() {
        let mut addends = Addends::default();
        addends.open(3);
        addends.add(2, 1.5);
        addends.add(0, -1.0);
        addends.add(2, 0.5);
        assert_eq!(
            (addends.get(0), addends.get(1), addends.get(2), addends.get(9)),
            (-1.0, 0.0, 2.0, 0.0)
        );
        assert_eq!(touched(&addends), [(0, -1.0), (2, 2.0)]);
        assert!((addends.length() - 5.0f64.sqrt()).abs() < 1e-7);
        addends.open(4);
        assert_eq!((addends.get(2), touched(&addends).len()), (0.0, 0));
        addends.add(2, 3.0);
        assert_eq!(touched(&addends), [(2, 3.0)]);
    }

    #[test]
    fn a_scattered_row_is_its_numbers_added() {
        let mut addends = Addends::default();
        let order = [2, 4, 0, NO_ROW, 3, 1]
            .into_iter()
            .chain([NO_ROW; LANES - 6])
            .collect();
        let places = Arc::new(Places {
            of_row: vec![2, 5, 0, 4, 1],
            order,
        });
        for lies in [false, true] {
            match lies {
                false => addends.open(5),
                true => addends.open_at(&places),
            }
            assert_eq!((addends.lies_at(&places), addends.n_rows()), (lies, 5));
            addends.add(3, 1.0);
            addends.scatter(2.0, &[1, 3, 4], &[0.5, -1.0, 0.0]);
            addends.scatter(1.0, &[], &[]);
            addends.scatter(-1.0, &[0, 1], &[4.0, 3.0]);
            let numbers = [0, 1, 2, 3, 4].map(|row| addends.get(row) as i32);
            assert_eq!(numbers, [-4, -2, 0, -1, 0]);
            let touched: Vec<u32> = touched(&addends).iter().map(|of| of.0).collect();
            assert_eq!(touched, if lies { [0, 3, 1] } else { [0, 1, 3] });
        }
    }

    #[test]
    #[should_panic(expected = "opened")]
    fn what_is_beyond_the_opened_rows_is_not_written() {
        let mut addends = Addends::default();
        addends.open(5);
        addends.scatter(1.0, &[5], &[1.0]);
    }

    #[test]
    fn every_mark_is_told_once() {
        for n in [0, 8, 64, 72, 640] {
            let marks: Vec<u8> = (0..n).map(|at| u8::from(at * 7 % 5 < 2 || at == n - 1)).collect();
            let mut told = Vec::new();
            for_each_mark(&marks, |at| told.push(at));
            let expected: Vec<usize> = (0..n).filter(|&at| marks[at] == 1).collect();
            assert_eq!(told, expected);
        }
    }
}
