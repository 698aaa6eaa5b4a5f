//! Why a log cannot be read at all. A bad row is not here: it is counted in the report.

use std::path::PathBuf;

use crate::id::IdError;

/// Why a log, an item table or a table of pairs cannot be read.
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
