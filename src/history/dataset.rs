//! A log read whole: histories, catalogue and report, which is what every batch job begins with.
//!
//! Enters: paths and a layout. Leaves: [`Dataset`]. The one decision: what the log says of an item (its latest title, its
//! latest price) fills the catalogue, and an item table overrides it attribute by attribute, so that a shop without an
//! item table still shows names and prices.

use std::path::PathBuf;

use super::findings;
use super::{Histories, HistoriesBuilder};
use crate::catalog::{Catalog, Item};
use crate::id::{IdError, ItemIdx, Row};
use crate::log::{
    EXAMPLES, Event, EventKind, ItemTable, ItemWords, LintReport, LogError, ReadOptions, Source, Strictness,
    read_events, read_items,
};
use crate::progress::Progress;
use crate::time::{Calendar, Timestamp};

/// What to read.
#[derive(Clone, Debug)]
pub struct LogInputs {
    /// Log files, folders and patterns.
    pub events: Vec<PathBuf>,
    /// The item table, where there is one.
    pub items: Option<PathBuf>,
    /// The layout of both.
    pub source: Source,
    /// How to read.
    pub options: ReadOptions,
}

/// A log read whole. It may hold no event at all: the report says why.
#[derive(Debug)]
pub struct Dataset {
    /// Every customer's history.
    pub histories: Histories,
    /// What is known of every item, by row.
    pub catalog: Catalog,
    /// What the log is like and what was kept of it.
    pub report: LintReport,
    /// SHA-256 over the events that the reading kept, in order, as hexadecimal.
    pub fingerprint: String,
    /// The shop's calendar.
    pub calendar: Calendar,
}

impl Dataset {
    /// Reads the log and the item table.
    ///
    /// # Errors
    /// [`LogError`] when a file cannot be read as what it should be, or a row is dropped under strict reading.
    ///
    /// # Determinism
    /// The same files give the same rows, histories, report and fingerprint, for any number of threads.
    pub fn read(inputs: &LogInputs, progress: &dyn Progress) -> Result<Self, LogError> {
        let table = inputs
            .items
            .as_deref()
            .map(|path| read_items(path, &inputs.source))
            .transpose()?;
        if let (Strictness::Strict, Some(place)) = (
            inputs.options.strict,
            table.as_ref().and_then(|table| table.dropped_examples.first()),
        ) {
            return Err(LogError::Strict {
                place: place.clone(),
                reason: "row of the item table without a usable id",
            });
        }
        let mut builder = HistoriesBuilder::default();
        let mut seen = Vec::new();
        let mut report = read_events(
            &inputs.events,
            &inputs.source,
            &inputs.options,
            progress,
            &mut |event, words| {
                let item = builder.push(event)?;
                // Rows are given in order, so a new item is the next one.
                if item.index() == seen.len() {
                    seen.push(Seen::default());
                }
                seen[item.index()].learn(event, words);
                Ok(())
            },
        )?;
        report.items = seen.len() as u64;
        let mut items: Vec<Item> = seen.into_iter().map(|seen| seen.item(&inputs.source)).collect();
        if let Some(table) = table {
            add_table(table, &mut builder, &mut items, &mut report).map_err(|source| LogError::Id {
                path: inputs.items.clone().unwrap_or_default(),
                source,
            })?;
        }
        let mut histories = builder.finish();
        report.customers = histories.customers().len() as u64;
        findings::add(&mut report, &histories, inputs.source.raw().bot_views_per_hour);
        if inputs.source.raw().drop_bots && report.bots > 0 {
            let bots = findings::bots(&histories, inputs.source.raw().bot_views_per_hour);
            let before = histories.n_events();
            histories =
                histories.without_events_of(&bots.into_iter().map(|(bot, _)| bot).collect::<Vec<_>>());
            report.bot_events_dropped = (before - histories.n_events()) as u64;
        }
        Ok(Self {
            histories,
            catalog: Catalog::new(items),
            fingerprint: report.fingerprint.clone(),
            report,
            calendar: inputs.source.calendar().clone(),
        })
    }
}

/// What the log has said of an item so far.
#[derive(Debug, Default)]
struct Seen {
    title: String,
    title_at: Option<Timestamp>,
    category: String,
    category_at: Option<Timestamp>,
    price: Option<f32>,
    price_at: Option<Timestamp>,
}

impl Seen {
    fn learn(&mut self, event: &Event<'_>, words: ItemWords<'_>) {
        // Of two rows of one instant the later in the log counts.
        let at = Some(event.occurred_at);
        if let Some(title) = words.title.filter(|_| at >= self.title_at) {
            self.title_at = at;
            if self.title != title {
                title.clone_into(&mut self.title);
            }
        }
        if let Some(category) = words.category.filter(|_| at >= self.category_at) {
            self.category_at = at;
            if self.category != category {
                category.clone_into(&mut self.category);
            }
        }
        let price = event
            .unit_price
            .filter(|&price| price > 0.0 && event.kind == EventKind::Purchase);
        if price.is_some() && at >= self.price_at {
            self.price_at = at;
            self.price = price;
        }
    }

    fn item(self, source: &Source) -> Item {
        let category = source.category(&self.category);
        Item {
            title: Some(self.title).filter(|title| !title.is_empty()),
            category: Some(category).filter(|category| !category.is_empty()),
            // Through the shortest decimal, so that 1.1 of the log is 1.1 and not 1.10000002.
            price: self.price.and_then(|price| price.to_string().parse().ok()),
            ..Item::default()
        }
    }
}

/// Lays the item table over what the log said, and gives rows to items that no event has.
fn add_table(
    table: ItemTable,
    builder: &mut HistoriesBuilder,
    items: &mut Vec<Item>,
    report: &mut LintReport,
) -> Result<(), IdError> {
    let mut in_table = vec![false; items.len()];
    report.item_rows_dropped = table.dropped;
    report.item_rows_dropped_examples = table.dropped_examples;
    report.item_attributes_unreadable = table.unreadable_attributes;
    for row in table.rows {
        let at = builder.add_item(&row.item_id)?.index();
        if at == items.len() {
            items.push(Item::default());
        }
        if let Some(known) = in_table.get_mut(at) {
            *known = true;
        }
        let item = &mut items[at];
        let Item {
            title,
            category,
            price,
            cost,
            available,
            launched_at,
        } = row.item;
        item.title = title.or(item.title.take());
        item.category = category.or(item.category.take());
        item.price = price.or(item.price);
        item.cost = cost.or(item.cost);
        item.available = available;
        item.launched_at = launched_at.or(item.launched_at);
    }
    // There are fewer items than u32 values, because the builder gave each a row.
    let missing = || {
        (0u32..)
            .zip(&in_table)
            .filter(|(_, known)| !**known)
            .map(|(row, _)| ItemIdx::from_u32(row))
    };
    report.items_not_in_table = Some(missing().count() as u64);
    report.items_not_in_table_examples = missing()
        .take(EXAMPLES)
        .map(|item| builder.item_name(item).to_owned())
        .collect();
    Ok(())
}
