use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::*;
use crate::log::LogError;

/// A column of a file; levels only where the column has them: definitions, then repetitions.
enum Data {
    Int(Vec<i32>, Option<[Vec<i16>; 2]>),
    Long(Vec<i64>),
    Double(Vec<f64>),
    Text(Vec<&'static str>, [Vec<i16>; 2]),
}

fn write(folder: &Path, schema: &str, columns: &[Data]) -> PathBuf {
    let path = folder.join("file.parquet");
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let file = File::create(&path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for data in columns {
        let mut column = group.next_column().unwrap().unwrap();
        let written =
            match data {
                Data::Int(values, None) => column.typed::<Int32Type>().write_batch(values, None, None),
                Data::Int(values, Some([definitions, repetitions])) => column
                    .typed::<Int32Type>()
                    .write_batch(values, Some(definitions), Some(repetitions)),
                Data::Long(values) => column.typed::<Int64Type>().write_batch(values, None, None),
                Data::Double(values) => column.typed::<DoubleType>().write_batch(values, None, None),
                Data::Text(values, [definitions, repetitions]) => {
                    let values: Vec<ByteArray> = values.iter().map(|&value| value.into()).collect();
                    column
                        .typed::<ByteArrayType>()
                        .write_batch(&values, Some(definitions), Some(repetitions))
                }
            };
        written.unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    path
}

const CLICKS: &str = "message clicks {
    required int32 SessionId (INTEGER(32,false)); required int64 ItemId; required double Time;
}";

#[test]
fn clicks_are_grouped_by_session_and_sorted_by_second() {
    let folder = tempfile::tempdir().unwrap();
    let columns = [
        Data::Int(vec![7, -1, 7, 7], None),
        Data::Long(vec![10, 20, 30, 40]),
        Data::Double(vec![9.4, 5.0, 8.9, 1.0]),
    ];
    let clicks = read_clicks(&write(folder.path(), CLICKS, &columns)).unwrap();
    assert_eq!(clicks.len(), 4);
    // The bits of -1 are the largest unsigned number.
    let expected = Click {
        session: u64::from(u32::MAX),
        item: 20,
        time: 5.0,
    };
    assert_eq!(clicks[1], expected);
    let sessions = sessions_of_clicks(clicks);
    // 9.4 and 8.9 are the same second: the order of the file stays.
    assert_eq!((sessions[0].session, sessions[0].end), (7, 9));
    assert_eq!(sessions[0].items, [40, 10, 30]);
    assert_eq!(sessions[1].items, [20]);
}

#[test]
fn bad_clicks_and_columns_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let message = |columns: &[Data]| {
        let path = write(folder.path(), CLICKS, columns);
        read_clicks(&path).unwrap_err().to_string()
    };
    let ids = || Data::Int(vec![1, 2], None);
    let told = message(&[ids(), Data::Long(vec![1, -5]), Data::Double(vec![1.0, 2.0])]);
    assert!(
        told.ends_with("row 2: column \"ItemId\" holds -5, not a whole number of 0 or more"),
        "{told}"
    );
    let told = message(&[ids(), Data::Long(vec![1, 5]), Data::Double(vec![f64::NAN, 2.0])]);
    assert!(told.contains("row 1: column \"Time\" holds NaN"), "{told}");
    let path = folder.path().join("file.parquet");
    let told = read_item_lists(&path).unwrap_err().to_string();
    assert!(
        told.contains("has no column items; it has: SessionId, ItemId, Time"),
        "{told}"
    );
    std::fs::write(&path, b"PAR1 nothing").unwrap();
    assert!(matches!(read_clicks(&path), Err(LogError::Parquet { .. })));
    let absent = folder.path().join("absent.parquet");
    assert!(matches!(read_clicks(&absent), Err(LogError::Io { .. })));
}

const PREFIXES: &str = "message prefixes {
    optional group prefix (LIST) { repeated group list { optional int32 element; } }
    required int64 target;
}";

#[test]
fn lists_keep_their_order_and_must_be_whole() {
    let folder = tempfile::tempdir().unwrap();
    // Definitions: 0 a null list, 1 an empty one, 2 a null in a list, 3 a value.
    let list = |values: &[i32], definitions: &[i16], repetitions: &[i16]| {
        Data::Int(
            values.to_vec(),
            Some([definitions.to_vec(), repetitions.to_vec()]),
        )
    };
    let good = [list(&[1, 2, 3], &[3, 3, 3], &[0, 1, 0]), Data::Long(vec![9, 8])];
    let prefixes = read_prefixes(&write(folder.path(), PREFIXES, &good)).unwrap();
    assert_eq!(
        (prefixes[0].items.as_slice(), prefixes[0].target),
        (&[1, 2][..], 9)
    );
    assert_eq!((prefixes[1].items.as_slice(), prefixes[1].target), (&[3][..], 8));
    for last in [0, 1, 2] {
        let bad = [list(&[1, 2], &[3, 3, last], &[0, 1, 0]), Data::Long(vec![9, 8])];
        let told = read_prefixes(&write(folder.path(), PREFIXES, &bad))
            .unwrap_err()
            .to_string();
        assert!(
            told.contains("row 2: column \"prefix\" holds an empty list"),
            "{told}"
        );
    }
    let path = write(
        folder.path(),
        "message flat { required int64 items; }",
        &[Data::Long(vec![1])],
    );
    let told = read_item_lists(&path).unwrap_err().to_string();
    assert!(told.contains("column \"items\" holds single values"), "{told}");
}

const BASKETS: &str = "message baskets {
    required int32 user_id (INTEGER(32, false));
    required int32 basket_idx (INTEGER(16, false));
    optional group items (LIST) { repeated group list { optional binary element (UTF8); } }
}";

/// Users 7, 7 and 8 with these baskets; definitions: 3 an item, 1 an empty list.
fn baskets(folder: &Path, items: &[&'static str], definitions: &[i16], repetitions: &[i16]) -> PathBuf {
    let columns = [
        Data::Int(vec![7, 7, 8], None),
        Data::Int(vec![0, 1, 0], None),
        Data::Text(items.to_vec(), [definitions.to_vec(), repetitions.to_vec()]),
    ];
    write(folder, BASKETS, &columns)
}

#[test]
fn baskets_come_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let path = baskets(folder.path(), &["a", "b", "a", "c"], &[3, 3, 3, 3], &[0, 1, 0, 0]);
    let rows = read_baskets(&path).unwrap();
    let told: Vec<(&str, u64, usize)> = rows
        .iter()
        .map(|row| (row.user_id.as_str(), row.basket_idx, row.items.len()))
        .collect();
    assert_eq!(told, [("7", 0, 2), ("7", 1, 1), ("8", 0, 1)]);
    assert_eq!(rows[0].items, ["a", "b"]);
}

#[test]
fn what_is_wrong_with_a_basket_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let message = |path: &Path| read_baskets(path).unwrap_err().to_string();
    let empty = baskets(folder.path(), &["a", "c"], &[3, 1, 3], &[0, 0, 0]);
    let told = message(&empty);
    assert!(
        told.contains("row 2: column \"items\" holds an empty list"),
        "{told}"
    );
    let no_id = baskets(folder.path(), &["a", "b", " "], &[3, 3, 3], &[0, 0, 0]);
    let told = message(&no_id);
    assert!(
        told.ends_with("row 3: column \"items\" holds an id that must not be empty"),
        "{told}"
    );
    let schema = "message baskets { required int32 user_id; required double basket_idx; }";
    let columns = [Data::Int(vec![-4], None), Data::Double(vec![0.5])];
    let told = message(&write(folder.path(), schema, &columns));
    assert!(
        told.contains("column \"basket_idx\" holds 0.5, not a whole number"),
        "{told}"
    );
}

#[test]
fn files_are_recognised_by_their_columns() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, columns: &[&str]| {
        let schema: String = columns
            .iter()
            .map(|name| format!("required int64 {name}; "))
            .collect();
        let data: Vec<Data> = columns.iter().map(|_| Data::Long(vec![1])).collect();
        let path = folder.path().join(name);
        let written = write(folder.path(), &format!("message file {{ {schema} }}"), &data);
        std::fs::rename(written, &path).unwrap();
        path
    };
    let pairs = file("pairs.parquet", &["item_id", "user_id", "time", "session_id"]);
    let clicks = file("clicks.parquet", &["SessionId", "ItemId", "Time", "ts"]);
    let lists = file("lists.parquet", &["session_id", "items"]);
    let prefixes = file("prefixes.PARQUET", &["prefix", "target"]);
    let baskets = file("baskets.parquet", &["user_id", "basket_idx", "items"]);
    let csv = folder.path().join("absent.csv");
    assert_eq!(Split::of(&pairs, &csv).unwrap(), Split::Pairs);
    assert_eq!(Split::of(&baskets, &baskets).unwrap(), Split::Baskets);
    let sessions = |train, test| Split::Sessions { train, test };
    assert_eq!(
        Split::of(&clicks, &lists).unwrap(),
        sessions(SessionShape::Clicks, SessionShape::Lists)
    );
    assert_eq!(
        Split::of(&lists, &prefixes).unwrap(),
        sessions(SessionShape::Lists, SessionShape::Prefixes)
    );
    assert!(matches!(
        Split::of(&prefixes, &prefixes),
        Err(LogError::NotToLearnFrom { .. })
    ));
    let mixed = Split::of(&lists, &baskets).unwrap_err().to_string();
    assert!(
        mixed.contains("holds sessions and") && mixed.contains("holds baskets: both"),
        "{mixed}"
    );
    let other = file("other.parquet", &["user_id", "items"]);
    let unknown = Split::of(&other, &pairs).unwrap_err().to_string();
    for word in [
        "user_id, items;",
        "pairs (user_id, item_id)",
        "prefix, target",
        "basket_idx",
    ] {
        assert!(unknown.contains(word), "no {word:?} in {unknown}");
    }
}
