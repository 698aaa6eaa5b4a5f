//! Where does the time of one request go?
//!
//! The bundle that the registry `RAPPORT_REGISTRY` serves, or a seeded shop, over a real connection, one caller at a time, whose
//! customers come one after another; a subscriber measures the spans that the service
//! opens. What no span covers is the wire: sockets, HTTP/2, the runtime, and the messages' bytes. Opening and closing a
//! span costs about half a microsecond here, and nothing in a server that nobody listens to.

#![allow(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

#[path = "../tests/it/support/shop.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod shop;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use comfy_table::{CellAlignment, Table, presets};
use mimalloc::MiMalloc;
use rapport::bundle::Registry;
use rapport::grpc::pb::recommendation_service_client::RecommendationServiceClient;
use rapport::grpc::pb::{RecommendRequest, RecommendationKind};
use rapport::grpc::{ServerOptions, serve};
use rapport::serve::{Engine, RawServeConfig, ServeConfig};
use tonic::transport::Channel;
use tracing::span::Id;
use tracing::{Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const SHOP: shop::Size = shop::Size {
    customers: 20_000,
    items: 5_000,
    cold_items: 100,
    events_per_customer: 50,
    factors: 64,
};

/// Requests that are measured in each situation.
const REQUESTS: usize = 5_000;

/// The service's spans, in the order of a request.
const SPANS: [&str; 7] = ["decode", "situation", "cache", "score", "rules", "name", "encode"];

/// Nanoseconds by span.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<BTreeMap<&'static str, Vec<u64>>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Instant::now());
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let now = Instant::now();
        let Some(span) = context.span(id) else { return };
        if let Some(since) = span.extensions().get::<Instant>() {
            let spent = u64::try_from((now - *since).as_nanos()).unwrap();
            self.0.lock().unwrap().entry(span.name()).or_default().push(spent);
        }
    }
}

fn median(values: &mut [u64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    values.sort_unstable();
    Some(values[values.len() / 2] as f64 / 1e3)
}

/// What stands between two requests.
#[derive(Clone, Copy, PartialEq)]
enum Between {
    Nothing,
    /// Something is said of an item's availability, so that the answer is made again of the same ranking.
    StockChanges,
}

async fn ask(
    client: &mut RecommendationServiceClient<Channel>,
    engine: &Engine,
    spans: &Spans,
    between: Between,
) -> [Option<f64>; SPANS.len() + 1] {
    let index = engine.index().unwrap();
    let ids: Vec<&str> = index.parts().histories.customers().names().collect();
    let mut whole = Vec::with_capacity(REQUESTS);
    // The first round warms what can be warmed.
    for round in 0..2 {
        whole.clear();
        spans.0.lock().unwrap().clear();
        for n in 0..REQUESTS {
            if between == Between::StockChanges {
                engine.set_available("no item", n % 2 == 0).unwrap();
            }
            let request = RecommendRequest {
                customer_id: Some(ids[(1 + n * 7) % ids.len()].to_owned()),
                kind: RecommendationKind::YouMayLike.into(),
                count: 20,
                ..RecommendRequest::default()
            };
            let since = Instant::now();
            let answer = client.recommend(request).await.unwrap();
            whole.push(u64::try_from(since.elapsed().as_nanos()).unwrap());
            assert_eq!(answer.into_inner().items.len(), 20, "round {round}");
        }
    }
    let mut spans = spans.0.lock().unwrap();
    let mut row = [None; SPANS.len() + 1];
    for (at, name) in SPANS.iter().enumerate() {
        row[at] = spans.get_mut(name).and_then(|values| median(values));
    }
    // A ranking is scored while its place in the cache is held.
    if let [_, _, Some(cache), Some(score), ..] = &mut row {
        *cache -= *score;
    }
    row[SPANS.len()] = median(&mut whole);
    row
}

fn registry(folder: &std::path::Path) -> Registry {
    if let Some(folder) = std::env::var_os("RAPPORT_REGISTRY") {
        return Registry::new(folder);
    }
    let registry = Registry::new(folder);
    let parts = shop::parts(SHOP, 1);
    let version = registry.publish(&parts, parts.data_through).unwrap().version;
    registry.activate(&version).unwrap();
    registry
}

fn main() {
    let spans = Spans::default();
    let wanted = tracing_subscriber::filter::filter_fn(|of| {
        *of.level() == Level::TRACE && of.target().starts_with("rapport")
    });
    let subscriber = tracing_subscriber::registry().with(spans.clone().with_filter(wanted));
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());

    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["µs, median"].into_iter().chain(SPANS).chain(["wire", "whole"]));
    for (name, config, between) in [
        ("remembered answer", "", Between::Nothing),
        ("cached ranking", "", Between::StockChanges),
        ("nothing cached", "[cache]\nentries = 0", Between::Nothing),
    ] {
        let raw: RawServeConfig = toml::from_str(config).unwrap();
        let engine = Arc::new(Engine::new(ServeConfig::try_from(raw).unwrap(), registry.clone()));
        engine.refresh().unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let row = runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let server = serve(
                listener,
                Arc::clone(&engine),
                ServerOptions::default(),
                std::future::pending(),
            );
            tokio::spawn(server);
            let mut client = RecommendationServiceClient::connect(url).await.unwrap();
            ask(&mut client, &engine, &spans, between).await
        });
        let spent: f64 = row[..SPANS.len()].iter().flatten().sum();
        let whole = row[SPANS.len()].unwrap();
        let cell = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
        let cells = row[..SPANS.len()].iter().map(|&value| cell(value));
        let ends = [Some(whole - spent), Some(whole)].map(cell);
        table.add_row(std::iter::once(name.to_owned()).chain(cells).chain(ends));
    }
    for column in 1..SPANS.len() + 3 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    #[expect(clippy::print_stdout, reason = "the table is what the bench is for")]
    {
        println!("{table}");
    }
}
