//! The checked layout of a log.
//!
//! Enters: [`RawSource`] as the recipe writes it. Leaves: [`Source`], checked, with its patterns and its calendar ready.
//! The defaults read a log whose columns carry the canonical names, with times in RFC 3339 or as Unix times.

use hashbrown::{HashMap, HashSet};

use super::batch::Wanted;
use super::clock::{TimeFormat, TimeFormatError};
use super::event::{EventKind, UnknownKind};
use super::raw::RawSource;
use crate::time::{Calendar, UnknownZone};

/// Why a `[source]` cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The delimiter or decimal separator is not one of those allowed.
    #[error("source.{key} = {value:?} must be {rule}")]
    Separator {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The time format is no format.
    #[error("source.time_format")]
    TimeFormat(#[source] TimeFormatError),
    /// The zone does not exist.
    #[error("source.time_zone")]
    Zone(#[source] UnknownZone),
    /// A word for a kind that is none.
    #[error("source.{key} (also allowed in source.kinds: drop)")]
    Kind {
        /// The key.
        key: String,
        /// The word.
        #[source]
        source: UnknownKind,
    },
    /// A rule that would match everything.
    #[error("source.{key} has an empty entry, which would match every row")]
    EmptyRule {
        /// The key.
        key: &'static str,
    },
}

/// Where the kind of a row comes from.
#[derive(Clone, Debug)]
pub(super) enum KindRule {
    Constant(EventKind),
    /// By lower-case word; `None` asks to drop the row.
    Column(HashMap<String, Option<EventKind>>),
}

/// A checked layout.
///
/// | name | default | purpose | range |
/// |---|---|---|---|
/// | `delimiter` | `,` | between fields of CSV | one ASCII character, no quote, no line end |
/// | `decimal_separator` | `.` | in numbers written as text | `.` or `,` |
/// | `time_format` | `auto` | ISO 8601 text, or Unix time by size | `auto`, `unix_…`, strptime |
/// | `time_zone` | `UTC` | the shop's calendar, and of times without a zone | IANA name |
/// | `kind` | empty | kind of all rows | empty or a kind |
/// | `kinds` | none | word → kind | a kind or `drop` |
/// | `returns.order_id_prefix` | none | what marks a cancelled order | not empty |
/// | `returns.negative_quantity` | false | below zero means returned | |
/// | `zero_price` | `keep` | purchases at price 0 | `keep`, `drop` |
/// | `drop_items` | none | ids that are no products | not empty, `*` allowed |
/// | `item_id_case`, `customer_id_case` | `keep` | letter case of ids | `keep`, `upper`, `lower` |
/// | `category_separator` | `/` | between levels in the files | not empty |
/// | `bot_views_per_hour` | 600 | a view every six seconds for an hour | 0 for off |
/// | `drop_bots` | false | leave likely bots out | |
#[derive(Clone, Debug)]
pub struct Source {
    raw: RawSource,
    calendar: Calendar,
    pub(super) time_format: TimeFormat,
    pub(super) kind: KindRule,
    pub(super) delimiter: u8,
    pub(super) decimal_comma: bool,
    dropped: HashSet<String>,
    /// Patterns, split at their stars.
    dropped_patterns: Vec<Vec<String>>,
}

/// Places of the log's columns in a batch, in the order of [`super::RawColumns`].
pub(super) mod slot {
    pub(in crate::log) const EVENT_ID: usize = 0;
    pub(in crate::log) const CUSTOMER_ID: usize = 1;
    pub(in crate::log) const ITEM_ID: usize = 2;
    pub(in crate::log) const KIND: usize = 3;
    pub(in crate::log) const OCCURRED_AT: usize = 4;
    pub(in crate::log) const QUANTITY: usize = 5;
    pub(in crate::log) const UNIT_PRICE: usize = 6;
    pub(in crate::log) const ORDER_ID: usize = 7;
    pub(in crate::log) const SESSION_ID: usize = 8;
    pub(in crate::log) const TITLE: usize = 9;
    pub(in crate::log) const CATEGORY: usize = 10;
}

impl Source {
    /// The layout as the recipe wrote it.
    #[must_use]
    pub fn raw(&self) -> &RawSource {
        &self.raw
    }

    /// The shop's calendar.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    pub(super) fn event_columns(&self) -> Vec<Wanted> {
        let mut required = vec!["customer_id", "item_id", "occurred_at"];
        if matches!(self.kind, KindRule::Column(_)) {
            required.push("kind");
        }
        self.raw.columns.wanted(&required)
    }

    pub(super) fn item_columns(&self) -> Vec<Wanted> {
        self.raw.item_columns.wanted(&["item_id"])
    }

    pub(super) fn is_return_order(&self, order_id: &str) -> bool {
        self.raw
            .returns
            .order_id_prefix
            .iter()
            .any(|prefix| order_id.starts_with(prefix.as_str()))
    }

    /// Whether the recipe drops this item id, which is already in the recipe's letter case.
    pub(super) fn drops_item(&self, item_id: &str) -> bool {
        self.dropped.contains(item_id) || self.dropped_patterns.iter().any(|parts| matches(parts, item_id))
    }

    /// A category path of the files in the inner form.
    pub(crate) fn category(&self, written: &str) -> String {
        let separator = self.raw.category_separator.as_str();
        let levels = written
            .split(separator)
            .map(str::trim)
            .filter(|level| !level.is_empty());
        let mut path = String::with_capacity(written.len());
        for level in levels {
            if !path.is_empty() {
                path.push(crate::catalog::CATEGORY_SEPARATOR);
            }
            path.push_str(level);
        }
        path
    }
}

/// Whether `text` is the parts in this order with anything between them: `["gift_", ""]` is `gift_*`.
fn matches(parts: &[String], text: &str) -> bool {
    let [first, middle @ .., last] = parts else {
        return false;
    };
    let Some(mut rest) = text
        .strip_prefix(first.as_str())
        .and_then(|rest| rest.strip_suffix(last.as_str()))
    else {
        return false;
    };
    // The earliest place for each part leaves the most room for the next ones.
    for part in middle {
        match rest.find(part.as_str()) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

impl TryFrom<RawSource> for Source {
    type Error = SourceError;

    fn try_from(raw: RawSource) -> Result<Self, SourceError> {
        let separator = |key, value: &str, rule| SourceError::Separator {
            key,
            value: value.to_owned(),
            rule,
        };
        let delimiter = match raw.delimiter.as_bytes() {
            &[byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r' | 0) => byte,
            _ => {
                let rule = "one ASCII character other than a quote or a line end";
                return Err(separator("delimiter", &raw.delimiter, rule));
            }
        };
        let decimal_comma = match raw.decimal_separator.as_str() {
            "." => false,
            "," => true,
            other => return Err(separator("decimal_separator", other, "\".\" or \",\"")),
        };
        if raw.category_separator.is_empty() {
            return Err(separator("category_separator", "", "at least one character"));
        }
        let kind_error = |key: String| move |source| SourceError::Kind { key, source };
        let kind = if raw.kind.is_empty() {
            let mut words: HashMap<String, Option<EventKind>> = EventKind::ALL
                .iter()
                .map(|&kind| (kind.name().to_owned(), Some(kind)))
                .collect();
            for (word, meaning) in &raw.kinds {
                let meaning = match meaning.as_str() {
                    "drop" => None,
                    kind => Some(kind.parse().map_err(kind_error(format!("kinds.{word}")))?),
                };
                words.insert(word.trim().to_lowercase(), meaning);
            }
            KindRule::Column(words)
        } else {
            KindRule::Constant(raw.kind.parse().map_err(kind_error("kind".into()))?)
        };
        for (key, entries) in [
            ("returns.order_id_prefix", &raw.returns.order_id_prefix),
            ("drop_items", &raw.drop_items),
        ] {
            if entries
                .iter()
                .any(|entry| entry.trim_matches('*').trim().is_empty())
            {
                return Err(SourceError::EmptyRule { key });
            }
        }
        let cased = raw.drop_items.iter().map(|entry| {
            let mut entry = entry.trim().to_owned();
            raw.item_id_case.apply(&mut entry, 0);
            entry
        });
        let (patterns, exact): (Vec<_>, Vec<_>) = cased.partition(|entry| entry.contains('*'));
        Ok(Self {
            calendar: Calendar::new(&raw.time_zone).map_err(SourceError::Zone)?,
            time_format: raw.time_format.parse().map_err(SourceError::TimeFormat)?,
            kind,
            delimiter,
            decimal_comma,
            dropped: exact.into_iter().collect(),
            dropped_patterns: patterns
                .iter()
                .map(|pattern| pattern.split('*').map(str::to_owned).collect())
                .collect(),
            raw,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Result<Source, SourceError> {
        Source::try_from(toml::from_str::<RawSource>(text).unwrap())
    }

    #[test]
    fn a_star_stands_for_any_characters() {
        let source = source("drop_items = ['POST', 'gift_*', 'A*B*C']\nitem_id_case = 'upper'").unwrap();
        for (id, expected) in [
            ("POST", true),
            ("POSTER", false),
            ("GIFT_0001_20", true),
            ("GIFT", false),
            ("ABC", true),
            ("AxxBxxBC", true),
            ("AB", false),
            ("ACB", false),
        ] {
            assert_eq!(source.drops_item(id), expected, "{id}");
        }
    }

    #[test]
    fn bad_values_name_their_key() {
        for (text, key) in [
            ("delimiter = ''", "source.delimiter"),
            ("delimiter = '\"'", "source.delimiter"),
            ("decimal_separator = ';'", "source.decimal_separator"),
            ("time_zone = 'Mars/Base'", "source.time_zone"),
            ("time_format = '%Q'", "source.time_format"),
            ("kind = 'wish'", "source.kind"),
            ("kinds = { like = 'love' }", "source.kinds.like"),
            ("drop_items = ['*']", "source.drop_items"),
            ("returns.order_id_prefix = ['']", "source.returns.order_id_prefix"),
        ] {
            let message = source(text).unwrap_err().to_string();
            assert!(message.starts_with(key), "{text}: {message}");
        }
        assert!(toml::from_str::<RawSource>("colums = {}").is_err());
    }

    #[test]
    fn a_category_path_gets_the_inner_separator() {
        let source = source("category_separator = ' > '").unwrap();
        assert_eq!(source.category("Kitchen > Baking >  Tins"), "Kitchen/Baking/Tins");
    }
}
