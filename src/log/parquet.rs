//! Parquet: flat columns of the low-level readers, in ranges of rows that are decoded side by side.
//!
//! Enters: a file. Leaves: batches in the types that the file states. The one decision: a range of rows is decoded on
//! its own, skipping to it by pages, so that a file of one huge row group is read by all threads and in bounded memory.
//!
//! Deliberately not here: nested and repeated columns; a log is a flat table.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::batch::{Batch, Column, Positions, TextColumn, Wanted};
use super::csv::{MAX_COLUMNS, places};
use super::error::LogError;

/// Rows of a batch at most.
const BATCH_ROWS: u64 = 1 << 17;

/// Values decoded at once.
const VALUES: usize = 8192;

/// An open file, shared by the threads that decode its ranges.
pub(super) struct ParquetFile {
    path: Arc<Path>,
    reader: SerializedFileReader<SharedFile>,
    places: Vec<Option<usize>>,
}

/// Where the next range of a file begins.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    group: usize,
    row_in_group: u64,
    row_in_file: u64,
}

/// Some rows of one row group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Range {
    group: usize,
    from: u64,
    rows: u64,
    first_row: u64,
    /// Bytes that these rows take on the disk, about.
    pub(super) bytes: u64,
}

impl ParquetFile {
    pub(super) fn open(path: &Arc<Path>, wanted: &[Wanted]) -> std::result::Result<Self, LogError> {
        let file = File::open(path).map_err(|source| LogError::Io {
            path: path.to_path_buf(),
            source,
        })?;
        let damaged = |source| LogError::Parquet {
            path: path.to_path_buf(),
            source,
        };
        let reader =
            guarded(|| SerializedFileReader::new(SharedFile(Arc::new(Mutex::new(file))))).map_err(damaged)?;
        let schema = reader.metadata().file_metadata().schema_descr();
        let names: Vec<String> = schema
            .columns()
            .iter()
            .map(|column| column.path().parts().join("."))
            .collect();
        if names.len() > MAX_COLUMNS {
            return Err(LogError::NotALog {
                path: path.to_path_buf(),
                problem: format!("it has {} columns, more than {MAX_COLUMNS}", names.len()),
            });
        }
        let places = places(path, wanted, &names)?;
        for (column, place) in wanted.iter().zip(&places) {
            if place.is_some_and(|place| schema.column(place).max_rep_level() > 0) {
                return Err(LogError::NotALog {
                    path: path.to_path_buf(),
                    problem: format!("its column {:?} holds lists, not single values", column.name),
                });
            }
        }
        Ok(Self {
            path: Arc::clone(path),
            reader,
            places,
        })
    }

    /// The next range of rows, `None` at the end.
    pub(super) fn next(&self, cursor: &mut Cursor) -> Option<Range> {
        let metadata = self.reader.metadata();
        while cursor.group < metadata.num_row_groups() {
            let group = metadata.row_group(cursor.group);
            let rows = u64::try_from(group.num_rows()).unwrap_or(0);
            let left = rows.saturating_sub(cursor.row_in_group);
            if left == 0 {
                cursor.group += 1;
                cursor.row_in_group = 0;
                continue;
            }
            // Equal parts: a little too many rows make two halves, not a whole and a crumb.
            let take = left.div_ceil(left.div_ceil(BATCH_ROWS));
            let group_bytes = u64::try_from(group.compressed_size()).unwrap_or(0);
            let range = Range {
                group: cursor.group,
                from: cursor.row_in_group,
                rows: take,
                first_row: cursor.row_in_file + 1,
                bytes: (group_bytes as f64 * take as f64 / rows as f64) as u64,
            };
            cursor.row_in_group += take;
            cursor.row_in_file += take;
            return Some(range);
        }
        None
    }

    /// Decodes the wanted columns of a range.
    pub(super) fn decode(&self, range: Range) -> std::result::Result<Batch, LogError> {
        let columns = guarded(|| {
            let group = self.reader.get_row_group(range.group)?;
            let read = |place: &Option<usize>| match place {
                None => Ok(Column::Absent),
                Some(at) => {
                    let described = group.metadata().schema_descr().column(*at);
                    column(group.get_column_reader(*at)?, &described, range)
                }
            };
            self.places.iter().map(read).collect::<Result<Vec<_>>>()
        });
        Ok(Batch {
            file: Arc::clone(&self.path),
            rows: range.rows as usize,
            positions: Positions::Rows(range.first_row),
            columns: columns.map_err(|source| LogError::Parquet {
                path: self.path.to_path_buf(),
                source,
            })?,
            unreadable: Vec::new(),
        })
    }
}

/// Turns a panic of the decoder into an error: damaged bytes are the file's fault, and must not stop the program.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    // Whatever the decoder was building is dropped with the error.
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| {
        Err(ParquetError::General(
            "the decoder gave up on damaged bytes".into(),
        ))
    })
}

/// Decodes one column in the type that its logical type, or else its physical type, stands for.
fn column(reader: ColumnReader, described: &ColumnDescriptor, range: Range) -> Result<Column> {
    let logical = described.logical_type_ref();
    let converted = described.converted_type();
    let decimal = match logical {
        Some(LogicalType::Decimal(decimal)) => Some(decimal.scale),
        _ => (converted == ConvertedType::DECIMAL).then(|| described.type_scale()),
    };
    let unsigned = match logical {
        Some(LogicalType::Integer(integer)) => !integer.is_signed,
        _ => matches!(
            converted,
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
        ),
    };
    match reader {
        ColumnReader::BoolColumnReader(reader) => Ok(Column::Bool(values(reader, described, range, |&v| v)?)),
        ColumnReader::Int32ColumnReader(reader) => Ok(match (decimal, logical) {
            (Some(scale), _) => Column::Float(values(reader, described, range, |&v| {
                scaled(f64::from(v), scale)
            })?),
            (None, Some(LogicalType::Date)) => Column::Local(values(reader, described, range, |&v| {
                i64::from(v) * crate::time::MICROS_PER_DAY
            })?),
            _ if converted == ConvertedType::DATE => Column::Local(values(reader, described, range, |&v| {
                i64::from(v) * crate::time::MICROS_PER_DAY
            })?),
            // Unsigned numbers are stored as the signed ones of the same bits.
            _ if unsigned => Column::Int(values(reader, described, range, |&v| i64::from(v as u32))?),
            _ => Column::Int(values(reader, described, range, |&v| i64::from(v))?),
        }),
        ColumnReader::Int64ColumnReader(reader) => {
            if let Some(scale) = decimal {
                return Ok(Column::Float(values(reader, described, range, |&v| {
                    scaled(v as f64, scale)
                })?));
            }
            let time = match logical {
                Some(LogicalType::Timestamp(time)) => Some((time.is_adjusted_to_u_t_c, time.unit)),
                _ => match converted {
                    ConvertedType::TIMESTAMP_MILLIS => Some((true, TimeUnit::MILLIS)),
                    ConvertedType::TIMESTAMP_MICROS => Some((true, TimeUnit::MICROS)),
                    _ => None,
                },
            };
            let Some((utc, unit)) = time else {
                return Ok(if unsigned {
                    Column::Unsigned(values(reader, described, range, |&v| v as u64)?)
                } else {
                    Column::Int(values(reader, described, range, |&v| v)?)
                });
            };
            let micros = values(reader, described, range, |&v| match unit {
                TimeUnit::MILLIS => v.saturating_mul(1_000),
                TimeUnit::MICROS => v,
                TimeUnit::NANOS => v.div_euclid(1_000),
            })?;
            Ok(if utc {
                Column::Instant(micros)
            } else {
                Column::Local(micros)
            })
        }
        // The timestamp of old writers, which is UTC.
        ColumnReader::Int96ColumnReader(reader) => {
            Ok(Column::Instant(values(reader, described, range, |v| {
                v.to_micros()
            })?))
        }
        ColumnReader::FloatColumnReader(reader) => {
            Ok(Column::Float(values(reader, described, range, |&v| shortest(v))?))
        }
        ColumnReader::DoubleColumnReader(reader) => {
            Ok(Column::Float(values(reader, described, range, |&v| v)?))
        }
        ColumnReader::ByteArrayColumnReader(reader) => match decimal {
            Some(scale) => Ok(Column::Float(values(reader, described, range, |v| {
                scaled(big_endian(v.data()), scale)
            })?)),
            None => text(reader, described, range),
        },
        ColumnReader::FixedLenByteArrayColumnReader(reader) => match decimal {
            Some(scale) => Ok(Column::Float(values(reader, described, range, |v| {
                scaled(big_endian(v.data()), scale)
            })?)),
            None => Err(ParquetError::NYI(format!(
                "column {:?} has fixed-length bytes, which are neither text nor a number",
                described.name()
            ))),
        },
    }
}

/// Through the shortest text, so that 1.1 stays 1.1 and not 1.10000002.
fn shortest(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}

fn scaled(unscaled: f64, scale: i32) -> f64 {
    unscaled / 10f64.powi(scale)
}

/// A whole number in two's complement, most significant byte first.
fn big_endian(bytes: &[u8]) -> f64 {
    let mut value = match bytes.first() {
        Some(first) if first & 0x80 != 0 => -1i128,
        _ => 0,
    };
    // A decimal has at most 38 digits, which 16 bytes hold; more bytes than that only repeat the sign in front.
    for byte in &bytes[bytes.len().saturating_sub(16)..] {
        value = (value << 8) | i128::from(*byte);
    }
    value as f64
}

fn values<T: DataType, V: Copy>(
    reader: ColumnReaderImpl<T>,
    described: &ColumnDescriptor,
    range: Range,
    convert: impl Fn(&T::T) -> V,
) -> Result<Vec<Option<V>>> {
    let mut column = Vec::with_capacity(range.rows as usize);
    each(reader, described, range, |value| column.push(value.map(&convert)))?;
    Ok(column)
}

fn text<T: DataType>(
    reader: ColumnReaderImpl<T>,
    described: &ColumnDescriptor,
    range: Range,
) -> Result<Column>
where
    T::T: parquet::data_type::AsBytes,
{
    use parquet::data_type::AsBytes;
    let mut column = TextColumn::default();
    each(reader, described, range, |value| match value {
        Some(value) => column.push_bytes(value.as_bytes()),
        None => column.push(""),
    })?;
    Ok(Column::Text(column))
}

/// Calls `push` for every row of the range, with `None` for null.
fn each<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    described: &ColumnDescriptor,
    range: Range,
    mut push: impl FnMut(Option<&T::T>),
) -> Result<()> {
    let short = || ParquetError::EOF(format!("column {:?} ends before its row group", described.name()));
    let present = described.max_def_level();
    if range.from > 0 && reader.skip_records(range.from as usize)? as u64 != range.from {
        return Err(short());
    }
    let mut left = range.rows as usize;
    let mut found: Vec<T::T> = Vec::with_capacity(VALUES);
    let mut levels: Vec<i16> = Vec::with_capacity(VALUES);
    while left > 0 {
        found.clear();
        levels.clear();
        let (rows, _, _) = reader.read_records(left.min(VALUES), Some(&mut levels), None, &mut found)?;
        if rows == 0 {
            return Err(short());
        }
        let mut next = found.iter();
        if present == 0 {
            next.for_each(|value| push(Some(value)));
        } else {
            for level in &levels {
                push(if *level == present { next.next() } else { None });
            }
        }
        left = left.saturating_sub(rows);
    }
    Ok(())
}

/// A file that several threads read from: every read names its place.
#[derive(Clone)]
struct SharedFile(Arc<Mutex<File>>);

impl Length for SharedFile {
    fn len(&self) -> u64 {
        let file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.metadata().map_or(0, |metadata| metadata.len())
    }
}

impl ChunkReader for SharedFile {
    type T = BufReader<ReadFrom>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        // Page headers are read this way: a few dozen bytes each.
        Ok(BufReader::with_capacity(
            512,
            ReadFrom {
                file: self.clone(),
                at: start,
            },
        ))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<bytes::Bytes> {
        // The length comes from the file: it is trusted only as far as the file reaches.
        let within = self.len().saturating_sub(start).min(length as u64) as usize;
        let mut buffer = Vec::with_capacity(within);
        ReadFrom {
            file: self.clone(),
            at: start,
        }
        .take(length as u64)
        .read_to_end(&mut buffer)?;
        if buffer.len() < length {
            return Err(ParquetError::EOF(format!(
                "{length} bytes expected at {start}, {} found",
                buffer.len()
            )));
        }
        Ok(buffer.into())
    }
}

/// Reads on from a place of a shared file.
struct ReadFrom {
    file: SharedFile,
    at: u64,
}

impl Read for ReadFrom {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut file = self.file.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        let bytes = file.read(buffer)?;
        self.at += bytes as u64;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_in_single_precision_keeps_its_digits() {
        assert!(shortest(1.1).to_bits() == 1.1f64.to_bits());
        assert!(shortest(f32::NAN).is_nan());
        assert!(shortest(f32::INFINITY).is_infinite());
    }

    #[test]
    fn a_decimal_is_read_at_any_width() {
        for width in [1, 2, 16, 20] {
            let mut bytes = vec![0xFF; width];
            assert!((big_endian(&bytes) + 1.0).abs() < f64::EPSILON, "{width}");
            bytes.fill(0);
            bytes[width - 1] = 7;
            assert!((big_endian(&bytes) - 7.0).abs() < f64::EPSILON, "{width}");
        }
        assert!(big_endian(&[]).abs() < f64::EPSILON);
    }
}
