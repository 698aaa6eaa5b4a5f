//! The lint report: what a log is like, what was kept of it, and what is odd.
//!
//! Enters: counts from reading ([`super::read_events`]) and from the histories built of it. Leaves: [`LintReport`], as
//! JSON or as a readable text. Nothing here changes what is kept.

use hashbrown::HashMap;
use serde::Serialize;

use super::codes::{self, CodeCount};
use super::days::{gaps, partial_month};
use super::event::EventKind;
use super::source::Source;
use crate::time::Timestamp;

/// Examples shown of anything.
pub const EXAMPLES: usize = 3;

/// Why a row is no event. The first that applies counts, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Another number of fields than the header, no JSON object, or too long.
    UnreadableLine,
    /// At or after the instant until which the log is read.
    AfterCutOff,
    /// The recipe drops the item.
    DroppedItem,
    /// The recipe drops order lines at price 0.
    ZeroPrice,
    /// The recipe drops the kind.
    UnwantedKind,
    /// No customer.
    MissingCustomer,
    /// No item.
    MissingItem,
    /// The kind is missing or not known.
    UnknownKind,
    /// The time is missing or cannot be read.
    UnreadableTime,
    /// The time is after now.
    FutureTime,
    /// The quantity cannot be read, or is larger than any order's.
    UnreadableQuantity,
    /// The quantity is below zero and the row is no return.
    NegativeQuantity,
    /// The quantity is zero.
    ZeroQuantity,
    /// The price is below zero or cannot be read.
    BadPrice,
    /// An id is too long, not UTF-8, or has control characters.
    BadId,
    /// The event came before.
    Duplicate,
}

impl Reason {
    /// Every reason, in order of precedence.
    pub const ALL: [Self; 16] = [
        Self::UnreadableLine,
        Self::AfterCutOff,
        Self::DroppedItem,
        Self::ZeroPrice,
        Self::UnwantedKind,
        Self::MissingCustomer,
        Self::MissingItem,
        Self::UnknownKind,
        Self::UnreadableTime,
        Self::FutureTime,
        Self::UnreadableQuantity,
        Self::NegativeQuantity,
        Self::ZeroQuantity,
        Self::BadPrice,
        Self::BadId,
        Self::Duplicate,
    ];

    /// The reason in words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::UnreadableLine => "unreadable line",
            Self::AfterCutOff => "at or after the cut-off asked for",
            Self::DroppedItem => "item that the recipe drops",
            Self::ZeroPrice => "price 0, which the recipe drops",
            Self::UnwantedKind => "kind that the recipe drops",
            Self::MissingCustomer => "missing customer",
            Self::MissingItem => "missing item",
            Self::UnknownKind => "unknown kind",
            Self::UnreadableTime => "unreadable time",
            Self::FutureTime => "time in the future",
            Self::UnreadableQuantity => "unreadable or impossible quantity",
            Self::NegativeQuantity => "negative quantity",
            Self::ZeroQuantity => "zero quantity",
            Self::BadPrice => "negative or unreadable price",
            Self::BadId => "id too long or not plain text",
            Self::Duplicate => "duplicate",
        }
    }

    /// Whether the recipe or the reader asks for it: such a row is no fault of the log.
    #[must_use]
    pub fn is_asked_for(self) -> bool {
        matches!(
            self,
            Self::AfterCutOff | Self::DroppedItem | Self::ZeroPrice | Self::UnwantedKind
        )
    }
}

/// Rows dropped for one reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Dropped {
    /// Why.
    pub reason: Reason,
    /// How many.
    pub rows: u64,
    /// The first few, as `file:line` (in Parquet, `file:row`).
    pub examples: Vec<String>,
}

/// What is odd in the rows, whether they were kept or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Traps {
    /// Lines that are returns or cancellations.
    pub return_lines: u64,
    /// Rows with a quantity of zero or less.
    pub quantity_not_positive: u64,
    /// Of these, rows that are no return.
    pub quantity_not_positive_and_no_return: u64,
    /// Rows at price 0.
    pub price_zero: u64,
    /// Rows with a price below 0.
    pub price_negative: u64,
    /// Rows without a customer.
    pub missing_customer: u64,
    /// Rows that equal an earlier row in every column that is read.
    pub identical_lines: u64,
    /// Different item ids as written.
    pub item_ids: u64,
    /// Item ids that some other id equals but for letter case, not counting one of each such group.
    pub item_ids_differing_in_case: u64,
    /// The most frequent groups of such ids.
    pub item_ids_differing_in_case_examples: Vec<Vec<String>>,
    /// Item ids that the recipe drops or that are built unlike the others, by frequency: postage, fees, vouchers.
    pub odd_item_ids: Vec<CodeCount>,
}

impl Traps {
    /// Adds the counts of another part of the log.
    pub(super) fn add(&mut self, other: &Self) {
        self.return_lines += other.return_lines;
        self.quantity_not_positive += other.quantity_not_positive;
        self.quantity_not_positive_and_no_return += other.quantity_not_positive_and_no_return;
        self.price_zero += other.price_zero;
        self.price_negative += other.price_negative;
        self.missing_customer += other.missing_customer;
        self.identical_lines += other.identical_lines;
    }

    pub(super) fn set_codes(&mut self, rows_by_code: &HashMap<String, u64>, source: &Source) {
        self.item_ids = rows_by_code.len() as u64;
        (
            self.item_ids_differing_in_case,
            self.item_ids_differing_in_case_examples,
        ) = codes::differing_in_case(rows_by_code);
        self.odd_item_ids = codes::odd(rows_by_code, source);
    }
}

/// Events by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KindCounts {
    /// Views.
    pub view: u64,
    /// Items put into the cart.
    pub cart: u64,
    /// Purchase lines.
    pub purchase: u64,
    /// Return and cancellation lines.
    #[serde(rename = "return")]
    pub returned: u64,
}

impl KindCounts {
    pub(super) fn add(&mut self, kind: EventKind) {
        *match kind {
            EventKind::View => &mut self.view,
            EventKind::Cart => &mut self.cart,
            EventKind::Purchase => &mut self.purchase,
            EventKind::Return => &mut self.returned,
        } += 1;
    }
}

/// First and last instant of the kept events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// The first.
    pub first: Timestamp,
    /// The last.
    pub last: Timestamp,
    /// Local days with at least one row.
    pub active_days: u64,
}

/// Days in a row without any row of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// First day without events, `YYYY-MM-DD` in the shop's zone.
    pub from: String,
    /// Number of days.
    pub days: u32,
}

/// A last month that the log does not hold whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartialMonth {
    /// `YYYY-MM`.
    pub month: String,
    /// Days of it that the log reaches.
    pub days: u32,
    /// Days that it has.
    pub of: u32,
}

/// A customer who views faster than anybody reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bot {
    /// Who.
    pub customer_id: String,
    /// Most views within an hour.
    pub views_in_an_hour: u64,
    /// All events.
    pub events: u64,
}

/// An order line that was taken back whole soon after.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UndoneOrder {
    /// Who.
    pub customer_id: String,
    /// What.
    pub item_id: String,
    /// How many pieces were bought and taken back.
    pub quantity: f32,
    /// When it was bought.
    pub bought_at: Timestamp,
    /// When it was taken back.
    pub returned_at: Timestamp,
}

/// What a log is like and what was kept of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LintReport {
    /// Files read.
    pub files: u64,
    /// Rows read, unreadable lines included.
    pub rows_read: u64,
    /// Rows that are events.
    pub rows_kept: u64,
    /// Rows dropped, one entry for each [`Reason`] in its order.
    pub dropped: DroppedByReason,
    /// What is odd in the rows.
    pub traps: Traps,
    /// The period of the kept events.
    pub period: Option<Period>,
    /// Kept events by kind.
    pub events: KindCounts,
    /// A day without events is nothing unusual up to this many in a row.
    pub usual_gap_days: u32,
    /// The longest unusual gaps, longest first.
    pub gaps: Vec<Gap>,
    /// The last month, if the log ends before it does.
    pub partial_last_month: Option<PartialMonth>,
    /// SHA-256 over the kept events, in order.
    pub fingerprint: String,
    /// Customers. This and what follows is known once histories are built.
    pub customers: u64,
    /// Items that some event has.
    pub items: u64,
    /// Orders in which something was bought.
    pub orders: u64,
    /// Order lines taken back whole within the window of [`UndoneOrder`].
    pub undone_orders: u64,
    /// The largest of them.
    pub largest_undone_orders: Vec<UndoneOrder>,
    /// Number of likely bots.
    pub bots: u64,
    /// The fastest of them.
    pub fastest_bots: Vec<Bot>,
    /// Events of bots that were left out because the recipe asks for it.
    pub bot_events_dropped: u64,
    /// Items of the log that the item table does not have; none without an item table.
    pub items_not_in_table: Option<u64>,
    /// The first few of them.
    pub items_not_in_table_examples: Vec<String>,
    /// Rows of the item table that could not be used.
    pub item_rows_dropped: u64,
    /// The first few of them, as `file:line` (in Parquet, `file:row`).
    pub item_rows_dropped_examples: Vec<String>,
    /// Prices, costs, dates and availabilities of the item table that could not be read and count as not given.
    pub item_attributes_unreadable: u64,
}

/// Rows dropped for each reason.
#[derive(Clone, Debug, PartialEq)]
pub struct DroppedByReason([Dropped; Reason::ALL.len()]);

impl Default for DroppedByReason {
    fn default() -> Self {
        Self(Reason::ALL.map(|reason| Dropped {
            reason,
            rows: 0,
            examples: Vec::new(),
        }))
    }
}

impl DroppedByReason {
    /// The reasons for which any row was dropped.
    pub fn iter(&self) -> impl Iterator<Item = &Dropped> {
        self.0.iter().filter(|dropped| dropped.rows > 0)
    }

    /// Rows dropped for one reason.
    #[must_use]
    pub fn of(&self, reason: Reason) -> &Dropped {
        &self.0[reason as usize]
    }

    /// Rows dropped for one reason, for counting.
    pub(super) fn of_mut(&mut self, reason: Reason) -> &mut Dropped {
        &mut self.0[reason as usize]
    }
}

impl Serialize for DroppedByReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl LintReport {
    pub(super) fn set_period(
        &mut self,
        period: Option<(Timestamp, Timestamp)>,
        rows_by_day: &HashMap<i32, u64>,
    ) {
        self.period = period.map(|(first, last)| Period {
            first,
            last,
            active_days: rows_by_day.len() as u64,
        });
        let mut days: Vec<i32> = rows_by_day.keys().copied().collect();
        days.sort_unstable();
        (self.usual_gap_days, self.gaps) = gaps(&days);
        self.partial_last_month = days.last().and_then(|&day| partial_month(day));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_stand_at_their_own_place() {
        for (at, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
        }
    }
}
