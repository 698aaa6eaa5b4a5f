//! Rapport: recommendations and churn prediction for an online shop.

pub mod id;
pub mod numeric;
pub mod progress;
pub mod time;
