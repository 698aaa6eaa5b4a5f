//! Columns of a Parquet file, read whole: one value a row, or one list of values a row.

use std::fmt;
use std::fs::File;
use std::path::Path;

use parquet::basic::{ConvertedType, LogicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::Result as Decoded;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use crate::id::check_name;
use crate::log::error::LogError;
use crate::log::parquet::guarded;

/// Values decoded at once.
const VALUES: usize = 8192;

/// An open file.
pub(super) struct Table<'a> {
    path: &'a Path,
    reader: SerializedFileReader<File>,
}

/// One of its columns.
pub(super) struct TableColumn<'a> {
    table: &'a Table<'a>,
    at: usize,
    name: &'static str,
}

/// A value as the file has it.
pub(super) enum Value {
    Whole(u64),
    Negative(i64),
    Float(f64),
    Text(String),
}

/// The values of a column with the levels that say where rows begin and what is null.
#[derive(Default)]
struct Values {
    values: Vec<Value>,
    definitions: Vec<i16>,
    repetitions: Vec<i16>,
}

impl<'a> Table<'a> {
    pub(super) fn open(path: &'a Path) -> Result<Self, LogError> {
        let file = File::open(path).map_err(|source| LogError::Io {
            path: path.to_owned(),
            source,
        })?;
        let reader = guarded(|| SerializedFileReader::new(file)).map_err(|source| LogError::Parquet {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { path, reader })
    }

    /// Names of the columns; that of a list is the name of the whole.
    pub(super) fn names(&self) -> Vec<&str> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let fields = schema.root_schema().get_fields();
        fields.iter().map(|field| field.name()).collect()
    }

    /// The column with the first of these names that the file has.
    pub(super) fn column(&'a self, names: &[&'static str]) -> Result<TableColumn<'a>, LogError> {
        let columns = self.reader.metadata().file_metadata().schema_descr().columns();
        let place = |name: &str| {
            columns
                .iter()
                .position(|column| column.path().parts().first().is_some_and(|root| root == name))
        };
        let found = names.iter().find_map(|&name| place(name).map(|at| (at, name)));
        let (at, name) = found.ok_or_else(|| LogError::NoColumn {
            path: self.path.to_owned(),
            wanted: names.join(" or "),
            present: self.names().join(", "),
        })?;
        Ok(TableColumn {
            table: self,
            at,
            name,
        })
    }
}

impl TableColumn<'_> {
    /// One value a row.
    pub(super) fn values<T>(&self, convert: fn(Value) -> Result<T, String>) -> Result<Vec<T>, LogError> {
        let described = self.described();
        if described.max_rep_level() > 0 {
            return Err(self.wrong_kind("lists", "single values"));
        }
        let present = described.max_def_level();
        let Values {
            values, definitions, ..
        } = self.read()?;
        let mut next = values.into_iter();
        let row = |(row, level): (usize, i16)| {
            let value = if level == present { next.next() } else { None };
            let value = value.ok_or_else(|| "holds no value".to_owned());
            value
                .and_then(convert)
                .map_err(|problem| self.bad_row(row, problem))
        };
        (1..).zip(definitions).map(row).collect()
    }

    /// One list a row, none of them empty.
    pub(super) fn lists<T>(&self, convert: fn(Value) -> Result<T, String>) -> Result<Vec<Vec<T>>, LogError> {
        let described = self.described();
        if described.max_rep_level() != 1 {
            return Err(self.wrong_kind("single values or nested lists", "lists"));
        }
        let present = described.max_def_level();
        let Values {
            values,
            definitions,
            repetitions,
        } = self.read()?;
        let mut next = values.into_iter();
        let mut rows: Vec<Vec<T>> = Vec::new();
        for (definition, repetition) in definitions.into_iter().zip(repetitions) {
            if repetition == 0 {
                rows.push(Vec::new());
            }
            let row = rows.len();
            // A level below the highest is a null list, an empty one, or a null in it.
            let value = if definition == present { next.next() } else { None };
            let value = value.ok_or_else(|| "holds an empty list, or one with a missing item".to_owned());
            let value = value
                .and_then(convert)
                .map_err(|problem| self.bad_row(row, problem))?;
            if let Some(list) = rows.last_mut() {
                list.push(value);
            }
        }
        Ok(rows)
    }

    fn described(&self) -> &ColumnDescriptor {
        let schema = self.table.reader.metadata().file_metadata().schema_descr();
        &schema.columns()[self.at]
    }

    fn read(&self) -> Result<Values, LogError> {
        let mut values = Values::default();
        let unsigned = is_unsigned(self.described());
        let reader = &self.table.reader;
        for group in 0..reader.metadata().num_row_groups() {
            let known = guarded(|| {
                match reader.get_row_group(group)?.get_column_reader(self.at)? {
                    ColumnReader::Int32ColumnReader(reader) => values.extend(reader, |&value| match value {
                        value if unsigned => Ok(Value::Whole(u64::from(value as u32))),
                        value => Ok(whole_or_negative(value.into())),
                    }),
                    ColumnReader::Int64ColumnReader(reader) => values.extend(reader, |&value| match value {
                        value if unsigned => Ok(Value::Whole(value as u64)),
                        value => Ok(whole_or_negative(value)),
                    }),
                    ColumnReader::FloatColumnReader(reader) => {
                        values.extend(reader, |&value| Ok(Value::Float(value.into())))
                    }
                    ColumnReader::DoubleColumnReader(reader) => {
                        values.extend(reader, |&value| Ok(Value::Float(value)))
                    }
                    ColumnReader::ByteArrayColumnReader(reader) => {
                        values.extend(reader, |value| Ok(Value::Text(value.as_utf8()?.to_owned())))
                    }
                    _ => return Ok(false),
                }?;
                Ok(true)
            });
            let known = known.map_err(|source| LogError::Parquet {
                path: self.table.path.to_owned(),
                source,
            })?;
            if !known {
                let found = self.described().physical_type().to_string();
                return Err(self.wrong_kind(&found, "numbers or text"));
            }
        }
        Ok(values)
    }

    fn bad_row(&self, row: usize, problem: String) -> LogError {
        LogError::BadRow {
            path: self.table.path.to_owned(),
            row,
            column: self.name.to_owned(),
            problem,
        }
    }

    fn wrong_kind(&self, found: &str, expected: &'static str) -> LogError {
        LogError::WrongKind {
            path: self.table.path.to_owned(),
            column: self.name.to_owned(),
            found: found.to_owned(),
            expected,
        }
    }
}

impl Values {
    /// Adds all of a row group.
    fn extend<T: DataType>(
        &mut self,
        mut reader: ColumnReaderImpl<T>,
        convert: impl Fn(&T::T) -> Decoded<Value>,
    ) -> Decoded<()> {
        let mut found: Vec<T::T> = Vec::with_capacity(VALUES);
        loop {
            found.clear();
            let (mut definitions, mut repetitions) = (Vec::new(), Vec::new());
            let (records, values, levels) =
                reader.read_records(VALUES, Some(&mut definitions), Some(&mut repetitions), &mut found)?;
            if records == 0 {
                return Ok(());
            }
            // A column that can hold no null has no levels: each value is a row.
            definitions.resize(levels.max(values), 0);
            for value in &found {
                self.values.push(convert(value)?);
            }
            self.definitions.extend(definitions);
            self.repetitions.extend(repetitions);
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(value) => write!(f, "{value}"),
            Self::Negative(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
            Self::Text(value) => write!(f, "{value:?}"),
        }
    }
}

/// A number of an item, a session or a place.
pub(super) fn whole(value: Value) -> Result<u64, String> {
    match value {
        Value::Whole(value) => Ok(value),
        other => Err(format!("holds {other}, not a whole number of 0 or more")),
    }
}

/// Seconds since any instant.
pub(super) fn seconds(value: Value) -> Result<f64, String> {
    match value {
        Value::Whole(value) => Ok(value as f64),
        Value::Float(value) if value.is_finite() => Ok(value),
        other => Err(format!("holds {other}, not a number of seconds")),
    }
}

/// A name: text, or a whole number written out.
pub(super) fn name(value: Value) -> Result<String, String> {
    let name = match value {
        Value::Text(name) => name,
        Value::Whole(number) => number.to_string(),
        Value::Negative(number) => number.to_string(),
        Value::Float(number) => return Err(format!("holds {number}, which is no id")),
    };
    check_name(&name).map_err(|error| format!("holds an id that {error}"))?;
    Ok(name)
}

fn whole_or_negative(value: i64) -> Value {
    u64::try_from(value).map_or(Value::Negative(value), Value::Whole)
}

/// Unsigned numbers are stored as the signed ones of the same bits.
fn is_unsigned(described: &ColumnDescriptor) -> bool {
    match described.logical_type_ref() {
        Some(LogicalType::Integer(integer)) => !integer.is_signed,
        _ => matches!(
            described.converted_type(),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        ),
    }
}
