//! A table as a Parquet file, through the low-level column writers.
//!
//! Every column is optional, so that the schema of a file follows from the kind of table and never from whether a value
//! happened to be missing in it. Text has the logical type `String`, instants `Timestamp(µs, UTC)`.

use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{Type, TypePtr};

use super::table::{Column, Table, Values};

/// Rows of a row group: large enough to compress well, small enough that a reader's batch is a few megabytes.
const ROW_GROUP_ROWS: usize = 1 << 17;

/// Writes a checked table.
pub(super) fn write_parquet(table: &Table, file: &mut (impl Write + Send)) -> io::Result<()> {
    encode(table, file).map_err(io::Error::other)
}

fn encode(table: &Table, file: &mut (impl Write + Send)) -> Result<()> {
    let fields = table.columns.iter().map(field).collect::<Result<Vec<_>>>()?;
    let schema = Type::group_type_builder("schema").with_fields(fields).build()?;
    let properties = WriterProperties::builder()
        .set_created_by("rapport".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();
    let words: Vec<Vec<ByteArray>> = table.columns.iter().map(words).collect();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    let mut from = 0;
    while from < table.n_rows() {
        let rows = from..(from + ROW_GROUP_ROWS).min(table.n_rows());
        let mut group = writer.next_row_group()?;
        for (column, words) in table.columns.iter().zip(&words) {
            let mut target = group
                .next_column()?
                .ok_or_else(|| ParquetError::General("the schema has fewer columns than the table".into()))?;
            write_column(&mut target, &column.values, words, rows.clone())?;
            target.close()?;
        }
        group.close()?;
        from = rows.end;
    }
    writer.close()?;
    Ok(())
}

fn field(column: &Column) -> Result<TypePtr> {
    let (physical, logical) = match column.values {
        Values::Text(_) | Values::Coded { .. } => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Values::Int(_) => (Physical::INT64, None),
        Values::Float(_) => (Physical::DOUBLE, None),
        Values::Bool(_) => (Physical::BOOLEAN, None),
        Values::Time(_) => (
            Physical::INT64,
            Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
        ),
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_logical_type(logical)
        .with_repetition(Repetition::OPTIONAL)
        .build()
        .map(Arc::new)
}

/// The words of a coded column, each copied once and then shared by all its rows.
fn words(column: &Column) -> Vec<ByteArray> {
    match &column.values {
        Values::Coded { words, .. } => words.iter().map(|word| ByteArray::from(word.as_str())).collect(),
        _ => Vec::new(),
    }
}

fn write_column(
    target: &mut SerializedColumnWriter<'_>,
    values: &Values,
    words: &[ByteArray],
    rows: Range<usize>,
) -> Result<()> {
    match values {
        Values::Text(values) => {
            write_values::<ByteArrayType, _>(target, &values[rows], |text| ByteArray::from(text.as_str()))
        }
        Values::Coded { codes, .. } => {
            write_values::<ByteArrayType, _>(target, &codes[rows], |&code| words[code as usize].clone())
        }
        Values::Int(values) => write_values::<Int64Type, _>(target, &values[rows], |&value| value),
        Values::Float(values) => write_values::<DoubleType, _>(target, &values[rows], |&value| value),
        Values::Bool(values) => write_values::<BoolType, _>(target, &values[rows], |&value| value),
        Values::Time(values) => write_values::<Int64Type, _>(target, &values[rows], |at| at.as_micros()),
    }
}

fn write_values<T: DataType, V>(
    target: &mut SerializedColumnWriter<'_>,
    values: &[Option<V>],
    encode: impl Fn(&V) -> T::T,
) -> Result<()> {
    let present: Vec<T::T> = values.iter().flatten().map(encode).collect();
    let definition: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    target
        .typed::<T>()
        .write_batch(&present, Some(&definition), None)?;
    Ok(())
}
