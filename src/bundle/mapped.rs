//! Files of a bundle in memory: large ones mapped, small ones read.
//!
//! The one decision: a large file is mapped. Its pages are those of the page cache, so that starting copies nothing, the
//! model that serves and the one that is loaded beside it take memory only where they differ from what the machine caches
//! anyway, and the system may give pages back that nobody has asked for lately.
//!
//! What it takes: a bundle never changes once it has its name. Removing its folder is safe, its pages stay until the last
//! index over them is gone. Whoever *truncates* a file of the bundle that serves ends the server (`SIGBUS`, as with every
//! mapped file); whoever overwrites one in place changes answers, which the checksum no longer sees. Both take a hand that
//! writes into `models/registry/<version>/`; Rapport itself only ever renames whole folders.

use std::fs::{self, File};
use std::path::Path;

use bytes::Bytes;
use memmap2::Mmap;

use super::error::BundleError;

/// From this size on a file is mapped: below it a copy is cheaper than the pages.
const LEAST_MAPPED_BYTES: u64 = 1 << 20;

/// The content of a file that has `len` bytes.
pub(super) fn content(file: &Path, len: u64) -> Result<Bytes, BundleError> {
    if len < LEAST_MAPPED_BYTES {
        return Ok(fs::read(file).map_err(BundleError::io("read", file))?.into());
    }
    let opened = File::open(file).map_err(BundleError::io("read", file))?;
    #[expect(
        unsafe_code,
        reason = "mapping a file is the one thing here that the compiler cannot check"
    )]
    // SAFETY: the bytes behind the map must not change while it lives. The file belongs to a bundle, which nobody changes
    // once it has its name (see the head of this module). Should somebody do it all the same, no invariant of the
    // language hangs on what stands there: `crate::column` lends the bytes only as numbers, of which every pattern is one,
    // and whatever has invalid patterns, text and kinds of events, is copied before it is checked.
    let map = unsafe { Mmap::map(&opened) }.map_err(BundleError::io("map", file))?;
    #[cfg(unix)]
    // Best effort: where the file is not in the page cache, the system begins to read it all.
    let _ = map.advise(memmap2::Advice::WillNeed);
    Ok(Bytes::from_owner(map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_files_come_back_whole_also_after_their_removal() {
        let folder = tempfile::tempdir().unwrap();
        for len in [0, 1, LEAST_MAPPED_BYTES as usize + 4097] {
            let file = folder.path().join(len.to_string());
            let written: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            fs::write(&file, &written).unwrap();
            let content = content(&file, len as u64).unwrap();
            fs::remove_file(&file).unwrap();
            assert!(content == written, "{len} bytes");
        }
    }
}
