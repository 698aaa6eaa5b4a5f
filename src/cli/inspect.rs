//! `rapport inspect`: what is in a log, and what is wrong with it.

use super::input::LogArgs;
use super::output::{self, Format};
use super::progress::Bars;

/// Read a log and say what is in it and what is wrong with it; nothing is trained.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    log: LogArgs,
    /// Print the lint report as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport inspect`.
///
/// # Errors
/// A recipe or a log that cannot be read.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let (_, dataset) = args.log.read(None, &Bars::default())?;
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&dataset.report),
        Format::Text => output::print(&dataset.report.to_string()),
    }
}
