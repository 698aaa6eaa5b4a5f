//! Arguments that several subcommands share: the log and its recipe.

use std::path::PathBuf;

use anyhow::Context;

use super::clock;
use crate::bundle::Registry;
use crate::history::{Dataset, LogInputs};
use crate::log::{ReadOptions, Strictness};
use crate::progress::Progress;
use crate::recipe::Recipe;
use crate::serve::{Engine, RawServeConfig};
use crate::time::Timestamp;

/// The log and how to read it.
#[derive(Debug, clap::Args)]
pub struct LogArgs {
    /// The interaction log: files, folders or globs of CSV (also .gz, .zst), JSON Lines or Parquet.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    pub events: Vec<PathBuf>,
    /// The item table, in any of the same formats.
    #[arg(long, value_name = "PATH")]
    pub items: Option<PathBuf>,
    /// How the log is read and what is fitted; models/default.toml documents every key.
    #[arg(long, value_name = "TOML")]
    pub recipe: Option<PathBuf>,
    /// Fail on the first row that cannot be used, instead of counting it.
    #[arg(long)]
    pub strict: bool,
}

impl LogArgs {
    /// Reads the recipe, then the log; events at or after `until` are left out.
    ///
    /// # Errors
    /// A recipe or a log that cannot be read.
    pub fn read(
        &self,
        until: Option<Timestamp>,
        progress: &dyn Progress,
    ) -> anyhow::Result<(Recipe, Dataset)> {
        let recipe = Recipe::read(self.recipe.as_deref())?;
        let strictness = if self.strict {
            Strictness::Strict
        } else {
            Strictness::Lenient
        };
        let inputs = LogInputs {
            events: self.events.clone(),
            items: self.items.clone(),
            source: recipe.source.clone(),
            options: ReadOptions {
                strict: strictness,
                now: clock::now(),
                until,
            },
        };
        let dataset = Dataset::read(&inputs, progress).context("cannot read the log")?;
        Ok((recipe, dataset))
    }
}

/// Where trained bundles are kept.
#[derive(Debug, clap::Args)]
pub struct RegistryArgs {
    /// Folder of the trained bundles.
    #[arg(long, value_name = "DIR", default_value = "models/registry", global = true)]
    pub registry: PathBuf,
}

impl RegistryArgs {
    /// An engine that answers from the registry's current bundle, for a job that asks each thing once.
    pub fn engine(&self) -> anyhow::Result<Engine> {
        let mut raw = RawServeConfig::default();
        raw.cache.entries = 0;
        let engine = Engine::new(raw.try_into()?, Registry::new(&self.registry));
        engine.refresh()?;
        if !engine.is_ready() {
            anyhow::bail!(
                "{} has no current bundle: `rapport train` makes one, `rapport models activate` chooses one",
                self.registry.display()
            );
        }
        Ok(engine)
    }
}
