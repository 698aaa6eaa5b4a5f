//! Sets of hashes: which events and which lines came before.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Mutex, PoisonError};

use hashbrown::HashSet;

/// A set of values that are hashes already.
pub(super) type Seen<T> = HashSet<T, BuildHasherDefault<Same>>;

/// A hash is its own hash.
#[derive(Default)]
pub(super) struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Only whole integers are hashed here; anything else still has to give some value.
        self.0 = bytes
            .iter()
            .fold(self.0, |hash, &byte| hash.rotate_left(8) ^ u64::from(byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

/// Parts of the set of lines, so that threads seldom wait for one another.
const SHARDS: usize = 64;

/// Hashes of the lines of a log, filled by many threads. Only a count depends on them, so 8 bytes are enough.
///
/// # Determinism
/// The count of repeats is that of all lines less that of the different ones, whoever comes first.
pub(super) struct SeenLines([Mutex<Seen<u64>>; SHARDS]);

impl Default for SeenLines {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl SeenLines {
    /// Adds lines and counts those that were there already.
    pub(super) fn count_repeats(&self, mut hashes: Vec<u64>) -> u64 {
        // Bits from the middle: the table itself goes by the lowest and the highest.
        let shard = |hash: u64| (hash >> 34) as usize % SHARDS;
        // Sorted by shard, each is locked once.
        hashes.sort_unstable_by_key(|&hash| shard(hash));
        hashes
            .chunk_by(|&a, &b| shard(a) == shard(b))
            .map(|part| {
                let mut seen = self.0[shard(part[0])]
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                seen.reserve(part.len());
                part.iter().filter(|hash| !seen.insert(**hash)).count() as u64
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_repeat_from_its_second_time_on() {
        let lines = SeenLines::default();
        let hash = |n: u64| n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        assert_eq!(lines.count_repeats((0..1000).map(hash).collect()), 0);
        assert_eq!(
            lines.count_repeats((500..1500).chain(1400..1500).map(hash).collect()),
            600
        );
    }
}
