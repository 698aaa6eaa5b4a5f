//! Why a bundle or a registry cannot be used.

use std::path::PathBuf;

/// Why a bundle or a registry cannot be used: each variant names the file, the reason and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A version's name could leave the registry's folder, or is no version at all.
    #[error("{name:?} is not a model version (they look like 20261121T101500Z-ab12cd34)")]
    BadVersion {
        /// The name.
        name: String,
    },
    /// The registry has no bundle of this version.
    #[error("no model {version:?} in {registry} (see `rapport models list`)")]
    UnknownVersion {
        /// The version asked for.
        version: String,
        /// The registry's folder.
        registry: PathBuf,
    },
    /// No other version was active before.
    #[error("nothing to roll back to in {registry}: no other model was active before this one")]
    NothingToRollBack {
        /// The registry's folder.
        registry: PathBuf,
    },
    /// A file that the manifest lists, or the manifest itself, is not there.
    #[error("{file} is missing: the bundle is incomplete, publish it again or activate another")]
    Missing {
        /// The file.
        file: PathBuf,
    },
    /// A file is shorter or longer than the manifest says.
    #[error(
        "{file} has {found} bytes instead of {expected}: it is truncated or was changed, publish it again or activate another"
    )]
    WrongSize {
        /// The file.
        file: PathBuf,
        /// Bytes that the manifest gives.
        expected: u64,
        /// Bytes on disk.
        found: u64,
    },
    /// A file's content is not what was written.
    #[error(
        "{file} was changed: its SHA-256 is {found} instead of {expected}, publish it again or activate another"
    )]
    WrongChecksum {
        /// The file.
        file: PathBuf,
        /// Checksum that the manifest gives.
        expected: String,
        /// Checksum of the content.
        found: String,
    },
    /// The bundle was written by a newer Rapport.
    #[error(
        "{file} has format {found}, this Rapport reads up to {newest}: update Rapport or activate another model"
    )]
    NewerFormat {
        /// The manifest.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// The newest format that this program reads.
        newest: u32,
    },
    /// A file can be read but does not hold what it should.
    #[error("{file}: {reason}: the bundle is damaged, publish it again or activate another")]
    Invalid {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The same version exists already with other content.
    #[error("{folder} exists already: a bundle is never overwritten")]
    Exists {
        /// The bundle's folder.
        folder: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

impl BundleError {
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }

    pub(crate) fn invalid(file: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Invalid {
            file: file.into(),
            reason: reason.into(),
        }
    }
}
