//! DOOR: the wire.
//!
//! Enters: gRPC messages of `proto/rapport/v1/`. Leaves: checked questions for the engine, and its answers as messages.
//!
//! The one decision: the messages are a contract of their own. No domain type is generated from them and none derives
//! from them; `convert` is where the two meet, message by message, so that either side can change without the other.
//!
//! Deliberately not here: anything that makes an answer.

mod churn;
pub mod client;
mod convert;
mod limits;
mod memo;
mod model;
pub mod pb;
mod readiness;
mod recommendation;
mod server;
mod status;
mod workers;

pub use limits::MAX_MESSAGE_BYTES;
pub use server::{ServerError, ServerOptions, Stopped, serve};
