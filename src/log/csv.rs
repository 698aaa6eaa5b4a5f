//! CSV: the first record names the columns, every later one is a row.

use std::path::Path;
use std::sync::Arc;

use super::batch::{Batch, Column, Positions, TextColumn, Wanted};
use super::error::LogError;
use super::split::{MAX_RECORD_BYTES, Piece, count_lines};

/// Columns of a file at most; more is no log.
pub(super) const MAX_COLUMNS: usize = 4096;

/// Where the wanted columns stand in a file's records.
#[derive(Clone, Debug)]
pub(super) struct Header {
    delimiter: u8,
    fields: usize,
    /// For each wanted column its place in a record.
    places: Vec<Option<usize>>,
}

impl Header {
    /// Reads the header and cuts it off the first piece.
    pub(super) fn take(
        path: &Path,
        delimiter: u8,
        wanted: &[Wanted],
        piece: &mut Piece,
    ) -> Result<Self, LogError> {
        let no_log = |problem: String| LogError::NotALog {
            path: path.to_owned(),
            problem,
        };
        let mut reader = reader(delimiter, &piece.bytes);
        let mut record = csv::ByteRecord::new();
        let found = reader
            .read_byte_record(&mut record)
            .map_err(|error| no_log(error.to_string()))?;
        if !found {
            return Err(no_log("it is empty".into()));
        }
        let names: Vec<String> = record
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim().to_owned())
            .collect();
        if names.len() > MAX_COLUMNS {
            return Err(no_log(format!(
                "its first line has {} columns, more than {MAX_COLUMNS}",
                names.len()
            )));
        }
        if names.iter().any(|name| {
            name.chars()
                .any(|c| (c.is_control() && c != '\t') || c == char::REPLACEMENT_CHARACTER)
        }) {
            return Err(no_log("its first line holds bytes that are no text".into()));
        }
        let places = places(path, wanted, &names).map_err(|error| match other_delimiter(&names) {
            Some(other) => no_log(format!(
                "its first line is a single column, {:?}: if {other:?} stands between its fields, write source.delimiter = {other:?} in the recipe",
                names[0]
            )),
            None => error,
        })?;
        let end = (reader.position().byte() as usize).min(piece.bytes.len());
        piece.first_line += count_lines(&piece.bytes[..end]);
        piece.bytes.drain(..end);
        Ok(Self {
            delimiter,
            fields: names.len(),
            places,
        })
    }

    /// The rows of a piece.
    pub(super) fn decode(&self, file: Arc<Path>, piece: Piece) -> Batch {
        let Piece {
            bytes,
            first_line,
            mut unreadable,
        } = piece;
        let mut columns: Vec<_> = self
            .places
            .iter()
            .map(|place| place.map(|_| TextColumn::default()))
            .collect();
        let mut lines = Vec::new();
        // The reader begins at byte `begin` of the piece.
        let mut begin = 0;
        let mut rows = reader(self.delimiter, &bytes);
        let mut record = csv::ByteRecord::new();
        let mut line = first_line;
        let mut counted = 0;
        loop {
            let mut start = begin + rows.position().byte() as usize;
            // Reading from memory cannot fail, and rows of any length are allowed here.
            if !matches!(rows.read_byte_record(&mut record), Ok(true)) {
                break;
            }
            let end = begin + rows.position().byte() as usize;
            // The reader skips empty lines before a record.
            while matches!(bytes.get(start), Some(b'\n' | b'\r')) {
                start += 1;
            }
            line += count_lines(&bytes[counted..start]);
            counted = start;
            // A stray quote makes one record of all lines up to the next quote: only the line that has it is given up.
            if let Some(second) = second_line(&bytes[start..end])
                && !are_quotes_closed(&bytes[start..end], self.delimiter)
            {
                unreadable.push(line);
                begin = start + second;
                rows = reader(self.delimiter, &bytes[begin..]);
                continue;
            }
            if record.len() != self.fields || end - start > MAX_RECORD_BYTES {
                unreadable.push(line);
                continue;
            }
            lines.push(line);
            for (column, place) in columns.iter_mut().zip(&self.places) {
                if let (Some(column), Some(place)) = (column, place) {
                    column.push_bytes(&record[*place]);
                }
            }
        }
        Batch {
            file,
            rows: lines.len(),
            positions: Positions::Lines(lines),
            columns: columns
                .into_iter()
                .map(|column| column.map_or(Column::Absent, Column::Text))
                .collect(),
            unreadable,
        }
    }
}

/// What seems to separate the fields of a header that was read as one column.
fn other_delimiter(names: &[String]) -> Option<&'static str> {
    let [whole] = names else { return None };
    [";", "\t", "|", ","]
        .into_iter()
        .find(|delimiter| whole.contains(delimiter))
}

/// Where the second line of a record begins, if it has one.
fn second_line(record: &[u8]) -> Option<usize> {
    let second = memchr::memchr(b'\n', record)? + 1;
    (second < record.len()).then_some(second)
}

/// Whether every field that begins with a quote ends with one.
fn are_quotes_closed(record: &[u8], delimiter: u8) -> bool {
    let find = |byte, from: usize| Some(from + memchr::memchr(byte, record.get(from..)?)?);
    let mut field = Some(0);
    while let Some(mut at) = field {
        if record.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(quote) = find(b'"', at) else {
                    return false;
                };
                at = quote + 1;
                // Within quotes, two in a row stand for one.
                if record.get(at) != Some(&b'"') {
                    break;
                }
                at += 1;
            }
            let is_end = |byte: &u8| *byte == delimiter || matches!(byte, b'\n' | b'\r');
            if !record.get(at).is_none_or(is_end) {
                return false;
            }
        }
        field = find(delimiter, at).map(|end| end + 1);
    }
    true
}

fn reader(delimiter: u8, bytes: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(bytes)
}

/// Finds the wanted columns among the names that a file has.
pub(super) fn places(
    path: &Path,
    wanted: &[Wanted],
    names: &[String],
) -> Result<Vec<Option<usize>>, LogError> {
    wanted
        .iter()
        .map(|column| {
            let mut found = (0..names.len()).filter(|&place| names[place] == column.name);
            let place = found.next();
            if place.is_none() && column.required {
                return Err(missing(path, column, names));
            }
            if found.next().is_some() {
                return Err(LogError::NotALog {
                    path: path.to_owned(),
                    problem: format!(
                        "it has two columns {:?}; rename one of them, or name another one in the recipe as {}",
                        column.name, column.key
                    ),
                });
            }
            Ok(place)
        })
        .collect()
}

pub(super) fn missing(path: &Path, column: &Wanted, names: &[String]) -> LogError {
    const SHOWN: usize = 40;
    let mut present = names
        .iter()
        .take(SHOWN)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > SHOWN {
        present.push_str(", …");
    }
    LogError::MissingColumn {
        path: path.to_owned(),
        name: column.name.clone(),
        key: column.key.to_owned(),
        present,
    }
}
