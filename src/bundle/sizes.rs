//! What a bundle takes on disk, by what it grows with.

use std::path::Path;

use safetensors::SafeTensors;

use super::error::BundleError;
use super::manifest::Manifest;
use super::{histories, mapped};

/// Bytes on disk, by what they grow with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The customers' names, and where their events begin.
    pub customers: u64,
    /// All events.
    pub events: u64,
    /// What remains: names and facts of the items, and the models, which know items and no customers.
    pub items: u64,
}

impl Sizes {
    pub(super) fn read(folder: &Path, manifest: &Manifest) -> Result<Self, BundleError> {
        let file = folder.join(histories::FILE);
        let bytes = |name: &str| {
            let entry = manifest.files.iter().find(|entry| entry.name == name);
            entry.map_or(0, |entry| entry.bytes)
        };
        let content = mapped::content(&file, bytes(histories::FILE))?;
        let (_, header) = SafeTensors::read_metadata(&content)
            .map_err(|error| BundleError::invalid(&file, format!("no safetensors file: {error}")))?;
        let (mut customers, mut events) = (0, 0);
        for (name, array) in header.tensors() {
            let (from, to) = array.data_offsets;
            match histories::grows_with(&name) {
                Some(histories::Grows::Customers) => customers += (to - from) as u64,
                Some(histories::Grows::Events) => events += (to - from) as u64,
                None => {}
            }
        }
        let all: u64 = manifest.files.iter().map(|entry| entry.bytes).sum();
        Ok(Self {
            customers,
            events,
            items: all.saturating_sub(customers + events),
        })
    }

    /// Everything.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.customers + self.events + self.items
    }
}
