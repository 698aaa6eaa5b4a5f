//! What a customer is worth: her purchases and her money of the months to come, and the date of her next order.
//!
//! Enters: the histories and the shop's calendar for a fit, the purchase days before an instant for an answer. Leaves: a
//! [`ValueModel`] and from it a [`CustomerValue`] for any history at any instant.
//!
//! The one decision: every quantity is a function of the model, the purchase days and "now", and nothing is kept from
//! an earlier answer. A next order date that was set at the last order lies in the past for everybody who is late;
//! this one moves on, and disappears when a next order is no longer likelier than not.
//!
//! How often she buys is MBG/NBD's to say, in days, and for how much Gamma-Gamma's, which needs prices: without them
//! purchases and dates are foretold, and no money. Money is that of purchase days after returns, in the unit of the
//! log. A value is the money of the months ahead alone, neither what she has spent nor what it cost to win her.
//!
//! The models know no seasons: they foretell the customer's usual pace. On Online Retail II, whose customers buy for
//! Christmas, the three months from June 2011 bring 0.83 of the purchase days that are expected, and those from
//! September 1.30 of them; on CDNOW three months bring 0.93. A log of a single year hardly shows that customers leave, and
//! the year after it is overrated by half (`tests/it/published_value.rs`).
//!
//! Deliberately not here: whom an offer is worth making to ([`super::plan`]).
//!
//! # Source
//! Fader, Hardie, Lee, "RFM and CLV: using iso-value curves for customer base analysis", Journal of Marketing Research
//! 42 (2005): purchases and spend per purchase are modelled apart and multiplied.

mod error;
mod fit;
mod model;
mod params;
mod record;

pub use error::{NoSpending, ValueError};
pub use fit::{LARGEST_CORRELATION, ValueFitReport};
pub use model::{CustomerValue, DAYS_PER_MONTH, ValueModel};
pub use params::{RawValueParams, ValueParams, ValueParamsError};
pub use record::TrackRecord;

#[cfg(test)]
mod tests;
