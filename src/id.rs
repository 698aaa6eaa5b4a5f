//! Names from outside and rows inside, and the bijection between them.
//!
//! Enters: the ids that a shop uses (`&str`). Leaves: dense `u32` rows, typed so that a customer's row can never
//! index an item's column, and the way back to the name.
//!
//! The one decision: a dense index never crosses a door. Every door (log, bundle, wire) speaks names, everything
//! between speaks rows, and [`IdTable`] is the only place where the two meet. Rows are given in order of first
//! appearance, so the same log always gives the same rows.

use std::fmt;
use std::marker::PhantomData;

use indexmap::IndexSet;

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
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
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
#[derive(Clone, Debug)]
pub struct IdTable<R> {
    names: IndexSet<Box<str>, hashbrown::DefaultHashBuilder>,
    row: PhantomData<R>,
}

impl<R: Row> Default for IdTable<R> {
    fn default() -> Self {
        Self {
            names: IndexSet::default(),
            row: PhantomData,
        }
    }
}

impl<R: Row> IdTable<R> {
    /// The row of `name`, a new one if the name is new.
    ///
    /// # Errors
    /// [`IdError`] when the name cannot be an id or the table is full.
    pub fn intern(&mut self, name: &str) -> Result<R, IdError> {
        if let Some(found) = self.find(name) {
            return Ok(found);
        }
        check_name(name)?;
        // The largest u32 stays free: columns that may lack a row use it as "none".
        let next = u32::try_from(self.names.len())
            .ok()
            .filter(|&n| n < u32::MAX)
            .ok_or(IdError::TooMany)?;
        self.names.insert(name.into());
        Ok(R::from_u32(next))
    }

    /// The row of `name`, if it has one.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<R> {
        // Rows are below u32::MAX because `intern` refuses more.
        self.names
            .get_index_of(name)
            .and_then(|at| u32::try_from(at).ok())
            .map(R::from_u32)
    }

    /// The name of a row that this table handed out.
    ///
    /// # Panics
    /// When the row is not from this table.
    #[must_use]
    pub fn name(&self, row: R) -> &str {
        &self.names[row.index()]
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
        self.names.iter().map(|name| &**name)
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
