//! The published data sets, which lie beside the repository and may be absent.

#![expect(clippy::print_stderr, reason = "a test that cannot be run says so aloud")]

use std::path::{Path, PathBuf};

/// A file of the published data, or nothing and a word about it.
pub fn published(file: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("RAPPORT_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(file);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return None;
    }
    Some(path)
}
