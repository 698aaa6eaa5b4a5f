//! `rapport tune`: find the settings that suit the data, and write them as a recipe.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;

use super::Usage;
use super::input::LogArgs;
use super::output::{self, Format};
use super::progress::Bars;
use crate::history::pair_matrix;
use crate::log::read_pairs;
use crate::recipe::{RawRecipe, Recipe};
use crate::time::Timestamp;
use crate::train::data_through;
use crate::tune::{
    Data, Header, Journal, Limit, NAMES, Notebook, Options, Slices, Stopwatch, Tools, Trial, TuneReport,
    Tuned, header, tune,
};

/// Find settings that suit the data: hyper-parameters of every model, what an event is worth, the weights of the blend.
///
/// Settings are judged by NDCG on what is held out of the data. Of pairs (--train) that is a share of every customer's
/// items: give the same file that `evaluate --train` learns from, never the test half. Of a log (--events) it is the
/// purchases of some windows, as many as evaluate.folds says, all of which end before the last evaluate.window_days:
/// those are what `evaluate --events` judges by, and no trial sees them.
///
/// Each model is first searched by its own ranking, then by what the blend reaches with it: the best part is not the one
/// that is best alone. Links that the blend does not miss are dropped: an answer adds them up one by one. Last, the weights of
/// the blend are learned; for pairs they are written into the recipe, for a log they are learned again at every training, on
/// its last days.
///
/// Every trial is written to the journal before the next begins, and the best recipe so far to --out whenever it has
/// become better. So it may be interrupted at any time: the same command goes on where it stopped, and with more
/// --minutes it searches on.
///
/// Afterwards: `rapport evaluate --recipe RECIPE.toml …` measures what was gained on data that the search has not seen,
/// and `rapport train --recipe RECIPE.toml …` uses it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pairs to learn from: Parquet or CSV with user_id and item_id.
    #[arg(
        long,
        value_name = "PAIRS",
        conflicts_with = "events",
        required_unless_present = "events"
    )]
    train: Option<PathBuf>,
    /// The interaction log: files, folders or globs of CSV (also .gz, .zst), JSON Lines or Parquet.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    events: Vec<PathBuf>,
    /// The item table, in any of the same formats.
    #[arg(long, value_name = "PATH", requires = "events")]
    items: Option<PathBuf>,
    /// Fail on the first row that cannot be used, instead of counting it.
    #[arg(long, requires = "events")]
    strict: bool,
    /// Tune as if the log ended here.
    #[arg(long, value_name = "TIME", requires = "events")]
    as_of: Option<Timestamp>,
    /// The recipe to begin with: what it does not say, and the search does not change, keeps its default.
    #[arg(long, value_name = "BASE.toml")]
    recipe: Option<PathBuf>,
    /// The recipe to write: the keys that differ from their defaults.
    #[arg(long, value_name = "RECIPE.toml")]
    out: PathBuf,
    /// Minutes that the trials may take, in all; a search that was interrupted counts those of its journal.
    #[arg(long, default_value_t = 10.0, value_name = "N")]
    minutes: f64,
    /// Trials of each stage, instead of minutes: the same recipe on every machine.
    #[arg(long, conflicts_with = "minutes", value_name = "N")]
    trials: Option<usize>,
    /// Seed of what is held out and of the fits [default: the recipe's]
    #[arg(long)]
    seed: Option<u64>,
    /// Search only this; may be given more than once.
    #[arg(long, value_name = "NAME", value_parser = NAMES)]
    model: Vec<String>,
    /// Try no larger models: answers take no longer than they do now.
    #[arg(long)]
    keep_sizes: bool,
    /// Part of the NDCG that half of the links must bring, and the low-pass part: what brings less is left out, so that answers
    /// cost less [default: the recipe's recommend.blend.worth]
    #[arg(long, value_name = "SHARE")]
    worth: Option<f64>,
    /// Where trials are written [default: beside --out, with .trials.jsonl]
    #[arg(long, value_name = "PATH")]
    journal: Option<PathBuf>,
    /// Begin anew: overwrite --out and the journal.
    #[arg(long)]
    force: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs `rapport tune`.
///
/// # Errors
/// Arguments that do not go together, data that cannot be read or judged, a journal that is about something else.
pub fn run(args: &Args) -> anyhow::Result<()> {
    if !(args.minutes > 0.0 && args.minutes <= 1e6) {
        return Err(Usage("--minutes is above 0 and at most 1000000".to_owned()).into());
    }
    if args.worth.is_some_and(|worth| !(0.0..=0.5).contains(&worth)) {
        return Err(Usage("--worth is 0 to 0.5".to_owned()).into());
    }
    if args.trials == Some(0) {
        return Err(Usage("--trials is 1 or more".to_owned()).into());
    }
    let journal = args
        .journal
        .clone()
        .unwrap_or_else(|| args.out.with_extension("trials.jsonl"));
    if journal == args.out {
        return Err(Usage("--journal and --out must be two files".to_owned()).into());
    }
    if args.out.exists() && !args.force && !journal.exists() {
        return Err(Usage(format!(
            "{} exists and has no journal {} to go on with: give another --out, or --force to overwrite it",
            args.out.display(),
            journal.display()
        ))
        .into());
    }
    let bars = Bars::default();
    let Tuned { recipe: _, report } = match &args.train {
        Some(train) => {
            let base = Recipe::read(args.recipe.as_deref())?;
            let pairs = read_pairs(train).context("cannot read the pairs")?;
            let matrix = pair_matrix(&pairs).context("a pair has a name that is no id")?;
            drop(pairs);
            search(args, &journal, &base, Data::Pairs(&matrix), &bars)?
        }
        None => {
            let log = LogArgs {
                events: args.events.clone(),
                items: args.items.clone(),
                recipe: args.recipe.clone(),
                strict: args.strict,
            };
            let (base, dataset) = log.read(args.as_of, &bars)?;
            let data = Data::Log {
                histories: &dataset.histories,
                fingerprint: &dataset.fingerprint,
                through: args
                    .as_of
                    .or_else(|| data_through(&dataset))
                    .unwrap_or(Timestamp::MAX),
            };
            search(args, &journal, &base, data, &bars)?
        }
    };
    match Format::from_flag(args.json) {
        Format::Json => output::print_json(&report),
        Format::Text => output::print(&describe(args, &journal, &report)),
    }
}

fn search(args: &Args, journal: &Path, base: &Recipe, data: Data<'_>, bars: &Bars) -> anyhow::Result<Tuned> {
    let mut base = base.clone();
    if let Some(worth) = args.worth {
        base.raw.recommend.blend.worth = worth;
    }
    let seed = args.seed.unwrap_or(base.raw.seed);
    let slices = Slices::new(data, &base.raw, &base.weighting, seed)?;
    let options = Options {
        limit: args
            .trials
            .map_or(Limit::Seconds(60.0 * args.minutes), Limit::Trials),
        seed,
        models: args.model.clone(),
        keep_sizes: args.keep_sizes,
    };
    let (past, mut notebook) = Files::open(args, journal, &header(&slices, &base.raw, seed))?;
    let tools = Tools {
        past: &past,
        notebook: &mut notebook,
        stopwatch: &Watch(Instant::now()),
        progress: bars,
    };
    Ok(tune(&slices, &base, &options, tools)?)
}

/// Seconds since the command began.
struct Watch(Instant);

impl Stopwatch for Watch {
    fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// The journal and the recipe on disk.
struct Files {
    journal: File,
    out: PathBuf,
}

impl Files {
    /// Opens the journal, or begins one; what it knows already.
    fn open(args: &Args, path: &Path, header: &Header) -> anyhow::Result<(Journal, Self)> {
        let named = || format!("cannot use the journal {}", path.display());
        let text = match fs::read(path) {
            Ok(_) if args.force => String::new(),
            // What is no text is told by the line that it is in.
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(named),
        };
        let past = Journal::read(&text, header).with_context(named)?;
        let mut journal = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .with_context(named)?;
        // A torn last line must not run into the next one.
        journal.set_len(past.whole_bytes as u64).with_context(named)?;
        if past.whole_bytes == 0 {
            write_line(&mut journal, header).with_context(named)?;
        }
        let files = Self {
            journal,
            out: args.out.clone(),
        };
        Ok((past, files))
    }
}

fn write_line(file: &mut File, line: &impl serde::Serialize) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    // One write, so that an interruption tears at most this line.
    file.write_all(text.as_bytes())?;
    file.flush()
}

impl Notebook for Files {
    fn trial(&mut self, trial: &Trial) -> io::Result<()> {
        write_line(&mut self.journal, trial)
    }

    fn recipe(&mut self, raw: &RawRecipe, preamble: &str) -> io::Result<()> {
        let text = raw.to_toml(preamble).map_err(io::Error::other)?;
        // Written beside and then renamed: whoever reads sees the old recipe or the new one.
        let mut beside = self.out.clone().into_os_string();
        beside.push(".part");
        fs::write(&beside, text)?;
        fs::rename(&beside, &self.out)
    }
}

fn describe(args: &Args, journal: &Path, report: &TuneReport) -> String {
    let gain = |base: f64, found: f64| {
        if base > 0.0 {
            format!("{:+.1} %", 100.0 * (found / base - 1.0))
        } else {
            "-".to_owned()
        }
    };
    let models = report.models.iter().map(|model| {
        vec![
            model.name.to_owned(),
            format!("{:.4}", model.base_ndcg),
            format!("{:.4}", model.ndcg),
            gain(model.base_ndcg, model.ndcg),
            model.trials.to_string(),
            format!("{:.0}{}", model.seconds, if model.converged { "" } else { "*" }),
        ]
    });
    let blend = report.blend.iter().map(|blend| {
        vec![
            "blend".to_owned(),
            blend
                .base_ndcg
                .map_or_else(|| "-".to_owned(), |ndcg| format!("{ndcg:.4}")),
            format!("{:.4}", blend.ndcg),
            blend
                .base_ndcg
                .map_or_else(|| "-".to_owned(), |base| gain(base, blend.ndcg)),
            blend.trials.to_string(),
            format!("{:.0}", blend.seconds),
        ]
    });
    let ndcg = format!("NDCG@{} before", report.k);
    let header = ["searched", &ndcg, "after", "gain", "trials", "seconds"];
    let mut text = format!(
        "Judged by {}, seed {}\n\n{}\n\n",
        report.slice,
        report.seed,
        output::table(&header, 1, models.chain(blend))
    );
    for model in &report.models {
        let values: Vec<String> = model
            .values
            .iter()
            .map(|(key, value)| format!("{} {value}", key.rsplit('.').next().unwrap_or(key)))
            .collect();
        text.push_str(&format!("{:<14} {}\n", model.name, values.join(", ")));
    }
    if let Some(blend) = &report.blend {
        let weights = &blend.weights;
        text.push_str(&format!(
            "{:<14} links {} (ridge's share {}), low_pass {}, ials {}, popularity {}\n",
            "blend",
            weights.links.weight,
            weights.ridge_share,
            weights.low_pass.weight,
            weights.ials.weight,
            weights.popularity.weight
        ));
    }
    if report.models.iter().any(|model| !model.converged) {
        text.push_str("* the budget ended before the search did: more --minutes go on from here\n");
    }
    if let Some(blend) = &report.blend {
        if blend.kept_base {
            text.push_str("The settings of the beginning were better together and have been kept.\n");
        }
        if !blend.left_out.is_empty() {
            text.push_str(&format!(
                "Weighs nothing and is not fitted: {}\n",
                blend.left_out.join(", ")
            ));
        }
    }
    text.push_str(&format!(
        "{} trials, {} of them known from the journal, {:.0} s\n{}\n{}",
        report.trials,
        report.replayed,
        report.seconds,
        args.out.display(),
        journal.display()
    ));
    text
}
