//! Models coming and going: what the registry has, and which of it serves.
//!
//! The one decision: a model is read, checked and warmed beside the one that serves, on threads that step back behind those
//! that answer (the first one, which nobody's answer waits beside, on all cores), and takes its place by one store. Whoever
//! asked for it may have it answer before that ([`Successor`]). If anything fails before the store, nothing has changed in
//! what serves. Who calls [`Engine::refresh`], and how often, is the server's affair.

use std::sync::{Arc, MutexGuard, PoisonError};

use super::answer::ModelInfo;
use super::beside::beside;
use super::engine::{Engine, Loaded, ReloadFailure};
use super::error::{ServeError, chain};
use super::successor::Successor;
use crate::bundle::{Bundle, BundleError, Manifest, Sizes};

/// Stages of loading, as a listener is told.
const READING: &str = "reading and checking the files";
const INDEXING: &str = "making the index";

/// Whether a refresh changed the model that serves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refreshed {
    /// The registry's current model serves already, or there is none.
    Unchanged,
    /// This version serves from now on.
    Swapped {
        /// The new version.
        version: String,
    },
}

impl Engine {
    /// The models of the registry, newest first; a damaged one with its problem.
    ///
    /// # Errors
    /// [`ServeError::Bundle`] when the registry cannot be read.
    pub fn models(&self) -> Result<Vec<ModelInfo>, ServeError> {
        let serving = self.serving_version();
        let listed = self.registry.list()?;
        Ok(listed
            .into_iter()
            .map(|listed| ModelInfo {
                is_serving: serving.as_ref() == Some(&listed.version),
                load_error: self.load_error(&listed.version),
                manifest: listed.manifest.map_err(|error| chain(&error)),
                is_current: listed.is_current,
                version: listed.version,
            })
            .collect())
    }

    /// One model of the registry.
    ///
    /// # Errors
    /// [`ServeError::UnknownVersion`], or [`ServeError::Bundle`] when its manifest cannot be read.
    pub fn model(&self, version: &str) -> Result<ModelInfo, ServeError> {
        let manifest = self.registry.show(version)?;
        self.info(manifest)
    }

    /// What a model of the registry takes on disk.
    ///
    /// # Errors
    /// Those of [`Self::model`].
    pub fn sizes(&self, version: &str) -> Result<Sizes, ServeError> {
        Ok(self.registry.sizes(version)?)
    }

    /// Loads a model, makes it the registry's current one and serves it. What cannot be loaded is not activated.
    ///
    /// # Errors
    /// [`ServeError::UnknownVersion`] or [`ServeError::Bundle`]; the model that serves keeps serving.
    pub fn activate(&self, version: &str) -> Result<ModelInfo, ServeError> {
        self.activate_warm(version, |_| {})
    }

    /// [`Self::activate`]; `warm` asks the model beforehand, on the threads that loaded it.
    ///
    /// # Errors
    /// Those of [`Self::activate`].
    pub fn activate_warm(
        &self,
        version: &str,
        warm: impl FnOnce(&Successor<'_>) + Send,
    ) -> Result<ModelInfo, ServeError> {
        let _held = self.hold_loading();
        self.load(|| self.swap_in(|| self.registry.activate(version), warm))
    }

    /// Returns to the model that was active before, like [`Self::activate`].
    ///
    /// # Errors
    /// [`ServeError::NothingToRollBack`] or those of [`Self::activate`].
    pub fn rollback(&self) -> Result<ModelInfo, ServeError> {
        self.rollback_warm(|_| {})
    }

    /// [`Self::rollback`]; `warm` asks the model beforehand, on the threads that loaded it.
    ///
    /// # Errors
    /// Those of [`Self::rollback`].
    pub fn rollback_warm(&self, warm: impl FnOnce(&Successor<'_>) + Send) -> Result<ModelInfo, ServeError> {
        let _held = self.hold_loading();
        self.load(|| self.swap_in(|| self.registry.rollback(), warm))
    }

    /// Loads the registry's current model if another one serves, and swaps it in whole.
    ///
    /// # Errors
    /// Why it cannot be loaded; the model that serves keeps serving, and [`Self::last_reload_error`] tells.
    pub fn refresh(&self) -> Result<Refreshed, ServeError> {
        self.refresh_warm(|_| {})
    }

    /// [`Self::refresh`]; `warm` asks another model beforehand, on the threads that loaded it.
    ///
    /// # Errors
    /// Those of [`Self::refresh`].
    pub fn refresh_warm(&self, warm: impl FnOnce(&Successor<'_>) + Send) -> Result<Refreshed, ServeError> {
        let _held = self.hold_loading();
        // What somebody still read when its successor took over.
        let unused = self.unused();
        if !unused.is_empty() {
            beside(|| drop(unused));
        }
        let current = self.registry.current();
        let version = current.as_ref().ok().cloned().flatten();
        let refreshed = current
            .map_err(ServeError::from)
            .and_then(|current| self.load_current(current, warm));
        let failure = refreshed.as_ref().err().map(|error| ReloadFailure {
            version,
            message: chain(error),
        });
        *self.last_failure() = failure;
        refreshed
    }

    /// Why the last [`Self::refresh`] failed; `None` when it did not.
    #[must_use]
    pub fn last_reload_error(&self) -> Option<String> {
        let failure = self.last_failure();
        failure.as_ref().map(|failure| failure.message.clone())
    }

    fn load_current(
        &self,
        current: Option<String>,
        warm: impl FnOnce(&Successor<'_>) + Send,
    ) -> Result<Refreshed, ServeError> {
        let Some(version) = current else {
            return Ok(Refreshed::Unchanged);
        };
        if self.serving_version().as_ref() == Some(&version) {
            return Ok(Refreshed::Unchanged);
        }
        self.load(|| {
            let loaded = self.read_and_prepare(|| self.registry.open(&version))?;
            self.serve_warm(loaded, warm);
            Ok(Refreshed::Swapped { version })
        })
    }

    /// Loads on all cores while nothing serves, beside the answers once something does.
    fn load<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self.is_ready() {
            true => beside(work),
            false => work(),
        }
    }

    fn swap_in(
        &self,
        read: impl FnOnce() -> Result<Bundle, BundleError>,
        warm: impl FnOnce(&Successor<'_>),
    ) -> Result<ModelInfo, ServeError> {
        let loaded = self.read_and_prepare(read)?;
        let manifest = loaded.index.manifest().clone();
        self.serve_warm(loaded, warm);
        *self.last_failure() = None;
        self.info(manifest)
    }

    /// Puts an index into service after it was asked.
    fn serve_warm(&self, loaded: Arc<Loaded>, warm: impl FnOnce(&Successor<'_>)) {
        warm(&Successor {
            engine: self,
            loaded: &loaded,
        });
        self.serve(loaded);
    }

    /// Both stages of loading, each told to whoever listens.
    pub(super) fn read_and_prepare(
        &self,
        read: impl FnOnce() -> Result<Bundle, BundleError>,
    ) -> Result<Arc<Loaded>, ServeError> {
        let listener = &self.listener.0;
        listener.begin(READING, 0);
        let bundle = read();
        listener.end();
        let bundle = bundle?;
        listener.begin(INDEXING, 0);
        let loaded = self.prepare(bundle);
        listener.end();
        Ok(loaded)
    }

    fn info(&self, manifest: Manifest) -> Result<ModelInfo, ServeError> {
        let version = manifest.version.clone();
        Ok(ModelInfo {
            is_current: self.registry.current()?.as_ref() == Some(&version),
            is_serving: self.serving_version().as_ref() == Some(&version),
            load_error: self.load_error(&version),
            manifest: Ok(manifest),
            version,
        })
    }

    fn hold_loading(&self) -> MutexGuard<'_, ()> {
        // The lock guards no data that a panic could have left half changed.
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why this model was not taken into service when the registry named it as current.
    fn load_error(&self, version: &str) -> Option<String> {
        let failure = self.last_failure();
        let failure = failure.as_ref()?;
        (failure.version.as_deref() == Some(version)).then(|| failure.message.clone())
    }

    fn last_failure(&self) -> MutexGuard<'_, Option<ReloadFailure>> {
        self.reload_failure.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<BundleError> for ServeError {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::UnknownVersion { version, .. } | BundleError::BadVersion { name: version } => {
                Self::UnknownVersion { version }
            }
            BundleError::NothingToRollBack { .. } => Self::NothingToRollBack,
            other => Self::Bundle(Arc::new(other)),
        }
    }
}
