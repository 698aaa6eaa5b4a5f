//! `catalog.safetensors`: what is known of each item, missing values as NaN, `i64::MIN` or a zero in `….present`.

use std::path::Path;

use bytes::Bytes;

use super::arrays::{ArrayReader, ArrayWriter};
use super::error::BundleError;
use crate::catalog::{Catalog, Item};
use crate::time::Timestamp;

pub(super) const FILE: &str = "catalog.safetensors";

/// "Not known" in the column of launch times; no [`Timestamp`] has this value.
const NO_TIME: i64 = i64::MIN;

pub(super) fn write(catalog: &Catalog, file: &Path) -> Result<Vec<u8>, BundleError> {
    let items = catalog.items();
    let mut arrays = ArrayWriter::default();
    let mut texts = |name: &str, of: fn(&Item) -> Option<&str>| {
        arrays.texts(name, items.iter().map(|item| of(item).unwrap_or_default()));
        arrays.vector(
            &format!("{name}.present"),
            items.iter().map(|item| u8::from(of(item).is_some())),
        );
    };
    texts("title", |item| item.title.as_deref());
    texts("category", |item| item.category.as_deref());
    arrays.vector("price", items.iter().map(|item| item.price.unwrap_or(f64::NAN)));
    arrays.vector("cost", items.iter().map(|item| item.cost.unwrap_or(f64::NAN)));
    arrays.vector("available", items.iter().map(|item| u8::from(item.available)));
    arrays.vector(
        "launched_at",
        items
            .iter()
            .map(|item| item.launched_at.map_or(NO_TIME, Timestamp::as_micros)),
    );
    arrays.finish(file)
}

pub(super) fn read(file: &Path, content: &Bytes, n_items: usize) -> Result<Catalog, BundleError> {
    let arrays = ArrayReader::new(file, content)?;
    let texts = |name: &str| -> Result<Vec<Option<String>>, BundleError> {
        let found = arrays.texts(name)?;
        if found.len() != n_items {
            return Err(arrays.invalid(format!(
                "{name:?} has {} entries instead of {n_items}",
                found.len()
            )));
        }
        let present = flags(&arrays, &format!("{name}.present"), n_items)?;
        Ok(found
            .iter()
            .zip(present)
            .map(|(text, present)| present.then(|| text.to_owned()))
            .collect())
    };
    let amounts = |name: &str| -> Result<Vec<Option<f64>>, BundleError> {
        let found = arrays.vector_of::<f64>(name, n_items)?;
        match found
            .iter()
            .position(|value| !(value.is_nan() || value.is_finite() && *value >= 0.0))
        {
            Some(at) => Err(arrays.invalid(format!("{name:?} entry {at} is {}", found[at]))),
            None => Ok(found
                .into_iter()
                .map(|value| Some(value).filter(|value| !value.is_nan()))
                .collect()),
        }
    };
    let mut launches = Vec::with_capacity(n_items);
    for (at, micros) in arrays
        .vector_of::<i64>("launched_at", n_items)?
        .into_iter()
        .enumerate()
    {
        let launched_at = Timestamp::from_micros(micros);
        if launched_at.is_none() && micros != NO_TIME {
            return Err(arrays.invalid(format!(
                "\"launched_at\" entry {at} is outside the years 1900 to 2200"
            )));
        }
        launches.push(launched_at);
    }
    let (titles, categories, prices, costs) = (
        texts("title")?,
        texts("category")?,
        amounts("price")?,
        amounts("cost")?,
    );
    let available = flags(&arrays, "available", n_items)?;
    let rows = titles
        .into_iter()
        .zip(categories)
        .zip(prices)
        .zip(costs)
        .zip(available)
        .zip(launches);
    Ok(Catalog::new(
        rows.map(
            |(((((title, category), price), cost), available), launched_at)| Item {
                title,
                category,
                price,
                cost,
                available,
                launched_at,
            },
        )
        .collect(),
    ))
}

fn flags(arrays: &ArrayReader<'_>, name: &str, len: usize) -> Result<Vec<bool>, BundleError> {
    let found = arrays.vector_of::<u8>(name, len)?;
    match found.iter().position(|&flag| flag > 1) {
        Some(at) => Err(arrays.invalid(format!("{name:?} entry {at} is {} instead of 0 or 1", found[at]))),
        None => Ok(found.into_iter().map(|flag| flag == 1).collect()),
    }
}
