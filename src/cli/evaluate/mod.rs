//! `rapport evaluate`: how good the models are, on a log's own past or on a fixed split.

mod baskets;
mod churn;
mod fixed;
mod headline;
mod page;
mod ranking;
mod sessions;
mod shelves;
mod split;
mod words;

use std::path::PathBuf;

use anyhow::Context;

pub use headline::headline;
pub use ranking::describe_weights;

use super::Usage;
use super::input::LogArgs;
use super::output::{self, Format};
use super::progress::Bars;
use crate::evaluate::{Evaluation, Judged, evaluate};
use crate::export;
use crate::report::html;
use crate::time::Timestamp;
use crate::train::data_through;

/// Measure the models: in time on a log (--events), or on a fixed split of published files (--train and --test).
///
/// In time, every figure is about what happened after the models' data ended: rankings foresee the purchases of the last
/// window, carts their other items, visits their next item; what the margin dial costs is counted; churn scores are judged
/// on rolling horizons. Each stands beside what needs no model. Intervals are 95 % over customers, of carts over baskets.
///
/// On a fixed split, the columns say what is judged: pairs (user_id, item_id) are found again; sessions (SessionId, ItemId, Time;
/// or session_id, items to learn from; or prefix, target to foretell) tell the next click; baskets (user_id, basket_idx, items)
/// tell the customer's next one. Sessions and baskets are Parquet.
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
    /// Pairs, sessions or baskets to learn from, told apart by their columns.
    #[arg(long, value_name = "FILE", requires = "test")]
    train: Option<PathBuf>,
    /// Pairs to find again, or sessions or baskets to foretell.
    #[arg(long, value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// How the log is read and what is fitted; models/default.toml documents every key.
    #[arg(long, value_name = "TOML")]
    recipe: Option<PathBuf>,
    /// Cut-off of the rankings [default: 20, or the recipe's; 10 for baskets]
    #[arg(long)]
    k: Option<u32>,
    /// Only this model (fixed split).
    #[arg(long, value_name = "NAME", requires = "train", value_parser = split::model_names())]
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
            let report = split::on_split(args, train, test)?;
            match format {
                Format::Json => output::print_json(&report),
                Format::Text => output::print(&report.describe()),
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
    let shelves = shelves::describe(evaluation);
    format!("{recommend}\n\n{shelves}\n\n{churn}")
}
