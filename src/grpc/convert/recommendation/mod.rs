//! Rankings across the wire: questions in, answers out.

mod answer;
mod question;
#[cfg(test)]
mod tests;

pub(in crate::grpc) use answer::{explained, response, shelves_response};
pub(in crate::grpc) use question::{explain_request, request, shelf_requests, wire_kind};
