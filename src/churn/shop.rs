//! What of the shop a history is read with.

use crate::catalog::Categories;
use crate::time::Calendar;

/// The shop's calendar, which says what a day is, and the categories of its items.
#[derive(Clone, Copy, Debug)]
pub struct Shop<'a> {
    /// Local days.
    pub calendar: &'a Calendar,
    /// Top categories; empty where the catalogue has none.
    pub categories: &'a Categories,
}
