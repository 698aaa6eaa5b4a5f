//! Columns: long arrays that stand in memory of their own or within a file that is mapped.
//!
//! Enters: a `Vec`, or bytes that many columns share. Leaves: [`Column`], a slice of numbers whichever of the two it is;
//! [`Texts`], words end to end; and [`position`], which finds what breaks a rule on all cores.
//!
//! The one decision: a column never changes what it holds, and nothing that makes memory unsafe stands in shared bytes: every
//! pattern of bits is a number. Text and kinds are checked and copied instead, so that even a file that somebody rewrites
//! beneath a running server gives wrong answers or a refused request, never undefined ones. For the same reason nobody may
//! skip the check of an index that stands in a column.

mod texts;

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use rayon::prelude::*;
use zerocopy::{FromBytes, Immutable};

pub use texts::{Texts, TextsError};

/// Many numbers, read-only once they are there.
#[derive(Clone)]
pub struct Column<T>(Held<T>);

#[derive(Clone)]
enum Held<T> {
    Owned(Vec<T>),
    /// Whole numbers of the machine's byte order at an address that suits them, which the constructor has checked.
    Shared(Bytes),
}

/// A number, or a wrapper of one, that any bytes are.
pub trait Plain: FromBytes + Immutable + Copy + Send + Sync + 'static {}

impl<T: FromBytes + Immutable + Copy + Send + Sync + 'static> Plain for T {}

impl<T: Plain> Column<T> {
    /// The numbers of shared bytes, without a copy; `None` where they begin at an address that does not suit the numbers, or
    /// end within one.
    #[must_use]
    pub fn shared(bytes: Bytes) -> Option<Self> {
        <[T]>::ref_from_bytes(&bytes).is_ok().then_some(())?;
        Some(Self(Held::Shared(bytes)))
    }

    /// The same numbers as what wraps them: `wrap` must keep the bits, as a `repr(transparent)` type does.
    #[must_use]
    pub fn wrapped<U: Plain>(self, wrap: impl Fn(T) -> U) -> Column<U> {
        debug_assert_eq!(
            size_of::<T>(),
            size_of::<U>(),
            "a wrapper is as large as what it wraps"
        );
        Column(match self.0 {
            // Of equal size, so that the standard library reuses the memory.
            Held::Owned(values) => Held::Owned(values.into_iter().map(wrap).collect()),
            Held::Shared(bytes) => Held::Shared(bytes),
        })
    }

    /// The numbers, to be changed; a shared column is copied first.
    pub fn to_mut(&mut self) -> &mut Vec<T> {
        if let Held::Shared(_) = self.0 {
            self.0 = Held::Owned(self.to_vec());
        }
        match &mut self.0 {
            Held::Owned(values) => values,
            Held::Shared(_) => unreachable!("a shared column has just been copied"),
        }
    }

    /// Adds a number; a shared column is copied first.
    pub fn push(&mut self, value: T) {
        self.to_mut().push(value);
    }

    /// The numbers in memory of their own.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<T> {
        std::mem::take(self.to_mut())
    }

    /// Whether the numbers stand in bytes that others share.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.0, Held::Shared(_))
    }
}

impl<T: Plain> Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Held::Owned(values) => values,
            // Checked when the column was made.
            Held::Shared(bytes) => <[T]>::ref_from_bytes(bytes).unwrap_or(&[]),
        }
    }
}

impl<'a, T: Plain> IntoIterator for &'a Column<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T> From<Vec<T>> for Column<T> {
    fn from(values: Vec<T>) -> Self {
        Self(Held::Owned(values))
    }
}

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self(Held::Owned(Vec::new()))
    }
}

impl<T> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(Held::Owned(values.into_iter().collect()))
    }
}

impl<T: Plain + PartialEq> PartialEq for Column<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Plain + fmt::Debug> fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A dense matrix, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// All rows, one after the other.
    pub values: Column<f32>,
    /// Numbers in a row.
    pub width: usize,
}

/// Entries that one thread looks through at a time.
const BLOCK: usize = 1 << 14;

/// Where the first value is that breaks a rule, found in parallel.
///
/// # Determinism
/// The first one, for any number of threads.
pub fn position<T: Sync>(values: &[T], breaks: impl Fn(&T) -> bool + Sync) -> Option<usize> {
    values
        .par_chunks(BLOCK)
        .enumerate()
        .find_map_first(|(block, values)| {
            // Without an early end the compiler looks at many values at a time.
            let any = values.iter().fold(false, |any, value| any | breaks(value));
            let at = any.then(|| values.iter().position(&breaks)).flatten()?;
            Some(block * BLOCK + at)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_column_reads_as_the_owned_one_and_is_copied_to_be_changed() {
        let numbers: Vec<u32> = (0..100).map(|n| n * n).collect();
        let bytes = Bytes::from_owner(numbers.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<u8>>());
        let whole = Column::<u32>::shared(bytes.clone()).unwrap();
        assert!(whole.is_shared());
        assert_eq!(whole, Column::from(numbers.clone()));
        let mut part = Column::<u32>::shared(bytes.slice(4..12)).unwrap();
        assert_eq!(*part, [1, 4]);
        part.push(7);
        assert!(!part.is_shared());
        assert_eq!(part.into_vec(), [1, 4, 7]);
        assert_eq!(whole[2], 4, "the others keep theirs");
    }

    #[test]
    fn bytes_that_are_no_whole_numbers_in_place_are_refused() {
        let bytes = Bytes::from_owner(vec![0u8; 64]);
        assert!(Column::<u64>::shared(bytes.slice(0..60)).is_none());
        assert!(Column::<u64>::shared(bytes.slice(1..57)).is_none());
        assert!(Column::<u8>::shared(bytes.slice(1..57)).is_some());
    }

    #[test]
    fn the_first_of_many_is_found() {
        let mut values = vec![0u8; 5 * BLOCK];
        assert_eq!(position(&values, |&value| value > 0), None);
        values[4 * BLOCK] = 1;
        values[BLOCK + 3] = 1;
        values[BLOCK + 4] = 1;
        assert_eq!(position(&values, |&value| value > 0), Some(BLOCK + 3));
    }
}
