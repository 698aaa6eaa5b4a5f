//! The canonical event: what every line of every log becomes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// What a customer did with an item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum EventKind {
    /// Looked at the item's page.
    View = 0,
    /// Put the item into the cart.
    Cart = 1,
    /// Bought the item.
    Purchase = 2,
    /// Sent the item back, or cancelled its order line.
    Return = 3,
}

impl EventKind {
    /// Every kind, in the order of their codes.
    pub const ALL: [Self; 4] = [Self::View, Self::Cart, Self::Purchase, Self::Return];

    /// The kind with this code, as bundles store it.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The code of this kind: its place in [`Self::ALL`].
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The lower-case name, as recipes and logs write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Cart => "cart",
            Self::Purchase => "purchase",
            Self::Return => "return",
        }
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A word that names no kind of event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown kind of event {word:?} (known: view, cart, purchase, return)")]
pub struct UnknownKind {
    word: String,
}

impl FromStr for EventKind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(word.trim()))
            .ok_or_else(|| UnknownKind {
                word: word.to_owned(),
            })
    }
}

/// One checked event, its text borrowed from the batch that it was read in.
///
/// Invariants, established by the door that made it: ids pass [`crate::id::check_name`], `quantity` is finite and above
/// zero (a return is a kind, not a negative quantity), `unit_price` is finite and not negative.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Event<'a> {
    /// The shop's id of the event; the same id twice is the same event.
    pub event_id: Option<&'a str>,
    /// Who.
    pub customer_id: &'a str,
    /// With which item.
    pub item_id: &'a str,
    /// Did what.
    pub kind: EventKind,
    /// When.
    pub occurred_at: Timestamp,
    /// How many pieces.
    pub quantity: f32,
    /// Price of one piece, in the shop's currency.
    pub unit_price: Option<f32>,
    /// The order (basket) that the line belongs to.
    pub order_id: Option<&'a str>,
    /// The visit that the event belongs to.
    pub session_id: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_words_name_the_same_kinds() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_code(kind.code()), Some(kind));
            assert_eq!(kind.name().to_uppercase().parse(), Ok(kind));
        }
        assert_eq!(EventKind::from_code(4), None);
        assert!(
            "wish"
                .parse::<EventKind>()
                .unwrap_err()
                .to_string()
                .contains("\"wish\"")
        );
    }
}
