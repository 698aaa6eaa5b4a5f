//! `rapport train`: fit, publish, activate.

use anyhow::Context;
use serde_json::{Value, json};

use super::clock;
use super::evaluate::{describe_weights, headline};
use super::input::{LogArgs, RegistryArgs};
use super::output::{self, Format};
use super::progress::Bars;
use crate::bundle::{Manifest, Registry};
use crate::churn::ChurnFitReport;
use crate::evaluate::evaluate;
use crate::history::Dataset;
use crate::recipe::Recipe;
use crate::time::Timestamp;
use crate::train::{TrainReport, data_through, train};

/// Fit the models to a log and publish them; running servers swap to them.
///
/// Before the final fit, the recipe is evaluated on the log's own past, and the figures are kept in the bundle.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    /// Learn only from what happened before this instant (2011-09-10, or 2011-09-10T12:00:00+01:00).
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Do not evaluate; the bundle then states no figures.
    #[arg(long)]
    skip_evaluation: bool,
    /// Publish, but leave the current bundle in place (see `rapport models activate`).
    #[arg(long)]
    no_activate: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport train`.
///
/// # Errors
/// A recipe or log that cannot be read, a fit that is refused, a registry that cannot be written.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let bars = Bars::default();
    let (recipe, dataset) = args.log.read(args.as_of, &bars)?;
    let lint = dataset.report.to_string();
    let lint_json = serde_json::to_value(&dataset.report)?;
    let (manifest, report) = fit_and_publish(args, &recipe, dataset, &bars)?;
    match Format::from_flag(args.json) {
        Format::Json => {
            let mut answer = serde_json::to_value(&manifest)?;
            if let Value::Object(fields) = &mut answer {
                fields.insert("lint".into(), lint_json);
                fields.insert("fit".into(), serde_json::to_value(&report)?);
                fields.insert("activated".into(), json!(!args.no_activate));
            }
            output::print_json(&answer)
        }
        Format::Text => output::print(&format!("{lint}\n{}", describe(args, &manifest, &report))),
    }
}

fn fit_and_publish(
    args: &Args,
    recipe: &Recipe,
    dataset: Dataset,
    bars: &Bars,
) -> anyhow::Result<(Manifest, TrainReport)> {
    let registry = Registry::new(&args.registry.registry);
    let through = args
        .as_of
        .or_else(|| data_through(&dataset))
        .unwrap_or(Timestamp::MAX);
    let metrics = if args.skip_evaluation {
        json!({})
    } else {
        headline(&evaluate(&dataset, recipe, through, bars))
    };
    let (parts, report) = train(dataset, recipe, through, metrics, bars)?;
    let manifest = registry
        .publish(&parts, clock::now())
        .context("cannot publish the bundle")?;
    if !args.no_activate {
        registry
            .activate(&manifest.version)
            .context("published, but cannot be activated")?;
    }
    Ok((manifest, report))
}

fn describe(args: &Args, manifest: &Manifest, report: &TrainReport) -> String {
    let shapes = &manifest.shapes;
    let churn = match (&report.churn, &report.churn_refusal) {
        (Some(fit), _) => describe_churn(fit, manifest.churn_horizon_days),
        (None, Some(rule)) => format!("churn       none: {rule}"),
        (None, None) => String::new(),
    };
    let serving = if args.no_activate {
        format!(
            "published, not current: rapport models activate {}",
            manifest.version
        )
    } else {
        "current: running servers swap to it, `rapport serve` starts one".to_owned()
    };
    format!(
        "Model {version}\n\
         \x20 learned from {customers} customers, {items} items, {events} events before {through}\n\
         \x20 ranking     {factors} factors on {entries} customer-item pairs\n\
         \x20 {blend}\n\
         \x20 {churn}\n\
         \x20 {value}\n\
         {figures}\
         \x20 {serving}\n\
         \x20 {folder}",
        value = describe_value(report),
        version = manifest.version,
        customers = output::count(shapes.customers as u64),
        items = output::count(shapes.items as u64),
        events = output::count(shapes.events as u64),
        through = manifest.data_through,
        factors = shapes.factors,
        entries = output::count(report.matrix_entries as u64),
        blend = describe_weights(&report.blend_weights),
        figures = describe_figures(&manifest.metrics),
        folder = args.registry.registry.join(&manifest.version).display(),
    )
}

fn describe_churn(fit: &ChurnFitReport, horizon_days: Option<u32>) -> String {
    let mut text = format!(
        "churn       {} customers at {} cut-offs, {:.1} % left within {} days",
        output::count(fit.customers as u64),
        fit.cut_offs.len(),
        100.0 * fit.churn_rate,
        horizon_days.unwrap_or_default(),
    );
    for rung in &fit.ladder {
        let serves = if rung.serves { "serves" } else { "      " };
        text.push_str(&format!(
            "\n              {serves} {:<9} {}",
            rung.model.name(),
            rung.why
        ));
    }
    text
}

fn describe_value(report: &TrainReport) -> String {
    match (&report.value, &report.value_refusal) {
        (Some(fit), _) => {
            let spending = match (&fit.spending, &fit.no_spending) {
                (Some(_), _) => fit
                    .warning
                    .as_ref()
                    .map_or_else(String::new, |warning| format!("\n              note: {warning}")),
                (None, Some(why)) => format!("; no money: {why}"),
                (None, None) => String::new(),
            };
            format!(
                "value       {} customers, {} of them came back{spending}{}",
                output::count(fit.customers as u64),
                output::count(fit.repeat_buyers as u64),
                fit.record.as_ref().map_or_else(String::new, |record| format!(
                    "\n              {}",
                    output::track_record(record)
                )),
            )
        }
        (None, Some(rule)) => format!("value       none: {rule}"),
        (None, None) => "value       none: nobody bought".to_owned(),
    }
}

/// One line a model of the headline metrics.
pub fn describe_figures(metrics: &Value) -> String {
    let mut text = String::new();
    for (part, models) in metrics.as_object().into_iter().flatten() {
        for (model, figures) in models.as_object().into_iter().flatten() {
            let figures: Vec<String> = figures
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(name, figure)| Some(format!("{name} {:.4}", figure.get("value")?.as_f64()?)))
                .collect();
            text.push_str(&format!("  {part:<10}  {model:<20} {}\n", figures.join("  ")));
        }
    }
    text
}
