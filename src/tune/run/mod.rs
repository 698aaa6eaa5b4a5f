//! The search itself: stage after stage within the budget, each beginning where the ones before have come to.

mod sizes;

use std::collections::HashMap;

use super::journal::{Header, Journal, Trial, Tried};
use super::judge::{Judge, Model, Verdict};
use super::plan::{Stage, Task, depends_on, plan};
use super::report::{BlendReport, StageReport, TuneReport, preamble};
use super::search::{Ended, search};
use super::slices::{Slices, fingerprint};
use super::space::{Dimension, significant};
use super::{Limit, Notebook, Options, Stopwatch, TuneError};
use crate::progress::Progress;
use crate::recipe::{RawRecipe, Recipe};
use crate::recommend::RawWeights;

/// A search ends when its scores differ by no more than this part of the first one.
const TOLERANCE: f64 = 3e-4;

/// What a search found.
#[derive(Debug)]
pub struct Tuned {
    /// The recipe.
    pub recipe: RawRecipe,
    /// How it was found.
    pub report: TuneReport,
}

/// What a journal of this search begins with.
#[must_use]
pub fn header(slices: &Slices<'_>, base: &RawRecipe, seed: u64) -> Header {
    // A recipe without a JSON form would be a fault of this program; its text in Rust tells recipes apart as well.
    let text = serde_json::to_string(base).unwrap_or_else(|_| format!("{base:?}"));
    Header::new(
        slices.fingerprint(),
        slices.describe(base),
        fingerprint(&text),
        seed,
    )
}

/// Searches, from the settings of `base`. Trials that `past` knows are not computed again; every other is written into
/// the notebook before the next begins.
///
/// # Errors
/// [`TuneError`] when the models cannot be fitted with the settings of `base`, or the notebook cannot be written.
///
/// # Determinism
/// A function of the data, the recipe, the seed and the trials' scores and seconds: with a limit in trials the same
/// recipe on every run, and with a journal exactly the search that wrote it, continued.
pub fn tune<'a>(
    slices: &'a Slices<'a>,
    base: &Recipe,
    options: &'a Options,
    tools: Tools<'a>,
) -> Result<Tuned, TuneError> {
    let mut current = base.raw.clone();
    // Weights that the base has were learned for other settings.
    current.recommend.blend.weights = None;
    let mut tuner = Tuner {
        slices,
        judge: Judge::new(slices, options.seed, base.raw.evaluate.k as usize),
        base: base.raw.clone(),
        current,
        asked: HashMap::new(),
        used: 0.0,
        reports: Vec::new(),
        blend: None,
        replayed: 0,
        options,
        tools,
    };
    let stages = plan(slices, &base.raw, options);
    for (at, stage) in stages.iter().enumerate() {
        let to_come: f64 = stages[at..].iter().map(|stage| stage.share).sum();
        let allowance = match options.limit {
            Limit::Seconds(seconds) => {
                Allowance::Seconds((seconds - tuner.used).max(0.0) * stage.share / to_come)
            }
            Limit::Trials(trials) => Allowance::Trials(trials),
        };
        tuner.stage(stage, allowance)?;
    }
    let report = tuner.report();
    tuner
        .tools
        .notebook
        .recipe(&tuner.current, &preamble(&report))
        .map_err(TuneError::Notebook)?;
    Ok(Tuned {
        recipe: tuner.current,
        report,
    })
}

/// What the search works with from outside.
pub struct Tools<'a> {
    /// Trials of the past.
    pub past: &'a Journal,
    /// Where trials and recipes are written.
    pub notebook: &'a mut dyn Notebook,
    /// What tells how long a trial took.
    pub stopwatch: &'a dyn Stopwatch,
    /// Who listens.
    pub progress: &'a dyn Progress,
}

/// By what a model is judged.
#[derive(Clone, Copy)]
enum Among<'r> {
    /// By its own ranking.
    Alone,
    /// By what the blend of this recipe reaches with it.
    Blend(&'r RawRecipe),
}

/// What one stage may use.
#[derive(Clone, Copy, Debug)]
enum Allowance {
    Seconds(f64),
    Trials(usize),
}

/// How much of an allowance is used.
struct Meter {
    allowance: Allowance,
    seconds: f64,
    trials: usize,
    /// Steps that the progress was told.
    told: u64,
}

struct Tuner<'a> {
    slices: &'a Slices<'a>,
    judge: Judge<'a>,
    base: RawRecipe,
    current: RawRecipe,
    /// Every trial of this search, computed or replayed.
    asked: HashMap<String, Trial>,
    /// Seconds of all trials: those replayed count as when they were computed.
    used: f64,
    reports: Vec<StageReport>,
    blend: Option<BlendReport>,
    replayed: usize,
    options: &'a Options,
    tools: Tools<'a>,
}

impl Tuner<'_> {
    fn stage(&mut self, stage: &Stage, allowance: Allowance) -> Result<(), TuneError> {
        let mut meter = Meter {
            allowance,
            seconds: 0.0,
            trials: 0,
            told: 0,
        };
        let total = match allowance {
            Allowance::Seconds(seconds) => seconds.ceil() as u64,
            Allowance::Trials(trials) => trials as u64,
        };
        self.tools
            .progress
            .begin(&format!("Tuning {}", stage.name), total.max(1));
        let done = match &stage.task {
            Task::Search(dimensions, steps) => {
                let from = self.current.clone();
                self.search(stage, (dimensions, *steps), Among::Alone, from, &mut meter)
            }
            Task::Among(dimensions, steps) => self.among(stage, (dimensions, *steps), &mut meter),
            Task::Double(dimension) => self.double(stage, dimension, &mut meter),
            Task::Halve(dimension) => self.halve(stage, dimension, &mut meter),
            Task::Learn => self.learn(&mut meter),
        };
        self.tools.progress.end();
        done
    }

    /// Searches a model by what the blend of the current recipe reaches with it: from where it is, or from where the base
    /// had it, whichever is better there.
    fn among(
        &mut self,
        stage: &Stage,
        searched: (&[Dimension], f64),
        meter: &mut Meter,
    ) -> Result<(), TuneError> {
        if meter.is_spent() {
            return Ok(());
        }
        let blend = self.current.clone();
        let among = Among::Blend(&blend);
        let here = self.ask(stage.model, among, &blend, meter)?.ndcg;
        let mut from = blend.clone();
        let mut base = blend.clone();
        for dimension in searched.0 {
            dimension.write(&mut base, dimension.read(&self.base));
        }
        if stage.model == Model::Ials {
            base.recommend.ials.unobserved_weight = self.base.recommend.ials.unobserved_weight;
        }
        if base != blend && !meter.is_spent() {
            let there = self.ask(stage.model, among, &base, meter)?.ndcg;
            if there > here {
                from = base.clone();
                self.current = base;
            }
        }
        self.search(stage, searched, among, from, meter)
    }

    fn search(
        &mut self,
        stage: &Stage,
        (dimensions, steps): (&[Dimension], f64),
        among: Among<'_>,
        mut from: RawRecipe,
        meter: &mut Meter,
    ) -> Result<(), TuneError> {
        if stage.model == Model::Ials && from.recommend.ials.unobserved_weight.is_none() {
            from.recommend.ials.unobserved_weight = self.judge.unobserved_weight(&from)?.map(significant);
        }
        if meter.is_spent() {
            return Ok(());
        }
        // Settings that the user gave must work; those that the search tries may fail.
        let start = self.ask(stage.model, among, &from, meter)?.ndcg;
        let (mut best, mut found) = (start, None);
        let units: Vec<f64> = dimensions
            .iter()
            .map(|dimension| dimension.unit(dimension.read(&from)))
            .collect();
        let steps: Vec<f64> = dimensions
            .iter()
            .map(|dimension| dimension.step * steps)
            .collect();
        let mut failed = None;
        let ended = search(&units, &steps, TOLERANCE * start.max(1e-3), &mut |point| {
            let mut tried = from.clone();
            for (dimension, &unit) in dimensions.iter().zip(point) {
                dimension.write(&mut tried, dimension.at(unit));
            }
            if meter.is_spent() && !self.knows(stage.model, among, &tried) {
                return None;
            }
            match self.ask(stage.model, among, &tried, meter) {
                Ok(trial) => {
                    if trial.ndcg > best {
                        best = trial.ndcg;
                        found = Some(tried);
                    }
                    Some(trial.ndcg)
                }
                Err(TuneError::Fit(_)) => Some(0.0),
                Err(error) => {
                    failed = Some(error);
                    None
                }
            }
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let improved = found.is_some();
        if let Some(found) = found {
            self.current = found;
        }
        // What was not improved and left open stays open.
        let known = if improved { &self.current } else { &from };
        let values = dimensions
            .iter()
            .map(|dimension| (dimension.key, dimension.read(known)));
        let report = StageReport {
            name: match among {
                Among::Alone => stage.name,
                Among::Blend(_) => stage.model.name_in_blend(),
            },
            base_ndcg: start,
            ndcg: best,
            trials: meter.trials,
            seconds: meter.seconds,
            converged: ended == Ended::Converged,
            values: values.collect(),
        };
        self.note(report, improved)
    }

    /// Learns the weights of the blend, and those of the base for comparison where the budget has room for that.
    fn learn(&mut self, meter: &mut Meter) -> Result<(), TuneError> {
        let tuned = self.current.clone();
        let trial = self.ask(Model::Blend, Among::Alone, &tuned, meter)?;
        let has_room = match self.options.limit {
            Limit::Seconds(seconds) => self.used + trial.seconds <= seconds,
            Limit::Trials(_) => true,
        };
        let mut base = self.base.clone();
        base.recommend.blend.weights = None;
        let base_trial = has_room
            .then(|| self.ask(Model::Blend, Among::Alone, &base, meter))
            .transpose()?;
        let mut best = &trial;
        // What was given up so that answers cost less is no reason to take it back.
        let worth = self.base.recommend.blend.worth;
        let better = |base: &&Trial| {
            let given_up = worth * f64::from(self.n_left_out(&trial, base));
            base.ndcg * (1.0 - given_up) > trial.ndcg
        };
        if let Some(base_trial) = base_trial.as_ref().filter(better) {
            // Each model is better by itself, but not together: what was there stays.
            best = base_trial;
            self.current = base;
        }
        let weights: Option<RawWeights> = best.weights.clone();
        // A season on, other weights suit the same models: for a log they are learned at every training, on its last days.
        self.current.recommend.blend.weights = weights.clone().filter(|_| self.slices.kinds().is_none());
        self.blend = weights.map(|weights| BlendReport {
            base_ndcg: base_trial.as_ref().map(|trial| trial.ndcg),
            ndcg: best.ndcg,
            kept_base: best != &trial,
            left_out: left_out(&weights),
            weights,
            trials: meter.trials,
            seconds: meter.seconds,
        });
        Ok(())
    }

    /// Takes a stage's report down, and the recipe where it has become better.
    fn note(&mut self, report: StageReport, improved: bool) -> Result<(), TuneError> {
        match self
            .reports
            .iter_mut()
            .find(|earlier| earlier.name == report.name)
        {
            Some(earlier) => earlier.go_on(report),
            None => self.reports.push(report),
        }
        if improved {
            let preamble = preamble(&self.report());
            self.tools
                .notebook
                .recipe(&self.current, &preamble)
                .map_err(TuneError::Notebook)?;
        }
        Ok(())
    }

    fn report(&self) -> TuneReport {
        TuneReport {
            data: self.slices.fingerprint(),
            slice: self.slices.describe(&self.base),
            k: self.base.evaluate.k,
            seed: self.options.seed,
            limit: self.options.limit,
            trials: self.asked.len(),
            replayed: self.replayed,
            seconds: self.used,
            models: self.reports.clone(),
            blend: self.blend.clone(),
            learns_at_training: self.slices.kinds().is_some(),
        }
    }

    fn tried(&self, model: Model, among: Among<'_>, raw: &RawRecipe) -> Tried {
        let values = |model, raw: &RawRecipe| {
            depends_on(self.slices, raw, model)
                .into_iter()
                .map(|dimension| (dimension.key, dimension.read(raw)))
                .collect::<Vec<_>>()
        };
        match among {
            Among::Alone => Tried {
                model: model.name().to_owned(),
                values: values(model, raw)
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect(),
            },
            // The blend of the stage's beginning, and what the model is in its place there.
            Among::Blend(blend) => Tried {
                model: model.name_in_blend().to_owned(),
                values: values(Model::Blend, blend)
                    .into_iter()
                    .map(|(key, value)| (format!("blend.{key}"), value))
                    .chain(
                        values(model, raw)
                            .into_iter()
                            .map(|(key, value)| (key.to_owned(), value)),
                    )
                    .collect(),
            },
        }
    }

    fn knows(&self, model: Model, among: Among<'_>, raw: &RawRecipe) -> bool {
        self.asked.contains_key(&self.tried(model, among, raw).name())
    }

    /// The most seconds of any trial of a model.
    fn slowest(&self, model: Model) -> f64 {
        let trials = self
            .asked
            .values()
            .filter(|trial| trial.tried.model == model.name());
        trials.map(|trial| trial.seconds).fold(0.0, f64::max)
    }

    /// The trial of a model under a recipe: as this search or its journal knows it, or computed and written down.
    fn ask(
        &mut self,
        model: Model,
        among: Among<'_>,
        raw: &RawRecipe,
        meter: &mut Meter,
    ) -> Result<Trial, TuneError> {
        let tried = self.tried(model, among, raw);
        let name = tried.name();
        if let Some(trial) = self.asked.get(&name) {
            return Ok(trial.clone());
        }
        let trial = if let Some(trial) = self.tools.past.find(&tried) {
            self.replayed += 1;
            trial.clone()
        } else {
            let begin = self.tools.stopwatch.seconds();
            let Verdict { ndcg, weights } = match among {
                Among::Alone => self.judge.judge(model, raw)?,
                Among::Blend(blend) => self.judge.judge_among(model, raw, blend)?,
            };
            let trial = Trial {
                tried,
                ndcg,
                seconds: significant((self.tools.stopwatch.seconds() - begin).max(0.0)),
                weights,
            };
            self.tools.notebook.trial(&trial).map_err(TuneError::Notebook)?;
            trial
        };
        self.used += trial.seconds;
        meter.add(trial.seconds, self.tools.progress);
        self.asked.insert(name, trial.clone());
        Ok(trial)
    }
}

impl Meter {
    fn is_spent(&self) -> bool {
        match self.allowance {
            Allowance::Seconds(seconds) => {
                // A trial that would end beyond the allowance by more than half of itself is left to a later stage.
                let usual = self.seconds / self.trials.max(1) as f64;
                self.seconds + usual / 2.0 >= seconds
            }
            Allowance::Trials(trials) => self.trials >= trials,
        }
    }

    fn add(&mut self, seconds: f64, progress: &dyn Progress) {
        self.seconds += seconds;
        self.trials += 1;
        let now = match self.allowance {
            Allowance::Seconds(_) => self.seconds as u64,
            Allowance::Trials(_) => self.trials as u64,
        };
        progress.advance(now - self.told);
        self.told = now;
    }
}

/// The parts that weigh nothing.
fn left_out(weights: &RawWeights) -> Vec<&'static str> {
    let nothing = |weight: f64| weight <= 0.0;
    let links = nothing(weights.links.weight);
    [
        ("neighbours", links || weights.ridge_share >= 1.0),
        ("ridge", links || nothing(weights.ridge_share)),
        ("low-pass", nothing(weights.low_pass.weight)),
        ("ials", nothing(weights.ials.weight)),
        ("popularity", nothing(weights.popularity.weight)),
    ]
    .into_iter()
    .filter_map(|(name, out)| out.then_some(name))
    .collect()
}
