//! From a batch of cells to checked events: the rules of the recipe, row by row.
//!
//! Enters: a [`Batch`] and the [`Source`]. Leaves: [`Mapped`], the rows that are events, the reasons of those that are
//! none, and counts of what is odd. Batches are mapped side by side; nothing here knows another batch.

use std::path::Path;
use std::sync::Arc;

use hashbrown::HashMap;
use twox_hash::XxHash3_128;

use super::batch::{Batch, Cell, Positions, TextColumn};
use super::clock::Clock;
use super::event::{Event, EventKind};
use super::judge::{Facts, Ids, Judged, judge};
use super::read::ReadOptions;
use super::report::{Reason, Traps};
use super::seen::SeenLines;
use super::source::{Source, slot};
use crate::time::Timestamp;

/// A row that is an event; its texts stand in [`Mapped`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// Its row in the batch.
    pub(super) row: u32,
    pub(super) kind: EventKind,
    pub(super) occurred_at: Timestamp,
    pub(super) quantity: f32,
    pub(super) unit_price: Option<f32>,
    /// Hash of everything in the event.
    pub(super) content: u128,
    /// What makes it the same event as another: its id, or else its content.
    pub(super) identity: u128,
}

/// A batch after mapping.
#[derive(Debug)]
pub(super) struct Mapped {
    pub(super) file: Arc<Path>,
    pub(super) positions: Positions,
    pub(super) rows: u64,
    pub(super) kept: Vec<Kept>,
    texts: Texts,
    /// Rows dropped, by reason.
    pub(super) dropped: [u64; Reason::ALL.len()],
    /// The first few of each reason: reason and position.
    pub(super) examples: Vec<(Reason, u64)>,
    /// The first row dropped without the recipe asking for it, in row order.
    pub(super) first_fault: Option<(u64, Reason)>,
    pub(super) traps: Traps,
    /// Rows by item id as written.
    pub(super) codes: HashMap<String, u64>,
    /// Rows by local day.
    pub(super) days: HashMap<i32, u64>,
}

/// The texts of the kept rows.
#[derive(Debug, Default)]
struct Texts {
    event: TextColumn,
    customer: TextColumn,
    item: TextColumn,
    order: TextColumn,
    session: TextColumn,
    title: TextColumn,
    category: TextColumn,
}

impl Mapped {
    /// The kept event at a place, with what its row says of the item: title and category, empty where nothing.
    pub(super) fn event(&self, at: usize) -> (Event<'_>, &str, &str) {
        let kept = &self.kept[at];
        let event = Event {
            event_id: some(self.texts.event.cell(at)),
            customer_id: self.texts.customer.cell(at),
            item_id: self.texts.item.cell(at),
            kind: kept.kind,
            occurred_at: kept.occurred_at,
            quantity: kept.quantity,
            unit_price: kept.unit_price,
            order_id: some(self.texts.order.cell(at)),
            session_id: some(self.texts.session.cell(at)),
        };
        (event, self.texts.title.cell(at), self.texts.category.cell(at))
    }

    /// Counts a dropped row.
    pub(super) fn drop_row(&mut self, reason: Reason, position: u64) {
        let count = &mut self.dropped[reason as usize];
        *count += 1;
        if *count <= super::report::EXAMPLES as u64 {
            self.examples.push((reason, position));
        }
    }
}

/// What a text cell says; an empty one says nothing.
pub(super) fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// Maps one batch.
pub(super) fn map(batch: &Batch, source: &Source, options: &ReadOptions, seen: &SeenLines) -> Mapped {
    let mut mapped = Mapped {
        file: Arc::clone(&batch.file),
        positions: batch.positions.clone(),
        rows: batch.rows as u64 + batch.unreadable.len() as u64,
        kept: Vec::with_capacity(batch.rows),
        texts: Texts::default(),
        dropped: [0; Reason::ALL.len()],
        examples: Vec::new(),
        first_fault: None,
        traps: Traps::default(),
        codes: HashMap::new(),
        days: HashMap::new(),
    };
    for &line in &batch.unreadable {
        mapped.drop_row(Reason::UnreadableLine, line);
        mapped.first_fault = mapped.first_fault.or(Some((line, Reason::UnreadableLine)));
    }
    let mut clock = Clock::new(&source.time_format, source.calendar());
    let mut ids = Ids::default();
    let mut lines = Vec::with_capacity(batch.rows);
    let mut key = Vec::new();
    let mut day = DayCount::default();
    for row in 0..batch.rows {
        let cell = |slot: usize| batch.columns[slot].cell(row);
        key.clear();
        batch
            .columns
            .iter()
            .for_each(|column| column.cell(row).write_key(&mut key));
        lines.push(XxHash3_128::oneshot(&key) as u64);

        ids.read(source, cell);
        if !ids.item_as_written.is_empty() {
            *mapped.codes.entry_ref(ids.item_as_written.as_str()).or_insert(0) += 1;
        }
        let at = clock.read(cell(slot::OCCURRED_AT));
        if let Some(at) = at.filter(|&at| at <= options.now && !options.leaves_out(at)) {
            day.count(at, source, &mut mapped.days);
        }
        let facts = Facts::read(source, &ids, cell);
        facts.count(&ids, &mut mapped.traps);
        match judge(source, options, &ids, &facts, at) {
            Ok(event) => mapped.keep(
                row,
                &ids,
                event,
                cell(slot::TITLE),
                cell(slot::CATEGORY),
                &mut key,
            ),
            Err(reason) => {
                let position = batch.positions.of(row);
                mapped.drop_row(reason, position);
                if !reason.is_asked_for() && mapped.first_fault.is_none_or(|(first, _)| position < first) {
                    mapped.first_fault = Some((position, reason));
                }
            }
        }
    }
    day.flush(&mut mapped.days);
    mapped.traps.identical_lines = seen.count_repeats(lines);
    mapped
}

impl Mapped {
    fn keep(
        &mut self,
        row: usize,
        ids: &Ids,
        event: Judged,
        title: Cell<'_>,
        category: Cell<'_>,
        key: &mut Vec<u8>,
    ) {
        let Judged {
            kind,
            occurred_at,
            quantity,
            unit_price,
        } = event;
        key.clear();
        for id in [&ids.event, &ids.customer, &ids.item, &ids.order, &ids.session] {
            // An id has at most 256 bytes.
            key.extend_from_slice(&(id.len() as u16).to_le_bytes());
            key.extend_from_slice(id.as_bytes());
        }
        key.push(kind.code());
        key.extend_from_slice(&occurred_at.as_micros().to_le_bytes());
        key.extend_from_slice(&quantity.to_bits().to_le_bytes());
        key.extend_from_slice(&unit_price.unwrap_or(f32::NAN).to_bits().to_le_bytes());
        let content = XxHash3_128::oneshot(key);
        let identity = if ids.event.is_empty() {
            content
        } else {
            XxHash3_128::oneshot(ids.event.as_bytes())
        };
        self.kept.push(Kept {
            row: row as u32,
            kind,
            occurred_at,
            quantity,
            unit_price,
            content,
            identity,
        });
        let texts = &mut self.texts;
        for (column, text) in [
            (&mut texts.event, ids.event.as_str()),
            (&mut texts.customer, &ids.customer),
            (&mut texts.item, &ids.item),
            (&mut texts.order, &ids.order),
            (&mut texts.session, &ids.session),
            (&mut texts.title, title.text().unwrap_or_default()),
            (&mut texts.category, category.text().unwrap_or_default()),
        ] {
            column.push(text);
        }
    }
}

/// Counts rows by day, with look-ups only where the time or the day changes.
#[derive(Default)]
struct DayCount {
    at: Option<Timestamp>,
    day: i32,
    rows: u64,
}

impl DayCount {
    fn count(&mut self, at: Timestamp, source: &Source, days: &mut HashMap<i32, u64>) {
        if self.at != Some(at) {
            self.at = Some(at);
            let day = source.calendar().day(at);
            if day != self.day {
                self.flush(days);
                self.day = day;
            }
        }
        self.rows += 1;
    }

    fn flush(&mut self, days: &mut HashMap<i32, u64>) {
        if self.rows > 0 {
            *days.entry(self.day).or_insert(0) += self.rows;
            self.rows = 0;
        }
    }
}
