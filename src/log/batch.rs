//! Rows in columns: what every file format becomes before any of it is understood.
//!
//! Enters: cells as the formats hold them. Leaves: [`Batch`], a few ten thousand rows of the wanted columns, cells
//! borrowed as [`Cell`]. Nothing is interpreted here beyond the type that the file itself states.

use std::path::Path;
use std::sync::Arc;

/// Bytes of a text cell that are kept: ids are far shorter, and a title beyond this is not one.
const MAX_CELL_BYTES: usize = 4096;

/// A column that a reader looks for in a file.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// The recipe key that names it, for error messages.
    pub(super) key: &'static str,
    /// Its name in the file.
    pub(super) name: String,
    /// Whether a file without it is an error.
    pub(super) required: bool,
}

/// One cell, borrowed from its batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cell<'a> {
    /// Empty, null, or a column that the file does not have.
    Missing,
    Text(&'a str),
    Int(i128),
    Float(f64),
    Bool(bool),
    /// Microseconds since the epoch, UTC.
    Instant(i64),
    /// Microseconds since the epoch as the shop's clocks show it.
    Local(i64),
}

/// Text cells end to end; row `i` is `text[ends[i - 1]..ends[i]]`. An empty cell is a missing one.
#[derive(Clone, Debug, Default)]
pub(super) struct TextColumn {
    ends: Vec<u32>,
    text: String,
}

impl TextColumn {
    /// Adds a cell. Bytes that are not UTF-8 become U+FFFD, which no id may hold.
    pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.push(text),
            Err(_) => self.push(&String::from_utf8_lossy(
                &bytes[..bytes.len().min(MAX_CELL_BYTES)],
            )),
        }
    }

    /// Adds a cell, without the white space around it.
    pub(super) fn push(&mut self, cell: &str) {
        // Most cells have nothing to trim, which two bytes tell: white space is at most 0x20 or not ASCII.
        let is_plain = |byte: Option<&u8>| byte.is_none_or(|byte| (0x21..0x7f).contains(byte));
        let bytes = cell.as_bytes();
        let cell = if is_plain(bytes.first()) && is_plain(bytes.last()) {
            cell
        } else {
            cell.trim()
        };
        let mut end = cell.len().min(MAX_CELL_BYTES);
        while !cell.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&cell[..end]);
        // At most a few hundred thousand cells of MAX_CELL_BYTES: below u32::MAX.
        self.ends.push(self.text.len() as u32);
    }

    pub(super) fn cell(&self, row: usize) -> &str {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start as usize..self.ends[row] as usize]
    }
}

/// A column of a batch, in the type of the file.
#[derive(Clone, Debug)]
pub(super) enum Column {
    /// The file has no such column.
    Absent,
    Text(TextColumn),
    Int(Vec<Option<i64>>),
    Unsigned(Vec<Option<u64>>),
    Float(Vec<Option<f64>>),
    Bool(Vec<Option<bool>>),
    Instant(Vec<Option<i64>>),
    Local(Vec<Option<i64>>),
}

impl Column {
    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        fn some<'a, T: Copy>(value: Option<T>, cell: impl Fn(T) -> Cell<'a>) -> Cell<'a> {
            value.map_or(Cell::Missing, cell)
        }
        match self {
            Self::Absent => Cell::Missing,
            Self::Text(column) => match column.cell(row) {
                "" => Cell::Missing,
                text => Cell::Text(text),
            },
            Self::Int(column) => some(column[row], |value| Cell::Int(value.into())),
            Self::Unsigned(column) => some(column[row], |value| Cell::Int(value.into())),
            // Data frames write a missing number as NaN.
            Self::Float(column) => some(column[row].filter(|value| !value.is_nan()), Cell::Float),
            Self::Bool(column) => some(column[row], Cell::Bool),
            Self::Instant(column) => some(column[row], Cell::Instant),
            Self::Local(column) => some(column[row], Cell::Local),
        }
    }
}

/// Where the rows of a batch stand in their file.
#[derive(Clone, Debug)]
pub(super) enum Positions {
    /// Row numbers from here on, the first row of the file being 1.
    Rows(u64),
    /// The line on which each row begins, the first line of the file being 1.
    Lines(Vec<u64>),
}

impl Positions {
    pub(super) fn of(&self, row: usize) -> u64 {
        match self {
            Self::Rows(first) => first + row as u64,
            Self::Lines(lines) => lines[row],
        }
    }
}

/// Some rows of one file, in columns.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) file: Arc<Path>,
    pub(super) rows: usize,
    pub(super) positions: Positions,
    /// One for each wanted column, in that order.
    pub(super) columns: Vec<Column>,
    /// Lines that are no rows: another number of fields than the header, no JSON object, far too long.
    pub(super) unreadable: Vec<u64>,
}

impl<'a> Cell<'a> {
    /// Writes the cell as an id. `false`: it cannot be one.
    ///
    /// A float that holds a whole number is that number: data frames turn an id column with gaps into floats.
    pub(super) fn write_id(self, out: &mut String) -> bool {
        use std::fmt::Write;
        // Writing to a string cannot fail.
        match self {
            Self::Missing => {}
            Self::Text(text) => out.push_str(text),
            Self::Int(value) => {
                let _ = write!(out, "{value}");
            }
            // 2^53: above it a float no longer tells neighbouring whole numbers apart.
            Self::Float(value) if value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0 => {
                let _ = write!(out, "{value}");
            }
            Self::Float(_) | Self::Bool(_) | Self::Instant(_) | Self::Local(_) => return false,
        }
        true
    }

    /// The cell as a number; `Err` when it is something else.
    pub(super) fn number(self, decimal_comma: bool) -> Result<Option<f64>, NotANumber> {
        match self {
            Self::Missing => Ok(None),
            Self::Int(value) => Ok(Some(value as f64)),
            Self::Float(value) => Ok(Some(value)),
            // 1.234 is a thousand and more where the comma is the separator, and must not become one and a bit.
            Self::Text(text) if decimal_comma && ends_in_thousands(text) => Err(NotANumber),
            Self::Text(text) if decimal_comma => text
                .replacen(',', ".", 1)
                .parse()
                .map(Some)
                .map_err(|_| NotANumber),
            Self::Text(text) => text.parse().map(Some).map_err(|_| NotANumber),
            Self::Bool(_) | Self::Instant(_) | Self::Local(_) => Err(NotANumber),
        }
    }

    /// The cell as text, where it is text.
    pub(super) fn text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The cell's bytes for comparing whole rows, with a tag so that no two types meet.
    pub(super) fn write_key(self, out: &mut Vec<u8>) {
        let mut number = |tag: u8, bytes: &[u8]| {
            out.push(tag);
            out.extend_from_slice(bytes);
        };
        match self {
            Self::Missing => number(0, &[]),
            Self::Text(text) => {
                number(1, &(text.len() as u32).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
            }
            Self::Int(value) => number(2, &value.to_le_bytes()),
            Self::Float(value) => number(3, &value.to_bits().to_le_bytes()),
            Self::Bool(value) => number(4, &[u8::from(value)]),
            Self::Instant(value) => number(5, &value.to_le_bytes()),
            Self::Local(value) => number(6, &value.to_le_bytes()),
        }
    }
}

/// Whether a point and three digits end a number.
fn ends_in_thousands(text: &str) -> bool {
    text.rsplit_once('.')
        .is_some_and(|(_, tail)| tail.len() == 3 && tail.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A cell that should hold a number and does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotANumber;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_never_read_by_the_other_separator() {
        let comma = |text| Cell::Text(text).number(true);
        assert_eq!(comma("1,50"), Ok(Some(1.5)));
        // As JSON writes numbers.
        assert_eq!(comma("1.5"), Ok(Some(1.5)));
        for text in ["1.234", "1.234.567", "1.234,50", "1,2,3"] {
            assert_eq!(comma(text), Err(NotANumber), "{text}");
        }
        assert_eq!(Cell::Text("1,234").number(false), Err(NotANumber));
        assert_eq!(Cell::Text("1.234").number(false), Ok(Some(1.234)));
    }
}
