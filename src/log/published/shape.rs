//! What a file of an evaluation holds, by its columns.

use std::path::Path;

use super::columns::Table;
use crate::log::error::LogError;

/// The columns of all that can be evaluated, for messages.
pub(in crate::log) const SHAPES: &str = "pairs (user_id, item_id), sessions (SessionId, ItemId, Time; or session_id, items; or prefix, target for the test) \
     or baskets (user_id, basket_idx, items)";

/// What the rows of a file are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A customer and an item.
    Pairs,
    /// Clicks of visits.
    Sessions(SessionShape),
    /// Baskets of customers in order.
    Baskets,
}

/// How a file keeps sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionShape {
    /// One click a row.
    Clicks,
    /// One session a row.
    Lists,
    /// One foretold click a row, with the clicks before it.
    Prefixes,
}

/// What the two halves of a fixed split hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Pairs.
    Pairs,
    /// Sessions.
    Sessions {
        /// How the half to learn from keeps them: clicks or lists.
        train: SessionShape,
        /// How the other half keeps them.
        test: SessionShape,
    },
    /// Baskets.
    Baskets,
}

impl Shape {
    /// Recognises a Parquet file by its columns; a file of another ending holds pairs.
    ///
    /// # Errors
    /// [`LogError`] when the file cannot be read or its columns are those of no shape.
    pub fn of(path: &Path) -> Result<Self, LogError> {
        let parquet = |ending: &std::ffi::OsStr| ending.eq_ignore_ascii_case("parquet");
        if !path.extension().is_some_and(parquet) {
            return Ok(Self::Pairs);
        }
        let table = Table::open(path)?;
        let names = table.names();
        Self::of_columns(&names).ok_or_else(|| LogError::UnknownShape {
            path: path.to_owned(),
            present: names.join(", "),
        })
    }

    /// The most telling columns come first: baskets and lists both have `items`.
    fn of_columns(names: &[&str]) -> Option<Self> {
        let has = |name: &str| names.contains(&name);
        let has_one = |either: &str, or: &str| has(either) || has(or);
        if has("user_id") && has("item_id") {
            Some(Self::Pairs)
        } else if has("user_id") && has("basket_idx") && has("items") {
            Some(Self::Baskets)
        } else if has_one("SessionId", "session_id")
            && has_one("ItemId", "item_id")
            && has_one("Time", "time")
        {
            Some(Self::Sessions(SessionShape::Clicks))
        } else if has("prefix") && has("target") {
            Some(Self::Sessions(SessionShape::Prefixes))
        } else if has("session_id") && has("items") {
            Some(Self::Sessions(SessionShape::Lists))
        } else {
            None
        }
    }

    /// The word for it in messages.
    fn word(self) -> &'static str {
        match self {
            Self::Pairs => "pairs",
            Self::Sessions(_) => "sessions",
            Self::Baskets => "baskets",
        }
    }
}

impl Split {
    /// Recognises both halves.
    ///
    /// # Errors
    /// [`LogError`] when a file cannot be read or recognised, the halves hold different things, or the first holds what
    /// cannot be learned from.
    pub fn of(train: &Path, test: &Path) -> Result<Self, LogError> {
        match (Shape::of(train)?, Shape::of(test)?) {
            (Shape::Pairs, Shape::Pairs) => Ok(Self::Pairs),
            (Shape::Baskets, Shape::Baskets) => Ok(Self::Baskets),
            (Shape::Sessions(SessionShape::Prefixes), Shape::Sessions(_)) => Err(LogError::NotToLearnFrom {
                path: train.to_owned(),
            }),
            (Shape::Sessions(train), Shape::Sessions(test)) => Ok(Self::Sessions { train, test }),
            (first, second) => Err(LogError::MixedSplit {
                train: train.to_owned(),
                train_holds: first.word(),
                test: test.to_owned(),
                test_holds: second.word(),
            }),
        }
    }
}
