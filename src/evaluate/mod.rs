//! Evaluation: how good the models are on data that they have not seen.
//!
//! Enters: histories and a recipe, or the two halves of a fixed split. Leaves: reports that serialise to the published
//! JSON. Nothing here fits with what it measures on: every fold fits on what was before its cut-off, with the functions
//! that fit for service.
//!
//! The one decision: every kind of model is judged apart, by the protocol of its field, and one that the log cannot judge
//! says why instead of taking the others along.

pub mod buy_again;
pub mod cross_sell;
pub mod fixed;
pub mod margin;
pub mod next_basket;
pub mod sessions;
pub mod temporal_ranking;
#[cfg(test)]
mod tests;
pub mod visits;

use serde::Serialize;

use crate::catalog::Categories;
use crate::churn::{self, BacktestOptions, ChurnBacktest};
use crate::history::Dataset;
use crate::measure::bootstrap::Bootstrap;
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::recommend::buy_again::{BuyAgainError, BuyAgainInputs};
use crate::recommend::relations;
use crate::time::Timestamp;
use buy_again::{BuyAgainEvaluation, BuyAgainQuestion};
use cross_sell::{BasketError, BasketRules, CrossSellReport, evaluate_cross_sell};
use margin::{MarginReport, evaluate_margin};
use temporal_ranking::{TemporalReport, TemporalSplit, evaluate_ranking};
use visits::{VisitInputs, VisitsReport, evaluate_visits};

/// Cut-off of the rankings for a cart: about what a shelf shows.
const CART_K: usize = 10;
/// Items of a basket that are given in turn, at most.
const GIVEN_PER_BASKET: usize = 10;

/// What an evaluation in time found.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluation {
    /// Models that rank items.
    pub recommend: Judged<TemporalReport>,
    /// The churn model.
    pub churn: Judged<ChurnBacktest>,
    /// What goes with the items of a cart.
    pub cross_sell: Judged<CrossSellReport>,
    /// What is bought again.
    pub buy_again: Judged<BuyAgainEvaluation>,
    /// What the margin dial costs.
    pub margin: Judged<MarginReport>,
    /// How visits go on.
    pub visits: Judged<VisitsReport>,
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
            Err(error) => Self::refused(&error),
        }
    }
}

impl<T> Judged<T> {
    /// The rule that refused, with all that led to it.
    fn refused(error: &dyn std::error::Error) -> Self {
        let mut refused = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            refused.push_str(&format!(": {inner}"));
            cause = inner.source();
        }
        Self::Refused { refused }
    }
}

/// Judges a recipe on a log's own past: all that is recommended on the last window before `through`, fitted to what was
/// before the window, and churn on rolling horizons.
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
    let ranked = evaluate_ranking(histories, &recipe.weighting, &recipe.recommend, &split, progress);
    let (recommend, margin, visits) = match ranked {
        Ok((report, judged)) => {
            let inputs = VisitInputs {
                histories,
                weighting: &recipe.weighting,
                sessions: &recipe.recommend.sessions,
            };
            (
                Judged::Report(report),
                evaluate_margin(&judged, histories.items(), &dataset.catalog).into(),
                evaluate_visits(inputs, &judged, progress).into(),
            )
        }
        // Without a blend there is nothing to dial and nothing to join.
        Err(error) => (
            Judged::refused(&error),
            Judged::refused(&error),
            Judged::refused(&error),
        ),
    };
    Evaluation {
        recommend,
        churn: judge_churn(dataset, recipe, through, progress),
        cross_sell: judge_cross_sell(dataset, recipe, &split, progress).into(),
        buy_again: judge_buy_again(dataset, recipe, &split, progress).into(),
        margin,
        visits,
    }
}

fn judge_churn(
    dataset: &Dataset,
    recipe: &Recipe,
    through: Timestamp,
    progress: &dyn Progress,
) -> Judged<ChurnBacktest> {
    let histories = &dataset.histories;
    let categories = Categories::of(&dataset.catalog);
    let shop = churn::Shop {
        calendar: &dataset.calendar,
        categories: &categories,
    };
    let params = recipe.churn.with_horizon_of(histories, shop.calendar, through);
    let folds = recipe.raw.evaluate.folds as usize;
    let options = BacktestOptions::evenly(&params, through, folds, recipe.raw.seed);
    churn::backtest(histories, shop, &params, through, &options, progress).into()
}

fn judge_cross_sell(
    dataset: &Dataset,
    recipe: &Recipe,
    split: &TemporalSplit,
    progress: &dyn Progress,
) -> Result<CrossSellReport, BasketError> {
    let shop = relations::Shop {
        histories: &dataset.histories,
        catalog: &dataset.catalog,
        calendar: &dataset.calendar,
        now: split.cut_off,
    };
    let params = &recipe.recommend;
    let rules = BasketRules {
        end: split.end,
        k: CART_K,
        given_per_basket: GIVEN_PER_BASKET,
        seed: split.seed,
    };
    evaluate_cross_sell(shop, &params.cross_sell, &params.similar, rules, progress)
}

fn judge_buy_again(
    dataset: &Dataset,
    recipe: &Recipe,
    split: &TemporalSplit,
    progress: &dyn Progress,
) -> Result<BuyAgainEvaluation, BuyAgainError> {
    let inputs = BuyAgainInputs {
        histories: &dataset.histories,
        catalog: Some(&dataset.catalog),
        calendar: &dataset.calendar,
    };
    let question = BuyAgainQuestion {
        cut_off: split.cut_off,
        window_days: f64::from(recipe.raw.evaluate.window_days),
        bootstrap: Bootstrap {
            seed: split.seed,
            ..Bootstrap::default()
        },
    };
    progress.begin("Judging what is bought again", 1);
    let found = buy_again::evaluate(inputs, &recipe.recommend.buy_again, &question);
    progress.end();
    found
}
