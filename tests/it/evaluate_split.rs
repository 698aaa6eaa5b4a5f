//! `rapport evaluate` on files of sessions and of baskets, as a user runs it.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use parquet::data_type::{ByteArrayType, Int64Type};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use serde_json::Value;
use tempfile::TempDir;

/// A column of a file.
enum Data {
    Numbers(Vec<i64>),
    Lists(Vec<Vec<i64>>),
    Names(Vec<String>),
}

fn write(folder: &Path, name: &str, columns: &[(&str, Data)]) -> String {
    let column = |(name, data): &(&str, Data)| match data {
        Data::Numbers(_) => format!("required int64 {name};"),
        Data::Names(_) => format!("required binary {name} (UTF8);"),
        Data::Lists(_) => {
            format!("required group {name} (LIST) {{ repeated group list {{ required int64 element; }} }}")
        }
    };
    let fields: String = columns.iter().map(column).collect();
    let schema = parse_message_type(&format!("message file {{ {fields} }}")).unwrap();
    let path = folder.join(name);
    let mut writer =
        SerializedFileWriter::new(File::create(&path).unwrap(), Arc::new(schema), Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for (_, data) in columns {
        let mut column = group.next_column().unwrap().unwrap();
        match data {
            Data::Numbers(values) => column.typed::<Int64Type>().write_batch(values, None, None),
            Data::Names(names) => {
                let values: Vec<_> = names.iter().map(|name| name.as_str().into()).collect();
                column.typed::<ByteArrayType>().write_batch(&values, None, None)
            }
            Data::Lists(lists) => {
                let values: Vec<i64> = lists.iter().flatten().copied().collect();
                let repeated =
                    |list: &Vec<i64>| (0..list.len()).map(|at| i16::from(at > 0)).collect::<Vec<_>>();
                let repetitions: Vec<i16> = lists.iter().flat_map(repeated).collect();
                let definitions = vec![1; values.len()];
                column
                    .typed::<Int64Type>()
                    .write_batch(&values, Some(&definitions), Some(&repetitions))
            }
        }
        .unwrap();
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs `rapport evaluate` on two files, which must end with this code: standard output, standard error.
fn evaluate(code: i32, [train, test]: [&str; 2], more: &[&str]) -> (String, String) {
    let ended = Command::new(env!("CARGO_BIN_EXE_rapport"))
        .args(["evaluate", "--train", train, "--test", test])
        .args(more)
        .env_remove("RAPPORT_LOG")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(ended.stdout), text(ended.stderr));
    assert_eq!(ended.status.code(), Some(code), "{out}\n{err}");
    (out, err)
}

fn json(files: [&str; 2], more: &[&str]) -> Value {
    let (out, _) = evaluate(0, files, &[more, &["--json"]].concat());
    serde_json::from_str(&out).unwrap()
}

fn names(report: &Value) -> Vec<&str> {
    let models = report["models"].as_object().unwrap();
    models.keys().map(String::as_str).collect()
}

/// Walks along a ring of 20 items, three clicks each.
fn walks() -> Vec<Vec<i64>> {
    (0..200i64)
        .map(|at| (0..3).map(|step| (at * 7 + step) % 20).collect())
        .collect()
}

/// Files of clicks, lists, prefixes and baskets, by name.
fn files(folder: &TempDir) -> impl Fn(&str) -> String + use<> {
    let folder_path = folder.path();
    let lists = walks();
    let flat = |number: fn(i64, i64, i64) -> i64| -> Vec<i64> {
        (0..)
            .zip(&lists)
            .flat_map(|(session, list)| (0..).zip(list).map(move |(at, &item)| number(session, at, item)))
            .collect()
    };
    let clicks = [
        ("SessionId", Data::Numbers(flat(|session, _, _| session))),
        ("ItemId", Data::Numbers(flat(|_, _, item| item))),
        ("Time", Data::Numbers(flat(|session, at, _| session * 100 + at))),
    ];
    write(folder_path, "clicks.parquet", &clicks);
    let sessions = [
        ("session_id", Data::Numbers((0..200).collect())),
        ("items", Data::Lists(lists)),
    ];
    write(folder_path, "lists.parquet", &sessions);
    let prefixes = [
        ("prefix", Data::Lists(vec![vec![4, 5], vec![9]])),
        ("target", Data::Numbers(vec![6, 10])),
    ];
    write(folder_path, "prefixes.parquet", &prefixes);
    let baskets = |places: std::ops::Range<i64>| {
        let all: Vec<(i64, i64)> = (0..60)
            .flat_map(|user| places.clone().map(move |place| (user, place)))
            .collect();
        [
            (
                "user_id",
                Data::Names(all.iter().map(|(user, _)| format!("u{user}")).collect()),
            ),
            ("basket_idx", Data::Numbers(all.iter().map(|row| row.1).collect())),
            (
                "items",
                Data::Lists(
                    all.iter()
                        .map(|(user, place)| vec![user % 7, 100 + (user + place) % 11])
                        .collect(),
                ),
            ),
        ]
    };
    write(folder_path, "baskets.parquet", &baskets(0..4));
    write(folder_path, "next.parquet", &baskets(4..5));
    let folder_path = folder_path.to_owned();
    move |name| {
        let path = folder_path.join(name).with_extension("parquet");
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn sessions_are_judged_by_their_next_clicks() {
    let folder = tempfile::tempdir().unwrap();
    let file = files(&folder);
    let report = json([&file("clicks"), &file("lists")], &[]);
    assert_eq!(
        (&report["k"], &report["predictions"]),
        (&20.into(), &400.into()),
        "{report}"
    );
    assert_eq!(
        names(&report),
        [
            "item-co-occurrence",
            "popularity",
            "sequential-rules",
            "session-blend",
            "vmis-knn"
        ]
    );
    for key in ["mrr", "hit_rate", "fit_seconds", "rank_seconds"] {
        assert!(
            report["models"]["session-blend"][key].is_f64(),
            "no {key} in {report}"
        );
    }
    let only = json(
        [&file("lists"), &file("prefixes")],
        &["--model", "sequential-rules", "--k", "1"],
    );
    assert_eq!(
        (names(&only), &only["predictions"]),
        (vec!["sequential-rules"], &2.into())
    );
    // Each item leads to the next one on the ring.
    assert_eq!(only["models"]["sequential-rules"]["mrr"], 1.0);
    let (text, _) = evaluate(0, [&file("lists"), &file("prefixes")], &[]);
    for word in ["2 clicks of 2 test sessions", "MRR@20", "session-blend  "] {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
}

#[test]
fn baskets_are_judged_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = files(&folder);
    let report = json([&file("baskets"), &file("next")], &[]);
    assert_eq!((&report["k"], &report["customers"]), (&10.into(), &60.into()));
    assert_eq!(names(&report), ["next-basket", "personal-top", "popularity"]);
    for key in ["recall", "ndcg", "repeat_recall", "explore_recall"] {
        assert!(
            report["models"]["next-basket"][key].is_f64(),
            "no {key} in {report}"
        );
    }
    let (text, _) = evaluate(0, [&file("baskets"), &file("next")], &["--k", "2"]);
    for word in ["60 customers", "120 items (50.0 %", "recall@2", "personal-top"] {
        assert!(text.contains(word), "no {word:?} in\n{text}");
    }
}

#[test]
fn files_that_do_not_go_together_are_named_with_what_would() {
    let folder = tempfile::tempdir().unwrap();
    let file = files(&folder);
    let refused = |code, train: &str, test: &str, more: &[&str]| {
        let (out, err) = evaluate(code, [&file(train), &file(test)], more);
        assert_eq!(out, "");
        err
    };
    let mixed = refused(1, "clicks", "next", &[]);
    for word in ["sessions", "baskets", "(user_id, item_id)", "prefix, target"] {
        assert!(mixed.contains(word), "no {word:?} in {mixed}");
    }
    let prefixes = refused(1, "prefixes", "prefixes", &[]);
    assert!(prefixes.contains("not learned from"), "{prefixes}");
    let model = refused(2, "clicks", "lists", &["--model", "personal-top"]);
    assert!(
        model.contains("not judged on sessions") && model.contains("vmis-knn"),
        "{model}"
    );
    write(
        folder.path(),
        "other.parquet",
        &[("user_id", Data::Numbers(vec![1]))],
    );
    let unknown = refused(1, "other", "next", &[]);
    assert!(
        unknown.contains("it has the columns user_id") && unknown.contains("basket_idx"),
        "{unknown}"
    );
}
