//! Why a log cannot be read at all. A bad row is not here: it is counted in the report.

use std::path::PathBuf;

use super::published::SHAPES;
use crate::id::IdError;

/// Why a log, an item table or a file of a published evaluation cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The operating system refused.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A path, folder or pattern that stands for no log file.
    #[error(
        "{} is no log: no file found (known endings: .csv, .tsv, .jsonl, .ndjson, each also with .gz or .zst, and .parquet)",
        path.display()
    )]
    NothingFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A file whose ending names no known format.
    #[error(
        "{} has no known ending: it must be .csv, .tsv, .jsonl or .ndjson (each also with .gz or .zst) or .parquet",
        path.display()
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// A file that is not what its ending says.
    #[error("{} is no log: {problem}", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A Parquet file that cannot be decoded.
    #[error("{} is not a readable Parquet file", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        #[source]
        source: parquet::errors::ParquetError,
    },
    /// A column that the recipe needs is not in the file.
    #[error(
        "{} has no column {name:?}; it has: {present}. Name the right one in the recipe as {key}",
        path.display()
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column looked for.
        name: String,
        /// The recipe key that names it.
        key: String,
        /// The columns of the file, joined by commas.
        present: String,
    },
    /// A column of a published evaluation is not in the file.
    #[error("{} has no column {wanted}; it has: {present}", path.display())]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The names that were looked for.
        wanted: String,
        /// The columns of the file, joined by commas.
        present: String,
    },
    /// A column of another kind than its name says.
    #[error("{}: column {column:?} holds {found} instead of {expected}", path.display())]
    WrongKind {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What it holds.
        found: String,
        /// What it must hold.
        expected: &'static str,
    },
    /// A row that cannot be used, in a file of which every row counts.
    #[error("{}: row {row}: column {column:?} {problem}", path.display())]
    BadRow {
        /// The file.
        path: PathBuf,
        /// Number of the row, from 1.
        row: usize,
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file whose columns are those of nothing that is evaluated.
    #[error("{} cannot be evaluated: it has the columns {present}; known are {}", path.display(), SHAPES)]
    UnknownShape {
        /// The file.
        path: PathBuf,
        /// The columns of the file, joined by commas.
        present: String,
    },
    /// Two halves that do not go together.
    #[error(
        "{} holds {train_holds} and {} holds {test_holds}: both halves must be of one kind: {}",
        train.display(), test.display(), SHAPES
    )]
    MixedSplit {
        /// The half to learn from.
        train: PathBuf,
        /// What it holds.
        train_holds: &'static str,
        /// The other half.
        test: PathBuf,
        /// What it holds.
        test_holds: &'static str,
    },
    /// A half to learn from that has only what is to be foretold.
    #[error("{} holds prefixes and targets, which can be foretold but not learned from", path.display())]
    NotToLearnFrom {
        /// The file.
        path: PathBuf,
    },
    /// A row was dropped although every row had to be good.
    #[error(
        "{place}: {reason} (strict reading allows no dropped row: correct it, or leave it out by a rule of the recipe)"
    )]
    Strict {
        /// File and line, or file and row.
        place: String,
        /// Why the row was dropped.
        reason: &'static str,
    },
    /// More different ids than a table holds.
    #[error("{} overflows a table", path.display())]
    Id {
        /// The file in which the table overflowed.
        path: PathBuf,
        /// The rule.
        #[source]
        source: IdError,
    },
}
