//! DOOR: the command line. One file a subcommand, wiring only: each reads its arguments, calls the room that does the
//! work, and prints.
//!
//! Exit codes: 0 done, 1 failed, 2 bad usage or configuration. Progress and log lines go to standard error, results to
//! standard output.

mod churn;
mod clock;
mod demo;
mod evaluate;
mod features;
mod input;
mod inspect;
mod loading;
mod memory;
mod models;
mod output;
mod plan;
mod progress;
mod recommend;
mod score;
mod serve;
mod simulate;
mod train;
mod tune;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ConfigError;
use crate::export::ExportError;
use crate::grpc::client::ClientError;
use crate::recipe::RecipeError;
use crate::telemetry;

/// Recommendations and churn prediction for an online shop.
///
/// Learns from the shop's interaction log, answers over gRPC.
#[derive(Debug, Parser)]
#[command(
    name = "rapport",
    version,
    max_term_width = 110,
    after_help = "\
First steps:
  rapport demo                                    see all of it at work on a simulated shop
  rapport inspect --events log.csv                what is in your log, and what is wrong with it
  rapport tune --events log.csv --out shop.toml   find the settings that suit it, in ten minutes
  rapport train --events log.csv                  fit the models and publish them to models/registry
  rapport serve                                   answer over gRPC on 127.0.0.1:50051
  rapport recommend --customer 42                 ask the running server

RAPPORT_LOG sets what is logged to standard error (for example rapport=debug)."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Args),
    Simulate(simulate::Args),
    Inspect(inspect::Args),
    Train(train::Args),
    Evaluate(evaluate::Args),
    Tune(tune::Args),
    Features(features::Args),
    Score(score::Args),
    Plan(plan::Args),
    Models(models::Args),
    Watch(watch::Args),
    Serve(serve::Args),
    Recommend(recommend::Args),
    Churn(churn::Args),
}

/// Bad usage that clap cannot see, such as two arguments that do not go together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

/// Parses the command line, starts telemetry, runs the subcommand and says how it went.
#[must_use]
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    // A server's log is its voice; the other commands speak by their results.
    let usual = if matches!(command, Command::Serve(_)) {
        "warn,rapport=info"
    } else {
        "warn"
    };
    telemetry::start(std::env::var("RAPPORT_LOG").ok().as_deref(), usual);
    let done = match command {
        Command::Demo(args) => demo::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Train(args) => train::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Tune(args) => tune::run(&args),
        Command::Features(args) => features::run(&args),
        Command::Score(args) => score::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Models(args) => models::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Recommend(args) => recommend::run(&args),
        Command::Churn(args) => churn::run(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::from(exit_code(&error))
        }
    }
}

#[expect(
    clippy::print_stderr,
    reason = "the one place where a failed command says why"
)]
fn complain(error: &anyhow::Error) {
    eprintln!("rapport: {}", told(error));
}

/// An error and its causes, each said once: some libraries repeat the cause in their own text.
fn told(error: &anyhow::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        match said.last_mut() {
            Some(last) if last.ends_with(&cause) => {}
            Some(last) if cause.starts_with(last.as_str()) => *last = cause,
            _ => said.push(cause),
        }
    }
    said.join(": ")
}

fn exit_code(error: &anyhow::Error) -> u8 {
    let bad_usage = error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<RecipeError>()
            || cause.is::<ConfigError>()
            || matches!(cause.downcast_ref(), Some(ExportError::UnknownFormat { .. }))
            || matches!(cause.downcast_ref(), Some(ClientError::Url { .. }))
    });
    if bad_usage { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_cause_that_repeats_itself_is_said_once() {
        let error = anyhow::anyhow!("refused (os error 111)")
            .context("connect error: refused (os error 111)")
            .context("connect error")
            .context("nobody listens");
        assert_eq!(
            told(&error),
            "nobody listens: connect error: refused (os error 111)"
        );
    }

    #[test]
    fn exit_codes_tell_bad_usage_from_failure() {
        assert_eq!(
            exit_code(&anyhow::Error::from(Usage("no".into())).context("while parsing")),
            2
        );
        assert_eq!(exit_code(&anyhow::anyhow!("the disk is full")), 1);
    }
}
