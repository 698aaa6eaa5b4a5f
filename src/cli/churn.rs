//! `rapport churn`: ask a running server whether a customer is leaving, and why.

use super::output::{self, Format};
use super::recommend::ServerArgs;
use crate::grpc::client::ChurnReport;
use crate::time::Timestamp;

/// Ask a running server for a customer's churn score.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The customer.
    #[arg(long, value_name = "ID")]
    customer: String,
    /// Score as of this instant instead of the end of the model's log.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport churn`.
///
/// # Errors
/// A server that is not there or refuses, such as for a customer that it does not know.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let answer = args
        .server
        .ask(async |client| Ok(client.churn(&args.customer, args.as_of).await?))?;
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&answer),
        Format::Text => output::print(&describe(&answer)),
    }
}

/// The answer, for a person.
pub fn describe(answer: &ChurnReport) -> String {
    let rows = answer.reasons.iter().map(|reason| {
        vec![
            reason.family.to_lowercase(),
            reason.feature.clone(),
            one_place(reason.value),
            one_place(reason.typical_value),
            format!("{:+.1}", rounded(reason.contribution_points)),
        ]
    });
    format!(
        "Customer {}: {:.1} % likely to buy nothing in the {} days from {} ({}, {}; {:.2} times the usual risk)\n\n{}\n\n\
         points: percentage points by which the probability would be lower without what is known of that\nmodel {}",
        answer.customer_id,
        100.0 * answer.probability,
        answer.horizon_days,
        answer.as_of,
        answer.band.to_lowercase(),
        answer.standing.to_lowercase(),
        answer.relative_risk,
        output::table(&["about", "feature", "value", "usual", "points"], 2, rows),
        answer.model_version
    )
}

fn one_place(value: f64) -> String {
    format!("{:.1}", rounded(value))
}

/// To one decimal place; what rounds to zero has no sign.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}
