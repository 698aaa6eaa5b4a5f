//! What several behaviours need to be tested.

pub mod server;
pub mod shop;
