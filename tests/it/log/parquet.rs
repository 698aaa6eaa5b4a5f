//! Parquet logs: typed columns, large row groups, damaged files.

use std::sync::Arc;

use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use proptest::prelude::*;
use rapport::log::{Reason, Strictness};

use super::{Folder, dropped, read, source};

/// A Parquet file of several row groups with optional text, whole, decimal and time columns.
fn parquet_bytes(rows: usize, group: usize) -> Vec<u8> {
    let schema = "message log {
        optional binary item_id (UTF8);
        optional int64 customer_id (INTEGER(64,false));
        required int64 occurred_at (TIMESTAMP(MILLIS,false));
        optional int32 unit_price (DECIMAL(9,2));
        optional double quantity;
    }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::default())).unwrap();
    for start in (0..rows).step_by(group) {
        let these: Vec<usize> = (start..rows.min(start + group)).collect();
        let mut groups = writer.next_row_group().unwrap();
        // Every fifth customer is null.
        let known: Vec<i16> = these.iter().map(|row| i16::from(row % 5 != 4)).collect();
        let all = vec![1i16; these.len()];
        let items: Vec<ByteArray> = these
            .iter()
            .map(|row| format!("i{}", row % 100).into_bytes().into())
            .collect();
        let mut column = groups.next_column().unwrap().unwrap();
        column
            .typed::<ByteArrayType>()
            .write_batch(&items, Some(&all), None)
            .unwrap();
        column.close().unwrap();
        let customers: Vec<i64> = these
            .iter()
            .filter(|row| **row % 5 != 4)
            .map(|row| *row as i64)
            .collect();
        let mut column = groups.next_column().unwrap().unwrap();
        column
            .typed::<Int64Type>()
            .write_batch(&customers, Some(&known), None)
            .unwrap();
        column.close().unwrap();
        let times: Vec<i64> = these.iter().map(|row| 1_704_103_200_000 + *row as i64).collect();
        let mut column = groups.next_column().unwrap().unwrap();
        column
            .typed::<Int64Type>()
            .write_batch(&times, None, None)
            .unwrap();
        column.close().unwrap();
        let mut column = groups.next_column().unwrap().unwrap();
        column
            .typed::<Int32Type>()
            .write_batch(&vec![150; these.len()], Some(&all), None)
            .unwrap();
        column.close().unwrap();
        let mut column = groups.next_column().unwrap().unwrap();
        column
            .typed::<DoubleType>()
            .write_batch(&vec![2.0; these.len()], Some(&all), None)
            .unwrap();
        column.close().unwrap();
        groups.close().unwrap();
    }
    writer.into_inner().unwrap()
}

#[test]
fn parquet_is_read_in_its_types_and_a_large_row_group_in_parts() {
    let folder = Folder::new();
    let layout = source("kind = 'purchase'\ntime_zone = 'Europe/Berlin'");
    // More rows in one group than a batch holds, and many small groups: the same events in the same order.
    let whole = folder.file("whole.parquet", parquet_bytes(200_000, 200_000));
    let parts = folder.file("parts.parquet", parquet_bytes(200_000, 30_000));
    let (events, report) = read(std::slice::from_ref(&whole), &layout, Strictness::Lenient).unwrap();
    assert_eq!(events[0], "0 purchase 2 i0 1.5 2024-01-01T09:00:00Z");
    assert_eq!(
        events[159_999],
        "199998 purchase 2 i98 1.5 2024-01-01T09:03:19.998Z"
    );
    assert_eq!(dropped(&report), [(Reason::MissingCustomer, 40_000)]);
    let example = format!("{}:5", whole.display());
    assert_eq!(report.dropped.of(Reason::MissingCustomer).examples[0], example);
    let (events_of_parts, report_of_parts) = read(&[parts], &layout, Strictness::Lenient).unwrap();
    assert!(events == events_of_parts);
    assert_eq!(report.fingerprint, report_of_parts.fingerprint);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A truncated or altered Parquet file is an error or a log, never a panic.
    #[test]
    fn damaged_parquet_does_not_panic(cut in 0usize..4000, at in 0usize..4000, byte in any::<u8>()) {
        let folder = Folder::new();
        let whole = parquet_bytes(300, 100);
        let cut = cut % whole.len();
        let path = folder.file("cut.parquet", &whole[..cut]);
        prop_assert!(read(&[path], &source("kind = 'purchase'"), Strictness::Lenient).is_err());
        let mut altered = whole;
        let at = at % altered.len();
        altered[at] ^= byte;
        let path = folder.file("altered.parquet", &altered);
        if let Ok((events, report)) = read(&[path], &source("kind = 'purchase'"), Strictness::Lenient) {
            prop_assert_eq!(report.rows_kept, events.len() as u64);
        }
    }
}
