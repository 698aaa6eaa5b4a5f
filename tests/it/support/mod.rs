//! What several behaviours need to be tested.

pub mod data;
pub mod server;
pub mod shop;
pub mod tifu;
