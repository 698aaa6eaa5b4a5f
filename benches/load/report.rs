//! What was measured, as tables and as JSON.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use super::tally::Tally;

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Which cores serve and which ask.
    pub cores: String,
    pub servers: Vec<Started>,
    pub saturations: Vec<Saturation>,
    pub open_loops: Vec<OpenLoop>,
    pub searches: Vec<Search>,
    /// What could not be measured, and why.
    pub skipped: Vec<String>,
}

/// A server once it served.
#[derive(Clone, Debug, Serialize)]
pub struct Started {
    pub name: String,
    pub seconds: f64,
    pub resident_mebibytes: Option<f64>,
    pub peak_mebibytes: Option<f64>,
}

/// A server and the floor, asked as fast as they answer, and by a single caller.
#[derive(Clone, Debug, Serialize)]
pub struct Saturation {
    pub name: String,
    pub rate: f64,
    pub floor_rate: f64,
    pub ratio: f64,
    /// Under that load, in milliseconds.
    pub loaded_p99: f64,
    pub floor_loaded_p99: f64,
    pub single_p50: f64,
    pub floor_single_p50: f64,
    pub single_p99: f64,
    pub floor_single_p99: f64,
    pub failures: Vec<Failure>,
}

/// One open loop.
#[derive(Clone, Debug, Serialize)]
pub struct OpenLoop {
    pub name: String,
    pub asked_rate: f64,
    pub rate: f64,
    pub answered: u64,
    /// Milliseconds from the instant at which a question was due.
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub most: f64,
    pub failures: Vec<Failure>,
}

/// The rate that a server sustains.
#[derive(Clone, Debug, Serialize)]
pub struct Search {
    pub name: String,
    /// The highest rate seen with p99 within the limit, and the lowest seen beyond it.
    pub sustained_rate: f64,
    pub exceeded_rate: Option<f64>,
    pub steps: Vec<OpenLoop>,
}

/// What went wrong and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Failure {
    pub what: String,
    pub times: u64,
}

/// The failures of some measurements together.
pub fn failures<'a>(tallies: impl IntoIterator<Item = &'a Tally>) -> Vec<Failure> {
    let mut all = std::collections::BTreeMap::<String, u64>::new();
    for tally in tallies {
        for (what, times) in &tally.failures {
            *all.entry(what.clone()).or_default() += times;
        }
        if tally.unsent > 0 {
            *all.entry("not sent".to_owned()).or_default() += tally.unsent;
        }
    }
    all.into_iter()
        .map(|(what, times)| Failure { what, times })
        .collect()
}

impl OpenLoop {
    pub fn new(name: impl Into<String>, asked_rate: f64, tally: &Tally) -> Self {
        Self {
            name: name.into(),
            asked_rate,
            rate: tally.rate(),
            answered: tally.answered(),
            p50: tally.millis_at(0.5),
            p90: tally.millis_at(0.9),
            p99: tally.millis_at(0.99),
            p999: tally.millis_at(0.999),
            most: tally.millis_most(),
            failures: failures([tally]),
        }
    }

    fn row(&self) -> Vec<String> {
        let mut row = vec![self.name.clone(), count(self.asked_rate), count(self.rate)];
        row.extend([self.p50, self.p90, self.p99, self.p999, self.most].map(millis));
        row.push(told(&self.failures));
        row
    }
}

impl Report {
    /// Whether a question failed that should not have. A search looks for the load that is too much.
    pub fn failed(&self) -> bool {
        let saturations = self.saturations.iter().map(|row| &row.failures);
        let open_loops = self.open_loops.iter().map(|row| &row.failures);
        saturations.chain(open_loops).any(|failures| !failures.is_empty())
    }

    /// Aligned tables.
    pub fn tables(&self) -> String {
        let mut text = format!("{}\n", self.cores);
        let mut add = |title: &str, header: &[&str], rows: Vec<Vec<String>>| {
            if !rows.is_empty() {
                text.push_str(&format!("\n{title}\n{}\n", table(header, rows)));
            }
        };
        let servers = self.servers.iter().map(|server| {
            let mebibytes =
                |size: Option<f64>| size.map_or_else(|| "unknown".to_owned(), |size| format!("{size:.0}"));
            vec![
                server.name.clone(),
                format!("{:.2}", server.seconds),
                mebibytes(server.resident_mebibytes),
                mebibytes(server.peak_mebibytes),
            ]
        });
        add(
            "Servers, from the start of the process until they serve",
            &["server", "seconds", "MiB held", "at most"],
            servers.collect(),
        );
        let saturations = self.saturations.iter().map(|row| {
            let mut cells = vec![
                row.name.clone(),
                count(row.rate),
                count(row.floor_rate),
                format!("{:.3}", row.ratio),
            ];
            let latencies = [
                row.loaded_p99,
                row.floor_loaded_p99,
                row.single_p50,
                row.floor_single_p50,
                row.single_p99,
                row.floor_single_p99,
            ];
            cells.extend(latencies.map(millis));
            cells.push(told(&row.failures));
            cells
        });
        add(
            "Closed loop: answers a second to 8 × 16 callers with their p99, and p50 and p99 of a single caller, in ms",
            &[
                "scenario", "a second", "floor", "ratio", "p99", "floor", "1: p50", "floor", "1: p99",
                "floor", "failures",
            ],
            saturations.collect(),
        );
        add(
            "Open loop: ms from the instant at which a question was due",
            OPEN,
            self.open_loops.iter().map(OpenLoop::row).collect(),
        );
        for search in &self.searches {
            let beyond = search.exceeded_rate.map_or_else(
                || "no rate".to_owned(),
                |rate| format!("{} a second", count(rate)),
            );
            let title = format!(
                "Search, {}: p99 stays within the limit at {} a second; too much is {beyond}",
                search.name,
                count(search.sustained_rate),
            );
            add(&title, OPEN, search.steps.iter().map(OpenLoop::row).collect());
        }
        for skipped in &self.skipped {
            text.push_str(&format!("\nNOT MEASURED: {skipped}\n"));
        }
        text
    }
}

const OPEN: &[&str] = &[
    "scenario", "asked", "a second", "p50", "p90", "p99", "p99.9", "max", "failures",
];

fn told(failures: &[Failure]) -> String {
    if failures.is_empty() {
        return "0".to_owned();
    }
    let told: Vec<String> = failures
        .iter()
        .map(|failure| format!("{} {}", count(failure.times as f64), failure.what))
        .collect();
    told.join(", ")
}

fn count(number: f64) -> String {
    indicatif::HumanCount(number.round() as u64).to_string()
}

fn millis(millis: f64) -> String {
    format!("{millis:.3}")
}

/// The first column to the left, the others to the right.
pub fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header)
        .add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}
