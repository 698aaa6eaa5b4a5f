//! What a churn model knows of a customer: numbers computed from her history strictly before an instant.
//!
//! Enters: a history, an instant, the calendar and the shop's [`Norms`]. Leaves: one value per feature of [`FEATURES`].
//!
//! The one decision: training, export and serving compute features by the same function, [`features`], which cuts the
//! history itself; no caller can hand it the future. Which of them a model uses is its [`Schema`], chosen from what
//! the log holds when the model is fitted: a shop without views gets no browsing features instead of columns of
//! zeros.
//!
//! Deliberately not here: how values are scaled for a model (`standard`), and the calendar's season, which all
//! customers share.

mod catalogue;
mod compute;
mod norms;
mod schema;
mod table;

pub use catalogue::{FEATURES, Family, Feature, Transform, Unit, describe};
pub use compute::{FeatureValues, features};
pub use norms::Norms;
pub use schema::{LeftOut, Schema};
pub use table::{FeatureRow, FeatureTable, feature_table};

pub(crate) use catalogue::{FREQUENCY, GAP, RECENCY, TENURE};
pub(crate) use compute::{features_of, usual_gap_days};
