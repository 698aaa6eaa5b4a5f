//! Numbers on large pages.
//!
//! Enters: how many numbers there are. Leaves: room for them, which is kept from one use to the next. Where rows are read in no
//! order from many megabytes, the page of each has to be found, too; of pages of two megabytes there are few to find. A fit of
//! iALS with 256 factors takes about 4 % less by it.

use memmap2::MmapMut;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// From so many bytes on it pays.
const LEAST_BYTES: usize = 1 << 22;

/// Room for numbers: on large pages where there are many and the system has such pages.
#[derive(Debug)]
pub(super) struct Pages<T> {
    few: Vec<T>,
    many: Option<MmapMut>,
    /// How many numbers there are; the room may be larger.
    n: usize,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self {
            few: Vec::new(),
            many: None,
            n: 0,
        }
    }
}

impl<T: FromBytes + IntoBytes + Immutable + Copy + Default> Pages<T> {
    /// Makes room for `n` numbers; what they are is not said.
    pub(super) fn resize(&mut self, n: usize) {
        self.n = n;
        let bytes = n * size_of::<T>();
        if self.many.as_ref().is_some_and(|many| many.len() >= bytes) {
            return;
        }
        self.many = (bytes >= LEAST_BYTES).then(|| map(bytes)).flatten();
        if self.many.is_some() {
            self.few = Vec::new();
        } else {
            self.few.resize(n, T::default());
        }
    }

    #[inline]
    pub(super) fn numbers(&self) -> &[T] {
        let bytes = self.n * size_of::<T>();
        match &self.many {
            // A map begins with a page, and as many bytes are whole numbers.
            Some(many) => FromBytes::ref_from_bytes(&many[..bytes]).unwrap_or_default(),
            None => &self.few[..self.n],
        }
    }

    pub(super) fn numbers_mut(&mut self) -> &mut [T] {
        let bytes = self.n * size_of::<T>();
        match &mut self.many {
            Some(many) => FromBytes::mut_from_bytes(&mut many[..bytes]).unwrap_or_default(),
            None => &mut self.few[..self.n],
        }
    }
}

/// None where the system refuses: then there is the allocator.
fn map(bytes: usize) -> Option<MmapMut> {
    let map = MmapMut::map_anon(bytes).ok()?;
    #[cfg(target_os = "linux")]
    // Advice: where it is not heeded, the pages are small.
    let _ = map.advise(memmap2::Advice::HugePage);
    Some(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_and_many_numbers_stay_what_they_are() {
        let mut pages = Pages::<i16>::default();
        for n in [0, 3, LEAST_BYTES / 2 - 1, LEAST_BYTES / 2, LEAST_BYTES + 77, 5] {
            pages.resize(n);
            assert_eq!((pages.numbers().len(), pages.numbers_mut().len()), (n, n));
            for (at, number) in pages.numbers_mut().iter_mut().enumerate() {
                *number = at as i16;
            }
            assert!(
                (0..)
                    .zip(pages.numbers())
                    .all(|(at, &number)| number == at as i16)
            );
        }
    }
}
