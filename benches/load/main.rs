//! How close to the wire is the server under load?
//!
//! The real `rapport serve` in a process on one half of the cores, asked from the other half. Beside it, in the same run and
//! in turn with it, stands the floor: a tonic server that gives one fixed answer of 20 items, which is as fast as this
//! machine and this stack can be. What a scenario measures is said where it is named, in `options`; how it is asked, in
//! `client`. Bundles are made once by the same program (a simulated shop; Gowalla and the Serenade example where the
//! published data is) and kept under `target/load`.
//!
//! `cargo bench --bench load -- --only home,mix --json`; `--quick` is a smoke run of seconds. The exit code is 1 when a
//! question failed that should not have: a search for the load that is too much is the exception.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench says what it measures, and how far it is"
)]
#![allow(
    clippy::expect_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

mod arrivals;
mod client;
mod connection;
mod cores;
#[path = "../../tests/it/support/data.rs"]
mod data;
mod floor;
mod ids;
mod kept;
mod options;
mod questions;
mod report;
mod saturation;
mod scenarios;
mod server;
mod setting;
mod tally;
mod wire;

use std::process::ExitCode;

use clap::Parser;

use options::Options;
use report::Report;
use setting::Setting;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.floor {
        Some(answer) => floor::serve(answer).map(|()| ExitCode::SUCCESS),
        None => measure(options),
    };
    done.unwrap_or_else(|error| {
        eprintln!("load: {error:#}");
        ExitCode::FAILURE
    })
}

fn measure(options: Options) -> anyhow::Result<ExitCode> {
    let json = options.json;
    let setting = Setting::new(options)?;
    let mut report = Report {
        cores: setting.cores.to_string(),
        ..Report::default()
    };
    eprintln!("load: {}", report.cores);
    scenarios::cached_shop(&setting, &mut report)?;
    scenarios::uncached_shop(&setting, &mut report)?;
    scenarios::session(&setting, &mut report)?;
    scenarios::gowalla(&setting, &mut report)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        println!("{}", report.tables());
    }
    Ok(if report.failed() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
