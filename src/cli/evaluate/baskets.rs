//! What foretelling the next baskets found, for a person.

use std::path::Path;

use anyhow::Context;

use super::words::{percent, with_interval};
use crate::cli::output::{self, count};
use crate::cli::progress::Bars;
use crate::evaluate::next_basket::{BasketsOptions, BasketsReport, evaluate_baskets};
use crate::log::read_baskets;
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::recipe::Recipe;

/// The cut-off of the published tables.
pub(super) const USUAL_K: u32 = 10;

/// Reads both halves and judges all models, or one.
pub(super) fn judge(
    train: &Path,
    test: &Path,
    recipe: &Recipe,
    k: usize,
    model: Option<&str>,
) -> anyhow::Result<BasketsReport> {
    let read = |path: &Path| read_baskets(path).context("cannot read the baskets");
    let options = BasketsOptions {
        k,
        model,
        bootstrap: Bootstrap {
            seed: recipe.raw.seed,
            ..Bootstrap::default()
        },
    };
    let (train, test) = (read(train)?, read(test)?);
    let params = &recipe.recommend.next_basket;
    Ok(evaluate_baskets(
        &train,
        &test,
        params,
        &options,
        &Bars::default(),
    )?)
}

/// One table of all models.
pub(super) fn describe(report: &BasketsReport) -> String {
    let k = report.k;
    let written = |value: f64, interval: Option<Interval>| {
        interval.map_or_else(
            || format!("{value:.4}"),
            |interval| with_interval(value, interval),
        )
    };
    let rows = report.models.iter().map(|(name, model)| {
        vec![
            name.clone(),
            written(model.recall, model.recall_interval),
            written(model.ndcg, model.ndcg_interval),
            format!("{:.4}", model.repeat_recall),
            format!("{:.4}", model.explore_recall),
            format!("{:.1}", model.fit_seconds),
            format!("{:.1}", model.rank_seconds),
        ]
    });
    let header = [
        "model",
        &format!("recall@{k}"),
        &format!("NDCG@{k}"),
        "of repeats",
        "of new items",
        "fit s",
        "rank s",
    ];
    format!(
        "The next baskets of {} customers foretold, {} items ({} bought before by the customer, {} never seen in training, which \
         count as misses), after learning from {} baskets of {} items; intervals are 95 % over customers\n\n{}",
        count(report.customers as u64),
        count(report.test_items as u64),
        percent(report.repeated_test_items as f64 / report.test_items.max(1) as f64),
        count(report.unknown_test_items as u64),
        count(report.train_baskets as u64),
        count(report.items as u64),
        output::table(&header, 1, rows)
    )
}
