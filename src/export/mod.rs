//! DOOR: what the product writes for others to read, such as the CRM's score file or a simulated shop.
//!
//! Enters: typed columns, or a text that is finished. Leaves: one CSV, JSON Lines or Parquet file, or the text's own file,
//! whole or not at all.
//!
//! The one decision: a table is a set of typed columns whatever the format, so that every report that has rows is
//! written by the same few lines and no format is a second-class one.
//!
//! Deliberately not here: model bundles (`bundle`), and what the columns mean.

mod file;
mod parquet;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use file::{make_way, write_text};
pub use table::{Column, ExportError, Format, Table, Values, write};
