//! The questions that a ranking answers.

use serde::{Deserialize, Serialize};

/// What kind of recommendation is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// What this customer or visitor may like.
    YouMayLike,
    /// What resembles the items of the context.
    Similar,
    /// What goes with the items of the context.
    CrossSell,
    /// A better one instead of the items of the context.
    UpSell,
    /// What it is time to buy again.
    BuyAgain,
    /// What the shop's customers want more of just now.
    Trending,
    /// What the shop offers since a short while.
    NewArrivals,
}

impl Kind {
    /// Every kind, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::YouMayLike,
        Self::Similar,
        Self::CrossSell,
        Self::UpSell,
        Self::BuyAgain,
        Self::Trending,
        Self::NewArrivals,
    ];

    /// The name as the command line, recipes and configurations write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::YouMayLike => "you-may-like",
            Self::Similar => "similar",
            Self::CrossSell => "cross-sell",
            Self::UpSell => "up-sell",
            Self::BuyAgain => "buy-again",
            Self::Trending => "trending",
            Self::NewArrivals => "new-arrivals",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(crate) fn place(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_recipes() {
        for (place, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind.place(), place);
            let quoted = format!("kind = \"{}\"", kind.name());
            let table: std::collections::HashMap<String, Kind> = toml::from_str(&quoted).unwrap();
            assert_eq!(table["kind"], kind);
        }
    }
}
