//! Round trips: every format is read back by its own public reader.

use std::fs::{self, File};
use std::path::PathBuf;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use proptest::prelude::*;

use super::text::write_csv;
use super::*;
use crate::time::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn sample() -> Table {
    Table {
        columns: vec![
            Column::new(
                "name",
                vec![Some("a,\"b\"\nc".to_owned()), None, Some("ü".to_owned())],
            ),
            Column::new(
                "kind",
                Values::Coded {
                    words: vec!["view".into(), "cart".into()],
                    codes: vec![Some(1), Some(0), None],
                },
            ),
            Column::new("n", vec![Some(i64::MIN), None, Some(7)]),
            Column::new("x", vec![Some(0.1 + 0.2), Some(1e-300), None]),
            Column::new("yes", vec![true, false, true]),
            Column::new(
                "at",
                vec![
                    Some(at("2011-09-10T13:45:00.000001Z")),
                    None,
                    Some(at("1969-12-31")),
                ],
            ),
        ],
    }
}

fn in_folder(name: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path)
}

#[test]
fn csv_reads_back_with_empty_for_missing() {
    let (_folder, path) = in_folder("new/deep/scores.CSV");
    write(&sample(), &path).unwrap();
    let mut reader = csv::Reader::from_path(&path).unwrap();
    assert_eq!(
        reader.headers().unwrap().iter().collect::<Vec<_>>(),
        ["name", "kind", "n", "x", "yes", "at"]
    );
    let rows: Vec<Vec<String>> = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    assert_eq!(
        rows,
        [
            [
                "a,\"b\"\nc",
                "cart",
                "-9223372036854775808",
                "0.30000000000000004",
                "true",
                "2011-09-10T13:45:00.000001Z"
            ],
            ["", "view", "", "1e-300", "false", ""],
            ["ü", "", "7", "", "true", "1969-12-31T00:00:00Z"],
        ]
    );
}

#[test]
fn json_lines_read_back_with_null_for_missing() {
    let (_folder, path) = in_folder("scores.jsonl");
    write(&sample(), &path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let rows: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        rows,
        [
            serde_json::json!({"name": "a,\"b\"\nc", "kind": "cart", "n": i64::MIN, "x": 0.1 + 0.2, "yes": true,
                               "at": "2011-09-10T13:45:00.000001Z"}),
            serde_json::json!({"name": null, "kind": "view", "n": null, "x": 1e-300, "yes": false, "at": null}),
            serde_json::json!({"name": "ü", "kind": null, "n": 7, "x": null, "yes": true, "at": "1969-12-31T00:00:00Z"}),
        ]
    );
}

#[test]
fn parquet_reads_back_typed() {
    let (_folder, path) = in_folder("scores.parquet");
    write(&sample(), &path).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let rows: Vec<Vec<Field>> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| {
            row.unwrap()
                .get_column_iter()
                .map(|(_, field)| field.clone())
                .collect()
        })
        .collect();
    let text = |text: &str| Field::Str(text.to_owned());
    assert_eq!(
        rows,
        [
            vec![
                text("a,\"b\"\nc"),
                text("cart"),
                Field::Long(i64::MIN),
                Field::Double(0.1 + 0.2),
                Field::Bool(true),
                Field::TimestampMicros(at("2011-09-10T13:45:00.000001Z").as_micros()),
            ],
            vec![
                Field::Null,
                text("view"),
                Field::Null,
                Field::Double(1e-300),
                Field::Bool(false),
                Field::Null
            ],
            vec![
                text("ü"),
                Field::Null,
                Field::Long(7),
                Field::Null,
                Field::Bool(true),
                Field::TimestampMicros(-86_400_000_000)
            ],
        ]
    );
}

#[test]
fn many_row_groups_keep_every_row_in_order() {
    let (_folder, path) = in_folder("long.parquet");
    let n = 300_000;
    let table = Table {
        columns: vec![Column::new(
            "n",
            (0..n).map(|n| (n % 3 > 0).then_some(n)).collect::<Vec<_>>(),
        )],
    };
    write(&table, &path).unwrap();
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 3);
    let mut rows = 0;
    for (n, row) in (0i64..).zip(reader.get_row_iter(None).unwrap()) {
        let row = row.unwrap();
        let (_, field) = row.get_column_iter().next().unwrap();
        assert_eq!(*field, if n % 3 > 0 { Field::Long(n) } else { Field::Null });
        rows += 1;
    }
    assert_eq!(rows, n);
}

#[test]
fn a_refused_table_leaves_the_old_file_and_names_the_file() {
    let (folder, path) = in_folder("scores.csv");
    write(&sample(), &path).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = |columns: Vec<Column>| write(&Table { columns }, &path).unwrap_err().to_string();

    let uneven = refused(vec![
        Column::new("a", vec![1i64, 2]),
        Column::new("b", vec![true]),
    ]);
    assert!(
        uneven.ends_with("scores.csv: column \"b\" has 1 rows and the first column has 2"),
        "{uneven}"
    );
    let twice = refused(vec![Column::new("a", vec![1i64]), Column::new("a", vec![true])]);
    assert!(
        twice.ends_with("scores.csv: there are two columns \"a\""),
        "{twice}"
    );
    let infinite = refused(vec![Column::new("a", vec![1.0, f64::INFINITY])]);
    assert!(
        infinite.ends_with("column \"a\", row 1: the number is not finite"),
        "{infinite}"
    );
    let codes = Values::Coded {
        words: vec!["w".into()],
        codes: vec![Some(1)],
    };
    assert!(refused(vec![Column::new("a", codes)]).ends_with("row 0: there are only 1 words"));
    let unknown = write(&sample(), &folder.path().join("scores.xlsx"))
        .unwrap_err()
        .to_string();
    assert!(
        unknown.contains("scores.xlsx") && unknown.contains(".csv, .jsonl, .parquet"),
        "{unknown}"
    );

    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing partial stays"
    );
}

#[test]
fn a_target_is_replaced_whole_and_a_folder_is_not() {
    let (folder, path) = in_folder("t.csv");
    write(&sample(), &path).unwrap();
    let small = Table {
        columns: vec![Column::new("a", vec![1i64])],
    };
    write(&small, &path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "a\n1\n");

    let in_the_way = folder.path().join("taken.csv");
    fs::create_dir(&in_the_way).unwrap();
    let error = write(&small, &in_the_way).unwrap_err();
    assert!(error.to_string().contains("taken.csv"), "{error}");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "nothing partial stays"
    );
}

proptest! {
    #[test]
    fn every_finite_float_reads_back_from_text_as_itself(bits in prop::collection::vec(any::<u64>(), 1..50)) {
        let values: Vec<f64> = bits.into_iter().map(f64::from_bits).filter(|value| value.is_finite()).collect();
        let table = Table { columns: vec![Column::new("x", values.clone()), Column::new("y", values.clone())] };
        let mut text = Vec::new();
        write_csv(&table, &mut text).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_slice());
        let from_csv: Vec<u64> = reader
            .records()
            .map(|row| row.unwrap()[1].parse::<f64>().unwrap().to_bits())
            .collect();
        prop_assert_eq!(from_csv, values.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
    }
}
