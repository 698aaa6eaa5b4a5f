//! A table of typed columns, and how it becomes a file.
//!
//! Enters: a [`Table`] and a path whose extension names the format. Leaves: the file.
//!
//! A missing value is an empty field in CSV, `null` in JSON Lines and a null in Parquet. CSV therefore cannot tell
//! empty text from missing text; the other two can.

use std::io;
use std::path::{Path, PathBuf};

use super::file::replace;
use super::parquet::write_parquet;
use super::text::{write_csv, write_json_lines};
use crate::time::Timestamp;

/// Columns of the same length, written in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The columns.
    pub columns: Vec<Column>,
}

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The name, as the header or key has it.
    pub name: String,
    /// One value a row.
    pub values: Values,
}

/// The values of a column; `None` is a missing one.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Text.
    Text(Vec<Option<String>>),
    /// Text of which the same words come again and again: row `i` is `words[codes[i]]`.
    Coded {
        /// The different words.
        words: Vec<String>,
        /// For each row the place of its word.
        codes: Vec<Option<u32>>,
    },
    /// Whole numbers.
    Int(Vec<Option<i64>>),
    /// Finite numbers.
    Float(Vec<Option<f64>>),
    /// Yes or no.
    Bool(Vec<Option<bool>>),
    /// Instants: RFC 3339 in UTC as text, UTC microseconds in Parquet.
    Time(Vec<Option<Timestamp>>),
}

/// What a file can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Comma-separated values as RFC 4180 quotes them, with a header; lines end with a line feed.
    Csv,
    /// One JSON object a line.
    JsonLines,
    /// Parquet, compressed with zstd.
    Parquet,
}

/// Why a table is not in its file. The target is as it was before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The extension names no format.
    #[error("{}: the extension does not say which format to write (known: .csv, .jsonl, .parquet)", path.display())]
    UnknownFormat {
        /// The target.
        path: PathBuf,
    },
    /// The columns do not make a table.
    #[error("{}: column {column:?} has {rows} rows and the first column has {expected}", path.display())]
    UnevenColumns {
        /// The target.
        path: PathBuf,
        /// The first column that differs.
        column: String,
        /// Its rows.
        rows: usize,
        /// Rows of the first column.
        expected: usize,
    },
    /// Two columns have one name.
    #[error("{}: there are two columns {column:?}", path.display())]
    DuplicateColumn {
        /// The target.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A value that no format has a place for.
    #[error("{}: column {column:?}, row {row}: {problem}", path.display())]
    BadValue {
        /// The target.
        path: PathBuf,
        /// The column.
        column: String,
        /// The row, from 0.
        row: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The file system or the encoder refused.
    #[error("cannot write {}", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Table {
    /// Number of rows: those of the first column.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// The column with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    fn check(&self, path: &Path) -> Result<(), ExportError> {
        let expected = self.n_rows();
        for (at, column) in self.columns.iter().enumerate() {
            let rows = column.values.len();
            if rows != expected {
                return Err(ExportError::UnevenColumns {
                    path: path.to_owned(),
                    column: column.name.clone(),
                    rows,
                    expected,
                });
            }
            if self.columns[..at].iter().any(|other| other.name == column.name) {
                return Err(ExportError::DuplicateColumn {
                    path: path.to_owned(),
                    column: column.name.clone(),
                });
            }
            if let Some((row, problem)) = column.values.first_problem() {
                return Err(ExportError::BadValue {
                    path: path.to_owned(),
                    column: column.name.clone(),
                    row,
                    problem,
                });
            }
        }
        Ok(())
    }
}

impl Column {
    /// A column from its name and values.
    pub fn new(name: impl Into<String>, values: impl Into<Values>) -> Self {
        Self {
            name: name.into(),
            values: values.into(),
        }
    }
}

/// A value of any column, borrowed.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    Missing,
    Text(&'a str),
    Int(i64),
    Float(f64),
    Bool(bool),
    Time(Timestamp),
}

impl Values {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Coded { codes, .. } => codes.len(),
            Self::Int(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
            Self::Time(values) => values.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn cell(&self, row: usize) -> Cell<'_> {
        match self {
            Self::Text(values) => values[row].as_deref().map_or(Cell::Missing, Cell::Text),
            Self::Coded { words, codes } => {
                codes[row].map_or(Cell::Missing, |code| Cell::Text(&words[code as usize]))
            }
            Self::Int(values) => values[row].map_or(Cell::Missing, Cell::Int),
            Self::Float(values) => values[row].map_or(Cell::Missing, Cell::Float),
            Self::Bool(values) => values[row].map_or(Cell::Missing, Cell::Bool),
            Self::Time(values) => values[row].map_or(Cell::Missing, Cell::Time),
        }
    }

    fn first_problem(&self) -> Option<(usize, String)> {
        match self {
            Self::Float(values) => values
                .iter()
                .position(|value| value.is_some_and(|value| !value.is_finite()))
                .map(|row| (row, "the number is not finite".to_owned())),
            Self::Coded { words, codes } => codes
                .iter()
                .position(|code| code.is_some_and(|code| code as usize >= words.len()))
                .map(|row| (row, format!("there are only {} words", words.len()))),
            _ => None,
        }
    }
}

macro_rules! values_from {
    ($($variant:ident: $value:ty),+) => {$(
        impl From<Vec<$value>> for Values {
            fn from(values: Vec<$value>) -> Self {
                Self::$variant(values.into_iter().map(Some).collect())
            }
        }
        impl From<Vec<Option<$value>>> for Values {
            fn from(values: Vec<Option<$value>>) -> Self {
                Self::$variant(values)
            }
        }
    )+};
}
values_from!(Text: String, Int: i64, Float: f64, Bool: bool, Time: Timestamp);

impl Format {
    /// The format that the extension of a path names, in any letter case.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The format of a file that is to be written, to be asked before the work that fills it.
    ///
    /// # Errors
    /// [`ExportError::UnknownFormat`].
    pub fn to_write(path: &Path) -> Result<Self, ExportError> {
        Self::of(path).ok_or_else(|| ExportError::UnknownFormat {
            path: path.to_owned(),
        })
    }
}

/// Writes a table to `path` in the format of its extension, creating folders on the way and replacing a file that is
/// there.
///
/// # Errors
/// [`ExportError`], which names the file; what was at `path` before is still there then.
pub fn write(table: &Table, path: &Path) -> Result<(), ExportError> {
    let format = Format::to_write(path)?;
    table.check(path)?;
    replace(path, |file| match format {
        Format::Csv => write_csv(table, file),
        Format::JsonLines => write_json_lines(table, file),
        Format::Parquet => write_parquet(table, file),
    })
    .map_err(|source| ExportError::Write {
        path: path.to_owned(),
        source,
    })
}
