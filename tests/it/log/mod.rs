//! The interaction log from files: formats, layouts, bad rows, duplicates, and the real log with all its traps.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails, aloud")]

mod limits;
mod parquet;
mod published;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rapport::history::{Dataset, LogInputs};
use rapport::log::{
    EventKind, LintReport, LogError, RawSource, ReadOptions, Reason, Source, Strictness, read_events,
    read_items, read_pairs,
};
use rapport::progress::Silent;

/// A recipe's `[source]`.
fn source(toml: &str) -> Source {
    Source::try_from(toml::from_str::<RawSource>(toml).unwrap()).unwrap()
}

fn options(strict: Strictness) -> ReadOptions {
    ReadOptions {
        strict,
        now: "2030-01-01".parse().unwrap(),
        until: None,
    }
}

/// The events as short lines, and the report.
fn read(
    paths: &[PathBuf],
    source: &Source,
    strict: Strictness,
) -> Result<(Vec<String>, LintReport), LogError> {
    let mut events = Vec::new();
    let report = read_events(paths, source, &options(strict), &Silent, &mut |event, _| {
        events.push(format!(
            "{} {} {} {} {} {}",
            event.customer_id,
            event.kind,
            event.quantity,
            event.item_id,
            event.unit_price.map_or("-".into(), |price| price.to_string()),
            event.occurred_at,
        ));
        Ok(())
    })?;
    Ok((events, report))
}

fn dropped(report: &LintReport) -> Vec<(Reason, u64)> {
    report
        .dropped
        .iter()
        .map(|dropped| (dropped.reason, dropped.rows))
        .collect()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

const CANONICAL: &str = "\
customer_id,item_id,kind,occurred_at,quantity,unit_price
a,x,view,2024-01-01T10:00:00Z,,
a,x,purchase,2024-01-01T10:05:00Z,2,1.5
b,\"y, large\",cart,2024-01-02 09:00:00+01:00,1,
";

const CANONICAL_EVENTS: [&str; 3] = [
    "a view 1 x - 2024-01-01T10:00:00Z",
    "a purchase 2 x 1.5 2024-01-01T10:05:00Z",
    "b cart 1 y, large - 2024-01-02T08:00:00Z",
];

#[test]
fn a_canonical_log_needs_no_recipe_in_any_text_format() {
    let folder = Folder::new();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(CANONICAL.as_bytes()).unwrap();
    let json = r#"{"customer_id":"a","item_id":"x","kind":"view","occurred_at":1704103200,"other":{"a":[1]}}
{"customer_id":"a","item_id":"x","kind":"purchase","occurred_at":"2024-01-01T10:05:00Z","quantity":2,"unit_price":1.5}

{"customer_id":"b","item_id":"y, large","kind":"cart","occurred_at":1704182400000,"quantity":1,"unit_price":null}
"#;
    let mut fingerprints = Vec::new();
    for (name, bytes) in [
        ("log.csv", CANONICAL.as_bytes().to_vec()),
        (
            "bom.csv",
            format!("\u{feff}{}", CANONICAL.replace('\n', "\r\n")).into_bytes(),
        ),
        ("log.csv.gz", gz.finish().unwrap()),
        ("log.csv.zst", zstd::encode_all(CANONICAL.as_bytes(), 1).unwrap()),
        ("log.jsonl", json.as_bytes().to_vec()),
        ("log.jsonl.zst", zstd::encode_all(json.as_bytes(), 1).unwrap()),
    ] {
        let path = folder.file(name, bytes);
        let (events, report) = read(&[path], &source(""), Strictness::Strict).unwrap();
        assert_eq!(events, CANONICAL_EVENTS, "{name}");
        assert_eq!((report.rows_read, report.rows_kept), (3, 3), "{name}");
        fingerprints.push(report.fingerprint);
    }
    fingerprints.dedup();
    assert_eq!(
        fingerprints.len(),
        1,
        "the same events have the same fingerprint in every format"
    );
}

#[test]
fn every_bad_row_is_counted_by_its_reason_and_line() {
    let folder = Folder::new();
    let long = "x".repeat(257);
    let rows: [(&str, Reason); 15] = [
        ("e1,,x,buy,2024-01-01,1,1", Reason::MissingCustomer),
        ("e2,a,,buy,2024-01-01,1,1", Reason::MissingItem),
        ("e3,a,x,wish,2024-01-01,1,1", Reason::UnknownKind),
        ("e4,a,x,buy,soon,1,1", Reason::UnreadableTime),
        ("e5,a,x,buy,2031-01-01,1,1", Reason::FutureTime),
        ("e6,a,x,buy,2024-01-01,many,1", Reason::UnreadableQuantity),
        ("e7,a,x,buy,2024-01-01,10000001,1", Reason::UnreadableQuantity),
        ("e8,a,x,buy,2024-01-01,NaN,1", Reason::UnreadableQuantity),
        ("e9,a,x,buy,2024-01-01,-1,1", Reason::NegativeQuantity),
        ("e10,a,x,buy,2024-01-01,0,1", Reason::ZeroQuantity),
        ("e11,a,x,buy,2024-01-01,1,-1", Reason::BadPrice),
        ("e12,a,POST,buy,2024-01-01,1,1", Reason::DroppedItem),
        ("e13,a,x,ping,2024-01-01,1,1", Reason::UnwantedKind),
        ("e14,a,x,buy", Reason::UnreadableLine),
        ("e0,b,y,buy,2024-01-02,1,1", Reason::Duplicate),
    ];
    let mut text =
        "event_id,customer_id,item_id,kind,occurred_at,quantity,unit_price\ne0,a,x,buy,2024-01-01,1,1\n"
            .to_owned();
    for (row, _) in &rows {
        writeln!(text, "{row}").unwrap();
    }
    writeln!(text, "e15,{long},x,buy,2024-01-01,1,1").unwrap();
    let path = folder.file("log.csv", &text);
    let layout = source("kinds = { buy = 'purchase', ping = 'drop' }\ndrop_items = ['POST']");
    let (events, report) = read(std::slice::from_ref(&path), &layout, Strictness::Lenient).unwrap();
    assert_eq!(events, ["a purchase 1 x 1 2024-01-01T00:00:00Z"]);
    assert_eq!((report.rows_read, report.rows_kept), (17, 1));
    for (line, (_, reason)) in (3..).zip(&rows) {
        let place = format!("{}:{line}", path.display());
        assert!(
            report.dropped.of(*reason).examples.contains(&place),
            "{reason:?} {place}: {:?}",
            report.dropped
        );
    }
    assert_eq!(
        report.dropped.of(Reason::BadId).examples,
        [format!("{}:18", path.display())]
    );
    assert_eq!(report.dropped.of(Reason::UnreadableQuantity).rows, 3);
}

#[test]
fn strict_reading_names_the_first_dropped_row_but_not_what_the_recipe_drops() {
    let folder = Folder::new();
    let text = "customer_id,item_id,kind,occurred_at\na,POST,view,2024-01-01\na,x,view,2024-01-01\na,x,view,2024-01-01\n,x,view,2024-01-01\n";
    let path = folder.file("log.csv", text);
    let error = read(&[path], &source("drop_items = ['POST']"), Strictness::Strict)
        .unwrap_err()
        .to_string();
    assert!(error.contains("log.csv:4: duplicate"), "{error}");
    let path = folder.file(
        "asked.csv",
        "customer_id,item_id,kind,occurred_at\n,POST,view,2024-01-01\na,x,view,2024-01-01\n",
    );
    let (events, _) = read(&[path], &source("drop_items = ['POST']"), Strictness::Strict).unwrap();
    assert_eq!(events.len(), 1);
}

#[test]
fn a_stray_quote_costs_its_line_and_no_other() {
    let folder = Folder::new();
    let path = folder.file(
        "log.csv",
        "title,customer_id,item_id,kind,occurred_at\n\
         \"5 inch pipe,a,x,view,2024-01-01\n\
         plain,b,x,view,2024-01-01\n\
         \"two\nlines, \"\"well\"\" closed\",c,x,view,2024-01-01\n\
         \"half\" closed,d,x,view,2024-01-01\n\
         plain,e,x,view,2024-01-01\n",
    );
    let (events, report) = read(std::slice::from_ref(&path), &source(""), Strictness::Lenient).unwrap();
    let customers: Vec<_> = events
        .iter()
        .map(|event| event.split_once(' ').unwrap().0)
        .collect();
    assert_eq!(customers, ["b", "c", "d", "e"]);
    assert_eq!(dropped(&report), [(Reason::UnreadableLine, 1)]);
    assert_eq!(
        report.dropped.of(Reason::UnreadableLine).examples,
        [format!("{}:2", path.display())]
    );
}

#[test]
fn folders_and_patterns_are_read_in_order_and_an_event_counts_once() {
    let folder = Folder::new();
    folder.file("day/2.csv", CANONICAL.replace("2024-01-01", "2024-02-01"));
    folder.file("day/1.csv", CANONICAL);
    folder.file("day/notes.txt", "nothing");
    let day = folder.0.path().join("day");
    let (events, report) = read(std::slice::from_ref(&day), &source(""), Strictness::Lenient).unwrap();
    assert_eq!(events[..3], CANONICAL_EVENTS);
    assert_eq!((report.files, report.rows_kept), (2, 5));
    // The cart event is the same in both files.
    assert_eq!(dropped(&report), [(Reason::Duplicate, 1)]);
    let (by_pattern, _) = read(&[day.join("*.csv")], &source(""), Strictness::Lenient).unwrap();
    assert_eq!(by_pattern, events);
}

#[test]
fn a_log_read_until_an_instant_is_the_log_that_ended_there() {
    let folder = Folder::new();
    let header = "customer_id,item_id,kind,occurred_at,item_title\n";
    let early = "a,x,view,2024-01-01T10:00:00Z,Cup\nb,y,purchase,2024-01-01T23:59:59.999999Z,Tin\n";
    let late = "c,z,view,2024-01-02T00:00:00Z,Pot\na,x,wish,2024-03-01,Mug\na,x,cart,2024-03-01,Mug\n";
    let whole = folder.file("whole.csv", format!("{header}{early}{late}"));
    let ended = folder.file("ended.csv", format!("{header}{early}"));
    let read = |path, until: Option<&str>| {
        let inputs = LogInputs {
            events: vec![path],
            items: None,
            source: source(""),
            options: ReadOptions {
                until: until.map(|until| until.parse().unwrap()),
                // A row that nobody asks about is no fault, even where it is a bad one.
                ..options(Strictness::Strict)
            },
        };
        Dataset::read(&inputs, &Silent).unwrap()
    };
    let (whole, ended) = (read(whole, Some("2024-01-02")), read(ended, None));
    assert_eq!(dropped(&whole.report), [(Reason::AfterCutOff, 3)]);
    assert_eq!(whole.fingerprint, ended.fingerprint);
    assert_eq!(whole.catalog, ended.catalog);
    assert_eq!(
        whole.histories.customers().names().collect::<Vec<_>>(),
        ["a", "b"]
    );
    let facts = |report: &LintReport| {
        (
            report.rows_kept,
            report.period,
            report.events,
            report.gaps.clone(),
            report.partial_last_month.clone(),
        )
    };
    assert_eq!(facts(&whole.report), facts(&ended.report));
    assert_eq!(whole.report.rows_kept, 2);
}

#[test]
fn a_recipe_maps_a_shops_own_layout() {
    let folder = Folder::new();
    let text = "Kunde;Artikel;Zeit;Menge;Preis;Bon;Name\n17;a1;10/09/2011 13:45;2;1,50;B1;Tasse\n17;A1;11/09/2011 09:00;-2;1,50;CB1;\n";
    let path = folder.file("log.csv", text);
    let layout = source(
        "delimiter = ';'\ndecimal_separator = ','\ntime_format = '%d/%m/%Y %H:%M'\ntime_zone = 'Europe/Berlin'\n\
         kind = 'purchase'\nreturns.order_id_prefix = ['C']\nitem_id_case = 'upper'\n\
         [columns]\ncustomer_id = 'Kunde'\nitem_id = 'Artikel'\noccurred_at = 'Zeit'\nquantity = 'Menge'\n\
         unit_price = 'Preis'\norder_id = 'Bon'\nitem_title = 'Name'\n",
    );
    let (events, _) = read(std::slice::from_ref(&path), &layout, Strictness::Strict).unwrap();
    assert_eq!(
        events,
        [
            "17 purchase 2 A1 1.5 2011-09-10T11:45:00Z",
            "17 return 2 A1 1.5 2011-09-11T07:00:00Z"
        ]
    );
    let inputs = LogInputs {
        events: vec![path],
        items: None,
        source: layout,
        options: options(Strictness::Lenient),
    };
    let dataset = Dataset::read(&inputs, &Silent).unwrap();
    let item = &dataset.catalog.items()[0];
    assert_eq!((item.title.as_deref(), item.price), (Some("Tasse"), Some(1.5)));
    assert_eq!(
        (
            dataset.report.undone_orders,
            dataset.report.orders,
            dataset.report.customers
        ),
        (1, 1, 1)
    );
}

#[test]
fn what_is_no_log_is_an_error_that_says_why() {
    let folder = Folder::new();
    let wrong = folder.file("wrong.csv", "user,product\n1,2\n");
    for (path, expected) in [
        (
            wrong,
            "has no column \"customer_id\"; it has: user, product. Name the right one in the recipe as source.columns.customer_id",
        ),
        (
            folder.file(
                "semicolons.csv",
                "customer_id;item_id;kind;occurred_at\na;x;view;2024-01-01\n",
            ),
            "write source.delimiter = \";\" in the recipe",
        ),
        (
            folder.file("tabs.csv", "customer_id\titem_id\tkind\toccurred_at\n"),
            "write source.delimiter = \"\\t\" in the recipe",
        ),
        (
            folder.file("twice.csv", "customer_id,customer_id,item_id,kind,occurred_at\n"),
            "it has two columns \"customer_id\"",
        ),
        (folder.file("empty.csv", ""), "it is empty"),
        (
            folder.file("binary.csv", [0u8, 159, 146, 150, 10, 0, 0]),
            "bytes that are no text",
        ),
        (
            folder.file("text.jsonl", "hello\nworld\n"),
            "none of its first 2 lines is a JSON object",
        ),
        (
            folder.file("keys.jsonl", "{\"user\":1}\n"),
            "has no column \"customer_id\"; it has: user",
        ),
        (
            folder.file("fake.parquet", "PAR1 not really"),
            "not a readable Parquet file",
        ),
        (folder.file("log.xlsx", "x"), "no known ending"),
        (folder.0.path().join("absent.csv"), "no file found"),
    ] {
        let error = read(std::slice::from_ref(&path), &source(""), Strictness::Lenient)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{}: {error}", path.display());
        assert!(
            error.contains(path.file_name().unwrap().to_str().unwrap()),
            "{error}"
        );
    }
    // A column that the recipe names must be there, even where it could be missing.
    let path = folder.file("log.csv", CANONICAL);
    let error = read(
        &[path],
        &source("[columns]\norder_id = 'Order'"),
        Strictness::Lenient,
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("\"Order\"") && error.contains("source.columns.order_id"),
        "{error}"
    );
}

#[test]
fn an_item_table_overrides_the_log_and_adds_items() {
    let folder = Folder::new();
    let log = folder.file("log.csv", CANONICAL);
    let items = folder.file(
        "items.csv",
        "item_id,title,category,price,cost,available,launched_at\nx,Cup,Kitchen > Cups,2.5,1,no,2023-05-01\nz,Plate,,cheap,,,\nPOST,Postage,,3,,,\n,,,,,,\n",
    );
    let layout = source("category_separator = ' > '\ndrop_items = ['POST']");
    let table = read_items(&items, &layout).unwrap();
    assert_eq!(
        (table.rows.len(), table.dropped, table.unreadable_attributes),
        (2, 1, 1)
    );
    let bad_row = format!("{}:5", items.display());
    let mut inputs = LogInputs {
        events: vec![log],
        items: Some(items),
        source: layout,
        options: options(Strictness::Strict),
    };
    let error = Dataset::read(&inputs, &Silent).unwrap_err().to_string();
    assert!(error.starts_with(&bad_row), "{error}");
    inputs.options = options(Strictness::Lenient);
    let dataset = Dataset::read(&inputs, &Silent).unwrap();
    assert_eq!(
        (
            dataset.report.item_rows_dropped,
            dataset.report.item_attributes_unreadable
        ),
        (1, 1)
    );
    assert_eq!(dataset.report.item_rows_dropped_examples, [bad_row]);
    let names: Vec<_> = dataset.histories.items().names().collect();
    assert_eq!(names, ["x", "y, large", "z"]);
    let cup = &dataset.catalog.items()[0];
    assert_eq!(
        (
            cup.title.as_deref(),
            cup.category.as_deref(),
            cup.price,
            cup.available
        ),
        (Some("Cup"), Some("Kitchen/Cups"), Some(2.5), false)
    );
    assert_eq!(dataset.catalog.items().len(), 3);
    assert_eq!(dataset.report.items_not_in_table, Some(1));
    assert_eq!(dataset.report.items_not_in_table_examples, ["y, large"]);
}

#[test]
fn bots_are_named_and_left_out_only_on_request() {
    let folder = Folder::new();
    let mut text = "customer_id,item_id,kind,occurred_at\n".to_owned();
    for second in 0..50 {
        writeln!(text, "crawler,i{second},view,2024-01-01T10:00:{second:02}Z").unwrap();
    }
    text.push_str("human,i1,purchase,2024-01-01T11:00:00Z\n");
    let log = folder.file("log.csv", text);
    for (drop_bots, events) in [(false, 51), (true, 1)] {
        let layout = source(&format!("bot_views_per_hour = 40\ndrop_bots = {drop_bots}"));
        let inputs = LogInputs {
            events: vec![log.clone()],
            items: None,
            source: layout,
            options: options(Strictness::Lenient),
        };
        let dataset = Dataset::read(&inputs, &Silent).unwrap();
        assert_eq!(dataset.histories.n_events(), events);
        assert_eq!(
            (dataset.report.bots, dataset.report.bot_events_dropped),
            (1, 51 - events as u64)
        );
        assert_eq!(dataset.report.fastest_bots[0].customer_id, "crawler");
        let human = dataset.histories.customers().find("human").unwrap();
        assert_eq!(dataset.histories.of(human).kinds(), [EventKind::Purchase]);
    }
}

#[test]
fn pairs_are_read_as_text_from_numbers_and_text() {
    let folder = Folder::new();
    let path = folder.file("pairs.csv", "user_id,item_id\n1,a\n02,b\n");
    assert_eq!(
        read_pairs(&path).unwrap(),
        [("1".into(), "a".into()), ("02".into(), "b".into())]
    );
    let path = folder.file("bad.csv", "user_id,item_id\n1,a\n,b\n");
    assert!(read_pairs(&path).unwrap_err().to_string().contains("row 3"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// No bytes panic, and every row read is kept or dropped.
    #[test]
    fn any_bytes_after_a_header_are_rows_or_not(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[a,\"\n\r;0-9T:-]{0,200}") {
        let folder = Folder::new();
        for tail in [bytes.as_slice(), text.as_bytes()] {
            let mut file = b"customer_id,item_id,kind,occurred_at\n".to_vec();
            file.extend_from_slice(tail);
            for name in ["a.csv", "a.csv.gz", "a.csv.zst", "a.jsonl", "a.parquet"] {
                let path = folder.file(name, &file);
                if let Ok((events, report)) = read(&[path], &source(""), Strictness::Lenient) {
                    let dropped: u64 = report.dropped.iter().map(|dropped| dropped.rows).sum();
                    prop_assert_eq!(report.rows_kept, events.len() as u64);
                    prop_assert_eq!(report.rows_read, report.rows_kept + dropped);
                }
            }
        }
    }

}

#[test]
fn the_default_recipe_writes_the_defaults() {
    let recipe =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/default.toml")).unwrap();
    let recipe: toml::Table = recipe.parse().unwrap();
    let raw: RawSource = recipe["source"].clone().try_into().unwrap();
    assert_eq!(raw, RawSource::default());
    // Every column has its line, commented out because naming a column demands it.
    let written =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/default.toml")).unwrap();
    for column in ["event_id", "session_id", "item_category", "launched_at", "cost"] {
        assert!(
            written.contains(&format!("# {column} = \"{column}\"")),
            "{column}"
        );
    }
}
