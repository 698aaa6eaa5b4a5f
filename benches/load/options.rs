//! What to measure, and for how long.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;

/// Measures a server under load, on one half of this machine's cores, asked from the other half.
#[derive(Debug, clap::Parser)]
#[command(name = "load")]
pub struct Options {
    /// Measure only these.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<Scenario>,
    /// A smoke run: a small shop and fractions of a second, for figures that mean nothing.
    #[arg(long)]
    pub quick: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// Seconds of one measurement [default: 3; quick: 0.4]
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Measurements of which the median is told, the floor's and the server's in turn [default: 3; quick: 1]
    #[arg(long, value_name = "N")]
    repeats: Option<usize>,
    /// Arrivals a second of the mix, and of the reload.
    #[arg(long, value_name = "R", default_value_t = 2_000.0)]
    pub rate: f64,
    /// Arrivals a second on the Gowalla bundle.
    #[arg(long, value_name = "R", default_value_t = 1_000.0)]
    pub gowalla_rate: f64,
    /// Customers of the simulated shop [default: 20000; quick: 1500]
    #[arg(long, value_name = "N")]
    customers: Option<u32>,
    /// Items of the simulated shop [default: 5000; quick: 400]
    #[arg(long, value_name = "M")]
    items: Option<u32>,
    /// Seed of arrivals and questions.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Serve the current bundle of this registry instead of the simulated shop.
    #[arg(long, value_name = "DIR")]
    pub registry: Option<PathBuf>,
    /// Where logs and bundles that were made once are kept [default: target/load]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The program to serve with, and to train with where a bundle is missing [default: the one just built]
    #[arg(long, value_name = "PATH")]
    server_binary: Option<PathBuf>,
    /// Ask this running server (http://HOST:PORT) of the bundle in --registry; where it runs is its own affair.
    #[arg(long, value_name = "URL", requires = "registry")]
    server: Option<String>,
    /// Be the floor: answer every question with the message in this file.
    #[arg(long, value_name = "FILE", hide = true)]
    pub floor: Option<PathBuf>,
    /// Cargo gives it to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Scenario {
    /// Home pages from the cache, as many as the server can do.
    Home,
    /// Churn scores, as many as it can do.
    Score,
    /// Home pages without a cache, as many as it can do.
    Uncached,
    /// Visits of strangers on the Serenade example without a cache, as many as it can do.
    Session,
    /// Home, product and cart pages and churn scores at a given rate.
    Mix,
    /// The rate of the mix at which one answer in a hundred takes longer than 10 ms.
    Search,
    /// Home pages without a cache on the Gowalla bundle, at a given rate and as many as the server can do.
    Gowalla,
    /// The mix while another model takes over.
    Reload,
}

impl Options {
    /// Whether this is to be measured.
    pub fn wants(&self, scenario: Scenario) -> bool {
        self.only.is_empty() || self.only.contains(&scenario)
    }

    /// Length of one measurement.
    pub fn measured(&self) -> Duration {
        let usual = if self.quick { 0.4 } else { 3.0 };
        Duration::from_secs_f64(self.seconds.unwrap_or(usual).clamp(0.05, 3600.0))
    }

    /// Time before it, of which nothing is told.
    pub fn warm_up(&self) -> Duration {
        self.measured() / 4
    }

    /// Measurements of which the median is told.
    pub fn repeats(&self) -> usize {
        self.repeats.unwrap_or(if self.quick { 1 } else { 3 }).max(1)
    }

    /// Customers and items of the simulated shop.
    pub fn shop(&self) -> (u32, u32) {
        let (customers, items) = if self.quick { (1_500, 400) } else { (20_000, 5_000) };
        (self.customers.unwrap_or(customers), self.items.unwrap_or(items))
    }

    /// Where what was made is kept.
    pub fn keep(&self) -> PathBuf {
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("load");
        self.keep.clone().unwrap_or(beside)
    }

    /// The program.
    pub fn binary(&self) -> PathBuf {
        let built = PathBuf::from(env!("CARGO_BIN_EXE_rapport"));
        self.server_binary.clone().unwrap_or(built)
    }

    /// The running server to ask.
    pub fn server(&self) -> anyhow::Result<Option<SocketAddr>> {
        self.server.as_deref().map(address).transpose()
    }
}

/// The address in `http://HOST:PORT`, HOST being an IP address.
pub fn address(url: &str) -> anyhow::Result<SocketAddr> {
    let address = url.trim().trim_end_matches('/').trim_start_matches("http://");
    address
        .parse()
        .with_context(|| format!("{url} is not http:// with an IP address and a port"))
}
