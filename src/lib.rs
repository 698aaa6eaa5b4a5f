//! Rapport: recommendations and churn prediction for an online shop.

pub mod bundle;
pub mod catalog;
pub mod churn;
pub mod cli;
pub mod config;
pub mod evaluate;
pub mod export;
pub mod grpc;
pub mod history;
pub mod id;
pub mod log;
pub mod measure;
pub mod numeric;
pub mod progress;
pub mod recipe;
pub mod recommend;
pub mod score;
pub mod serve;
pub mod simulate;
pub mod telemetry;
pub mod time;
pub mod train;
