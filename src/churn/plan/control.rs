//! Who is held back, at random but the same every time.

use sha2::{Digest, Sha256};

/// A customer's number in `[0, 1)` under a policy: the first 53 bits of SHA-256 of the policy's name, a zero byte and
/// the customer's id, as a fraction. Below the control share she belongs to the control group.
///
/// It depends on nothing else: adding customers, or asking on another day or machine, moves nobody, a larger share
/// keeps those who were in the group, and another policy draws anew. Names of policies have no control characters, so
/// that the zero byte keeps two pairs apart.
#[must_use]
pub fn draw(policy: &str, customer: &str) -> f64 {
    let mut hasher = Sha256::new();
    hasher.update(policy.as_bytes());
    hasher.update([0]);
    hasher.update(customer.as_bytes());
    let bits = hasher.finalize()[..8]
        .iter()
        .fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
    // 53 bits are exact in an f64.
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
