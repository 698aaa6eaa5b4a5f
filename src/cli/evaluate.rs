//! `rapport evaluate`: how good the models are, on a log's own past or on a fixed split.

use std::path::PathBuf;

use anyhow::Context;
use serde_json::{Map, Value, json};

use super::Usage;
use super::input::LogArgs;
use super::memory::ProcessMemory;
use super::output::{self, Format};
use super::progress::Bars;
use crate::churn::ChurnBacktest;
use crate::evaluate::fixed::{FixedOptions, FixedReport, MODELS, evaluate_fixed};
use crate::evaluate::temporal_ranking::{Advantage, Estimate, ProtocolReport, TemporalReport};
use crate::evaluate::{Evaluation, Judged, evaluate};
use crate::log::read_pairs;
use crate::measure::bootstrap::Interval;
use crate::recipe::Recipe;
use crate::recommend::blend::{RawTerm, RawWeights};
use crate::time::Timestamp;
use crate::train::data_through;

/// Measure the models: in time on a log (--events), or on a fixed split of pairs (--train and --test).
///
/// In time, every figure is about what happened after the models' data ended: rankings foresee the purchases of the last
/// window, churn scores are judged on rolling horizons, each beside what needs no model. Intervals are 95 % over customers.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The interaction log: files, folders or globs of CSV (also .gz, .zst), JSON Lines or Parquet.
    #[arg(long, num_args = 1.., value_name = "PATH", conflicts_with_all = ["train", "test"], required_unless_present = "train")]
    events: Vec<PathBuf>,
    /// The item table, in any of the same formats.
    #[arg(long, value_name = "PATH", requires = "events")]
    items: Option<PathBuf>,
    /// Fail on the first row that cannot be used, instead of counting it.
    #[arg(long, requires = "events")]
    strict: bool,
    /// Judge as if the log ended here.
    #[arg(long, value_name = "TIME", requires = "events")]
    as_of: Option<Timestamp>,
    /// Pairs to learn from: Parquet or CSV with user_id and item_id.
    #[arg(long, value_name = "PAIRS", requires = "test")]
    train: Option<PathBuf>,
    /// Pairs to find again.
    #[arg(long, value_name = "PAIRS", requires = "train")]
    test: Option<PathBuf>,
    /// How the log is read and what is fitted; models/default.toml documents every key.
    #[arg(long, value_name = "TOML")]
    recipe: Option<PathBuf>,
    /// Cut-off of the rankings [default: 20, or the recipe's]
    #[arg(long)]
    k: Option<u32>,
    /// Only this model (fixed split).
    #[arg(long, value_name = "NAME", requires = "train", value_parser = MODELS)]
    model: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport evaluate`.
///
/// # Errors
/// Arguments that do not go together, files that cannot be read, a split with nothing to find.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.k.is_some_and(|k| !(1..=500).contains(&k)) {
        return Err(Usage("--k is between 1 and 500".to_owned()).into());
    }
    let format = Format::from_flag(args.json);
    match (&args.train, &args.test) {
        (Some(train), Some(test)) => {
            let report = fixed(args, train, test)?;
            match format {
                Format::Json => output::print_json(&report),
                Format::Text => output::print(&describe_fixed(&report)),
            }
        }
        _ => {
            let evaluation = in_time(args)?;
            match format {
                Format::Json => output::print_json(&evaluation),
                Format::Text => output::print(&describe(&evaluation)),
            }
        }
    }
}

fn fixed(args: &Args, train: &std::path::Path, test: &std::path::Path) -> anyhow::Result<FixedReport> {
    let recipe = Recipe::read(args.recipe.as_deref())?;
    let read = |path: &std::path::Path| read_pairs(path).context("cannot read the pairs");
    let options = FixedOptions {
        k: args.k.unwrap_or(recipe.raw.evaluate.k) as usize,
        model: args.model.as_deref(),
        seed: recipe.raw.seed,
        memory: &ProcessMemory,
    };
    Ok(evaluate_fixed(
        &read(train)?,
        &read(test)?,
        &recipe.recommend,
        &options,
        &Bars::default(),
    )?)
}

fn in_time(args: &Args) -> anyhow::Result<Evaluation> {
    let bars = Bars::default();
    let log = LogArgs {
        events: args.events.clone(),
        items: args.items.clone(),
        recipe: args.recipe.clone(),
        strict: args.strict,
    };
    let (mut recipe, dataset) = log.read(args.as_of, &bars)?;
    if let Some(k) = args.k {
        recipe.raw.evaluate.k = k;
    }
    let through = args
        .as_of
        .or_else(|| data_through(&dataset))
        .context("the log has no event to judge by")?;
    Ok(evaluate(
        &dataset.histories,
        &dataset.calendar,
        &recipe,
        through,
        &bars,
    ))
}

fn describe_fixed(report: &FixedReport) -> String {
    let k = report.k;
    let rows = report.models.iter().map(|(name, model)| {
        vec![
            name.clone(),
            format!("{:.4}", model.metrics.recall),
            format!("{:.4}", model.metrics.ndcg),
            format!("{:.4}", model.metrics.hit_rate),
            format!("{:.4}", model.metrics.reciprocal_rank),
            format!("{:.1}", model.fit_seconds),
            format!("{:.1}", model.rank_seconds),
            mebibytes(model.fit_peak_bytes),
            mebibytes(model.rank_peak_bytes),
        ]
    });
    let header = [
        "model",
        &format!("recall@{k}"),
        &format!("NDCG@{k}"),
        &format!("hit rate@{k}"),
        &format!("MRR@{k}"),
        "fit s",
        "rank s",
        "fit MiB",
        "rank MiB",
    ];
    format!(
        "{} users, {} pairs to learn from, {} to find ({} of items never seen in training, which count as misses)\n{}\n\n{}",
        output::count(report.users as u64),
        output::count(report.train_pairs as u64),
        output::count(report.test_pairs as u64),
        output::count(report.unknown_test_pairs as u64),
        report
            .blend_weights
            .as_ref()
            .map_or_else(String::new, describe_weights),
        output::table(&header, 1, rows)
    )
}

/// The weights of a blend in one line.
pub fn describe_weights(weights: &RawWeights) -> String {
    let term = |name: &str, term: RawTerm| {
        let RawTerm {
            weight,
            length_exponent,
        } = term;
        (weight > 0.0).then(|| format!("{name} {weight:.3} × (n/n̄)^{length_exponent:.2}"))
    };
    let RawWeights {
        usual_length,
        ridge_share,
        links,
        low_pass,
        ials,
        popularity,
    } = weights;
    let links_name = format!("links ({:.0} % ridge)", 100.0 * ridge_share);
    let terms: Vec<String> = [
        term(&links_name, *links),
        term("low-pass", *low_pass),
        term("ials", *ials),
        term("popularity", *popularity),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!(
        "The blend: {}; n items in the history, n̄ = {usual_length}",
        terms.join(" + ")
    )
}

fn mebibytes(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "-".to_owned(), |bytes| (bytes >> 20).to_string())
}

/// The report of an evaluation in time, for a person.
pub fn describe(evaluation: &Evaluation) -> String {
    let recommend = match &evaluation.recommend {
        Judged::Report(report) => describe_ranking(report),
        Judged::Refused { refused } => format!("Ranking: not judged, {refused}"),
    };
    let churn = match &evaluation.churn {
        Judged::Report(report) => describe_churn(report),
        Judged::Refused { refused } => format!("Churn: not judged, {refused}"),
    };
    format!("{recommend}\n\n{churn}")
}

fn with_interval(value: f64, interval: Option<Interval>) -> String {
    match interval {
        Some(Interval { low, high }) => format!("{value:.4} [{low:.4}, {high:.4}]"),
        None => format!("{value:.4}"),
    }
}

fn describe_ranking(report: &TemporalReport) -> String {
    let protocol = |title: &str, found: &ProtocolReport| {
        let rows = found.models.iter().map(|(name, model)| {
            let over = |part: fn(&Advantage) -> Estimate| {
                found.blend_minus.get(name).map_or_else(String::new, |advantage| {
                    let Estimate { value, interval } = part(advantage);
                    with_interval(value, interval)
                })
            };
            vec![
                (*name).to_owned(),
                with_interval(model.metrics.recall, model.recall_interval),
                with_interval(model.metrics.ndcg, model.ndcg_interval),
                over(|advantage| advantage.recall),
                over(|advantage| advantage.ndcg),
            ]
        });
        let (recall, ndcg) = (format!("recall@{}", report.k), format!("NDCG@{}", report.k));
        let header = [
            "model",
            &recall,
            &ndcg,
            "blend's recall more by",
            "blend's NDCG more by",
        ];
        format!(
            "{title}: {} customers, {} purchases to foresee\n{}",
            output::count(found.customers as u64),
            output::count(found.test_items as u64),
            output::table(&header, 1, rows),
        )
    };
    format!(
        "Ranking: learned from what was before {}, judged until {}\n{}\n\n{}\n\n{}",
        report.as_of,
        report.until,
        describe_weights(&report.blend_weights),
        protocol("Items new to the customer", &report.new),
        protocol("All items, repeats allowed", &report.repeats_allowed),
    )
}

fn describe_churn(report: &ChurnBacktest) -> String {
    let mut text = format!(
        "Churn: no purchase in {} days, customers with a purchase in the {} days before",
        report.horizon_days, report.eligible_days
    );
    for fold in &report.folds {
        let models = [
            ("logistic", &fold.models.logistic),
            ("recency", &fold.models.recency),
            ("frequency", &fold.models.frequency),
        ];
        let rows = models.map(|(name, model)| {
            vec![
                name.to_owned(),
                with_interval(model.auc, Some(model.auc_interval)),
                format!("{:.4}", model.brier),
                format!("{:.3}", model.brier_skill),
                format!("{:.4}", model.average_precision),
                format!("{:.3} (<{:.3})", model.ece, model.ece_if_perfect),
                format!("{:.2} of {:.2}", model.lift_at_10_percent, model.lift_ceiling),
            ]
        });
        let rarer = format!("AP ({})", fold.models.logistic.average_precision_of);
        let header = [
            "model",
            "AUC",
            "Brier",
            "skill",
            &rarer,
            "ECE (if perfect)",
            "lift@10% of best",
        ];
        text.push_str(&format!(
            "\n\nAs of {}: {} eligible, {:.1} % left\n{}\n  AUC of logistic over recency: {}",
            fold.as_of,
            output::count(fold.eligible as u64),
            100.0 * fold.churn_rate,
            output::table(&header, 1, rows),
            with_interval(
                fold.auc_over_recency.difference,
                Some(fold.auc_over_recency.interval)
            ),
        ));
    }
    for skipped in &report.skipped {
        text.push_str(&format!(
            "\n\nAs of {}: not judged, {}",
            skipped.as_of, skipped.reason
        ));
    }
    text
}

/// The figures that a bundle states of itself: one `{value, low, high}` per model and metric.
pub fn headline(evaluation: &Evaluation) -> Value {
    let figure = |value: f64, interval: Option<Interval>| match interval {
        Some(Interval { low, high }) => json!({ "value": value, "low": low, "high": high }),
        None => json!({ "value": value }),
    };
    let mut parts = Map::new();
    if let Some(report) = evaluation.recommend.report() {
        let k = report.k;
        let models: Map<String, Value> = report
            .new
            .models
            .iter()
            .map(|(name, model)| {
                let figures = json!({
                    format!("recall@{k}"): figure(model.metrics.recall, model.recall_interval),
                    format!("ndcg@{k}"): figure(model.metrics.ndcg, model.ndcg_interval),
                });
                ((*name).to_owned(), figures)
            })
            .collect();
        parts.insert("recommend".to_owned(), models.into());
    }
    if let Some(fold) = evaluation.churn.report().and_then(|report| report.folds.first()) {
        let models = [
            ("logistic", &fold.models.logistic),
            ("recency", &fold.models.recency),
        ]
        .map(|(name, model)| {
            let figures = json!({
                "auc": figure(model.auc, Some(model.auc_interval)),
                "brier": figure(model.brier, None),
                "average_precision": figure(model.average_precision, None),
                "ece": figure(model.ece, None),
            });
            (name.to_owned(), figures)
        });
        parts.insert("churn".to_owned(), Map::from_iter(models).into());
    }
    parts.into()
}
