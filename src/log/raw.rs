//! How a shop's log is laid out, as the recipe's `[source]` writes it. The field names are the recipe's keys.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::batch::Wanted;

/// The layout of a log as a recipe writes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSource {
    /// What separates the fields of a CSV file: one ASCII character. `.tsv` files are always separated by tabs.
    pub delimiter: String,
    /// What separates the whole from the fraction in numbers written as text: `.` or `,`.
    pub decimal_separator: String,
    /// How times are written: `auto`, `unix_seconds`, `unix_millis`, `unix_micros`, or a strptime pattern.
    pub time_format: String,
    /// The shop's IANA time zone: of its calendar, and of times that name none.
    pub time_zone: String,
    /// The kind of every row of a log that holds one kind only; empty: the kind column says.
    pub kind: String,
    /// What the words of the kind column mean: a canonical kind, or `drop`. Canonical names need no entry.
    pub kinds: BTreeMap<String, String>,
    /// What marks a purchase line as a return or cancellation.
    pub returns: RawReturns,
    /// What to do with purchases at price 0.
    pub zero_price: ZeroPrice,
    /// Item ids that are no products; `*` stands for any characters.
    pub drop_items: Vec<String>,
    /// Letter case of item ids.
    pub item_id_case: LetterCase,
    /// Letter case of customer ids.
    pub customer_id_case: LetterCase,
    /// What separates the levels of a category path in the files.
    pub category_separator: String,
    /// More views than this within an hour mark a customer as a likely bot; 0: nobody is one.
    pub bot_views_per_hour: u32,
    /// Leave likely bots out instead of only naming them.
    pub drop_bots: bool,
    /// Names of the log's columns.
    pub columns: RawColumns,
    /// Names of the item table's columns.
    pub item_columns: RawItemColumns,
}

impl Default for RawSource {
    fn default() -> Self {
        Self {
            delimiter: ",".into(),
            decimal_separator: ".".into(),
            time_format: "auto".into(),
            time_zone: "UTC".into(),
            kind: String::new(),
            kinds: BTreeMap::new(),
            returns: RawReturns::default(),
            zero_price: ZeroPrice::Keep,
            drop_items: Vec::new(),
            item_id_case: LetterCase::Keep,
            customer_id_case: LetterCase::Keep,
            category_separator: "/".into(),
            bot_views_per_hour: 600,
            drop_bots: false,
            columns: RawColumns::default(),
            item_columns: RawItemColumns::default(),
        }
    }
}

/// What marks a purchase line as a return or cancellation, beside the kind `return` itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawReturns {
    /// The order id begins with one of these.
    pub order_id_prefix: Vec<String>,
    /// The quantity is below zero.
    pub negative_quantity: bool,
}

/// What to do with purchases at price 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ZeroPrice {
    /// They are purchases like any other: gifts, samples, logs without prices.
    Keep,
    /// They are bookings, not sales.
    Drop,
}

/// What becomes of the letter case of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LetterCase {
    /// As written: ids that differ only in case are different.
    Keep,
    /// Upper case.
    Upper,
    /// Lower case.
    Lower,
}

impl LetterCase {
    /// Brings the end of `text`, from byte `start` on, into this case.
    pub(super) fn apply(self, text: &mut String, start: usize) {
        let tail = &text[start..];
        match self {
            Self::Keep => {}
            _ if tail.is_ascii() => match self {
                Self::Upper => text[start..].make_ascii_uppercase(),
                _ => text[start..].make_ascii_lowercase(),
            },
            Self::Upper => {
                let changed = tail.to_uppercase();
                text.replace_range(start.., &changed);
            }
            Self::Lower => {
                let changed = tail.to_lowercase();
                text.replace_range(start.., &changed);
            }
        }
    }
}

macro_rules! columns {
    ($(#[$doc:meta])* $raw:ident, $prefix:literal, [$($(#[$field_doc:meta])* $field:ident),+ $(,)?]) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $raw {
            $($(#[$field_doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<String>,)+
        }

        impl $raw {
            /// In the order of the fields. A column that the recipe names must be there; one that it does not name is
            /// looked for under its canonical name and may be missing unless it is in `required`.
            pub(super) fn wanted(&self, required: &[&str]) -> Vec<Wanted> {
                vec![$(Wanted {
                    key: concat!($prefix, stringify!($field)),
                    name: self.$field.clone().unwrap_or_else(|| stringify!($field).to_owned()),
                    required: self.$field.is_some() || required.contains(&stringify!($field)),
                }),+]
            }
        }
    };
}

columns! {
    /// Names of the log's columns; those not given carry their canonical name.
    RawColumns, "source.columns.", [
        /// The shop's id of the event.
        event_id,
        /// Who.
        customer_id,
        /// With which item.
        item_id,
        /// Did what.
        kind,
        /// When.
        occurred_at,
        /// How many pieces.
        quantity,
        /// Price of one piece.
        unit_price,
        /// The order that the line belongs to.
        order_id,
        /// The visit that the event belongs to.
        session_id,
        /// The item's name, where the log says it.
        item_title,
        /// The item's category path, where the log says it.
        item_category,
    ]
}

columns! {
    /// Names of the item table's columns; those not given carry their canonical name.
    RawItemColumns, "source.item_columns.", [
        /// The item.
        item_id,
        /// Its name.
        title,
        /// Its category path.
        category,
        /// Price of one piece.
        price,
        /// What one piece costs the shop.
        cost,
        /// Whether it can be sold now.
        available,
        /// When it was first offered.
        launched_at,
    ]
}
