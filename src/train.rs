//! The training job: from a log that was read to the parts of a bundle.
//!
//! Enters: a [`Dataset`] and a [`Recipe`]. Leaves: [`BundleParts`], ready to be published, and how the fits went.
//!
//! The one decision: a shop whose log cannot teach churn yet still gets its recommendations. The rule that refused
//! travels in the bundle, so that the service can say why there is no score instead of making one up.

use serde::Serialize;

use crate::bundle::BundleParts;
use crate::catalog::Categories;
use crate::churn::value::ValueFitReport;
use crate::churn::{ChurnFitReport, ChurnModel, Profiler, Shop};
use crate::history::{Dataset, interaction_matrix};
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::recommend::blend::Fitting;
use crate::recommend::{FitError, RawWeights, Shelves, ShelvesReport, relations};
use crate::time::Timestamp;

/// Why no bundle can be made of a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// Nothing happened before the end of the data.
    #[error("the log has no event to learn from; `rapport inspect` shows what was read and what was dropped")]
    NoEvents,
    /// A model that ranks could not be fitted.
    #[error("cannot fit the models that rank")]
    Recommend(#[from] FitError),
    /// The recipe has no JSON form: a fault of this program.
    #[error("the recipe cannot be written into the bundle")]
    Recipe(#[from] serde_json::Error),
}

/// How the fits went.
#[derive(Debug, Serialize)]
pub struct TrainReport {
    /// Entries of the customer × item matrix.
    pub matrix_entries: usize,
    /// How much each part of the blend counts.
    pub blend_weights: RawWeights,
    /// How the fits of the shelves beside it went.
    pub shelves: ShelvesReport,
    /// How the churn fit went; `None` where it was refused.
    pub churn: Option<ChurnFitReport>,
    /// The rule that refused the churn model.
    pub churn_refusal: Option<String>,
    /// How the fit of the value model went; `None` where it was refused, or nobody bought.
    pub value: Option<ValueFitReport>,
    /// The rule that refused the value model.
    pub value_refusal: Option<String>,
}

/// One microsecond after the last event: the earliest instant at which the whole log is the past.
#[must_use]
pub fn data_through(dataset: &Dataset) -> Option<Timestamp> {
    let (_, last) = dataset.histories.period()?;
    Timestamp::from_micros(last.as_micros() + 1)
}

/// Fits every model of the recipe to everything before `through`.
///
/// `metrics` is what an evaluation measured of this recipe on this log; it is kept in the bundle's manifest as it is.
///
/// # Errors
/// [`TrainError`]; a log that only cannot teach churn is no error.
///
/// # Determinism
/// The same log, recipe and `through` give the same parts for any number of threads.
pub fn train(
    dataset: Dataset,
    recipe: &Recipe,
    through: Timestamp,
    metrics: serde_json::Value,
    progress: &dyn Progress,
) -> Result<(BundleParts, TrainReport), TrainError> {
    let Dataset {
        histories,
        catalog,
        calendar,
        fingerprint,
        report: _,
    } = dataset;
    if histories.n_events() == 0 {
        return Err(TrainError::NoEvents);
    }
    let matrix = interaction_matrix(&histories, &recipe.weighting, through);
    let fitting = Fitting {
        params: &recipe.recommend,
        seed: recipe.raw.seed,
        progress,
    };
    let blend = fitting.blend_for_log(&histories, &recipe.weighting, &matrix, through)?;
    let related = relations::Shop {
        histories: &histories,
        catalog: &catalog,
        calendar: &calendar,
        now: through,
    };
    let (shelves, shelves_report) = Shelves::fit(related, &recipe.weighting, &recipe.recommend, progress);
    let categories = Categories::of(&catalog);
    let shop = Shop {
        calendar: &calendar,
        categories: &categories,
    };
    let (churn, churn_report) = match ChurnModel::fit(&histories, shop, &recipe.churn, through, progress) {
        Ok((model, report)) => (Ok(model), Some(report)),
        Err(refusal) => (Err(refusal.to_string()), None),
    };
    let (profiler, value) =
        Profiler::fit(&histories, &calendar, &recipe.churn, &recipe.value, through).unzip();
    let report = TrainReport {
        matrix_entries: matrix.n_entries(),
        blend_weights: blend.weights().raw().clone(),
        shelves: shelves_report,
        churn: churn_report,
        churn_refusal: churn.as_ref().err().cloned(),
        value_refusal: value.as_ref().and_then(|value| value.as_ref().err().cloned()),
        value: value.and_then(Result::ok),
    };
    let parts = BundleParts {
        histories,
        catalog,
        calendar,
        weighting: recipe.weighting.clone(),
        recommend: recipe.recommend.clone(),
        blend,
        shelves: Some(shelves),
        trending: None,
        churn,
        profiler,
        placements: recipe.placements.clone(),
        seed: recipe.raw.seed,
        recipe: serde_json::to_value(&recipe.raw)?,
        metrics,
        data_fingerprint: fingerprint,
        data_through: through,
    };
    Ok((parts, report))
}
