//! DOOR: the model bundle on disk.
//!
//! Enters: what a training made ([`BundleParts`]), or the folder that somebody else wrote. Leaves: an immutable folder of a
//! manifest and safetensors files, or the parts again, every byte checksummed and every value checked.
//!
//! | file | holds |
//! |---|---|
//! | `manifest.json` | [`Manifest`]: format, version, recipe, data, shapes, metrics, checksums |
//! | `histories.safetensors` | ids and the columns of events |
//! | `catalog.safetensors` | what is known of each item |
//! | `models.safetensors` | links (items × items, sparse), low-pass directions (items × rank), item factors (items × factors), scores of popularity and trending (items) |
//! | `params.json` | the raw parameters of the weighting and of every model, with the weights of the blend |
//! | `churn.json` | the churn model; not there when the training refused it |
//! | `shelves.safetensors`, `shelves.json` | how items relate, what is better, on the move, due again, and how visits go on |
//! | `customers.json` | limits of the segments, and the value model; `null` when nobody bought |
//!
//! The one decision: a bundle is believed only whole. Its files are named, measured and hashed by the manifest, so one
//! that is truncated, changed, missing or from a newer Rapport is refused before any of it is used.
//!
//! Deliberately not here: what answers are made of it (`serve`), and when to train (`train`).

mod arrays;
mod catalog;
mod error;
mod files;
mod histories;
mod manifest;
mod mapped;
mod models;
mod read;
mod registry;
mod shelves;
mod sizes;
mod version;

pub use error::BundleError;
pub use manifest::{FORMAT_VERSION, FileEntry, MANIFEST, Manifest, Period, Shapes};
pub use registry::{Listed, Registry};
pub use sizes::Sizes;

use std::fmt;

use crate::catalog::Catalog;
use crate::churn::{ChurnModel, Profiler};
use crate::history::{Histories, Weighting};
use crate::recommend::{Blend, Popularity, RecommendParams, Shelves};
use crate::rules::Placements;
use crate::time::{Calendar, Timestamp};

const CHURN: &str = "churn.json";
const CUSTOMERS: &str = "customers.json";

/// What a training makes and a server needs.
#[derive(Clone)]
pub struct BundleParts {
    /// The customers' histories.
    pub histories: Histories,
    /// What is known of each item of the histories, by row.
    pub catalog: Catalog,
    /// The shop's calendar.
    pub calendar: Calendar,
    /// How a history is weighed.
    pub weighting: Weighting,
    /// The models that rank, blended.
    pub blend: Blend,
    /// How the models that rank were fitted.
    pub recommend: RecommendParams,
    /// What the shelves beside "you may like" are answered from; `None` in bundles before format 4.
    pub shelves: Option<Shelves>,
    /// What is wanted just now, whatever is usual: only in bundles before format 4.
    pub trending: Option<Popularity>,
    /// The churn model, or the rule that refused its training.
    pub churn: Result<ChurnModel, String>,
    /// Segments, stages and values; `None` where nobody bought, and in bundles before format 3.
    pub profiler: Option<Profiler>,
    /// What each place on the shop's pages shows, by the recipe.
    pub placements: Placements,
    /// Seed of everything random in the training.
    pub seed: u64,
    /// The recipe, whole.
    pub recipe: serde_json::Value,
    /// What the training measured.
    pub metrics: serde_json::Value,
    /// Digest of the log.
    pub data_fingerprint: String,
    /// One microsecond after the last event that the training saw.
    pub data_through: Timestamp,
}

/// A bundle that was read: its manifest and its parts.
#[derive(Clone, Debug)]
pub struct Bundle {
    /// What it says of itself.
    pub manifest: Manifest,
    /// What it holds.
    pub parts: BundleParts,
}

impl fmt::Debug for BundleParts {
    /// Where the parts come from: their content is millions of numbers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BundleParts")
            .field("data_fingerprint", &self.data_fingerprint)
            .field("data_through", &self.data_through)
            .finish_non_exhaustive()
    }
}

impl BundleParts {
    /// The files and the manifest that names them.
    fn encode(&self, created_at: Timestamp) -> Result<(Manifest, Vec<files::NamedContent>), BundleError> {
        let json = |file: &str, error: serde_json::Error| BundleError::invalid(file, error.to_string());
        let mut contents = vec![
            (
                histories::FILE,
                histories::write(&self.histories, histories::FILE.as_ref())?,
            ),
            (
                catalog::FILE,
                catalog::write(&self.catalog, catalog::FILE.as_ref())?,
            ),
            (models::FILE, models::write(self, models::FILE.as_ref())?),
            (models::PARAMS, models::write_params(self)?),
        ];
        if let Some(shelves) = &self.shelves {
            contents.push((shelves::FILE, shelves::write(shelves, shelves::FILE.as_ref())?));
            contents.push((shelves::FACTS, shelves::write_facts(shelves)?));
        }
        if let Ok(model) = &self.churn {
            contents.push((
                CHURN,
                serde_json::to_vec_pretty(model).map_err(|error| json(CHURN, error))?,
            ));
        }
        contents.push((
            CUSTOMERS,
            serde_json::to_vec_pretty(&self.profiler).map_err(|error| json(CUSTOMERS, error))?,
        ));
        let mut manifest = Manifest {
            format_version: FORMAT_VERSION,
            rapport_version: env!("CARGO_PKG_VERSION").to_owned(),
            version: String::new(),
            created_at,
            seed: self.seed,
            recipe: self.recipe.clone(),
            data_fingerprint: self.data_fingerprint.clone(),
            data_through: self.data_through,
            period: self.histories.period().map(|(from, to)| Period { from, to }),
            calendar_zone: self.calendar.zone().to_owned(),
            shapes: Shapes {
                customers: self.histories.customers().len(),
                items: self.histories.items().len(),
                events: self.histories.n_events(),
                factors: self.blend.ials().item_factors().ncols(),
            },
            metrics: self.metrics.clone(),
            churn_horizon_days: self.churn.as_ref().ok().map(ChurnModel::horizon_days),
            churn_refusal: self.churn.as_ref().err().cloned(),
            files: files::entries(&contents),
        };
        // The digest is that of the manifest without its name, which holds the checksum of every file.
        let unnamed = serde_json::to_vec(&manifest).map_err(|error| json(MANIFEST, error))?;
        manifest.version = version::version(created_at, &files::sha256(&unnamed));
        Ok((manifest, contents))
    }
}
