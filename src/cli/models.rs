//! `rapport models`: which bundles there are, and which one serves.

use anyhow::Context;
use clap::Subcommand;

use super::input::RegistryArgs;
use super::output::{self, Format};
use super::train::describe_figures;
use crate::bundle::{Manifest, Registry, Sizes};
use crate::serve::chain;

/// List, show, activate and roll back trained bundles.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    registry: RegistryArgs,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Every bundle of the registry, newest first.
    List,
    /// What a bundle says of itself.
    Show {
        /// The version; the current one when left out.
        version: Option<String>,
    },
    /// Make a bundle the current one; running servers swap to it.
    Activate {
        /// The version.
        version: String,
    },
    /// Return to the bundle that was current before this one.
    Rollback,
}

/// Runs `rapport models`.
///
/// # Errors
/// A registry that cannot be read, a version that it does not hold, a bundle that is damaged.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let registry = Registry::new(&args.registry.registry);
    let format = Format::from_flag(args.json);
    match &args.action {
        Action::List => list(&registry, format),
        Action::Show { version } => show(&registry, version.as_deref(), format),
        Action::Activate { version } => {
            let bundle = registry.activate(version)?;
            switched(&bundle.manifest, format)
        }
        Action::Rollback => {
            let bundle = registry.rollback()?;
            switched(&bundle.manifest, format)
        }
    }
}

fn list(registry: &Registry, format: Format) -> anyhow::Result<()> {
    let listed = registry.list()?;
    if format == Format::Json {
        let models: Vec<_> = listed
            .iter()
            .map(|entry| {
                serde_json::json!({
                    "version": entry.version,
                    "current": entry.is_current,
                    "manifest": entry.manifest.as_ref().ok(),
                    "problem": entry.manifest.as_ref().err().map(|problem| chain(problem)),
                })
            })
            .collect();
        return output::print_json(&models);
    }
    if listed.is_empty() {
        return output::print(&format!(
            "{} holds no bundle yet: `rapport train --events LOG` makes one",
            registry.root().display()
        ));
    }
    let rows = listed.iter().map(|entry| {
        let mark = if entry.is_current { "*" } else { "" }.to_owned();
        match &entry.manifest {
            Ok(manifest) => vec![
                mark,
                entry.version.clone(),
                manifest.data_through.to_string(),
                if manifest.churn_refusal.is_some() {
                    "no"
                } else {
                    "yes"
                }
                .to_owned(),
                output::count(manifest.shapes.customers as u64),
                output::count(manifest.shapes.items as u64),
                output::count(manifest.shapes.events as u64),
            ],
            // Its problem stands below the table, which it would tear apart.
            Err(_) => vec![mark, entry.version.clone(), "damaged".to_owned()],
        }
    });
    let problems: String = listed
        .iter()
        .filter_map(|entry| {
            let problem = entry.manifest.as_ref().err()?;
            Some(format!("\n{}: {}", entry.version, chain(problem)))
        })
        .collect();
    let header = [
        "",
        "version",
        "data through",
        "churn",
        "customers",
        "items",
        "events",
    ];
    output::print(&format!(
        "{}\n\n* is current{problems}",
        output::table(&header, 4, rows)
    ))
}

fn show(registry: &Registry, version: Option<&str>, format: Format) -> anyhow::Result<()> {
    let version = match version {
        Some(version) => version.to_owned(),
        None => registry.current()?.with_context(|| {
            format!(
                "{} has no current bundle; name a version (see `rapport models list`)",
                registry.root().display()
            )
        })?,
    };
    let manifest = registry.show(&version)?;
    match format {
        Format::Json => output::print_json(&manifest),
        // A damaged file is told by whoever loads it; what the manifest says is true all the same.
        Format::Text => output::print(&describe(&manifest, registry.sizes(&version).ok())),
    }
}

/// Bytes on disk of one customer, item and event.
fn describe_sizes(manifest: &Manifest, sizes: Sizes) -> String {
    let shapes = manifest.shapes;
    let each = |bytes: u64, n: usize| output::count(bytes.div_ceil(n.max(1) as u64));
    format!(
        "{} bytes: {} a customer, {} an item, {} an event",
        output::count(sizes.total()),
        each(sizes.customers, shapes.customers),
        each(sizes.items, shapes.items),
        each(sizes.events, shapes.events),
    )
}

fn describe(manifest: &Manifest, sizes: Option<Sizes>) -> String {
    let period = manifest.period.map_or_else(
        || "no events".to_owned(),
        |period| format!("{} to {}", period.from, period.to),
    );
    let churn = match (&manifest.churn_horizon_days, &manifest.churn_refusal) {
        (_, Some(rule)) => format!("none: {rule}"),
        (Some(days), None) => format!("horizon of {days} days"),
        (None, None) => "none".to_owned(),
    };
    let files = output::table(
        &["file", "sha256", "bytes"],
        2,
        manifest.files.iter().map(|file| {
            vec![
                file.name.clone(),
                file.sha256.chars().take(16).collect::<String>() + "…",
                output::count(file.bytes),
            ]
        }),
    );
    format!(
        "version      {}\nmade         {} by rapport {}\nlog          {period} (fingerprint {})\nknows        {} customers, {} items, {} events, zone {}\non disk      {}\nchurn        {churn}\n\nmeasured before the last fit\n{}\n{files}\n\n--json shows the recipe and the intervals of the figures",
        manifest.version,
        manifest.created_at,
        manifest.rapport_version,
        manifest.data_fingerprint,
        output::count(manifest.shapes.customers as u64),
        output::count(manifest.shapes.items as u64),
        output::count(manifest.shapes.events as u64),
        manifest.calendar_zone,
        sizes.map_or_else(
            || "its file of histories cannot be read".to_owned(),
            |sizes| describe_sizes(manifest, sizes)
        ),
        match describe_figures(&manifest.metrics) {
            figures if figures.is_empty() => "  nothing\n".to_owned(),
            figures => figures,
        },
    )
}

fn switched(manifest: &Manifest, format: Format) -> anyhow::Result<()> {
    match format {
        Format::Json => output::print_json(&serde_json::json!({ "current": manifest.version })),
        Format::Text => output::print(&format!(
            "current is now {}; running servers swap to it",
            manifest.version
        )),
    }
}
