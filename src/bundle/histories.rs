//! `histories.safetensors`: ids and the columns of events.

use std::path::Path;

use bytes::Bytes;

use super::arrays::{ArrayReader, ArrayWriter};
use super::error::BundleError;
use crate::history::{Histories, RawHistories};
use crate::id::{IdTable, Row};

pub(super) const FILE: &str = "histories.safetensors";

pub(super) fn write(histories: &Histories, file: &Path) -> Result<Vec<u8>, BundleError> {
    let columns = histories.columns();
    let mut arrays = ArrayWriter::default();
    arrays.texts("customer_id", histories.customers().names());
    arrays.texts("item_id", histories.items().names());
    arrays.vector("offsets", columns.offsets.iter().copied());
    arrays.vector("item", columns.items.iter().map(|item| item.as_u32()));
    arrays.vector("kind", columns.kinds.iter().map(|kind| kind.code()));
    arrays.vector("time", columns.times.iter().map(|at| at.as_micros()));
    arrays.vector("quantity", columns.quantities.iter().copied());
    arrays.vector("unit_price", columns.unit_prices.iter().copied());
    arrays.vector("order", columns.orders.iter().copied());
    arrays.vector("session", columns.sessions.iter().copied());
    arrays.finish(file)
}

/// What an array grows with.
pub(super) enum Grows {
    Customers,
    Events,
}

/// What an array of the file grows with, if not with the items.
pub(super) fn grows_with(array: &str) -> Option<Grows> {
    match array {
        "customer_id.bytes" | "customer_id.offsets" | "offsets" => Some(Grows::Customers),
        "item_id.bytes" | "item_id.offsets" => None,
        _ => Some(Grows::Events),
    }
}

pub(super) fn read(file: &Path, content: &Bytes) -> Result<Histories, BundleError> {
    let arrays = ArrayReader::new(file, content)?;
    let (customers, items) = rayon::join(|| ids(&arrays, "customer_id"), || ids(&arrays, "item_id"));
    let raw = RawHistories {
        customers: customers?,
        items: items?,
        offsets: arrays.column("offsets")?,
        item_rows: arrays.column("item")?,
        kinds: arrays.column("kind")?,
        times: arrays.column("time")?,
        quantities: arrays.column("quantity")?,
        unit_prices: arrays.column("unit_price")?,
        orders: arrays.column("order")?,
        sessions: arrays.column("session")?,
    };
    Histories::try_from(raw).map_err(|error| arrays.invalid(error.to_string()))
}

fn ids<R: Row>(arrays: &ArrayReader<'_>, name: &str) -> Result<IdTable<R>, BundleError> {
    IdTable::try_from(arrays.texts(name)?).map_err(|error| arrays.invalid(format!("{name:?} {error}")))
}
