//! Does the cache earn its place: how often is a ranking there, and what does it hold?
//!
//! An engine in this process over a seeded shop; customers open their home pages as Zipf's law has it. For each exponent,
//! size and policy: the share of questions that found their ranking, after a warm-up of as many; entries and bytes held at the
//! end. Then a batch job asks for every customer once and the customers go on: the share of hits in the tenth of the
//! questions that follows tells what the job swept away.

#![allow(clippy::print_stdout, reason = "a bench says what it measures")]
#![allow(
    clippy::unwrap_used,
    reason = "a bench that cannot be set up has nothing to measure"
)]

#[path = "../tests/it/support/shop.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod shop;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_distr::{Distribution, Zipf};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::bundle::Registry;
use rapport::rules::Kind;
use rapport::serve::{CacheStats, Engine, RawServeConfig, RecommendRequest, ServeConfig};

const SHOP: shop::Size = shop::Size {
    customers: 10_000,
    items: 400,
    cold_items: 20,
    events_per_customer: 10,
    factors: 8,
};

/// Home pages of a measurement, and of the warm-up before it.
const PAGES: usize = 30_000;

/// How much more often the first customer comes than the n-th: n to this power.
const EXPONENTS: [f64; 3] = [0.8, 1.0, 1.2];

/// Memory for rankings, in MiB: room for a few, some and many of the customers.
/// The number of entries is left open, because where that is the limit each entry is charged its share of the memory.
const MEBIBYTES: [u64; 3] = [1, 5, 20];

const POLICIES: [&str; 2] = ["lru", "tiny_lfu"];

/// What one setting came to.
struct Outcome {
    hits: f64,
    after_burst: f64,
    held: CacheStats,
    /// The share of hits that a cache would have that holds the most frequent customers, whatever comes.
    best: f64,
}

struct Visitors {
    /// Customers, the most frequent first.
    order: Vec<usize>,
    rank: Zipf<f64>,
    random: Xoshiro256PlusPlus,
}

impl Visitors {
    fn new(exponent: f64) -> Self {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut order: Vec<usize> = (0..SHOP.customers).collect();
        order.shuffle(&mut random);
        Self {
            rank: Zipf::new(SHOP.customers as u64, exponent).unwrap(),
            order,
            random,
        }
    }

    /// Asks for the home pages of so many visits; the share of them whose ranking was there.
    fn come(&mut self, engine: &Engine, pages: usize) -> f64 {
        let before = engine.cache_stats();
        for _ in 0..pages {
            let rank = self.rank.sample(&mut self.random) as usize;
            ask(engine, self.order[rank - 1]);
        }
        let after = engine.cache_stats();
        {
            let asked = |stats: CacheStats| stats.hits + stats.coalesced + stats.made;
            1.0 - (after.made - before.made) as f64 / (asked(after) - asked(before)) as f64
        }
    }
}

fn ask(engine: &Engine, customer: usize) {
    let mut request = RecommendRequest::new(Kind::YouMayLike, 10);
    request.context.customer_id = Some(shop::customer_id(customer));
    engine.recommend(&request).unwrap();
}

fn measure(registry: &Registry, exponent: f64, mebibytes: u64, policy: &str) -> Outcome {
    let config =
        format!("[cache]\nentries = 1_000_000_000\nmax_mebibytes = {mebibytes}\npolicy = '{policy}'");
    let raw: RawServeConfig = toml::from_str(&config).unwrap();
    let engine = Engine::new(ServeConfig::try_from(raw).unwrap(), registry.clone());
    engine.refresh().unwrap();
    let mut visitors = Visitors::new(exponent);
    visitors.come(&engine, PAGES);
    let hits = visitors.come(&engine, PAGES);
    let held = engine.cache_stats();
    // In an order of its own, as the job's file has it.
    let from = visitors.random.gen_range(0..SHOP.customers);
    (0..SHOP.customers).for_each(|customer| ask(&engine, (from + customer) % SHOP.customers));
    Outcome {
        hits,
        after_burst: visitors.come(&engine, PAGES / 10),
        held,
        best: best(exponent, held.entries),
    }
}

/// Sum over the first `entries` ranks of rank^-s, as a share of the sum over all.
fn best(exponent: f64, entries: u64) -> f64 {
    let sum = |ranks: u64| (1..=ranks).map(|rank| (rank as f64).powf(-exponent)).sum::<f64>();
    sum(entries) / sum(SHOP.customers as u64)
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    let parts = shop::parts(SHOP, 1);
    let version = registry.publish(&parts, parts.data_through).unwrap().version;
    registry.activate(&version).unwrap();

    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([
            "exponent",
            "MiB",
            "policy",
            "hits",
            "after a burst",
            "best",
            "entries",
            "KiB",
            "bytes each",
        ]);
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    for exponent in EXPONENTS {
        for mebibytes in MEBIBYTES {
            for policy in POLICIES {
                let outcome = measure(&registry, exponent, mebibytes, policy);
                let CacheStats {
                    entries: held, bytes, ..
                } = outcome.held;
                table.add_row([
                    exponent.to_string(),
                    mebibytes.to_string(),
                    policy.to_owned(),
                    percent(outcome.hits),
                    percent(outcome.after_burst),
                    percent(outcome.best),
                    held.to_string(),
                    (bytes >> 10).to_string(),
                    bytes.checked_div(held).unwrap_or(0).to_string(),
                ]);
            }
        }
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        if at != 2 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    println!(
        "{} customers, {PAGES} home pages after as many to warm up; a burst asks for every customer once; best: the most \
         frequent customers alone\n{}",
        SHOP.customers,
        table.trim_fmt()
    );
}
