//! JSON Lines: every line is an object, its keys are the columns; nested values are not looked into.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::batch::{Batch, Column, Positions, TextColumn, Wanted};
use super::csv::missing;
use super::error::LogError;
use super::split::{MAX_RECORD_BYTES, Piece};

/// Lines of a file's beginning among which a required column must turn up.
const LINES_SEARCHED: usize = 1000;

/// Refuses a file whose first lines are no objects or never have a required column.
pub(super) fn check(path: &Path, wanted: &[Wanted], piece: &Piece) -> Result<(), LogError> {
    let mut keys: Vec<String> = Vec::new();
    let mut first_problem = None;
    let mut lines = 0;
    for line in lines_of(&piece.bytes).take(LINES_SEARCHED) {
        lines += 1;
        match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line) {
            Ok(object) => {
                for key in object.into_iter().map(|(key, _)| key) {
                    if !keys.contains(&key) && keys.len() < super::csv::MAX_COLUMNS {
                        keys.push(key);
                    }
                }
            }
            Err(error) => first_problem = first_problem.or(Some(error)),
        }
    }
    if let (true, Some(problem)) = (keys.is_empty(), first_problem) {
        return Err(LogError::NotALog {
            path: path.to_owned(),
            problem: format!("none of its first {lines} lines is a JSON object ({problem})"),
        });
    }
    match wanted
        .iter()
        .find(|column| column.required && !keys.contains(&column.name))
    {
        Some(column) if lines > 0 => Err(missing(path, column, &keys)),
        _ => Ok(()),
    }
}

fn lines_of(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.trim_ascii().is_empty())
}

/// The rows of a piece.
pub(super) fn decode(file: Arc<Path>, wanted: &[Wanted], piece: Piece) -> Batch {
    let Piece {
        bytes,
        first_line,
        mut unreadable,
    } = piece;
    let mut columns = vec![TextColumn::default(); wanted.len()];
    let mut row = vec![String::new(); wanted.len()];
    let mut lines = Vec::new();
    for (line, text) in (first_line..).zip(bytes.split(|&byte| byte == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        row.iter_mut().for_each(String::clear);
        let mut json = serde_json::Deserializer::from_slice(text);
        let read = Row {
            wanted,
            cells: &mut row,
        }
        .deserialize(&mut json)
        .and_then(|()| json.end());
        if read.is_err() || text.len() > MAX_RECORD_BYTES {
            unreadable.push(line);
            continue;
        }
        lines.push(line);
        for (column, cell) in columns.iter_mut().zip(&row) {
            column.push(cell);
        }
    }
    Batch {
        file,
        rows: lines.len(),
        positions: Positions::Lines(lines),
        columns: columns.into_iter().map(Column::Text).collect(),
        unreadable,
    }
}

/// Fills the wanted cells from one object.
struct Row<'a> {
    wanted: &'a [Wanted],
    cells: &'a mut [String],
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key)? {
            match self.wanted.iter().position(|column| column.name == *key) {
                Some(at) => {
                    self.cells[at].clear();
                    map.next_value_seed(CellText(&mut self.cells[at]))?;
                }
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// A key, borrowed unless it has escapes.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

/// Writes a value as the text of a cell; null, arrays and objects are empty cells.
struct CellText<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for CellText<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl CellText<'_> {
    fn write(&mut self, value: impl fmt::Display) {
        use fmt::Write;
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{value}");
    }
}

impl<'de> Visitor<'de> for CellText<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push_str(text);
        Ok(())
    }

    fn visit_i64<E>(mut self, value: i64) -> Result<(), E> {
        self.write(value);
        Ok(())
    }

    fn visit_u64<E>(mut self, value: u64) -> Result<(), E> {
        self.write(value);
        Ok(())
    }

    fn visit_f64<E>(mut self, value: f64) -> Result<(), E> {
        // Display writes a whole float without a fraction, so an id 17850.0 is 17850 as in the other formats.
        self.write(value);
        Ok(())
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<(), E> {
        self.write(value);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}
