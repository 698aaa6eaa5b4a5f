//! Logs and bundles that are made once, by the program that serves, and kept for the next run.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::bundle::{FORMAT_VERSION, Registry};
use rapport::export::{Column, Table, Values, write};
use rapport::log::read_pairs;
use rapport::time::Timestamp;

use super::data;

/// The time that Gowalla's check-ins are spread over.
const GOWALLA_DAYS: std::ops::Range<i64> = 14_275..14_900;

const SECONDS_PER_DAY: i64 = 86_400;

/// Where made things are kept, and with what they are made.
#[derive(Clone, Debug)]
pub struct Kept {
    pub folder: PathBuf,
    pub binary: PathBuf,
}

impl Kept {
    /// A simulated shop of so many customers and items, with the default recipe.
    pub fn shop(&self, customers: u32, items: u32) -> anyhow::Result<Registry> {
        let folder = self.place(&format!("shop-{customers}x{items}"));
        self.trained(&folder, || self.train_shop(&folder))
    }

    /// The shop once more, as another version; the one that is current stays so.
    pub fn another_shop(&self, registry: &Registry) -> anyhow::Result<()> {
        let folder = registry.root().parent().context("a registry lies in a folder")?;
        let log = [folder.join("events.parquet"), folder.join("items.parquet")];
        if !log[0].exists() {
            bail!(
                "{} holds one bundle; a reload needs two",
                registry.root().display()
            );
        }
        let flags = ["--no-activate".to_owned(), "--items".to_owned(), path(&log[1])];
        self.train(&log[0], registry.root(), None, &flags)
    }

    /// Gowalla's pairs as purchases at seeded times, with 128 factors; nothing where the data is not.
    pub fn gowalla(&self) -> anyhow::Result<Option<Registry>> {
        let Some(pairs) = data::published("gowalla/train.parquet") else {
            return Ok(None);
        };
        let recipe = recipe("gowalla-serving.toml");
        let folder = self.place_of("gowalla", &recipe)?;
        let registry = self.trained(&folder, || {
            let log = folder.join("events.parquet");
            write_purchases(&pairs, &log)?;
            self.train(&log, &folder.join("registry"), Some(&recipe), &[])
        })?;
        Ok(Some(registry))
    }

    /// The Serenade example with its recipe; nothing where the data is not.
    pub fn serenade(&self) -> anyhow::Result<Option<Registry>> {
        let Some(clicks) = data::published("serenade-example/train.parquet") else {
            return Ok(None);
        };
        let recipe = recipe("serenade.toml");
        let folder = self.place_of("serenade", &recipe)?;
        let registry = self.trained(&folder, || {
            self.train(&clicks, &folder.join("registry"), Some(&recipe), &[])
        })?;
        Ok(Some(registry))
    }

    /// Bundles of an older format say less than the server could.
    fn place(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}-format-{FORMAT_VERSION}"))
    }

    /// Another recipe makes another bundle.
    fn place_of(&self, name: &str, recipe: &Path) -> anyhow::Result<PathBuf> {
        let text = std::fs::read(recipe).with_context(|| format!("cannot read {}", recipe.display()))?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&text);
        Ok(self.place(&format!("{name}-{:016x}", hasher.finish())))
    }

    fn trained(&self, folder: &Path, make: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Registry> {
        let registry = Registry::new(folder.join("registry"));
        if registry.current()?.is_none() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            make()?;
        }
        Ok(registry)
    }

    fn train_shop(&self, folder: &Path) -> anyhow::Result<()> {
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let size = name
            .trim_start_matches("shop-")
            .split('-')
            .next()
            .unwrap_or_default();
        let (customers, items) = size.split_once('x').context("a shop is named by its size")?;
        let mut simulate = Command::new(&self.binary);
        simulate
            .args(["simulate", "--customers", customers, "--items", items, "--out"])
            .arg(folder);
        run(simulate)?;
        let flags = ["--items".to_owned(), path(&folder.join("items.parquet"))];
        self.train(
            &folder.join("events.parquet"),
            &folder.join("registry"),
            None,
            &flags,
        )
    }

    fn train(
        &self,
        events: &Path,
        registry: &Path,
        recipe: Option<&Path>,
        flags: &[String],
    ) -> anyhow::Result<()> {
        let mut train = Command::new(&self.binary);
        train
            .args(["train", "--skip-evaluation", "--events"])
            .arg(events)
            .arg("--registry")
            .arg(registry)
            .args(flags);
        if let Some(recipe) = recipe {
            train.arg("--recipe").arg(recipe);
        }
        run(train)
    }
}

fn recipe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("models/benchmarks")
        .join(name)
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn run(mut command: Command) -> anyhow::Result<()> {
    eprintln!("load: {command:?}");
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!(
            "{command:?} failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}

/// Writes a log of pairs, each at an instant drawn by seed.
fn write_purchases(pairs: &Path, log: &Path) -> anyhow::Result<()> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let (mut customers, mut items, mut times) = (Vec::new(), Vec::new(), Vec::new());
    for (customer, item) in read_pairs(pairs)? {
        let second =
            random.gen_range(GOWALLA_DAYS.start * SECONDS_PER_DAY..GOWALLA_DAYS.end * SECONDS_PER_DAY);
        customers.push(Some(customer));
        items.push(Some(item));
        times.push(Timestamp::from_micros(second * 1_000_000));
    }
    let table = Table {
        columns: vec![
            Column::new("customer_id", Values::Text(customers)),
            Column::new("item_id", Values::Text(items)),
            Column::new("occurred_at", Values::Time(times)),
        ],
    };
    Ok(write(&table, log)?)
}
