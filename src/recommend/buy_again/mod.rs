//! Buying again: which of the things that a customer bought she will buy again, how likely and when.
//!
//! Enters: histories before an instant, the shop's days and, where known, leaf categories. Leaves: [`BuyAgain`], which for any history, instant
//! and window tells of every item in it the probability of being bought again within the window, the date on which it is due and
//! what both rest on; and [`next_basket`], which ranks all items for the next order, those bought before and others.
//!
//! The one decision: the rhythm is a model with few numbers (log-normal intervals, shrunk from the pair to the item to its
//! category to the shop, with a share of things that nobody buys twice), and what it cannot know (is the customer still here, does the item
//! still sell) is left to a small logistic regression with that rhythm as one of its inputs. So a date exists for whatever
//! has a rhythm, and the probability is calibrated on what followed in the past whether or not the rhythm holds.
//!
//! Deliberately not here: whether the item can be sold today, and what else the customer may like.

mod error;
mod features;
mod fit;
mod items;
mod logistic;
mod model;
pub mod next_basket;
mod params;
pub(crate) mod past;
mod rhythm;
mod stored;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use error::BuyAgainError;
pub use features::{FEATURES, Family};
pub use fit::{BuyAgainInputs, BuyAgainReport, WindowReport};
pub use items::ShopFacts;
pub use model::{Basis, BuyAgain, Due, DueParts};
pub use params::{BuyAgainParams, BuyAgainParamsError, RawBuyAgainParams};
pub use rhythm::ShopRhythm;
pub use stored::{BuyAgainArrays, BuyAgainFacts};

pub(crate) use model::WindowModel;
