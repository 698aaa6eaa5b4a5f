//! How long from the start of `rapport serve` to its first answer, and how large is it then?
//!
//! ```text
//! cargo bench --bench start -- [--customers 1000000] [--items 200000] [--events 50000000]
//!                              [--cores 0,1] [--repeats 3] [--cold] [--reload 100] [--beside OTHER_RAPPORT]
//! ```
//!
//! The bundle is made once, without training, under `target/start/`; one of the default size takes about a minute, several
//! gigabytes of memory and 2.5 GB of disk (twice that with `--reload`). The server is the real program in a process of its own. Its files are in the page cache,
//! as they are on the machine that has just written or copied them; `--cold` has them dropped before each start
//! (`posix_fadvise`), so that they come from the disk.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot be set up has nothing to measure, and its figures are what it prints"
)]

#[path = "start/large.rs"]
mod large;
#[path = "start/reload.rs"]
mod reload;
#[path = "../tests/it/support/shop.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod shop;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Parser;
use large::Size;
use rapport::bundle::{MANIFEST, Manifest, Registry};
use rapport::grpc::client::{Client, RecommendQuestion};
use rapport::rules::Kind;

#[derive(Parser)]
struct Args {
    #[arg(long, default_value_t = 1_000_000)]
    customers: usize,
    #[arg(long, default_value_t = 200_000)]
    items: usize,
    #[arg(long, default_value_t = 50_000_000)]
    events: usize,
    /// Cores that the server may use, as `taskset --cpu-list` takes them
    #[arg(long)]
    cores: Option<String>,
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Drop the bundle from the page cache before each start
    #[arg(long)]
    cold: bool,
    /// After the starts: take a copy of the model into service beside so many requests a second
    #[arg(long)]
    reload: Option<f64>,
    /// Another `rapport` that is measured in turn with this one
    #[arg(long)]
    beside: Option<PathBuf>,
    /// What `cargo bench` says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// One start of the server.
struct Start {
    serving: Duration,
    answered: Duration,
    /// Bytes by their name in `/proc/PID/status`.
    memory: [u64; 4],
}

const MEMORY: [&str; 4] = ["VmHWM", "VmRSS", "RssAnon", "RssFile"];

fn main() {
    let args = Args::parse();
    let size = Size {
        customers: args.customers,
        items: args.items,
        events: args.events,
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!(
        "target/start/{}-{}-{}",
        size.customers, size.items, size.events
    ));
    let registry = Registry::new(&root);
    let manifest = published(&registry, size);
    let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
    println!(
        "{} customers, {} items, {} events, {} factors; {} on disk, {}",
        size.customers,
        size.items,
        size.events,
        large::FACTORS,
        mebibytes(bytes),
        if args.cold {
            "not in the page cache"
        } else {
            "in the page cache"
        },
    );
    for file in &manifest.files {
        println!("  {:>10}  {}", mebibytes(file.bytes), file.name);
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = root.join(&manifest.version);
    let programs = [Path::new(env!("CARGO_BIN_EXE_rapport"))]
        .into_iter()
        .chain(args.beside.as_deref());
    let mut starts: Vec<(&Path, Vec<Start>)> = programs.map(|program| (program, Vec::new())).collect();
    if let Some(rate) = args.reload {
        let version = copied(&registry, &manifest);
        for (program, _) in &starts {
            println!("{}", program.display());
            // The program before may have left the copy as the current one.
            registry.activate(&manifest.version).unwrap();
            runtime.block_on(async {
                let (_server, url) = Server::start(program, &root, &args).await;
                reload::reload(&url, &version, rate, size).await;
            });
        }
        registry.activate(&manifest.version).unwrap();
    }
    for _ in 0..args.repeats {
        for (program, starts) in &mut starts {
            for file in &manifest.files {
                warm_or_drop(&folder.join(&file.name), args.cold);
            }
            let start = runtime.block_on(start(program, &root, &args));
            println!(
                "serving after {:.2} s, first answer after {:.2} s; {}",
                start.serving.as_secs_f64(),
                start.answered.as_secs_f64(),
                MEMORY
                    .iter()
                    .zip(start.memory)
                    .map(|(name, bytes)| format!("{name} {}", mebibytes(bytes)))
                    .collect::<Vec<_>>()
                    .join(", ")
            );
            starts.push(start);
        }
    }
    for (program, mut starts) in starts {
        starts.sort_by_key(|start| start.answered);
        let median = &starts[starts.len() / 2];
        println!(
            "{}: first answer after {:.2} s{}, median of {}",
            program.display(),
            median.answered.as_secs_f64(),
            args.cores
                .as_ref()
                .map_or(String::new(), |cores| format!(" on cores {cores}")),
            starts.len(),
        );
        let of = [
            ("on disk", bytes),
            ("at the peak", median.memory[0]),
            ("resident", median.memory[1]),
        ];
        for (what, bytes) in of {
            println!(
                "  {what}: {}; {:.0} bytes a customer, {:.0} an item, {:.1} an event",
                mebibytes(bytes),
                bytes as f64 / size.customers as f64,
                bytes as f64 / size.items as f64,
                bytes as f64 / size.events as f64
            );
        }
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

/// The bundle of this size, made where there is none.
fn published(registry: &Registry, size: Size) -> Manifest {
    if let Some(version) = registry.current().unwrap() {
        return registry.show(&version).unwrap();
    }
    println!("making the bundle …");
    let parts = large::parts(size);
    let manifest = registry.publish(&parts, parts.data_through).unwrap();
    drop(parts);
    registry.activate(&manifest.version).unwrap();
    manifest
}

/// Reads a file into the page cache, or has it dropped from there.
fn warm_or_drop(file: &Path, cold: bool) {
    if cold {
        // Everybody may have clean pages of his own file dropped.
        let dropped = Command::new("dd")
            .arg(format!("if={}", file.display()))
            .args(["iflag=nocache", "count=0", "status=none"])
            .status();
        assert!(dropped.unwrap().success(), "dd cannot drop {}", file.display());
    } else {
        std::io::copy(&mut fs::File::open(file).unwrap(), &mut std::io::sink()).unwrap();
    }
}

/// The bundle once more, with files of its own and a version of its own.
fn copied(registry: &Registry, manifest: &Manifest) -> String {
    let mut copy = manifest.clone();
    copy.version = format!("{}-00000000", manifest.version.split('-').next().unwrap());
    let (from, to) = (
        registry.root().join(&manifest.version),
        registry.root().join(&copy.version),
    );
    if !to.exists() {
        fs::create_dir(&to).unwrap();
        for file in &manifest.files {
            fs::copy(from.join(&file.name), to.join(&file.name)).unwrap();
        }
        fs::write(to.join(MANIFEST), serde_json::to_vec(&copy).unwrap()).unwrap();
    }
    for file in &manifest.files {
        warm_or_drop(&to.join(&file.name), false);
    }
    copy.version
}

/// Stops the server when it goes out of scope, also when an answer was none.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// A server that has a model, and where it listens.
    async fn start(program: &Path, registry: &Path, args: &Args) -> (Self, String) {
        let mut command = match &args.cores {
            Some(cores) => {
                let mut pinned = Command::new("taskset");
                pinned.args(["--cpu-list", cores]).arg(program);
                pinned
            }
            None => Command::new(program),
        };
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--registry"])
            .arg(registry)
            .stdout(Stdio::piped());
        let mut server = Self(command.spawn().unwrap());
        let mut out = BufReader::new(server.0.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line
            .split([' ', ','])
            .find(|word| word.starts_with("http"))
            .unwrap();
        let client = Client::connect(url, Duration::from_secs(600)).await.unwrap();
        client.until_ready().await.unwrap();
        (server, url.to_owned())
    }

    fn memory(&self) -> [u64; 4] {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        MEMORY.map(|name| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kibibytes * 1024
        })
    }
}

async fn start(program: &Path, registry: &Path, args: &Args) -> Start {
    let began = Instant::now();
    let (server, url) = Server::start(program, registry, args).await;
    let serving = began.elapsed();
    let client = Client::connect(&url, Duration::from_secs(60)).await.unwrap();
    let mut question = RecommendQuestion::new(Kind::YouMayLike, 20);
    question.customer_id = Some(large::customer_id(args.customers / 2));
    let answer = client.recommend(question).await.unwrap();
    assert_eq!(answer.items.len(), 20);
    Start {
        serving,
        answered: began.elapsed(),
        memory: server.memory(),
    }
}
