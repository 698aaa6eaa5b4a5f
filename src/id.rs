//! Names from outside and rows inside, and the bijection between them.
//!
//! Enters: the ids that a shop uses (`&str`). Leaves: dense `u32` rows, typed so that a customer's row can never
//! index an item's column, and the way back to the name.
//!
//! The one decision: a dense index never crosses a door. Every door (log, bundle, wire) speaks names, everything
//! between speaks rows, and [`IdTable`] is the only place where the two meet. Rows are given in order of first
//! appearance, so the same log always gives the same rows.

use std::fmt;
use std::hash::BuildHasher;
use std::marker::PhantomData;

use hashbrown::{DefaultHashBuilder, HashTable};
use rayon::prelude::*;
use zerocopy::{FromBytes, Immutable};

use crate::column::Texts;

/// Longest id that is accepted, in bytes.
pub const MAX_ID_BYTES: usize = 256;

/// Why a name cannot be an id: a rule that reads on from the name of what breaks it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The name is empty or only white space.
    #[error("must not be empty")]
    Empty,
    /// The name is longer than [`MAX_ID_BYTES`].
    #[error("must have at most {MAX_ID_BYTES} bytes, got {bytes}")]
    TooLong {
        /// Length of the rejected name.
        bytes: usize,
    },
    /// The name has a control character, such as a tab or a NUL.
    #[error("must not contain control characters, got {name:?}")]
    ControlCharacter {
        /// The rejected name.
        name: String,
    },
    /// The table is full: the number of a row is a `u32`, and the largest is kept for "none".
    #[error("more than {} rows", u32::MAX)]
    TooMany,
}

/// Checks that `name` can be an id: not empty, at most [`MAX_ID_BYTES`] long, no control characters.
///
/// # Errors
/// [`IdError`] with the rule that failed.
pub fn check_name(name: &str) -> Result<&str, IdError> {
    let bytes = name.as_bytes();
    if bytes.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { bytes: bytes.len() });
    }
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(IdError::Empty);
    }
    // Bytes of a multi-byte character are never below 0x80, so scanning bytes finds all ASCII controls.
    if bytes.iter().any(u8::is_ascii_control) {
        return Err(IdError::ControlCharacter {
            name: name.to_owned(),
        });
    }
    Ok(name)
}

/// A dense row number that an [`IdTable`] hands out.
pub trait Row: Copy + Eq + Ord + fmt::Debug + Send + Sync + 'static {
    /// The row with this number.
    fn from_u32(row: u32) -> Self;
    /// The number of this row.
    fn as_u32(self) -> u32;
    /// The number of this row, for indexing a slice.
    fn index(self) -> usize {
        self.as_u32() as usize
    }
}

macro_rules! row {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, FromBytes, Immutable)]
        #[repr(transparent)]
        pub struct $name(u32);

        impl Row for $name {
            fn from_u32(row: u32) -> Self {
                Self(row)
            }
            fn as_u32(self) -> u32 {
                self.0
            }
        }
    };
}

row! {
    /// A customer's row: dense, from 0, in order of first appearance in the log.
    CustomerIdx
}
row! {
    /// An item's row: dense, from 0, in order of first appearance in the log, then the catalogue.
    ItemIdx
}
row! {
    /// An order's row. Only equality means something: lines with the same row belong to one order.
    OrderIdx
}
row! {
    /// A session's row. Only equality means something: events with the same row belong to one session.
    SessionIdx
}

/// The bijection between names and rows.
///
/// # Shapes
/// | part | memory | meaning |
/// |---|---|---|
/// | `names` | length of the name + 8 bytes a row | the name of each row |
/// | `rows` | 5 bytes a place, 8 places for at most 7 rows | rows by the hash of their names |
#[derive(Clone, Debug)]
pub struct IdTable<R> {
    names: Texts,
    rows: HashTable<u32>,
    hasher: DefaultHashBuilder,
    row: PhantomData<R>,
}

/// Why names are no table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdTableError {
    /// A name that is no id.
    #[error("entry {at}: {source}")]
    Name {
        /// Which one.
        at: usize,
        /// The rule.
        source: IdError,
    },
    /// A name that stands there twice.
    #[error("entry {at} repeats {name:?}")]
    Repeated {
        /// The second place.
        at: usize,
        /// The name.
        name: String,
    },
}

impl<R: Row> Default for IdTable<R> {
    fn default() -> Self {
        Self {
            names: Texts::default(),
            rows: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            row: PhantomData,
        }
    }
}

impl<R: Row> TryFrom<Texts> for IdTable<R> {
    type Error = IdTableError;

    /// The table of names that are in row order already.
    fn try_from(names: Texts) -> Result<Self, IdTableError> {
        // The largest u32 stays free: columns that may lack a row use it as "none".
        if u32::try_from(names.len()).map_or(true, |n| n == u32::MAX) {
            let at = u32::MAX as usize;
            return Err(IdTableError::Name {
                at,
                source: IdError::TooMany,
            });
        }
        let hasher = DefaultHashBuilder::default();
        // What does not depend on the names before is done on all cores; the table itself is filled by one.
        let hashes: Vec<Result<u64, IdError>> = (0..names.len())
            .into_par_iter()
            .with_min_len(1024)
            .map(|at| check_name(names.get(at)).map(|name| hasher.hash_one(name)))
            .collect();
        let mut rows = HashTable::with_capacity(names.len());
        for (row, hash) in (0u32..).zip(hashes) {
            let at = row as usize;
            let hash = hash.map_err(|source| IdTableError::Name { at, source })?;
            let name = names.get(at);
            if rows
                .find(hash, |&other: &u32| names.get(other as usize) == name)
                .is_some()
            {
                let name = name.to_owned();
                return Err(IdTableError::Repeated { at, name });
            }
            rows.insert_unique(hash, row, |&row| hasher.hash_one(names.get(row as usize)));
        }
        Ok(Self {
            names,
            rows,
            hasher,
            row: PhantomData,
        })
    }
}

impl<R: Row> IdTable<R> {
    /// The row of `name`, a new one if the name is new.
    ///
    /// # Errors
    /// [`IdError`] when the name cannot be an id or the table is full.
    pub fn intern(&mut self, name: &str) -> Result<R, IdError> {
        let hash = self.hasher.hash_one(name);
        if let Some(found) = self.with_hash(hash, name) {
            return Ok(found);
        }
        check_name(name)?;
        let next = u32::try_from(self.names.len())
            .ok()
            .filter(|&n| n < u32::MAX)
            .ok_or(IdError::TooMany)?;
        self.names.push(name);
        let (names, hasher) = (&self.names, &self.hasher);
        self.rows
            .insert_unique(hash, next, |&row| hasher.hash_one(names.get(row as usize)));
        Ok(R::from_u32(next))
    }

    /// The row of `name`, if it has one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<R> {
        self.with_hash(self.hasher.hash_one(name), name)
    }

    fn with_hash(&self, hash: u64, name: &str) -> Option<R> {
        let is_it = |&row: &u32| self.names.get(row as usize) == name;
        self.rows.find(hash, is_it).copied().map(R::from_u32)
    }

    /// The name of a row that this table handed out.
    ///
    /// # Panics
    /// When the row is not from this table.
    #[must_use]
    pub fn name(&self, row: R) -> &str {
        self.names.get(row.index())
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// All names in row order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter()
    }

    /// All rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = R> + use<R> {
        (0..u32::try_from(self.names.len()).unwrap_or(u32::MAX)).map(R::from_u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_row_and_a_row_its_name() {
        let mut table = IdTable::<ItemIdx>::default();
        let rows: Vec<_> = ["b", "a", "b", "ü"]
            .iter()
            .map(|n| table.intern(n).unwrap().as_u32())
            .collect();
        assert_eq!(rows, [0, 1, 0, 2]);
        assert_eq!(table.names().collect::<Vec<_>>(), ["b", "a", "ü"]);
        assert_eq!(table.name(ItemIdx::from_u32(2)), "ü");
        assert_eq!(table.find("c"), None);
    }

    #[test]
    fn a_table_of_names_is_the_one_that_interning_makes() {
        let mut texts = Texts::default();
        let names: Vec<String> = (0..5000).map(|n| format!("c{}", n * n)).collect();
        names.iter().for_each(|name| texts.push(name));
        let table = IdTable::<CustomerIdx>::try_from(texts.clone()).unwrap();
        for (row, name) in (0u32..).zip(&names) {
            assert_eq!(table.find(name), Some(CustomerIdx(row)));
            assert_eq!(table.name(CustomerIdx(row)), name);
        }
        assert_eq!((table.len(), table.find("c2")), (5000, None));
        let mut grown = table.clone();
        assert_eq!(grown.intern("c2"), Ok(CustomerIdx(5000)));
        assert_eq!(grown.intern("c4"), Ok(CustomerIdx(2)));

        let refused = |word: &str| {
            let mut texts = texts.clone();
            texts.push(word);
            IdTable::<CustomerIdx>::try_from(texts).unwrap_err().to_string()
        };
        assert_eq!(refused("c9"), "entry 5000 repeats \"c9\"");
        assert_eq!(refused(" "), "entry 5000: must not be empty");
    }

    #[test]
    fn bad_names_are_refused_by_rule() {
        assert_eq!(check_name(""), Err(IdError::Empty));
        assert_eq!(check_name("  "), Err(IdError::Empty));
        assert_eq!(
            check_name("a\tb"),
            Err(IdError::ControlCharacter { name: "a\tb".into() })
        );
        assert_eq!(check_name(&"x".repeat(257)), Err(IdError::TooLong { bytes: 257 }));
        assert_eq!(check_name("12 34"), Ok("12 34"));
    }
}
