//! The integration tests: one binary, one module a behaviour.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed; helpers of tests are not known to clippy as tests"
)]

mod bundle;
mod cli;
mod engine;
mod evaluate_split;
mod layering;
mod log;
mod published_baskets;
mod published_low_pass;
mod published_purchases;
mod published_rankings;
mod published_sessions;
mod published_shelves;
mod published_value;
mod service;
mod support;
mod swap;
mod truth;
mod tune;
