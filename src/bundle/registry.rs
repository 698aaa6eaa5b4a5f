//! The registry: a folder of bundles, one of which is current.
//!
//! ```text
//! <registry>/20261121T101500Z-ab12cd34/   a bundle, never changed once it has this name
//! <registry>/current                      the version to serve
//! <registry>/activations.json             every activation that can be rolled back, oldest first
//! <registry>/.lock                        held while `current` is being changed
//! ```
//!
//! The one decision: a bundle gets its name by one rename and `current` its content by another, so whoever reads, at
//! whatever moment, sees a whole model or the one before.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::BundleError;
use super::files;
use super::manifest::Manifest;
use super::sizes::Sizes;
use super::version;
use super::{Bundle, BundleParts};
use crate::time::Timestamp;

const CURRENT: &str = "current";
const ACTIVATIONS: &str = "activations.json";
/// So many activations are remembered: a year of nightly ones can be walked back.
const MAX_ACTIVATIONS: usize = 400;

/// A folder of bundles.
#[derive(Clone, Debug)]
pub struct Registry {
    root: PathBuf,
}

/// One bundle of the registry's list.
#[derive(Debug)]
pub struct Listed {
    /// Its version.
    pub version: String,
    /// What its manifest says, or why it cannot be read.
    pub manifest: Result<Manifest, BundleError>,
    /// Whether it is the one to serve.
    pub is_current: bool,
}

impl Listed {
    /// The second at which it was made, from its name; the instant within it, from its manifest; then its name.
    fn age_order(&self) -> (&str, Option<Timestamp>, &str) {
        let (second, _) = self.version.split_once('-').unwrap_or_default();
        let made = self.manifest.as_ref().ok().map(|manifest| manifest.created_at);
        (second, made, &self.version)
    }
}

impl Registry {
    /// The registry in this folder; the folder is made by the first publication.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The registry's folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a bundle and gives it its name. It is not current until [`Self::activate`].
    ///
    /// Publishing the same content at the same instant again gives the same version and changes nothing; any number of
    /// publishers may work at once.
    ///
    /// # Errors
    /// [`BundleError::Io`] when the folder cannot be written; nothing is left behind then.
    pub fn publish(&self, parts: &BundleParts, created_at: Timestamp) -> Result<Manifest, BundleError> {
        fs::create_dir_all(&self.root).map_err(BundleError::io("make", &self.root))?;
        let (manifest, contents) = parts.encode(created_at)?;
        let temporary = files::unique(
            |n| {
                self.root
                    .join(format!(".{}-{}-{n}", manifest.version, std::process::id()))
            },
            |path| fs::create_dir(path).map_err(BundleError::io("make", path)),
        )?;
        let published = self.fill_and_rename(&temporary, &manifest, &contents);
        if published.is_err() {
            // Best effort: the error that matters is the first one.
            let _ = fs::remove_dir_all(&temporary);
        }
        published.map(|()| manifest)
    }

    fn fill_and_rename(
        &self,
        temporary: &Path,
        manifest: &Manifest,
        contents: &[files::NamedContent],
    ) -> Result<(), BundleError> {
        for (name, content) in contents {
            files::write_synced(&temporary.join(name), content)?;
        }
        let file = temporary.join(super::manifest::MANIFEST);
        let text = serde_json::to_vec_pretty(manifest)
            .map_err(|error| BundleError::invalid(&file, error.to_string()))?;
        files::write_synced(&file, &text)?;
        files::sync_folder(temporary)?;
        let folder = self.root.join(&manifest.version);
        match fs::rename(temporary, &folder) {
            Ok(()) => files::sync_folder(&self.root),
            // The version holds a digest of the content: a folder of this name is this bundle, or a damaged one.
            Err(_) if Manifest::read(&folder).is_ok_and(|there| there == *manifest) => {
                fs::remove_dir_all(temporary).map_err(BundleError::io("remove", temporary))
            }
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists
                ) =>
            {
                Err(BundleError::Exists { folder })
            }
            Err(error) => Err(BundleError::io("make", folder)(error)),
        }
    }

    /// All bundles, newest first. A damaged one is listed with its reason.
    ///
    /// # Errors
    /// [`BundleError::Io`] when the folder cannot be read; a folder that does not exist is an empty registry.
    pub fn list(&self) -> Result<Vec<Listed>, BundleError> {
        let current = self.current()?;
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(BundleError::io("list", &self.root)(error)),
        };
        let mut versions = Vec::new();
        for entry in entries {
            let name = entry.map_err(BundleError::io("list", &self.root))?.file_name();
            if let Some(name) = name.to_str()
                && version::check(name).is_ok()
            {
                versions.push(name.to_owned());
            }
        }
        let mut listed: Vec<Listed> = versions
            .into_iter()
            .map(|version| Listed {
                manifest: Manifest::read(&self.root.join(&version)),
                is_current: current.as_ref() == Some(&version),
                version,
            })
            .collect();
        listed.sort_unstable_by(|a, b| b.age_order().cmp(&a.age_order()));
        Ok(listed)
    }

    /// The manifest of one bundle.
    ///
    /// # Errors
    /// [`BundleError::UnknownVersion`], or why the manifest cannot be read.
    pub fn show(&self, version: &str) -> Result<Manifest, BundleError> {
        Manifest::read(&self.folder(version)?)
    }

    /// What one bundle takes on disk.
    ///
    /// # Errors
    /// Those of [`Self::show`], or why the file of the histories cannot be read.
    pub fn sizes(&self, version: &str) -> Result<Sizes, BundleError> {
        let folder = self.folder(version)?;
        Sizes::read(&folder, &Manifest::read(&folder)?)
    }

    /// Reads and checks one bundle whole.
    ///
    /// # Errors
    /// [`BundleError::UnknownVersion`], or the first file that is missing, truncated, changed or wrong.
    pub fn open(&self, version: &str) -> Result<Bundle, BundleError> {
        Bundle::read(&self.folder(version)?)
    }

    /// The version to serve; `None` before the first activation.
    ///
    /// # Errors
    /// [`BundleError::Io`], or [`BundleError::Invalid`] when the file holds no version.
    pub fn current(&self) -> Result<Option<String>, BundleError> {
        let file = self.root.join(CURRENT);
        match fs::read_to_string(&file) {
            Ok(text) => match version::check(text.trim_end()) {
                Ok(version) => Ok(Some(version.to_owned())),
                Err(error) => Err(BundleError::invalid(file, error.to_string())),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BundleError::io("read", file)(error)),
        }
    }

    /// Makes a bundle the one to serve, after reading and checking it whole.
    ///
    /// # Errors
    /// Those of [`Self::open`]; the current version stays then.
    pub fn activate(&self, version: &str) -> Result<Bundle, BundleError> {
        let bundle = self.open(version)?;
        let _held = self.lock()?;
        let mut activations = self.activations()?;
        if activations.last().map(String::as_str) != Some(version) {
            activations.push(version.to_owned());
        }
        activations.drain(..activations.len().saturating_sub(MAX_ACTIVATIONS));
        self.switch(&activations, version)?;
        Ok(bundle)
    }

    /// Returns to the version that was active before the current one, after reading and checking it whole.
    ///
    /// # Errors
    /// [`BundleError::NothingToRollBack`], or those of [`Self::open`]; the current version stays then.
    pub fn rollback(&self) -> Result<Bundle, BundleError> {
        let _held = self.lock()?;
        let mut activations = self.activations()?;
        activations.pop();
        let Some(version) = activations.last().cloned() else {
            return Err(BundleError::NothingToRollBack {
                registry: self.root.clone(),
            });
        };
        let bundle = self.open(&version)?;
        self.switch(&activations, &version)?;
        Ok(bundle)
    }

    /// Writes the list first: after a crash in between, [`Self::activations`] drops what never became current.
    fn switch(&self, activations: &[String], version: &str) -> Result<(), BundleError> {
        let file = self.root.join(ACTIVATIONS);
        let text = serde_json::to_vec_pretty(activations)
            .map_err(|error| BundleError::invalid(&file, error.to_string()))?;
        files::replace(&file, &text)?;
        files::replace(&self.root.join(CURRENT), format!("{version}\n").as_bytes())
    }

    /// Every activation that can be rolled back, oldest first; the last one is the current version.
    fn activations(&self) -> Result<Vec<String>, BundleError> {
        let file = self.root.join(ACTIVATIONS);
        let mut activations: Vec<String> = match fs::read(&file) {
            Ok(content) => serde_json::from_slice(&content)
                .map_err(|error| BundleError::invalid(&file, error.to_string()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(BundleError::io("read", file)(error)),
        };
        // `current` is the truth; it may also have been written by hand.
        if let Some(current) = self.current()? {
            match activations.iter().rposition(|version| *version == current) {
                Some(at) => activations.truncate(at + 1),
                None => activations.push(current),
            }
        }
        Ok(activations)
    }

    /// Waits until no other process or thread is changing `current`; the lock ends with the returned file.
    fn lock(&self) -> Result<File, BundleError> {
        let path = self.root.join(".lock");
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(BundleError::io("open", &path))?;
        file.lock().map_err(BundleError::io("lock", &path))?;
        Ok(file)
    }

    fn folder(&self, version: &str) -> Result<PathBuf, BundleError> {
        let folder = self.root.join(version::check(version)?);
        if folder.is_dir() {
            Ok(folder)
        } else {
            Err(BundleError::UnknownVersion {
                version: version.to_owned(),
                registry: self.root.clone(),
            })
        }
    }
}
