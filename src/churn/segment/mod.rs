//! What sort of customer this is: RFM scores, a named segment, and the stage of her life as a customer.
//!
//! Enters: purchase days before an instant, and what the shop's other buyers look like. Leaves: [`Rfm`] scores of 1 to 5
//! for recency, frequency and money; the [`Segment`] that they name; the [`Stage`]; and the [`RfmGrid`] of a heat map.
//!
//! The one decision: scores compare a customer with all buyers of the shop by mid-rank, so equal customers always get
//! equal scores, whatever their order in the log. The limits between scores are learned once, at the end of the data,
//! and kept as plain values: any history at any instant is scored by a few comparisons, without the other customers.
//!
//! None of this is a forecast and none of it needs a churn model: it is served where churn is refused, too.
//!
//! # Segments
//! Every combination of scores has exactly one segment. *Value* is (F + M) / 2 rounded down, at most 3 where F is below
//! 4; where the log has no prices it is F alone. A buyer of one day has at most half of the buyers below her, so her F
//! is at most 3: nobody is called loyal for a single order, however large.
//!
//! | segment | R | value | in words |
//! |---|---|---|---|
//! | `champions` | 5 | 4–5 | bought lately, often and much |
//! | `loyal` | 3–4 | 4–5 | buy often, the last time not long ago |
//! | `potential_loyalist` | 4–5 | 2–3 | bought lately, and more than the least |
//! | `new` | 5 | 1 | bought just now, and little so far |
//! | `promising` | 4 | 1 | came lately, and may become loyal |
//! | `needs_attention` | 3 | 3 | middling in everything |
//! | `about_to_sleep` | 3 | 1–2 | bought little, and not lately |
//! | `cannot_lose` | 1–2 | 5 | were among the best, and have not come for long |
//! | `at_risk` | 1–2 | 3–4 | bought often and much, but not lately |
//! | `hibernating` | 2 | 1–2 | bought little, and long ago |
//! | `lost` | 1 | 1–2 | bought little, and longest ago |
//!
//! Deliberately not here: the probability of churn, what a customer is worth, and what an offer would earn.
//!
//! # Source
//! RFM: Hughes, *Strategic Database Marketing* (1994). The grid of R against frequency and money is the trade's usual
//! one of ten segments, its lowest corner divided in two.

mod grid;
mod limits;
mod rfm;
#[expect(
    clippy::module_inception,
    reason = "the noun of the file is the noun of the room"
)]
mod segment;
mod segmentation;
mod stage;

pub use grid::{GridCell, GridEntry, RfmGrid};
pub use limits::RfmLimits;
pub use rfm::{Rfm, RfmValues};
pub use segment::{SEGMENTS, Segment, SegmentRule};
pub use segmentation::{Placed, Segmentation, SegmentationError};
pub use stage::{Stage, stage};

#[cfg(test)]
mod tests;
