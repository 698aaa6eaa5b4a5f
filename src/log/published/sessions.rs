//! Sessions of clicks.
//!
//! Enters: a file. Leaves: clicks, lists of items, or prefixes with the item that followed, in the order of the file.

use std::path::Path;

use indexmap::IndexMap;

use super::columns::{Table, seconds, whole};
use crate::log::error::LogError;

/// One click of a session.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Click {
    /// Number of the session.
    pub session: u64,
    /// Number of the item.
    pub item: u64,
    /// Seconds since any instant.
    pub time: f64,
}

/// Items that were clicked, and the one that followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Numbers of the items, oldest first; at least one.
    pub items: Vec<u64>,
    /// Number of the next item.
    pub target: u64,
}

/// A session of clicks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClickedSession {
    /// Its number in the file.
    pub session: u64,
    /// Numbers of the items, oldest first.
    pub items: Vec<u64>,
    /// Second of the last click.
    pub end: i64,
}

/// Reads clicks in the order of the file.
///
/// # Errors
/// [`LogError`] when the file cannot be read, lacks a column, or a row lacks a value.
pub fn read_clicks(path: &Path) -> Result<Vec<Click>, LogError> {
    let table = Table::open(path)?;
    let sessions = table.column(&["SessionId", "session_id"])?.values(whole)?;
    let items = table.column(&["ItemId", "item_id"])?.values(whole)?;
    let times = table.column(&["Time", "time"])?.values(seconds)?;
    let ids = sessions.into_iter().zip(items);
    Ok(ids
        .zip(times)
        .map(|((session, item), time)| Click { session, item, time })
        .collect())
}

/// Groups clicks by session and sorts each by time, to the second; clicks of one second keep the order of the file.
/// Sessions stand in the order of their first clicks in the file.
#[must_use]
pub fn sessions_of_clicks(clicks: Vec<Click>) -> Vec<ClickedSession> {
    let mut found = IndexMap::<u64, Vec<(i64, u64)>>::new();
    for click in clicks {
        // A float-to-int cast saturates, and times that are no numbers are refused by the reader.
        let second = click.time.round() as i64;
        found.entry(click.session).or_default().push((second, click.item));
    }
    let sorted = |(session, mut clicks): (u64, Vec<(i64, u64)>)| {
        clicks.sort_by_key(|click| click.0);
        ClickedSession {
            session,
            end: clicks.last().map_or(0, |click| click.0),
            items: clicks.into_iter().map(|click| click.1).collect(),
        }
    };
    found.into_iter().map(sorted).collect()
}

/// Reads the lists of the column `items`, one a session, in the order of the file.
///
/// # Errors
/// [`LogError`] when the file cannot be read, lacks the column, or a list is missing or empty.
pub fn read_item_lists(path: &Path) -> Result<Vec<Vec<u64>>, LogError> {
    Table::open(path)?.column(&["items"])?.lists(whole)
}

/// Reads the columns `prefix` and `target` in the order of the file.
///
/// # Errors
/// [`LogError`] when the file cannot be read, lacks a column, or a row lacks a value.
pub fn read_prefixes(path: &Path) -> Result<Vec<Prefix>, LogError> {
    let table = Table::open(path)?;
    let prefixes = table.column(&["prefix"])?.lists(whole)?;
    let targets = table.column(&["target"])?.values(whole)?;
    Ok(prefixes
        .into_iter()
        .zip(targets)
        .map(|(items, target)| Prefix { items, target })
        .collect())
}
