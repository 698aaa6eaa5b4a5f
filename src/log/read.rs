//! Reads a log: blocks decoded and mapped side by side, events handed over in log order.

use std::path::PathBuf;

use hashbrown::HashMap;
use sha2::{Digest, Sha256};

use super::error::LogError;
use super::event::Event;
use super::feed::{Block, Feed};
use super::files::find;
use super::map::{Mapped, map, some};
use super::pipeline::ordered;
use super::report::{EXAMPLES, LintReport, Reason};
use super::seen::{Seen, SeenLines};
use super::source::Source;
use crate::id::IdError;
use crate::progress::Progress;
use crate::time::Timestamp;

/// Whether a bad row is counted or ends the reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// A bad row is counted and shown in the report.
    Lenient,
    /// The first row that is dropped without the recipe asking for it is an error.
    Strict,
}

/// How a log is read, beyond its layout.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// What becomes of bad rows.
    pub strict: Strictness,
    /// Later events are in the future, and dropped.
    pub now: Timestamp,
    /// Leave out what happened at this instant or later; `None` keeps everything.
    pub until: Option<Timestamp>,
}

impl ReadOptions {
    /// Whether an instant is one that nobody asks about.
    pub(super) fn leaves_out(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| at >= until)
    }
}

/// What a row of the log says of its item, beside the event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemWords<'a> {
    /// The item's name.
    pub title: Option<&'a str>,
    /// The item's category path, levels separated as in the file.
    pub category: Option<&'a str>,
}

/// Reads every event of the log files that `paths` stand for (files, folders, patterns), in the order of the files and
/// of their rows, and hands each to `sink`. An event that came before is handed over once.
///
/// # Errors
/// [`LogError`] when a file is no log, or with [`Strictness::Strict`] for the first row dropped. Rows that came before
/// it have been handed over then.
///
/// # Determinism
/// The same files give the same events, report and fingerprint, for any number of threads.
pub fn read_events(
    paths: &[PathBuf],
    source: &Source,
    options: &ReadOptions,
    progress: &dyn Progress,
    sink: &mut dyn FnMut(&Event<'_>, ItemWords<'_>) -> Result<(), IdError>,
) -> Result<LintReport, LogError> {
    let files = find(paths)?;
    let bytes = files
        .iter()
        .filter_map(|file| std::fs::metadata(&file.path).ok())
        .map(|data| data.len())
        .sum();
    let mut reader = Reader::new(options.strict, files.len());
    let lines = SeenLines::default();
    progress.begin("reading the log", bytes);
    let outcome = ordered(
        Feed::new(files, source.event_columns(), source.delimiter),
        |block: Block| {
            let bytes = block.bytes;
            Ok((bytes, map(&block.decode()?, source, options, &lines)))
        },
        |(bytes, mapped)| {
            reader.take(mapped, sink)?;
            progress.advance(bytes);
            Ok(())
        },
    );
    progress.end();
    outcome?;
    Ok(reader.finish(source))
}

/// What is known across batches.
struct Reader {
    strict: Strictness,
    report: LintReport,
    /// Identities of the events so far: 16 bytes each, so that two different ones never meet in practice.
    events: Seen<u128>,
    codes: HashMap<String, u64>,
    days: HashMap<i32, u64>,
    period: Option<(Timestamp, Timestamp)>,
    fingerprint: Sha256,
}

impl Reader {
    fn new(strict: Strictness, files: usize) -> Self {
        Self {
            strict,
            report: LintReport {
                files: files as u64,
                ..LintReport::default()
            },
            events: Seen::default(),
            codes: HashMap::new(),
            days: HashMap::new(),
            period: None,
            fingerprint: Sha256::new(),
        }
    }

    fn take(
        &mut self,
        mut mapped: Mapped,
        sink: &mut dyn FnMut(&Event<'_>, ItemWords<'_>) -> Result<(), IdError>,
    ) -> Result<(), LogError> {
        let report = &mut self.report;
        self.events.reserve(mapped.kept.len());
        report.rows_read += mapped.rows;
        report.traps.add(&mapped.traps);
        let mut contents = Vec::with_capacity(mapped.kept.len() * 16);
        for at in 0..mapped.kept.len() {
            let kept = mapped.kept[at];
            let position = mapped.positions.of(kept.row as usize);
            if self.strict == Strictness::Strict
                && mapped.first_fault.is_some_and(|(fault, _)| fault < position)
            {
                break;
            }
            if !self.events.insert(kept.identity) {
                mapped.drop_row(Reason::Duplicate, position);
                if mapped.first_fault.is_none_or(|(fault, _)| position < fault) {
                    mapped.first_fault = Some((position, Reason::Duplicate));
                }
                continue;
            }
            let (event, title, category) = mapped.event(at);
            sink(
                &event,
                ItemWords {
                    title: some(title),
                    category: some(category),
                },
            )
            .map_err(|source| LogError::Id {
                path: mapped.file.to_path_buf(),
                source,
            })?;
            contents.extend_from_slice(&kept.content.to_le_bytes());
            report.events.add(kept.kind);
            let (first, last) = self.period.unwrap_or((kept.occurred_at, kept.occurred_at));
            self.period = Some((first.min(kept.occurred_at), last.max(kept.occurred_at)));
        }
        self.fingerprint.update(&contents);
        if let (Strictness::Strict, Some((position, reason))) = (self.strict, mapped.first_fault) {
            return Err(LogError::Strict {
                place: format!("{}:{position}", mapped.file.display()),
                reason: reason.words(),
            });
        }
        for (reason, &rows) in Reason::ALL.into_iter().zip(&mapped.dropped) {
            let dropped = report.dropped.of_mut(reason);
            dropped.rows += rows;
            let examples = mapped.examples.iter().filter(|(why, _)| *why == reason);
            for (_, position) in examples.take(EXAMPLES.saturating_sub(dropped.examples.len())) {
                dropped
                    .examples
                    .push(format!("{}:{position}", mapped.file.display()));
            }
        }
        for (code, rows) in mapped.codes {
            *self.codes.entry(code).or_insert(0) += rows;
        }
        for (day, rows) in mapped.days {
            *self.days.entry(day).or_insert(0) += rows;
        }
        Ok(())
    }

    fn finish(self, source: &Source) -> LintReport {
        use std::fmt::Write;
        let mut report = self.report;
        report.rows_kept = report.rows_read - report.dropped.iter().map(|dropped| dropped.rows).sum::<u64>();
        report.set_period(self.period, &self.days);
        report.traps.set_codes(&self.codes, source);
        for byte in self.fingerprint.finalize() {
            // Writing to a string cannot fail.
            let _ = write!(report.fingerprint, "{byte:02x}");
        }
        report
    }
}
