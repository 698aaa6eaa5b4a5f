//! `histories.safetensors`: ids and the columns of events.

use std::path::Path;

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

pub(super) fn read(file: &Path, content: &[u8]) -> Result<Histories, BundleError> {
    let arrays = ArrayReader::new(file, content)?;
    let (customers, items) = rayon::join(|| ids(&arrays, "customer_id"), || ids(&arrays, "item_id"));
    let raw = RawHistories {
        customers: customers?,
        items: items?,
        offsets: arrays.vector("offsets")?,
        item_rows: arrays.vector("item")?,
        kinds: arrays.vector("kind")?,
        times: arrays.vector("time")?,
        quantities: arrays.vector("quantity")?,
        unit_prices: arrays.vector("unit_price")?,
        orders: arrays.vector("order")?,
        sessions: arrays.vector("session")?,
    };
    Histories::try_from(raw).map_err(|error| arrays.invalid(error.to_string()))
}

fn ids<R: Row>(arrays: &ArrayReader<'_>, name: &str) -> Result<IdTable<R>, BundleError> {
    let mut table = IdTable::default();
    for (at, id) in arrays.texts(name)?.into_iter().enumerate() {
        let row: R = table
            .intern(id)
            .map_err(|error| arrays.invalid(format!("{name:?} entry {at}: {error}")))?;
        if row.index() != at {
            return Err(arrays.invalid(format!("{name:?} entry {at} repeats {id:?}")));
        }
    }
    Ok(table)
}
