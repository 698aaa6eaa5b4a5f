//! `rapport score`: every customer's answers as a file for the CRM.

use std::path::PathBuf;

use super::Usage;
use super::input::RegistryArgs;
use super::output::{self, Format};
use super::progress::Bars;
use crate::export;
use crate::score::{ScoreOptions, score};
use crate::serve::{CustomerSummary, MAX_COUNT, RiskTotals};
use crate::time::Timestamp;

/// Write every buyer's churn score, reasons, and items to offer, from the registry's current bundle.
///
/// The file holds the same numbers that the server answers: customer_id, churn_probability with its horizon and instant,
/// band, standing, the three strongest reasons with their percentage points, segment, stage, value, next order, orders,
/// spend, last order, and with --recommend the items. A bundle without a churn model leaves the churn columns empty.
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
    let engine = args.registry.engine()?;
    let options = ScoreOptions {
        recommend: args.recommend,
        as_of: args.as_of,
    };
    let table = score(&engine, options, &Bars::default())?;
    export::write(&table, &args.out)?;
    // Without a churn model there is nothing at risk to sum.
    let summary = engine.customers(args.as_of).ok();
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&serde_json::json!({
            "out": args.out,
            "summary": summary.as_ref().map(as_json),
            "customers": table.n_rows(),
            "columns": table.columns.iter().map(|column| &column.name).collect::<Vec<_>>(),
            "model_version": engine.serving_version(),
        })),
        Format::Text => output::print(&format!(
            "{}: {} customers, {} columns, model {}{}",
            args.out.display(),
            output::count(table.n_rows() as u64),
            table.columns.len(),
            engine.serving_version().unwrap_or_default(),
            summary
                .as_ref()
                .map_or_else(String::new, |summary| format!("\n\n{}", describe(summary))),
        )),
    }
}

/// Risk and value by segment, for a person.
fn describe(summary: &CustomerSummary) -> String {
    let row = |name: String, totals: &RiskTotals| {
        vec![
            name,
            output::count(totals.customers as u64),
            output::count(totals.eligible as u64),
            output::count(totals.expected_leavers.round() as u64),
            format!("{:.0}", totals.value),
            format!("{:.0}", totals.value_at_risk),
        ]
    };
    let rows = summary
        .segments
        .iter()
        .map(|(segment, totals)| row(segment.code().replace('_', " "), totals))
        .chain([row("the shop".to_owned(), &summary.total)]);
    let value = summary
        .value_months
        .map_or_else(|| "value".to_owned(), |months| format!("value, {months} months"));
    let table = output::table(
        &[
            "segment",
            "customers",
            "can leave",
            &format!("will, {} days", summary.horizon_days),
            &value,
            "at risk",
        ],
        1,
        rows,
    );
    match &summary.value_record {
        Some(record) => format!("{table}\n\n{}", output::track_record(record)),
        None => table,
    }
}

fn as_json(summary: &CustomerSummary) -> serde_json::Value {
    let totals = |totals: &RiskTotals| {
        serde_json::json!({
            "customers": totals.customers,
            "eligible": totals.eligible,
            "expected_leavers": totals.expected_leavers,
            "value": totals.value,
            "value_at_risk": totals.value_at_risk,
        })
    };
    serde_json::json!({
        "as_of": summary.as_of,
        "horizon_days": summary.horizon_days,
        "value_months": summary.value_months,
        "value_record": summary.value_record,
        "segments": summary
            .segments
            .iter()
            .map(|(segment, found)| (segment.code().to_owned(), totals(found)))
            .collect::<serde_json::Map<_, _>>(),
        "total": totals(&summary.total),
    })
}
