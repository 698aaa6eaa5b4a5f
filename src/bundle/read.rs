//! From a folder to a bundle: files mapped, checksummed and checked value by value, all of it side by side.
//!
//! The one decision: checksums are computed beside the checks of values instead of before them, because either reads every
//! byte and takes seconds for a large shop. What the checks find is told only when every checksum holds: a file that was
//! changed is named as such, whatever its values look like.

use std::path::Path;

use super::error::BundleError;
use super::files::{self, Content};
use super::manifest::{FORMAT_VERSION, MANIFEST, Manifest, Shapes};
use super::{Bundle, BundleParts, CHURN, CUSTOMERS, catalog, histories, models, shelves};
use crate::churn::{ChurnModel, Profiler};
use crate::recommend::Shelves;
use crate::rules::{Placements, RawPlacements};
use crate::time::Calendar;

/// The format since which the customers' values are there.
const CUSTOMERS_SINCE: u32 = 3;
/// The format since which the shelves are there.
const SHELVES_SINCE: u32 = 4;

impl Bundle {
    /// Reads and checks a bundle's folder, on the threads of the rayon pool that it is called in.
    ///
    /// Large arrays stay in the files, which are mapped (see `bundle/mapped.rs`): nobody may change the folder as long as
    /// anything of the bundle is in use, but removing it is safe.
    ///
    /// # Errors
    /// The first file that is missing, truncated, changed, from a newer format, or holds what it must not.
    pub fn read(folder: &Path) -> Result<Self, BundleError> {
        let manifest = Manifest::read(folder)?;
        let contents = files::open(folder, &manifest)?;
        let folder = Folder {
            path: folder,
            manifest: &manifest,
            contents: &contents,
        };
        let (unchanged, parts) = rayon::join(|| files::check(&contents), || folder.parts());
        unchanged?;
        let parts = parts?;
        Ok(Self { manifest, parts })
    }
}

/// The files of one bundle.
struct Folder<'a> {
    path: &'a Path,
    manifest: &'a Manifest,
    contents: &'a [Content<'a>],
}

impl<'a> Folder<'a> {
    fn parts(&self) -> Result<BundleParts, BundleError> {
        let manifest = self.manifest;
        self.refuse_unknown()?;
        let calendar =
            Calendar::new(&manifest.calendar_zone).map_err(|error| self.about_manifest(error.to_string()))?;
        let params = self.listed(models::PARAMS)?;
        let params = models::read_params(&params.file, &params.bytes)?;
        // What the manifest says; below it is held against the rows of the histories, before anything else is told.
        let n_items = manifest.shapes.items;
        let ((histories, catalog), (models, shelves)) = rayon::join(
            || {
                rayon::join(
                    || {
                        let content = self.listed(histories::FILE)?;
                        histories::read(&content.file, &content.bytes)
                    },
                    || {
                        let content = self.listed(catalog::FILE)?;
                        catalog::read(&content.file, &content.bytes, n_items)
                    },
                )
            },
            || {
                rayon::join(
                    || {
                        let content = self.listed(models::FILE)?;
                        models::read(&content.file, &content.bytes, params.clone(), n_items)
                    },
                    || self.shelves(&params, &calendar),
                )
            },
        );
        let histories = histories?;
        let mut shapes = Shapes {
            customers: histories.customers().len(),
            items: histories.items().len(),
            events: histories.n_events(),
            factors: manifest.shapes.factors,
        };
        self.refuse_other(shapes)?;
        let (catalog, models, shelves) = (catalog?, models?, shelves?);
        shapes.factors = models.blend.ials().item_factors().ncols();
        self.refuse_other(shapes)?;
        Ok(BundleParts {
            placements: self.placements()?,
            histories,
            catalog,
            calendar,
            weighting: models.weighting,
            recommend: models.recommend,
            blend: models.blend,
            shelves,
            trending: models.trending,
            churn: self.churn()?,
            profiler: self.profiler()?,
            seed: manifest.seed,
            recipe: manifest.recipe.clone(),
            metrics: manifest.metrics.clone(),
            data_fingerprint: manifest.data_fingerprint.clone(),
            data_through: manifest.data_through,
        })
    }

    fn shelves(&self, params: &models::Params, calendar: &Calendar) -> Result<Option<Shelves>, BundleError> {
        match (self.file(shelves::FILE), self.file(shelves::FACTS)) {
            (Some(arrays), Some(facts)) => shelves::read(
                (&arrays.file, &arrays.bytes),
                (&facts.file, &facts.bytes),
                &params.recommend,
                calendar,
                self.manifest.shapes.items,
            )
            .map(Some),
            (None, None) if self.manifest.format_version < SHELVES_SINCE => Ok(None),
            (None, _) => Err(self.unlisted(shelves::FILE)),
            (_, None) => Err(self.unlisted(shelves::FACTS)),
        }
    }

    fn churn(&self) -> Result<Result<ChurnModel, String>, BundleError> {
        match (self.file(CHURN), &self.manifest.churn_refusal) {
            (Some(content), None) => serde_json::from_slice(&content.bytes)
                .map(Ok)
                .map_err(|error| BundleError::invalid(&content.file, error.to_string())),
            (None, Some(why)) => Ok(Err(why.clone())),
            (Some(_), Some(_)) => {
                Err(self.about_manifest(format!("\"churn_refusal\" is given beside {CHURN}")))
            }
            (None, None) => Err(self.unlisted(CHURN)),
        }
    }

    fn profiler(&self) -> Result<Option<Profiler>, BundleError> {
        match self.file(CUSTOMERS) {
            Some(content) => serde_json::from_slice(&content.bytes)
                .map_err(|error| BundleError::invalid(&content.file, error.to_string())),
            None if self.manifest.format_version < CUSTOMERS_SINCE => Ok(None),
            None => Err(self.unlisted(CUSTOMERS)),
        }
    }

    fn placements(&self) -> Result<Placements, BundleError> {
        let about =
            |error: &dyn std::error::Error| self.about_manifest(format!("\"recipe.placements\": {error}"));
        let raw: Option<RawPlacements> = self
            .manifest
            .recipe
            .get("placements")
            .map(|raw| serde_json::from_value(raw.clone()))
            .transpose()
            .map_err(|error| about(&error))?;
        Placements::try_from(raw.unwrap_or_default()).map_err(|error| about(&error))
    }

    /// Refuses a file that no format has.
    fn refuse_unknown(&self) -> Result<(), BundleError> {
        const KNOWN: [&str; 8] = [
            histories::FILE,
            catalog::FILE,
            models::FILE,
            models::PARAMS,
            shelves::FILE,
            shelves::FACTS,
            CHURN,
            CUSTOMERS,
        ];
        let names = self.contents.iter().map(|content| content.entry.name.as_str());
        for (at, name) in names.enumerate() {
            if !KNOWN.contains(&name) {
                return Err(self.about_manifest(format!(
                    "\"files\" lists {name:?}, which is no part of format {FORMAT_VERSION}"
                )));
            }
            if self.contents[..at].iter().any(|before| before.entry.name == name) {
                return Err(self.about_manifest(format!("\"files\" lists {name:?} twice")));
            }
        }
        Ok(())
    }

    fn refuse_other(&self, found: Shapes) -> Result<(), BundleError> {
        let said = self.manifest.shapes;
        match found == said {
            true => Ok(()),
            false => Err(self.about_manifest(format!("\"shapes\" is {said:?} but the files hold {found:?}"))),
        }
    }

    fn file(&self, name: &str) -> Option<&'a Content<'a>> {
        self.contents.iter().find(|content| content.entry.name == name)
    }

    fn listed(&self, name: &str) -> Result<&'a Content<'a>, BundleError> {
        self.file(name).ok_or_else(|| self.unlisted(name))
    }

    fn unlisted(&self, name: &str) -> BundleError {
        self.about_manifest(format!("\"files\" does not list {name}"))
    }

    fn about_manifest(&self, reason: String) -> BundleError {
        BundleError::invalid(self.path.join(MANIFEST), reason)
    }
}
