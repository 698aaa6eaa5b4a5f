//! The item table: what the shop says of its items.
//!
//! Enters: one file with a row an item. Leaves: [`ItemTable`], checked; a row without an id is counted and left out, an
//! attribute that cannot be read is counted too and taken as not given. Items that the recipe drops are no items here
//! either.

use std::path::Path;

use super::batch::{Batch, Cell};
use super::clock::Clock;
use super::error::LogError;
use super::feed::{Block, Feed};
use super::files::LogFile;
use super::pipeline::ordered;
use super::report::EXAMPLES;
use super::source::Source;
use crate::catalog::Item;
use crate::id::check_name;

/// One row of the item table.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemRow {
    /// The item, in the recipe's letter case.
    pub item_id: String,
    /// What is known of it.
    pub item: Item,
}

/// A read item table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemTable {
    /// The rows in the order of the file; of an item's several rows the last counts.
    pub rows: Vec<ItemRow>,
    /// Rows left out because their id is missing or none.
    pub dropped: u64,
    /// The first few of them, as `file:line` (in Parquet, `file:row`).
    pub dropped_examples: Vec<String>,
    /// Attributes that could not be read and count as not given.
    pub unreadable_attributes: u64,
}

/// Places of the item table's columns, in the order of [`super::RawItemColumns`].
mod slot {
    pub(super) const ITEM_ID: usize = 0;
    pub(super) const TITLE: usize = 1;
    pub(super) const CATEGORY: usize = 2;
    pub(super) const PRICE: usize = 3;
    pub(super) const COST: usize = 4;
    pub(super) const AVAILABLE: usize = 5;
    pub(super) const LAUNCHED_AT: usize = 6;
}

/// Reads an item table: CSV, JSON Lines or Parquet.
///
/// # Errors
/// [`LogError`] when the file is no table or has no column of item ids.
pub fn read_items(path: &Path, source: &Source) -> Result<ItemTable, LogError> {
    let feed = Feed::new(vec![LogFile::new(path)?], source.item_columns(), source.delimiter);
    let mut table = ItemTable::default();
    ordered(
        feed,
        |block: Block| Ok(read_batch(&block.decode()?, source)),
        |part: ItemTable| {
            table.rows.extend(part.rows);
            table.dropped += part.dropped;
            let room = EXAMPLES.saturating_sub(table.dropped_examples.len());
            table
                .dropped_examples
                .extend(part.dropped_examples.into_iter().take(room));
            table.unreadable_attributes += part.unreadable_attributes;
            Ok(())
        },
    )?;
    Ok(table)
}

fn read_batch(batch: &Batch, source: &Source) -> ItemTable {
    let mut table = ItemTable::default();
    let mut dropped = batch.unreadable.clone();
    let mut clock = Clock::new(&source.time_format, source.calendar());
    for row in 0..batch.rows {
        let cell = |slot: usize| batch.columns[slot].cell(row);
        let mut item_id = String::new();
        let is_id = cell(slot::ITEM_ID).write_id(&mut item_id);
        source.raw().item_id_case.apply(&mut item_id, 0);
        if !is_id || check_name(&item_id).is_err() || item_id.contains(char::REPLACEMENT_CHARACTER) {
            dropped.push(batch.positions.of(row));
            continue;
        }
        if source.drops_item(&item_id) {
            continue;
        }
        let mut unreadable = 0;
        let mut amount = |cell: Cell<'_>| match cell.number(source.decimal_comma) {
            Ok(Some(amount)) if amount.is_finite() && amount >= 0.0 => Some(amount),
            Ok(None) => None,
            _ => {
                unreadable += 1;
                None
            }
        };
        let (price, cost) = (amount(cell(slot::PRICE)), amount(cell(slot::COST)));
        let text = |slot| {
            let mut text = String::new();
            (cell(slot).write_id(&mut text) && !text.is_empty()).then_some(text)
        };
        let available = truth(cell(slot::AVAILABLE));
        let launch = cell(slot::LAUNCHED_AT);
        let launched_at = clock.read(launch);
        unreadable +=
            u64::from(available.is_none()) + u64::from(launched_at.is_none() && launch != Cell::Missing);
        table.unreadable_attributes += unreadable;
        let item = Item {
            title: text(slot::TITLE),
            category: text(slot::CATEGORY)
                .map(|path| source.category(&path))
                .filter(|path| !path.is_empty()),
            price,
            cost,
            available: available.unwrap_or(true),
            launched_at,
        };
        table.rows.push(ItemRow { item_id, item });
    }
    dropped.sort_unstable();
    table.dropped = dropped.len() as u64;
    let places = dropped.iter().take(EXAMPLES);
    table.dropped_examples = places
        .map(|position| format!("{}:{position}", batch.file.display()))
        .collect();
    table
}

/// Whether a cell says yes; what is not given is available.
fn truth(cell: Cell<'_>) -> Option<bool> {
    match cell {
        Cell::Missing => Some(true),
        Cell::Bool(value) => Some(value),
        Cell::Int(value) => Some(value != 0),
        Cell::Float(value) => Some(value != 0.0),
        Cell::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" => Some(true),
            "false" | "f" | "no" | "n" | "0" => Some(false),
            _ => None,
        },
        Cell::Instant(_) | Cell::Local(_) => None,
    }
}
