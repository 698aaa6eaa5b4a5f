//! Baskets in order, customer by customer.

use std::path::Path;

use super::columns::{Table, name, whole};
use crate::log::error::LogError;

/// One basket of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasketRow {
    /// Who bought it.
    pub user_id: String,
    /// Its place among the user's baskets, rising with time.
    pub basket_idx: u64,
    /// What was in it, at least one.
    pub items: Vec<String>,
}

/// Reads the columns `user_id`, `basket_idx` and `items` in the order of the file.
///
/// # Errors
/// [`LogError`] when the file cannot be read, lacks a column, or a row has no id, no place or an empty basket.
pub fn read_baskets(path: &Path) -> Result<Vec<BasketRow>, LogError> {
    let table = Table::open(path)?;
    let users = table.column(&["user_id"])?.values(name)?;
    let places = table.column(&["basket_idx"])?.values(whole)?;
    let baskets = table.column(&["items"])?.lists(name)?;
    Ok(users
        .into_iter()
        .zip(places)
        .zip(baskets)
        .map(|((user_id, basket_idx), items)| BasketRow {
            user_id,
            basket_idx,
            items,
        })
        .collect())
}
