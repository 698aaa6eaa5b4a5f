//! `rapport demo`: the whole way on a simulated shop, on an empty machine.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::evaluate::{describe, headline};
use super::output::{count, print};
use super::progress::Bars;
use super::{churn, clock, recommend, serve};
use crate::bundle::Registry;
use crate::config::Config;
use crate::evaluate::evaluate;
use crate::grpc::client::{Client, RecommendQuestion};
use crate::history::{Dataset, LogInputs};
use crate::log::{ReadOptions, Strictness};
use crate::recipe::Recipe;
use crate::rules::Kind;
use crate::serve::{AtRiskFilter, Engine};
use crate::simulate::{RawShopParams, ShopParams, simulate, write};
use crate::train::{data_through, train};

/// See all of it at work: simulate a shop, train, evaluate, serve, ask.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder for the shop's log and the trained bundle.
    #[arg(long, value_name = "DIR", default_value = "rapport-demo")]
    out: PathBuf,
    /// Stop after the answers instead of serving on.
    #[arg(long)]
    exit: bool,
    /// Address of the demonstration's server; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: String,
}

/// Runs `rapport demo`.
///
/// # Errors
/// Whatever keeps one of the steps from its end.
pub fn run(args: &Args) -> anyhow::Result<()> {
    // Before the work of a minute: an address that is none.
    serve::listen_on(&args.listen)?;
    let registry = args.out.join("registry");
    let bars = Bars::default();
    let log = make_shop(args, &bars)?;
    let (recipe, dataset) = read_log(&log, &bars)?;
    publish(&recipe, dataset, &registry, &bars)?;
    answer(args, &registry)
}

/// The two files of a simulated shop.
struct Log {
    events: PathBuf,
    items: PathBuf,
}

fn make_shop(args: &Args, bars: &Bars) -> anyhow::Result<Log> {
    let start = Instant::now();
    let params = ShopParams::try_from(RawShopParams::default())?;
    let shop = simulate(&params, bars);
    let written = write(&shop, &args.out)?;
    print(&format!(
        "1. A shop with known truth: {} customers, {} items, {} events in {} days ({:.1} s)\n   {}\n",
        count(shop.truth.left_at.len() as u64),
        count(shop.item_ids().len() as u64),
        count(shop.events().len() as u64),
        params.raw().days,
        start.elapsed().as_secs_f64(),
        written.events.display(),
    ))?;
    Ok(Log {
        events: written.events,
        items: written.items,
    })
}

fn read_log(log: &Log, bars: &Bars) -> anyhow::Result<(Recipe, Dataset)> {
    let start = Instant::now();
    let recipe = Recipe::read(None)?;
    let inputs = LogInputs {
        events: vec![log.events.clone()],
        items: Some(log.items.clone()),
        source: recipe.source.clone(),
        options: ReadOptions {
            strict: Strictness::Strict,
            now: clock::now(),
            until: None,
        },
    };
    let dataset = Dataset::read(&inputs, bars)?;
    print(&format!(
        "2. Read and sorted into histories: {} events of {} customers ({:.1} s)\n",
        count(dataset.histories.n_events() as u64),
        count(dataset.histories.customers().len() as u64),
        start.elapsed().as_secs_f64(),
    ))?;
    Ok((recipe, dataset))
}

fn publish(recipe: &Recipe, dataset: Dataset, registry: &Path, bars: &Bars) -> anyhow::Result<()> {
    let through = data_through(&dataset).context("the simulated log is empty")?;
    let start = Instant::now();
    let evaluation = evaluate(&dataset, recipe, through, bars);
    let figures = headline(&evaluation);
    print(&format!(
        "3. Evaluated on what each model could not know ({:.1} s)\n\n{}\n",
        start.elapsed().as_secs_f64(),
        indented(&describe(&evaluation))
    ))?;
    let start = Instant::now();
    let (parts, _) = train(dataset, recipe, through, figures, bars)?;
    let registry = Registry::new(registry);
    let manifest = registry.publish(&parts, clock::now())?;
    registry.activate(&manifest.version)?;
    print(&format!(
        "4. Trained on everything and published ({:.1} s)\n   {}\n",
        start.elapsed().as_secs_f64(),
        registry.root().join(&manifest.version).display(),
    ))
}

fn answer(args: &Args, registry: &Path) -> anyhow::Result<()> {
    let mut config = Config::parse("", "(defaults)")?;
    config.registry = registry.to_owned();
    config.listen = serve::listen_on(&args.listen)?;
    let customer = riskiest_customer(&config)?;
    let runtime = Runtime::new().context("cannot start the server's threads")?;
    runtime.block_on(async {
        let (listener, address) = serve::bind(config.listen).await?;
        let url = format!("http://{address}");
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            // A dropped sender stops the server as well.
            serve::serve(listener, &config, async { drop(stopped.await) }).await
        });
        ask(&url, &customer).await?;
        if args.exit {
            drop(stop);
        } else {
            print(&format!(
                "Serving on at {url}. In another terminal:\n\n\
                 \x20 rapport recommend --server {url} --customer {customer}\n\
                 \x20 rapport churn --server {url} --customer {customer} --json\n\
                 \x20 rapport score --registry {} --out scores.csv --recommend 5\n\n\
                 Ctrl-C stops.",
                registry.display()
            ))?;
            serve::stop_signal()?.await;
            drop(stop);
        }
        server.await.context("the server broke down")??;
        Ok(())
    })
}

async fn ask(url: &str, customer: &str) -> anyhow::Result<()> {
    let client = Client::connect(url, Duration::from_secs(30)).await?;
    client.until_ready().await?;
    let question = RecommendQuestion {
        customer_id: Some(customer.to_owned()),
        ..RecommendQuestion::new(Kind::YouMayLike, 5)
    };
    let start = Instant::now();
    let items = client.recommend(question).await?;
    let first = start.elapsed();
    let risk = client.churn(customer, None, None).await?;
    print(&format!(
        "5. Asked over gRPC at {url}: what may customer {customer} like? ({:.1} ms)\n\n{}\n\n\
         6. And will she leave?\n\n{}\n",
        1e3 * first.as_secs_f64(),
        indented(&recommend::describe(&items)),
        indented(&churn::describe(&risk)),
    ))
}

/// Somebody whom a CRM would call first: the riskiest of the customers with a fair chance to stay.
fn riskiest_customer(config: &Config) -> anyhow::Result<String> {
    let engine = Engine::new(config.serve.clone(), Registry::new(&config.registry));
    engine.refresh()?;
    let filter = AtRiskFilter {
        max_probability: Some(0.8),
        limit: Some(1),
        ..AtRiskFilter::default()
    };
    let mut risky = engine.at_risk(&filter)?;
    Ok(risky
        .next()
        .context("the simulated shop has no customer at risk")?
        .customer_id)
}

fn indented(text: &str) -> String {
    text.lines()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("   {line}\n")
            }
        })
        .collect::<String>()
        .trim_end()
        .to_owned()
}
