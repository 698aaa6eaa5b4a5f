//! Where log lines go: to standard error, so that standard output holds answers and nothing else.
//!
//! Enters: the filter, from `RAPPORT_LOG` (`info`, `rapport=debug,tonic=warn`, …). Leaves: nothing; the subscriber is
//! set for the whole process. Called once, by the command line.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts writing log lines to standard error: what `usual` lets through unless `filter` asks for something else; an
/// empty filter asks for nothing. Colours only where a person looks.
///
/// A filter that cannot be read falls back to the default and says so in the log: a typo in an environment variable
/// must not keep a service from starting.
pub fn start(filter: Option<&str>, usual: &str) {
    let default = || EnvFilter::new(usual);
    let (chosen, problem) = match filter
        .filter(|filter| !filter.trim().is_empty())
        .map(EnvFilter::try_new)
    {
        None => (default(), None),
        Some(Ok(chosen)) => (chosen, None),
        Some(Err(problem)) => (default(), Some(problem)),
    };
    tracing_subscriber::fmt()
        .with_env_filter(chosen)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        // The spans of a request are written when they end, where somebody asks for traces.
        .with_span_events(FmtSpan::CLOSE)
        .init();
    if let Some(problem) = problem {
        tracing::warn!("RAPPORT_LOG is not a log filter, using the default: {problem}");
    }
}
