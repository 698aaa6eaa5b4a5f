//! A table as text: CSV and JSON Lines.

use std::io::{self, Write};

use serde::ser::{SerializeMap, Serializer};

use super::table::{Cell, Table};

/// Writes a checked table as CSV with a header.
pub(super) fn write_csv(table: &Table, file: &mut impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(file);
    csv.write_record(table.columns.iter().map(|column| column.name.as_str()))?;
    let mut text = String::new();
    for row in 0..table.n_rows() {
        for column in &table.columns {
            match column.values.cell(row) {
                Cell::Missing => csv.write_field("")?,
                Cell::Text(value) => csv.write_field(value)?,
                Cell::Bool(value) => csv.write_field(if value { "true" } else { "false" })?,
                Cell::Int(value) => csv.write_field(display(&mut text, format_args!("{value}")))?,
                // Debug prints the shortest digits that read back as the same number, and always as a float.
                Cell::Float(value) => csv.write_field(display(&mut text, format_args!("{value:?}")))?,
                Cell::Time(value) => csv.write_field(display(&mut text, format_args!("{value}")))?,
            }
        }
        csv.write_record(None::<&[u8]>)?;
    }
    csv.flush()
}

fn display<'a>(text: &'a mut String, value: std::fmt::Arguments<'_>) -> &'a str {
    use std::fmt::Write as _;
    text.clear();
    // Writing to a String cannot fail.
    let _ = text.write_fmt(value);
    text
}

/// Writes a checked table as one JSON object a line; every line has every key.
pub(super) fn write_json_lines(table: &Table, file: &mut impl Write) -> io::Result<()> {
    for row in 0..table.n_rows() {
        let mut json = serde_json::Serializer::new(&mut *file);
        let mut object = json.serialize_map(Some(table.columns.len()))?;
        for column in &table.columns {
            let name = column.name.as_str();
            match column.values.cell(row) {
                Cell::Missing => object.serialize_entry(name, &())?,
                Cell::Text(value) => object.serialize_entry(name, value)?,
                Cell::Int(value) => object.serialize_entry(name, &value)?,
                Cell::Float(value) => object.serialize_entry(name, &value)?,
                Cell::Bool(value) => object.serialize_entry(name, &value)?,
                Cell::Time(value) => object.serialize_entry(name, &value)?,
            }
        }
        object.end()?;
        file.write_all(b"\n")?;
    }
    Ok(())
}
