//! Sparse numbers by row, collected and forgotten in time that depends on the touched rows alone.

use super::super::dot::dot;

/// Rows that a word marks.
const BLOCK: usize = u64::BITS as usize;

/// Numbers that are added to the scores of a few rows: a scatter array whose touched rows are marked, reused by one
/// request after another.
///
/// A number is added and its row is marked without asking whether it was the first: that would be as good as chance, and
/// the dearest part of the work.
#[derive(Clone, Debug, Default)]
pub struct Addends {
    /// By row: zero unless something was added since the opening. Padded to whole words.
    values: Vec<f32>,
    /// A bit for each row.
    touched: Vec<u64>,
    n: usize,
}

impl Addends {
    /// Forgets everything and makes room for rows `0..n`. Allocates nothing when there was room for as many before.
    pub fn open(&mut self, n: usize) {
        let blocks = self.values.as_chunks_mut::<BLOCK>().0;
        for (block, touched) in blocks.iter_mut().zip(&mut self.touched) {
            if *touched != 0 {
                block.fill(0.0);
                *touched = 0;
            }
        }
        self.n = n;
        if self.values.len() < n {
            self.values.resize(n.next_multiple_of(BLOCK), 0.0);
            self.touched.resize(self.values.len() / BLOCK, 0);
        }
    }

    /// Adds to the number of a row.
    ///
    /// # Panics
    /// When the row is not among those that were opened.
    #[inline]
    pub fn add(&mut self, row: usize, value: f32) {
        assert!(row < self.n, "a row among those that were opened");
        self.values[row] += value;
        self.touched[row / BLOCK] |= 1 << (row % BLOCK);
    }

    /// Adds `weight` times a sparse row: [`Self::add`] for each of its numbers.
    ///
    /// # Panics
    /// When a column is not among the rows that were opened, or the lengths of columns and values differ.
    pub fn scatter(&mut self, weight: f32, columns: &[u32], values: &[f32]) {
        assert_eq!(columns.len(), values.len(), "a value for each column");
        let slots = &mut self.values[..self.n];
        let touched = &mut self.touched[..self.n.div_ceil(BLOCK)];
        for (&column, &value) in columns.iter().zip(values) {
            let row = column as usize;
            slots[row] += weight * value;
            touched[row / BLOCK] |= 1 << (row % BLOCK);
        }
    }

    /// The number of a row: zero where nothing was added.
    #[must_use]
    #[inline]
    pub fn get(&self, row: usize) -> f32 {
        if row < self.n { self.values[row] } else { 0.0 }
    }

    /// The rows that something was added to, ascending, with their numbers.
    pub fn touched(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        let mut words = self.touched.iter().enumerate();
        let (mut first, mut word) = (0, 0u64);
        std::iter::from_fn(move || {
            while word == 0 {
                let (at, &next) = words.next()?;
                (first, word) = (at * BLOCK, next);
            }
            let row = first + word.trailing_zeros() as usize;
            word &= word - 1;
            // Rows are u32.
            Some((row as u32, self.values[row]))
        })
    }

    /// `√(Σ number²)`.
    #[must_use]
    pub fn length(&self) -> f64 {
        let squares = self.blocks().map(|block| f64::from(dot(block, block)));
        squares.sum::<f64>().sqrt()
    }

    /// The blocks in which something was added.
    fn blocks(&self) -> impl Iterator<Item = &[f32; BLOCK]> {
        let blocks = self.values.as_chunks::<BLOCK>().0.iter().zip(&self.touched);
        blocks.filter_map(|(block, &touched)| (touched != 0).then_some(block))
    }

    /// How many rows were opened.
    pub(super) fn n_rows(&self) -> usize {
        self.n
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(addends.touched().collect::<Vec<_>>(), [(0, -1.0), (2, 2.0)]);
        assert!((addends.length() - 5.0f64.sqrt()).abs() < 1e-7);
        addends.open(4);
        assert_eq!((addends.get(2), addends.touched().count()), (0.0, 0));
        addends.add(2, 3.0);
        assert_eq!(addends.touched().collect::<Vec<_>>(), [(2, 3.0)]);
    }

    #[test]
    fn a_scattered_row_is_its_numbers_added() {
        let mut addends = Addends::default();
        addends.open(5);
        addends.add(3, 1.0);
        addends.scatter(2.0, &[1, 3, 4], &[0.5, -1.0, 0.0]);
        addends.scatter(1.0, &[], &[]);
        addends.scatter(-1.0, &[0, 1], &[4.0, 3.0]);
        let numbers = [0, 1, 2, 3, 4].map(|row| addends.get(row) as i32);
        assert_eq!(numbers, [-4, -2, 0, -1, 0]);
        let touched: Vec<u32> = addends.touched().map(|of| of.0).collect();
        assert_eq!(touched, [0, 1, 3, 4]);
    }
}
