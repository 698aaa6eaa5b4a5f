//! Evaluation: how good the models are on data that they have not seen.
//!
//! Enters: histories and a recipe, or the two halves of a fixed split. Leaves: reports that serialise to the published
//! JSON. Nothing here fits with what it measures on: every fold fits on what was before its cut-off, with the functions
//! that fit for service.
//!
//! The one decision: the two kinds of model are judged apart, each by the protocol of its field, and one that the log
//! cannot judge says why instead of taking the other along.

pub mod buy_again;
pub mod cross_sell;
pub mod fixed;
pub mod next_basket;
pub mod sessions;
pub mod temporal_ranking;
#[cfg(test)]
mod tests;

use serde::Serialize;

use crate::catalog::Categories;
use crate::churn::{self, BacktestOptions, ChurnBacktest, Shop};
use crate::history::Dataset;
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::time::Timestamp;
use temporal_ranking::{TemporalReport, TemporalSplit, evaluate_ranking};

/// What an evaluation in time found.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Models that rank items.
    pub recommend: Judged<TemporalReport>,
    /// The churn model.
    pub churn: Judged<ChurnBacktest>,
}

/// A report, or why the log cannot give one.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Judged<T> {
    /// What was found.
    Report(T),
    /// The rule that refused.
    Refused {
        /// The rule and its numbers.
        refused: String,
    },
}

impl<T> Judged<T> {
    /// The report, where there is one.
    pub fn report(&self) -> Option<&T> {
        match self {
            Self::Report(report) => Some(report),
            Self::Refused { .. } => None,
        }
    }
}

impl<T, E: std::error::Error> From<Result<T, E>> for Judged<T> {
    fn from(judged: Result<T, E>) -> Self {
        match judged {
            Ok(report) => Self::Report(report),
            Err(error) => {
                let mut refused = error.to_string();
                let mut cause = error.source();
                while let Some(inner) = cause {
                    refused.push_str(&format!(": {inner}"));
                    cause = inner.source();
                }
                Self::Refused { refused }
            }
        }
    }
}

/// Judges a recipe on a log's own past: ranking on the last window before `through`, churn on rolling horizons.
///
/// # Determinism
/// The same for any number of threads.
pub fn evaluate(
    dataset: &Dataset,
    recipe: &Recipe,
    through: Timestamp,
    progress: &dyn Progress,
) -> Evaluation {
    let histories = &dataset.histories;
    let rules = &recipe.raw.evaluate;
    let split = TemporalSplit {
        cut_off: through.plus_days(-f64::from(rules.window_days)),
        end: through,
        k: rules.k as usize,
        seed: recipe.raw.seed,
    };
    let recommend = evaluate_ranking(histories, &recipe.weighting, &recipe.recommend, &split, progress);
    let categories = Categories::of(&dataset.catalog);
    let shop = Shop {
        calendar: &dataset.calendar,
        categories: &categories,
    };
    let params = recipe.churn.with_horizon_of(histories, shop.calendar, through);
    let options = BacktestOptions::evenly(&params, through, rules.folds as usize, recipe.raw.seed);
    let churn = churn::backtest(histories, shop, &params, through, &options, progress);
    Evaluation {
        recommend: recommend.into(),
        churn: churn.into(),
    }
}
