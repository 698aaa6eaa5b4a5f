//! `rapport recommend`: ask a running server what a customer may like.

use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;

use super::Usage;
use super::output::{self, Format};
use crate::grpc::client::{Client, ItemReport, ReasonReport, RecommendQuestion, RecommendReport};
use crate::serve::Kind;
use crate::time::Timestamp;

/// Ask a running server for recommendations.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The customer; without one, the answer is that of an anonymous visitor.
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// What kind of recommendation.
    #[arg(long, value_name = "KIND", default_value = "you-may-like",
          value_parser = ["you-may-like", "similar", "cross-sell", "up-sell", "buy-again", "trending"])]
    kind: String,
    /// Items of the page or the visit, separated by commas.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    items: Vec<String>,
    /// How many items, 1 to 500.
    #[arg(long, value_name = "N", default_value_t = 10)]
    count: u32,
    /// Answer as of this instant instead of the end of the model's log.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    server: ServerArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How long a server that has just been started is waited for.
const STARTING: Duration = Duration::from_secs(3);

/// Which server is asked.
#[derive(Debug, clap::Args)]
pub struct ServerArgs {
    /// The server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:50051")]
    server: String,
    /// Seconds that an answer may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0)]
    timeout: f64,
}

impl ServerArgs {
    /// Connects and asks.
    ///
    /// # Errors
    /// A timeout that is none, a server that is not there, and whatever the question meets.
    pub fn ask<T>(&self, question: impl AsyncFnOnce(Client) -> anyhow::Result<T>) -> anyhow::Result<T> {
        let limit = Duration::try_from_secs_f64(self.timeout)
            .ok()
            .filter(|limit| !limit.is_zero())
            .ok_or_else(|| Usage("--timeout is a number of seconds above 0".to_owned()))?;
        let runtime = Runtime::new().context("cannot start the client's threads")?;
        runtime.block_on(async {
            let client = Client::connect(&self.server, limit).await?;
            // A server that was started a moment ago may still be loading its model. One that stays without a model says
            // why when it is asked.
            let _ready = tokio::time::timeout(limit.min(STARTING), client.until_ready()).await;
            question(client).await
        })
    }
}

/// Runs `rapport recommend`.
///
/// # Errors
/// A server that is not there or refuses.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == args.kind);
    let kind = kind.ok_or_else(|| Usage(format!("--kind {} is no kind", args.kind)))?;
    let question = RecommendQuestion {
        customer_id: args.customer.clone(),
        item_ids: args.items.clone(),
        as_of: args.as_of,
        ..RecommendQuestion::new(kind, args.count)
    };
    let answer = args
        .server
        .ask(async |client| Ok(client.recommend(question).await?))?;
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&answer),
        Format::Text => output::print(&describe(&answer)),
    }
}

/// The answer, for a person.
pub fn describe(answer: &RecommendReport) -> String {
    let title = |item: &ItemReport| {
        item.attributes
            .as_ref()
            .and_then(|known| known.title.clone())
            .unwrap_or_default()
    };
    let rows = answer.items.iter().map(|item| {
        let why = item
            .reasons
            .first()
            .map(|reason| describe_reason(&item.item_id, reason));
        vec![
            item.rank.to_string(),
            item.item_id.clone(),
            title(item),
            why.unwrap_or_default(),
            format!("{:.4}", item.score),
        ]
    });
    let mut text = format!(
        "{} answer as of {} (model {})\n\n{}",
        answer.strategy,
        answer.as_of,
        answer.model_version,
        output::table(&["", "item", "title", "strongest reason", "score"], 4, rows)
    );
    if let Some(rule) = &answer.underfilled {
        text.push_str(&format!("\n\nfewer than asked: {rule}"));
    }
    if !answer.unknown_ids.is_empty() {
        text.push_str(&format!(
            "\n\nnot known to the model: {}",
            answer.unknown_ids.join(", ")
        ));
    }
    text
}

/// The strongest reason of an item; the item itself, seen or bought before, is `this one`.
fn describe_reason(item_id: &str, reason: &ReasonReport) -> String {
    let kind = reason.kind.to_lowercase().replace('_', " ");
    let evidence: Vec<String> = reason
        .evidence
        .iter()
        .map(|evidence| {
            let name = match evidence.item_id == item_id {
                true => "this one",
                false => &evidence.item_id,
            };
            format!("{name} {:.0} %", 100.0 * evidence.share)
        })
        .collect();
    match (&reason.popularity, evidence.is_empty()) {
        (Some(popularity), _) => format!("{kind} (place {})", popularity.rank),
        (None, true) => kind,
        (None, false) => format!("{kind} {}", evidence.join(", ")),
    }
}
