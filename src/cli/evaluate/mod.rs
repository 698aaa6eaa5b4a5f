//! `rapport evaluate`: how good the models are, on a log's own past or on a fixed split.

mod churn;
mod fixed;
mod headline;
mod page;
mod ranking;
mod words;

use std::path::{Path, PathBuf};

use anyhow::Context;

pub use headline::headline;
pub use ranking::describe_weights;

use super::Usage;
use super::input::LogArgs;
use super::memory::ProcessMemory;
use super::output::{self, Format};
use super::progress::Bars;
use crate::evaluate::fixed::{FixedOptions, FixedReport, MODELS, evaluate_fixed};
use crate::evaluate::{Evaluation, Judged, evaluate};
use crate::export;
use crate::log::read_pairs;
use crate::recipe::Recipe;
use crate::report::html;
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
    /// Also write the churn figures as a page with pictures, one HTML file that needs nothing else.
    #[arg(long, value_name = "FILE", requires = "events", conflicts_with = "train")]
    html: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport evaluate`.
///
/// # Errors
/// Arguments that do not go together, files that cannot be read or written, a split with nothing to find.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.k.is_some_and(|k| !(1..=500).contains(&k)) {
        return Err(Usage("--k is between 1 and 500".to_owned()).into());
    }
    // Clap asks for nothing that an argument beside it rules out, and a split rules the log out.
    let of_a_log = [
        ("--items", args.items.is_some()),
        ("--strict", args.strict),
        ("--as-of", args.as_of.is_some()),
    ];
    if let Some((name, _)) = of_a_log.iter().find(|of| of.1 && args.events.is_empty()) {
        return Err(Usage(format!("{name} needs --events")).into());
    }
    let format = Format::from_flag(args.json);
    match (&args.train, &args.test) {
        (Some(train), Some(test)) => {
            let report = on_split(args, train, test)?;
            match format {
                Format::Json => output::print_json(&report),
                Format::Text => output::print(&fixed::describe_fixed(&report)),
            }
        }
        _ => {
            // Asked before the work of minutes, not after it.
            if let Some(path) = &args.html {
                export::make_way(path)?;
            }
            let (evaluation, through) = in_time(args)?;
            let mut written = String::new();
            if let Some(path) = &args.html {
                export::write_text(&html(&page::page(&evaluation, through)), path)?;
                written = format!("\n\nThe page with the pictures: {}", path.display());
            }
            match format {
                Format::Json => output::print_json(&evaluation),
                Format::Text => output::print(&(describe(&evaluation) + &written)),
            }
        }
    }
}

fn on_split(args: &Args, train: &Path, test: &Path) -> anyhow::Result<FixedReport> {
    let recipe = Recipe::read(args.recipe.as_deref())?;
    let read = |path: &Path| read_pairs(path).context("cannot read the pairs");
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

/// The evaluation, and the end of the data that it judged by.
fn in_time(args: &Args) -> anyhow::Result<(Evaluation, Timestamp)> {
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
    Ok((evaluate(&dataset, &recipe, through, &bars), through))
}

/// The report of an evaluation in time, for a person.
pub fn describe(evaluation: &Evaluation) -> String {
    let recommend = match &evaluation.recommend {
        Judged::Report(report) => ranking::describe(report),
        Judged::Refused { refused } => format!("Ranking: not judged, {refused}"),
    };
    let churn = match &evaluation.churn {
        Judged::Report(report) => churn::describe(report),
        Judged::Refused { refused } => format!("Churn: not judged, {refused}"),
    };
    format!("{recommend}\n\n{churn}")
}
