//! DOOR: the interaction log.
//!
//! Enters: files as shops have them. Leaves: checked [`Event`]s in the order of the log, the item table, and the
//! [`LintReport`].
//!
//! The one decision: files are read in batches of columns that keep the file's types, and a recipe's [`Source`] turns
//! their rows into events side by side; only what needs the order (duplicates, the sink) is done one after the other.
//! A bad row is counted, never fatal; a file that is no log is an error that names it.
//!
//! ```text
//! files ─► feed ─► csv | jsonl | parquet ─► batch ─► map (recipe) ─► read (duplicates, report) ─► sink
//! ```
//!
//! Deliberately not here: what events mean to a model, and keeping them (`history`).

mod batch;
mod clock;
mod codes;
mod csv;
mod days;
mod error;
mod event;
mod feed;
mod files;
mod items;
mod jsonl;
mod judge;
mod map;
mod pairs;
mod parquet;
mod pipeline;
mod published;
mod raw;
mod read;
mod render;
mod report;
mod seen;
mod source;
mod split;

pub use clock::TimeFormatError;
pub use codes::CodeCount;
pub use error::LogError;
pub use event::{Event, EventKind, UnknownKind};
pub use items::{ItemRow, ItemTable, read_items};
pub use judge::MAX_QUANTITY;
pub use pairs::read_pairs;
pub use published::{
    BasketRow, Click, ClickedSession, Prefix, SessionShape, Shape, Split, read_baskets, read_clicks,
    read_item_lists, read_prefixes, sessions_of_clicks,
};
pub use raw::{LetterCase, RawColumns, RawItemColumns, RawReturns, RawSource, ZeroPrice};
pub use read::{ItemWords, ReadOptions, Strictness, read_events};
pub use report::{
    Bot, Dropped, DroppedByReason, EXAMPLES, Gap, KindCounts, LintReport, PartialMonth, Period, Reason,
    Traps, UndoneOrder,
};
pub use source::{Source, SourceError};
