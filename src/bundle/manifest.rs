//! The manifest: what a bundle says of itself.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::error::BundleError;
use crate::time::Timestamp;

/// Name of the manifest within a bundle's folder.
pub const MANIFEST: &str = "manifest.json";

/// The newest format that this program writes and reads.
///
/// 1: factors and popularity alone. 2: the blend, with links and the low-pass part.
pub const FORMAT_VERSION: u32 = 4;

/// What a bundle says of itself: `manifest.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of the bundle; a reader refuses a newer one than its own.
    pub format_version: u32,
    /// The Rapport that wrote it.
    pub rapport_version: String,
    /// The bundle's name: UTC time plus a short digest of its content.
    pub version: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// Seed of everything random in the training.
    pub seed: u64,
    /// The recipe of the training, whole, defaults included.
    pub recipe: serde_json::Value,
    /// Digest of the log that it was trained on.
    pub data_fingerprint: String,
    /// One microsecond after the last event of the log: the earliest instant at which all of it is the past.
    pub data_through: Timestamp,
    /// First and last event of the log; `null` for an empty one.
    pub period: Option<Period>,
    /// IANA name of the shop's time zone.
    pub calendar_zone: String,
    /// How many of what.
    pub shapes: Shapes,
    /// What the training measured.
    pub metrics: serde_json::Value,
    /// Horizon of the churn model; `null` when there is none.
    pub churn_horizon_days: Option<u32>,
    /// Why there is no churn model; `null` when there is one.
    pub churn_refusal: Option<String>,
    /// Every other file of the bundle.
    pub files: Vec<FileEntry>,
}

/// First and last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Instant of the first event.
    pub from: Timestamp,
    /// Instant of the last event.
    pub to: Timestamp,
}

/// How many of what a bundle holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shapes {
    /// Customers.
    pub customers: usize,
    /// Items.
    pub items: usize,
    /// Events of all customers.
    pub events: usize,
    /// Numbers in an item's factor.
    pub factors: usize,
}

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name within the bundle's folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Lower-case hexadecimal SHA-256 of its content.
    pub sha256: String,
}

impl Manifest {
    /// Reads the manifest of a bundle's folder.
    ///
    /// # Errors
    /// [`BundleError`] when it is missing, newer than this program or no manifest.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let file = folder.join(MANIFEST);
        let content = match std::fs::read(&file) {
            Ok(content) => content,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(BundleError::Missing { file });
            }
            Err(error) => return Err(BundleError::io("read", file)(error)),
        };
        /// The one key that every format has, so that a newer one is named as such instead of as an unknown key.
        #[derive(Deserialize)]
        struct Format {
            format_version: u32,
        }
        let damaged = |error: serde_json::Error| BundleError::invalid(&file, error.to_string());
        let Format { format_version } = serde_json::from_slice(&content).map_err(damaged)?;
        if format_version > FORMAT_VERSION {
            return Err(BundleError::NewerFormat {
                file,
                found: format_version,
                newest: FORMAT_VERSION,
            });
        }
        if format_version == 0 {
            return Err(BundleError::invalid(&file, "format_version 0 was never written"));
        }
        let manifest: Self = serde_json::from_slice(&content).map_err(damaged)?;
        // A renamed folder is caught here: what an answer calls its model must be what the registry calls it.
        if folder.file_name().and_then(|name| name.to_str()) != Some(manifest.version.as_str()) {
            let reason = format!("version {:?} is not the folder's name", manifest.version);
            return Err(BundleError::invalid(&file, reason));
        }
        Ok(manifest)
    }
}
