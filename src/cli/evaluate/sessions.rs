//! What foretelling the next clicks found, for a person.

use std::path::Path;

use anyhow::Context;

use super::words::with_interval;
use crate::cli::output::{self, count};
use crate::evaluate::sessions::{Clicked, EvaluateOptions, SessionsReport, TestClicks, evaluate_sessions};
use crate::log::{SessionShape, read_clicks, read_item_lists, read_prefixes, sessions_of_clicks};
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::recipe::Recipe;
use crate::recommend::sessions::RawKnnParams;

/// Sessions to learn from.
pub(super) fn read_train(path: &Path, shape: SessionShape) -> anyhow::Result<Vec<Clicked>> {
    Ok(match shape {
        SessionShape::Clicks => sessions_of_clicks(read_clicks(path).context(CANNOT_READ)?)
            .into_iter()
            .map(|session| Clicked {
                items: session.items,
                end: session.end,
            })
            .collect(),
        // Prefixes are refused before; their rows would be lists without what followed.
        SessionShape::Lists | SessionShape::Prefixes => (0..)
            .zip(read_item_lists(path).context(CANNOT_READ)?)
            .map(|(end, items)| Clicked { items, end })
            .collect(),
    })
}

/// Sessions to foretell: each click but the first, or the target alone.
pub(super) fn read_test(path: &Path, shape: SessionShape) -> anyhow::Result<Vec<TestClicks>> {
    let whole = |items| TestClicks { items, first: 1 };
    Ok(match shape {
        SessionShape::Clicks => sessions_of_clicks(read_clicks(path).context(CANNOT_READ)?)
            .into_iter()
            .map(|session| whole(session.items))
            .collect(),
        SessionShape::Lists => read_item_lists(path)
            .context(CANNOT_READ)?
            .into_iter()
            .map(whole)
            .collect(),
        SessionShape::Prefixes => read_prefixes(path)
            .context(CANNOT_READ)?
            .into_iter()
            .map(|prefix| {
                let first = prefix.items.len();
                let mut items = prefix.items;
                items.push(prefix.target);
                TestClicks { items, first }
            })
            .collect(),
    })
}

const CANNOT_READ: &str = "cannot read the sessions";

/// Judges all models, or one. VMIS-kNN alone has the settings of Serenade's own evaluator, as a peer outside.
pub(super) fn judge(
    train: &[Clicked],
    test: &[TestClicks],
    recipe: &Recipe,
    k: usize,
    model: Option<&str>,
) -> anyhow::Result<SessionsReport> {
    let options = EvaluateOptions {
        k,
        models: model.as_slice(),
        vmis: RawKnnParams::serenade(),
        bootstrap: Bootstrap {
            seed: recipe.raw.seed,
            ..Bootstrap::default()
        },
    };
    Ok(evaluate_sessions(
        train,
        test,
        &recipe.recommend.sessions,
        &options,
    )?)
}

/// One table of all models.
pub(super) fn describe(report: &SessionsReport) -> String {
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
            written(model.mrr, model.mrr_interval),
            written(model.hit_rate, model.hit_rate_interval),
            format!("{:.1}", model.fit_seconds),
            format!("{:.1}", model.rank_seconds),
        ]
    });
    let header = [
        "model",
        &format!("MRR@{k}"),
        &format!("hit rate@{k}"),
        "fit s",
        "rank s",
    ];
    format!(
        "{} clicks of {} test sessions foretold ({} on items never seen in training, which count as misses), each from the clicks \
         before it, after learning from {} sessions of {} items; intervals are 95 % over test sessions\n\n{}",
        count(report.predictions as u64),
        count(report.test_sessions as u64),
        count(report.unknown_targets as u64),
        count(report.train_sessions as u64),
        count(report.items as u64),
        output::table(&header, 1, rows)
    )
}
