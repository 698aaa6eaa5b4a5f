//! The search for settings: hyper-parameters of every model, what an event is worth, and the weights of the blend.
//!
//! Enters: pairs or a log, and a recipe to begin with. Leaves: a recipe that ranks better on what was held out of the
//! data, and a report of how it was found.
//!
//! The search goes model by model, so that each stage has a handful of dimensions: a simplex over them
//! until it contracts or its share of the budget is used up; what is left goes to the stages that follow.
//! Then models twice the size are tried, and half the links: those that the blend does not miss are dropped, because every
//! answer adds them up one by one. Then each model is searched again, by what the blend of all of them reaches with it: the
//! best part is not the one that is best alone. Last, the weights of the blend are learned.
//!
//! The one decision: the search is a pure function of the scores and seconds of its trials, and every trial is written
//! down before the next begins. So a search that was interrupted is replayed from its [`Journal`] in no time and goes on
//! exactly where it stopped.
//!
//! Deliberately not here: files and the clock. Both are the command line's, behind [`Notebook`] and [`Stopwatch`].

mod journal;
mod judge;
mod plan;
mod report;
mod run;
mod search;
mod slices;
mod space;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::recipe::RawRecipe;
use crate::recommend::FitError;

pub use journal::{Header, Journal, JournalError, Trial, Tried};
pub use plan::NAMES;
pub use report::{BlendReport, StageReport, TuneReport};
pub use run::{Tools, Tuned, header, tune};
pub use slices::{Data, FEWEST_JUDGED, Slices};

/// What a search may use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// Seconds of trials, in all.
    Seconds(f64),
    /// Trials of each stage.
    Trials(usize),
}

/// What is asked of a search.
#[derive(Clone, Debug)]
pub struct Options {
    /// What it may use.
    pub limit: Limit,
    /// Seed of the slices and of the fits.
    pub seed: u64,
    /// What is searched, of [`NAMES`]; everything when empty.
    pub models: Vec<String>,
    /// Whether no larger models are tried.
    pub keep_sizes: bool,
}

/// Where a search writes what must not be lost.
pub trait Notebook {
    /// Takes a trial down; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    fn trial(&mut self, trial: &Trial) -> std::io::Result<()>;

    /// Takes the best recipe so far down, in place of the one before; `preamble` says how it was found.
    ///
    /// # Errors
    /// When it cannot be written.
    fn recipe(&mut self, raw: &RawRecipe, preamble: &str) -> std::io::Result<()>;
}

/// Tells how time passes.
pub trait Stopwatch {
    /// Seconds since some instant.
    fn seconds(&self) -> f64;
}

/// Why there is no tuned recipe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// A log without events.
    #[error("the log has no event to learn from; `rapport inspect` shows what was read and what was dropped")]
    NoEvents,
    /// Nobody to judge by.
    #[error("only {judged} customers {slice}: settings judged by fewer than {least} would be chance")]
    TooFewJudged {
        /// How many there are.
        judged: usize,
        /// How many there must be.
        least: usize,
        /// What a customer must have.
        slice: &'static str,
    },
    /// The models cannot be fitted with the settings that the search began with.
    #[error("a model cannot be fitted to what is left of the data")]
    Fit(#[from] FitError),
    /// A setting outside its range: a fault of this program, for the recipe was checked.
    #[error("the search went where no recipe may go")]
    Params(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The journal or the recipe cannot be written.
    #[error("cannot write down what was found")]
    Notebook(#[source] std::io::Error),
}

impl TuneError {
    fn params(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Params(Box::new(error))
    }
}
