//! `rapport recommend`: ask a running server what a customer may like.

use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;

use super::Usage;
use super::output::{self, Format};
use crate::grpc::client::{
    Client, ExplainReport, ItemReport, ReasonReport, RecommendQuestion, RecommendReport, RuleReport,
};
use crate::rules::Kind;
use crate::time::Timestamp;

/// Ask a running server for recommendations.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The customer; without one, the answer is that of an anonymous visitor.
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// What kind of recommendation [default: the placement's, or you-may-like]
    #[arg(long, value_name = "KIND", value_parser = Kind::ALL.map(Kind::name))]
    kind: Option<String>,
    /// Items of the page or the visit, separated by commas.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    items: Vec<String>,
    /// Items in the cart, separated by commas.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    cart: Vec<String>,
    /// How many items, 1 to 500 [default: the placement's, or 10]
    #[arg(long, value_name = "N")]
    count: Option<u32>,
    /// The place on the page, whose kind and rules the recipe or the server's configuration names.
    #[arg(long, value_name = "NAME")]
    placement: Option<String>,
    /// Only items of which this holds, such as 'item.price < 20 and item.category under "kitchen"'.
    #[arg(long, value_name = "EXPRESSION")]
    filter: Option<String>,
    /// How much the items are to differ from each other: 0 (not at all) to 1.
    #[arg(long, value_name = "SHARE")]
    diversity: Option<f64>,
    /// Answer as of this instant instead of the end of the model's log.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// Show how the answer comes about: candidates, filters, rules.
    #[arg(long)]
    explain: bool,
    /// With --explain: where these items stand.
    #[arg(long, value_name = "A,B", value_delimiter = ',', requires = "explain")]
    about: Vec<String>,
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
    let named = |name: &String| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name);
        kind.ok_or_else(|| Usage(format!("--kind {name} is no kind")))
    };
    let kind = match (&args.kind, &args.placement) {
        (Some(name), _) => Some(named(name)?),
        (None, Some(_)) => None,
        (None, None) => Some(Kind::YouMayLike),
    };
    let question = RecommendQuestion {
        customer_id: args.customer.clone(),
        kind,
        item_ids: args.items.clone(),
        cart: args.cart.clone(),
        count: args.count.unwrap_or(match args.placement {
            Some(_) => 0,
            None => 10,
        }),
        placement: args.placement.clone(),
        filter: args.filter.clone(),
        diversity: args.diversity,
        model_version: None,
        as_of: args.as_of,
    };
    let format = Format::from_flag(args.json);
    if args.explain {
        let about = args.about.clone();
        let explained = args
            .server
            .ask(async |client| Ok(client.explain(question, about).await?))?;
        return match format {
            Format::Json => output::print_json(&explained),
            Format::Text => output::print(&describe_explained(&explained)),
        };
    }
    let answer = args
        .server
        .ask(async |client| Ok(client.recommend(question).await?))?;
    match format {
        Format::Json => output::print_json(&answer),
        Format::Text => output::print(&describe(&answer)),
    }
}

/// How an answer came about, for a person.
fn describe_explained(explained: &ExplainReport) -> String {
    let sources = explained.sources.iter().map(|source| {
        vec![
            words(&source.kind),
            source.candidates.to_string(),
            source.chosen.to_string(),
        ]
    });
    let filters = explained.filters.iter().map(|filter| {
        vec![
            filter.name.replace('_', " "),
            filter.removed.to_string(),
            filter.item_ids.join(", "),
        ]
    });
    let place = |rank: u32| match rank {
        0 => "-".to_owned(),
        rank => rank.to_string(),
    };
    let candidates = explained.candidates.iter().map(|candidate| {
        let rules: Vec<String> = candidate.rules.iter().map(describe_rule).collect();
        let fate = match candidate.removed_by.as_str() {
            "" => rules.join(", "),
            filter => format!("removed: {}", filter.replace('_', " ")),
        };
        vec![
            place(candidate.rank_before),
            place(candidate.rank_after),
            candidate.item_id.clone(),
            format!("{:.4}", candidate.score_before),
            candidate
                .score_after
                .map(|score| format!("{score:.4}"))
                .unwrap_or_default(),
            fate,
        ]
    });
    format!(
        "{}\n\n{}\n\n{}\n\n{}",
        describe(&explained.answer),
        output::table(&["candidates of", "offered", "chosen"], 2, sources),
        output::table(&["filter", "removed", "such as"], 1, filters),
        output::table(
            &["before", "after", "item", "score", "after rules", ""],
            2,
            candidates
        )
    )
}

fn words(name: &str) -> String {
    name.to_lowercase().replace('_', " ")
}

fn describe_rule(rule: &RuleReport) -> String {
    let effect = [
        rule.factor.map(|factor| format!("× {factor:.2}")),
        rule.added.map(|added| format!("{added:+.4}")),
        rule.places.map(|places| format!("{places:+} places")),
    ];
    let effect: Vec<String> = effect.into_iter().flatten().collect();
    format!("{} {}", rule.name, effect.join(" "))
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
    let kind = words(&reason.kind);
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
    let because = match evidence.is_empty() {
        true => kind,
        false => format!("{kind} {}", evidence.join(", ")),
    };
    let numbers = [
        reason
            .popularity
            .map(|popularity| format!("place {}", popularity.rank)),
        reason
            .due
            .map(|due| format!("{:.0} % in {:.0} days", 100.0 * due.probability, due.window_days)),
        reason.trend.map(|trend| format!("{:.1} × usual", trend.factor)),
        reason
            .upgrade
            .map(|upgrade| format!("{:+.0} % in price", 100.0 * (upgrade.price_ratio - 1.0))),
        reason.rule.as_ref().map(describe_rule),
    ];
    let numbers: Vec<String> = numbers.into_iter().flatten().collect();
    match numbers.is_empty() {
        true => because,
        false => format!("{because} ({})", numbers.join(", ")),
    }
}
