//! `rapport watch`: whether feeds come in, customers are as they were, and past scores came true.

use anyhow::Context;
use serde::Serialize;

use super::input::{LogArgs, RegistryArgs};
use super::output::{self, Format};
use super::progress::Bars;
use crate::bundle::{Bundle, Registry};
use crate::catalog::Categories;
use crate::churn::watch::{Drift, DriftReport, SCORE, TruthReport, drift, truth};
use crate::churn::{self, ChurnModel, Shop};
use crate::history::{Dataset, Outage, Outages, outages};
use crate::serve::chain;
use crate::time::Timestamp;
use crate::train::data_through;

/// Watch the churn models of a registry with a newer log: outages, drift, and what became of past scores.
///
/// An outage is a day without a kind of event that every such day used to have. While one lasts, a server's scores stay as
/// of its start, and so does the drift told here.
///
/// Drift compares the customers of today with those whom the model was fitted for. PSI is 0 for equal spreads; above its
/// limit it is more than chance. Features may drift without harm, such as days since the first purchase in a young shop;
/// drift of the score means that thresholds now reach other customers.
///
/// Truth judges every bundle whose horizon is over by what the log says happened. "off by" is mean probability less the
/// share who left; it alarms beyond what the model itself said of its level. The ranking alarms when days since the last
/// purchase alone were better.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
In a nightly job, tell when the log was exported, so that a log that ends early is seen:
  rapport watch --events log/*.parquet --as-of 2026-11-22 --fail")]
pub struct Args {
    #[command(flatten)]
    log: LogArgs,
    #[command(flatten)]
    registry: RegistryArgs,
    /// The bundle whose drift is told; the current one when left out.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Stand at this instant instead of at the end of the log; what is later is left out.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Judge so many bundles whose horizon is over, the newest.
    #[arg(long, value_name = "N", default_value_t = 12)]
    past: usize,
    /// End with exit code 1 when something alarms.
    #[arg(long)]
    fail: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Everything that was seen.
#[derive(Serialize)]
struct Watched {
    as_of: Timestamp,
    outages: Outages,
    /// Version of the bundle whose drift is told.
    version: String,
    drift: Option<DriftReport>,
    /// Why no drift can be told.
    no_drift: Option<String>,
    truth: Vec<Judged>,
    /// One sentence an alarm.
    alarms: Vec<String>,
}

/// What became of one bundle's scores.
#[derive(Serialize)]
struct Judged {
    version: String,
    #[serde(flatten)]
    report: Option<TruthReport>,
    /// Why they cannot be judged.
    refusal: Option<String>,
}

/// Runs `rapport watch`.
///
/// # Errors
/// A log or registry that cannot be read, a bundle without a churn model; with `--fail` anything that alarms.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let watched = watch(args)?;
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&watched)?,
        Format::Text => output::print(&describe(&watched))?,
    }
    if args.fail && !watched.alarms.is_empty() {
        anyhow::bail!("{}", watched.alarms.join("; "));
    }
    Ok(())
}

fn watch(args: &Args) -> anyhow::Result<Watched> {
    let registry = Registry::new(&args.registry.registry);
    let version = match &args.version {
        Some(version) => version.clone(),
        None => registry.current()?.with_context(|| {
            format!(
                "{} has no current bundle: `rapport train --events LOG` makes one",
                registry.root().display()
            )
        })?,
    };
    let model = churn_model(registry.open(&version)?)?;
    let (_, dataset) = args.log.read(args.as_of, &Bars::default())?;
    let now = args
        .as_of
        .or_else(|| data_through(&dataset))
        .context("the log has no event to watch")?;
    let categories = Categories::of(&dataset.catalog);
    let shop = Shop {
        calendar: &dataset.calendar,
        categories: &categories,
    };
    let outages = outages(&dataset.histories, &dataset.calendar, now);
    let scored_at = outages.current().map_or(now, |outage| outage.since);
    let drift = drift(&model, &dataset.histories, shop, scored_at);
    let truth = judge_all(args, &registry, (&version, model), &dataset, shop, now)?;
    let mut watched = Watched {
        as_of: now,
        outages,
        version,
        no_drift: drift.as_ref().err().map(ToString::to_string),
        drift: drift.ok(),
        truth,
        alarms: Vec::new(),
    };
    watched.alarms = alarms(&watched);
    Ok(watched)
}

fn churn_model(bundle: Bundle) -> anyhow::Result<ChurnModel> {
    let version = bundle.manifest.version;
    bundle
        .parts
        .churn
        .map_err(|why| anyhow::anyhow!("{version} has no churn model: {why}"))
}

/// The newest bundles whose horizon is over, the watched one among them, newest first.
fn judge_all(
    args: &Args,
    registry: &Registry,
    watched: (&str, ChurnModel),
    dataset: &Dataset,
    shop: Shop<'_>,
    now: Timestamp,
) -> anyhow::Result<Vec<Judged>> {
    let (watched_version, watched_model) = watched;
    let mut judged = Vec::new();
    for listed in registry.list()? {
        let over = listed.manifest.as_ref().is_ok_and(|manifest| {
            let days = manifest.churn_horizon_days;
            days.is_some_and(|days| manifest.data_through.plus_days(f64::from(days)) <= now)
        });
        if judged.len() == args.past {
            break;
        }
        if !over {
            continue;
        }
        let model = if listed.version == watched_version {
            Ok(watched_model.clone())
        } else {
            registry
                .open(&listed.version)
                .map_err(|error| chain(&error))
                .and_then(|bundle| bundle.parts.churn)
        };
        let report = model.and_then(|model| {
            let as_of = model.data_end();
            truth(&model, &dataset.histories, shop, as_of, now).map_err(|error| error.to_string())
        });
        judged.push(Judged {
            version: listed.version,
            refusal: report.as_ref().err().cloned(),
            report: report.ok(),
        });
    }
    Ok(judged)
}

/// One sentence for everything that alarms.
fn alarms(watched: &Watched) -> Vec<String> {
    let outages = watched
        .outages
        .lasting
        .iter()
        .map(|outage| format!("no {} since {}", outage.kind, outage.since));
    let moved: Vec<&str> = watched
        .drift
        .iter()
        .flat_map(DriftReport::alarms)
        .map(|drift| drift.of)
        .collect();
    let drift = (!moved.is_empty()).then(|| format!("drift of {}", moved.join(", ")));
    let truth = watched.truth.iter().filter_map(|judged| {
        let what = what_alarms(judged.report.as_ref()?);
        (!what.is_empty()).then(|| format!("{} of {}", what.join(" and "), judged.version))
    });
    outages.chain(drift).chain(truth).collect()
}

fn what_alarms(report: &TruthReport) -> Vec<&'static str> {
    let all = [(report.level_alarms, "level"), (report.ranking_alarms, "ranking")];
    all.into_iter()
        .filter_map(|(alarms, what)| alarms.then_some(what))
        .collect()
}

fn describe(watched: &Watched) -> String {
    let drift = match (&watched.drift, &watched.no_drift) {
        (Some(report), _) => describe_drift(report),
        (None, why) => why.clone().unwrap_or_default(),
    };
    let alarms = match watched.alarms.as_slice() {
        [] => "Nothing alarms.".to_owned(),
        alarms => format!("ALARMS\n  {}", alarms.join("\n  ")),
    };
    format!(
        "Watching {} at {}\n\n{}\n\n{drift}\n\n{}\n\n{alarms}",
        watched.version,
        watched.as_of,
        describe_outages(&watched.outages),
        describe_truth(&watched.truth),
    )
}

fn describe_outages(outages: &Outages) -> String {
    let row = |state: &str, outage: &Outage| {
        vec![
            outage.kind.to_string(),
            outage.since.to_string(),
            state.to_owned(),
            outage.days.to_string(),
            format!("{:.0}", outage.usual_customers_per_day),
        ]
    };
    let rows: Vec<_> = outages
        .lasting
        .iter()
        .map(|outage| row("lasting", outage))
        .chain(outages.past.iter().map(|outage| row("over", outage)))
        .collect();
    if rows.is_empty() {
        return "No outage in the last half year.".to_owned();
    }
    let header = ["no", "since", "", "days", "usual customers a day"];
    format!(
        "Outages of the last half year\n{}",
        output::table(&header, 3, rows)
    )
}

/// The score and what alarms; the rest is counted.
fn describe_drift(report: &DriftReport) -> String {
    let shown: Vec<&Drift> = report
        .drifts
        .iter()
        .filter(|drift| drift.alarms || drift.of == SCORE)
        .collect();
    let quiet = report.drifts.len() - shown.len();
    let rows = shown.into_iter().map(|drift| {
        vec![
            drift.of.to_owned(),
            label(drift),
            if drift.alarms { "ALARM" } else { "" }.to_owned(),
            format!("{:.3}", drift.stability.index),
            format!("{:.3}", drift.stability.alarm_above),
        ]
    });
    let seen = report.seen.iter().map(|seen| {
        vec![
            seen.kind.to_string(),
            format!("{:.1} %", 100.0 * seen.then),
            format!("{:.1} %", 100.0 * seen.now),
        ]
    });
    format!(
        "Drift: {} eligible customers at {}, {} at {}\n{}\n{quiet} more numbers are within their limits (--json tells them)\n\n\
         Customers of whom a kind of event was logged in the horizon's days before\n{}",
        output::count(report.customers_now as u64),
        report.as_of,
        output::count(report.customers_then),
        report.reference_as_of,
        output::table(&["number", "what", "", "PSI", "limit"], 3, rows),
        output::table(&["kind", "then", "now"], 1, seen),
    )
}

fn label(drift: &Drift) -> String {
    if drift.of == SCORE {
        return "calibrated probability".to_owned();
    }
    churn::describe(drift.of).map_or_else(String::new, |feature| feature.label.to_owned())
}

fn describe_truth(judged: &[Judged]) -> String {
    let mut notes = String::new();
    let mut rows = Vec::new();
    for Judged {
        version,
        report,
        refusal,
    } in judged
    {
        if let Some(why) = refusal {
            notes.push_str(&format!("\n{version}: {why}"));
        }
        let Some(report) = report else { continue };
        for outage in &report.purchase_outages {
            notes.push_str(&format!(
                "\n{version}: no purchase was logged on {} days from {} on; who seems to have left may have bought there",
                outage.days, outage.since
            ));
        }
        let large = &report.large;
        rows.push(vec![
            version.clone(),
            report.as_of.to_string(),
            what_alarms(report).join(", "),
            output::count(report.customers as u64),
            format!("{:.1} %", 100.0 * large.predicted),
            format!("{:.1} %", 100.0 * large.observed),
            format!(
                "{:+.1} ± {:.1}",
                100.0 * large.difference,
                100.0 * large.standard_error
            ),
            format!("{:.1}", 100.0 * report.level_alarm_above),
            format!("{:.3}", report.auc),
            format!("{:.3}", report.recency_auc),
            format!("{:.3}", report.brier),
            format!("{:.3} (<{:.3})", report.ece, report.ece_if_perfect),
        ]);
    }
    if rows.is_empty() && notes.is_empty() {
        return "Truth: no bundle's horizon is over yet.".to_owned();
    }
    let header = [
        "version",
        "scores as of",
        "alarm",
        "customers",
        "predicted",
        "left",
        "off by",
        "limit",
        "AUC",
        "recency",
        "Brier",
        "ECE (if perfect)",
    ];
    format!(
        "Truth: what became of scores whose horizon is over\n{}{notes}",
        output::table(&header, 3, rows)
    )
}
