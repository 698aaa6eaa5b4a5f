//! The service over a real connection, with the real client.

mod contract;
mod memo;
mod models;
mod plans;
mod recommendations;
mod risks;
mod running;
mod without_model;
