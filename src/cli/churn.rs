//! `rapport churn`: ask a running server whether a customer is leaving, and why.

use super::output::{self, Format};
use super::recommend::ServerArgs;
use crate::grpc::client::{ChangeReport, ChurnReport};
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
    /// Also say what changed since this earlier instant.
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
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
        .ask(async |client| Ok(client.churn(&args.customer, args.as_of, args.since).await?))?;
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
            reason.usual_value.map_or_else(|| "-".to_owned(), one_place),
            one_place(reason.typical_value),
            format!("{:+.1}", rounded(reason.contribution_points)),
        ]
    });
    format!(
        "Customer {}: {:.1} % likely to buy nothing in the {} days from {} ({}, {}; {:.2} times the usual risk){}{}\n\n{}\n\n\
         points: percentage points by which the probability would be lower without what is known of that\nmodel {}",
        answer.customer_id,
        100.0 * answer.probability,
        answer.horizon_days,
        answer.as_of,
        answer.band.to_lowercase(),
        answer.standing.to_lowercase(),
        answer.relative_risk,
        known(answer),
        answer.change.as_ref().map_or_else(String::new, changed),
        output::table(
            &[
                "about",
                "feature",
                "value",
                "usual for her",
                "in the shop",
                "points"
            ],
            2,
            rows
        ),
        answer.model_version
    )
}

/// The interval, segment, stage and value, a line each where they are known.
fn known(answer: &ChurnReport) -> String {
    let mut text = String::new();
    if let Some([low, high]) = answer.interval {
        text.push_str(&format!(
            "\n  {:.0} to {:.0} % in four of five seasons",
            100.0 * low,
            100.0 * high
        ));
    }
    if let Some(rfm) = &answer.rfm {
        text.push_str(&format!(
            "\n  segment {} (recency-frequency-money {rfm}), stage {}",
            spoken(&answer.segment),
            spoken(&answer.stage)
        ));
    }
    if let Some(value) = &answer.value {
        text.push_str(&format!(
            "\n  {:.1} purchase days expected in {} months",
            value.expected_purchases, value.months
        ));
        if let (Some(worth), Some(at_risk)) = (value.value, value.value_at_risk) {
            text.push_str(&format!(", worth {worth:.2}, of which {at_risk:.2} is at risk"));
        }
        text.push_str(&match value.next_order_at {
            Some(at) => format!("; next order about {}", &at.to_string()[..10]),
            None => "; no next order is likely".to_owned(),
        });
    }
    for flag in &answer.flags {
        text.push_str(match flag.as_str() {
            "ONE_TIME_BUYER" => "\n  note: bought on one day only, so her rhythm is taken to be the shop's",
            "STALE" => "\n  note: the instant lies after the end of the model's log; silence since then is taken for her own",
            "FROZEN" => "\n  note: events of a kind stopped coming in; the score is as of the last instant when they did",
            _ => "",
        });
    }
    text
}

fn changed(change: &ChangeReport) -> String {
    format!(
        "\n  since {}: {:.1} %, then {:+.1} points by time alone, {:+.1} by what she did, {:+.1} by the model",
        change.since,
        100.0 * change.probability,
        rounded(change.elapsed_time.points),
        rounded(change.behaviour.points),
        rounded(change.model.points)
    )
}

/// A word of the contract for a person.
fn spoken(word: &str) -> String {
    word.to_lowercase().replace('_', " ")
}

fn one_place(value: f64) -> String {
    format!("{:.1}", rounded(value))
}

/// To one decimal place; what rounds to zero has no sign.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0 + 0.0
}
