//! The files of a bundle, their checksums, and writing that survives a crash.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::error::BundleError;
use super::manifest::{FileEntry, Manifest};
use super::mapped;

/// Name and content of one file.
pub(super) type NamedContent = (&'static str, Vec<u8>);

/// Lower-case hexadecimal SHA-256.
pub(super) fn sha256(content: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        hex.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        hex.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    hex
}

/// What the manifest says of these files.
pub(super) fn entries(files: &[NamedContent]) -> Vec<FileEntry> {
    files
        .par_iter()
        .map(|(name, content)| FileEntry {
            name: (*name).to_owned(),
            bytes: content.len() as u64,
            sha256: sha256(content),
        })
        .collect()
}

/// One file that a manifest lists, of the size that it gives; whether it is what was written is for [`check`] to say.
pub(super) struct Content<'a> {
    pub(super) entry: &'a FileEntry,
    pub(super) file: PathBuf,
    pub(super) bytes: Bytes,
}

/// The files that a manifest lists.
pub(super) fn open<'a>(folder: &Path, manifest: &'a Manifest) -> Result<Vec<Content<'a>>, BundleError> {
    manifest
        .files
        .iter()
        .map(|entry| {
            let file = folder.join(&entry.name);
            // A manifest names files of its own folder and nothing else.
            if Path::new(&entry.name).file_name() != Some(entry.name.as_ref()) {
                return Err(BundleError::invalid(
                    folder.join(super::manifest::MANIFEST),
                    format!("{:?} is not the name of a file in this folder", entry.name),
                ));
            }
            let found = match fs::metadata(&file) {
                Ok(metadata) => metadata.len(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    return Err(BundleError::Missing { file });
                }
                Err(error) => return Err(BundleError::io("read", file)(error)),
            };
            let wrong_size = |file, found| {
                let expected = entry.bytes;
                BundleError::WrongSize {
                    file,
                    expected,
                    found,
                }
            };
            if found != entry.bytes {
                return Err(wrong_size(file, found));
            }
            let bytes = mapped::content(&file, found)?;
            // Written to since its size was asked for.
            if bytes.len() as u64 != entry.bytes {
                return Err(wrong_size(file, bytes.len() as u64));
            }
            Ok(Content { entry, file, bytes })
        })
        .collect()
}

/// Refuses any file that is not what was written, the files side by side.
pub(super) fn check(contents: &[Content<'_>]) -> Result<(), BundleError> {
    let wrong = contents.par_iter().find_map_first(|content| {
        let found = sha256(&content.bytes);
        (found != content.entry.sha256).then(|| BundleError::WrongChecksum {
            file: content.file.clone(),
            expected: content.entry.sha256.clone(),
            found,
        })
    });
    wrong.map_or(Ok(()), Err)
}

/// Writes a new file and waits until the disk has it.
pub(super) fn write_synced(file: &Path, content: &[u8]) -> Result<(), BundleError> {
    let write = || {
        let mut out = File::create_new(file)?;
        out.write_all(content)?;
        out.sync_all()
    };
    write().map_err(BundleError::io("write", file))
}

/// Puts `content` in the place of `file` at once: a reader sees the old content or the new, never a part.
pub(super) fn replace(file: &Path, content: &[u8]) -> Result<(), BundleError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let temporary = unique(
        |n| folder.join(format!(".{name}-{}-{n}", std::process::id())),
        |path| write_synced(path, content),
    )?;
    fs::rename(&temporary, file).map_err(|error| {
        // Best effort: the error that matters is the rename's.
        let _ = fs::remove_file(&temporary);
        BundleError::io("replace", file)(error)
    })?;
    sync_folder(folder)
}

/// Makes a file or folder under the first name that nobody has taken.
pub(super) fn unique(
    path: impl Fn(u64) -> PathBuf,
    make: impl Fn(&Path) -> Result<(), BundleError>,
) -> Result<PathBuf, BundleError> {
    let mut n = 0;
    loop {
        let candidate = path(n);
        match make(&candidate) {
            Ok(()) => return Ok(candidate),
            Err(BundleError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                n += 1
            }
            Err(error) => return Err(error),
        }
    }
}

/// Waits until the disk has the folder's list of names.
pub(super) fn sync_folder(folder: &Path) -> Result<(), BundleError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(BundleError::io("sync", folder))
}
