//! The messages, clients and servers that `build.rs` generates from `proto/rapport/v1/`.
#![allow(
    missing_docs,
    clippy::all,
    clippy::missing_errors_doc,
    clippy::allow_attributes_without_reason,
    clippy::needless_pass_by_value,
    clippy::use_self,
    unused_qualifications,
    reason = "generated code; the comments are those of the proto files"
)]

tonic::include_proto!("rapport.v1");

/// The compiled proto files, for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rapport_descriptors.bin"));
