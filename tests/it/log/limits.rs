//! The stated limits: how long a record may be, how many columns a file may have.

use rapport::log::{LogError, Reason, Strictness};

use super::{Folder, dropped, read, source};

/// Longest record, in bytes, without its line end in JSON Lines and with it in CSV.
const MAX_RECORD_BYTES: usize = 1 << 20;
const MAX_COLUMNS: usize = 4096;

#[test]
fn a_record_past_the_limit_is_one_unreadable_line() {
    let folder = Folder::new();
    // Two bytes a character, so that the part of a title that is kept ends within one unless somebody minds.
    let filler = |bytes: usize| "é".repeat(bytes / 2) + &"x".repeat(bytes % 2);
    let json = |customer: &str, bytes: usize| {
        let open = format!(
            r#"{{"customer_id":"{customer}","item_id":"x","kind":"view","occurred_at":"2024-01-01","item_title":""#
        );
        let rest = bytes.saturating_sub(open.len() + 2);
        format!("{open}{}\"}}\n", filler(rest))
    };
    let csv = |customer: &str, bytes: usize| {
        let open = format!("{customer},x,view,2024-01-01,");
        let rest = bytes.saturating_sub(open.len() + 1);
        format!("{open}{}\n", filler(rest))
    };
    let header = "customer_id,item_id,kind,occurred_at,item_title\n";
    // The line of 5 MB is longer than what is read at once.
    let lengths = [0, MAX_RECORD_BYTES, MAX_RECORD_BYTES + 1, 5 << 20, 0];
    let rows = |row: &dyn Fn(&str, usize) -> String| -> String {
        ["a", "b", "c", "d", "e"]
            .into_iter()
            .zip(lengths)
            .map(|(customer, bytes)| row(customer, bytes))
            .collect()
    };
    for (name, first_line, text) in [
        ("long.jsonl", 1, rows(&json)),
        ("long.csv", 2, format!("{header}{}", rows(&csv))),
    ] {
        let path = folder.file(name, text);
        let (events, report) = read(std::slice::from_ref(&path), &source(""), Strictness::Lenient).unwrap();
        let customers: Vec<_> = events
            .iter()
            .map(|event| event.split_once(' ').unwrap().0)
            .collect();
        assert_eq!(customers, ["a", "b", "e"], "{name}");
        assert_eq!(dropped(&report), [(Reason::UnreadableLine, 2)], "{name}");
        let places = [first_line + 2, first_line + 3].map(|line| format!("{}:{line}", path.display()));
        assert_eq!(
            report.dropped.of(Reason::UnreadableLine).examples,
            places,
            "{name}"
        );
    }
}

#[test]
fn a_file_with_more_columns_than_the_limit_is_no_log() {
    let folder = Folder::new();
    let text = |columns: usize| {
        let (mut header, mut row) = (
            "customer_id,item_id,kind,occurred_at".to_owned(),
            "a,x,view,2024-01-01".to_owned(),
        );
        for column in 4..columns {
            header.push_str(&format!(",c{column}"));
            row.push(',');
        }
        format!("{header}\n{row}\n")
    };
    let most = folder.file("most.csv", text(MAX_COLUMNS));
    let (events, _) = read(&[most], &source(""), Strictness::Strict).unwrap();
    assert_eq!(events, ["a view 1 x - 2024-01-01T00:00:00Z"]);
    let more = folder.file("more.csv", text(MAX_COLUMNS + 1));
    let error = read(&[more], &source(""), Strictness::Lenient).unwrap_err();
    assert!(matches!(error, LogError::NotALog { .. }), "{error}");
    let message = error.to_string();
    assert!(
        message.contains("more.csv") && message.contains("4097 columns, more than 4096"),
        "{message}"
    );
}
