//! The files that public evaluations of sessions and of next baskets are published as.
//!
//! Enters: Parquet files. Leaves: what their columns say they are, [`Shape`], and their rows in their order.
//!
//! | shape | columns |
//! |---|---|
//! | pairs | `user_id`, `item_id`; read by [`read_pairs`](super::read_pairs), also from CSV and JSON Lines |
//! | clicks | `SessionId`, `ItemId`, `Time` in seconds (also `session_id`, `item_id`, `time`) |
//! | lists | `items`: the items of one session, oldest first; usually with `session_id`, which is not read |
//! | prefixes | `prefix`: what was clicked, oldest first; `target`: what followed |
//! | baskets | `user_id`, `basket_idx`, `items`; ids are whole numbers or text |
//!
//! The one decision: a row that lacks something is an error with its number, never left out: an evaluation with silently
//! fewer rows would not be the published one.

mod baskets;
mod columns;
mod sessions;
mod shape;
#[cfg(test)]
mod tests;

pub use baskets::{BasketRow, read_baskets};
pub use sessions::{
    Click, ClickedSession, Prefix, read_clicks, read_item_lists, read_prefixes, sessions_of_clicks,
};
pub(super) use shape::SHAPES;
pub use shape::{SessionShape, Shape, Split};
