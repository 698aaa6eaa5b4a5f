//! `rapport score`: every customer's answers as a file for the CRM.

use std::path::PathBuf;

use super::Usage;
use super::input::RegistryArgs;
use super::output::{self, Format};
use super::progress::Bars;
use crate::bundle::Registry;
use crate::export;
use crate::score::{ScoreOptions, score};
use crate::serve::{Engine, MAX_COUNT, RawServeConfig};
use crate::time::Timestamp;

/// Write every buyer's churn score, reasons, and items to offer, from the registry's current bundle.
///
/// The file holds the same numbers that the server answers: customer_id, churn_probability with its horizon and instant,
/// band, standing, the three strongest reasons with their percentage points, orders, spend, last order, and with
/// --recommend the items. A bundle without a churn model leaves the churn columns empty.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    registry: RegistryArgs,
    /// The file to write: .csv, .parquet or .jsonl.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Also recommend so many items to each customer.
    #[arg(long, value_name = "N", default_value_t = 0)]
    recommend: u32,
    /// Score as of this instant instead of the end of the model's log.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Print what was written as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport score`.
///
/// # Errors
/// A registry without a usable bundle, a file that cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if args.recommend > MAX_COUNT {
        return Err(Usage(format!("--recommend is at most {MAX_COUNT}")).into());
    }
    export::Format::to_write(&args.out)?;
    // Every customer is asked once, so there is nothing to remember.
    let mut raw = RawServeConfig::default();
    raw.cache.entries = 0;
    let engine = Engine::new(raw.try_into()?, Registry::new(&args.registry.registry));
    engine.refresh()?;
    if !engine.is_ready() {
        anyhow::bail!(
            "{} has no current bundle: `rapport train` makes one, `rapport models activate` chooses one",
            args.registry.registry.display()
        );
    }
    let options = ScoreOptions {
        recommend: args.recommend,
        as_of: args.as_of,
    };
    let table = score(&engine, options, &Bars::default())?;
    export::write(&table, &args.out)?;
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&serde_json::json!({
            "out": args.out,
            "customers": table.n_rows(),
            "columns": table.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
            "model_version": engine.serving_version(),
        })),
        Format::Text => output::print(&format!(
            "{}: {} customers, {} columns, model {}",
            args.out.display(),
            output::count(table.n_rows() as u64),
            table.columns.len(),
            engine.serving_version().unwrap_or_default(),
        )),
    }
}
