//! Rankings across the wire: questions in, answers out.

mod answer;
mod question;
#[cfg(test)]
mod tests;

pub(in crate::grpc) use answer::{response, shelves_response};
pub(in crate::grpc) use question::{request, shelf_requests, wire_kind};
