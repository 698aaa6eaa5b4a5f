//! DOOR: what the product writes for others to read, such as the CRM's score file or a simulated shop.
//!
//! Enters: typed columns. Leaves: one CSV, JSON Lines or Parquet file, whole or not at all.
//!
//! The one decision: a table is a set of typed columns whatever the format, so that every report that has rows is
//! written by the same few lines and no format is a second-class one.
//!
//! Deliberately not here: model bundles (`bundle`), and what the columns mean.

mod parquet;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use table::{Column, ExportError, Format, Table, Values, write};
