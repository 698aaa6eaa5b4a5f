//! `rapport features`: the churn model's inputs and label as a table, for data scientists and for rival models.

use std::path::PathBuf;

use super::input::LogArgs;
use super::output::{self, Format};
use super::progress::Bars;
use crate::catalog::Categories;
use crate::churn::features::{FEATURES, Schema};
use crate::churn::{FeatureTable, Shop, Standing, feature_table};
use crate::export::{self, Column, Table, Values};
use crate::history::Histories;
use crate::time::Timestamp;
use crate::train::data_through;

/// Write the features of every customer at an instant, with the churn label where the log already knows it.
///
/// One row a customer with a purchase before the instant. `label` is 1 where the customer bought nothing within the
/// horizon, 0 where she did, and missing while the horizon is not over. `eligible` tells who counts: customers whose last
/// purchase is recent enough to leave.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    log: LogArgs,
    /// The instant: features look strictly before it, the label from it on (2011-09-10).
    #[arg(long, value_name = "TIME")]
    as_of: Timestamp,
    /// The file to write: .parquet, .csv or .jsonl.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print what was written as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport features`.
///
/// # Errors
/// A recipe or log that cannot be read, a file that cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    export::Format::to_write(&args.out)?;
    let (recipe, dataset) = args.log.read(None, &Bars::default())?;
    let data_end = data_through(&dataset).unwrap_or(args.as_of);
    let categories = Categories::of(&dataset.catalog);
    let shop = Shop {
        calendar: &dataset.calendar,
        categories: &categories,
    };
    let params = recipe
        .churn
        .with_horizon_of(&dataset.histories, shop.calendar, args.as_of);
    let found = feature_table(&dataset.histories, shop, &params, args.as_of, data_end);
    let (schema, left_out) = Schema::of(
        &dataset.histories,
        &categories,
        &found.norms,
        data_end,
        args.as_of,
    );
    let table = as_table(&found, &schema, &dataset.histories);
    export::write(&table, &args.out)?;

    let eligible = found
        .rows
        .iter()
        .filter(|row| row.standing == Standing::Eligible)
        .count();
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&serde_json::json!({
            "out": args.out,
            "as_of": args.as_of,
            "horizon_days": params.horizon_days(),
            "rows": found.rows.len(),
            "eligible": eligible,
            "features": schema.features().map(|feature| feature.code).collect::<Vec<_>>(),
            "left_out": left_out,
        })),
        Format::Text => {
            let mut text = format!(
                "{}: {} customers ({} eligible), {} features as of {}",
                args.out.display(),
                output::count(found.rows.len() as u64),
                output::count(eligible as u64),
                schema.features().count(),
                args.as_of,
            );
            for group in &left_out {
                text.push_str(&format!(
                    "\n  left out: {} ({})",
                    group.features.join(", "),
                    group.why
                ));
            }
            output::print(&text)
        }
    }
}

fn as_table(found: &FeatureTable, schema: &Schema, histories: &Histories) -> Table {
    let rows = &found.rows;
    let column = |name: &str, values: Values| Column {
        name: name.to_owned(),
        values,
    };
    let names = rows
        .iter()
        .map(|row| Some(histories.customers().name(row.customer).to_owned()));
    let mut columns = vec![column("customer_id", Values::Text(names.collect()))];
    for &place in schema.places() {
        let values = rows
            .iter()
            // Adding zero turns the negative zero of an empty sum into a plain one.
            .map(|row| Some(row.values[place] + 0.0).filter(|value| value.is_finite()));
        columns.push(column(FEATURES[place].code, Values::Float(values.collect())));
    }
    let eligible = rows.iter().map(|row| Some(row.standing == Standing::Eligible));
    columns.push(column("eligible", Values::Bool(eligible.collect())));
    let label = rows.iter().map(|row| row.churned.map(i64::from));
    columns.push(column("label", Values::Int(label.collect())));
    Table { columns }
}
