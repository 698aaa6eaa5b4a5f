//! What a search tells: by model where it began, where it came to, and what that took.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Limit;
use crate::recommend::RawWeights;

/// The report of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TuneReport {
    /// Fingerprint of the data.
    pub data: String,
    /// What was held out.
    pub slice: String,
    /// Cut-off of the rankings.
    pub k: u32,
    /// The seed.
    pub seed: u64,
    /// What the search was allowed.
    pub limit: Limit,
    /// Trials, with those replayed.
    pub trials: usize,
    /// Trials that the journal had already.
    pub replayed: usize,
    /// Seconds of all trials, those replayed as when they were computed.
    pub seconds: f64,
    /// By model, in the order of the search.
    pub models: Vec<StageReport>,
    /// All models together; absent when it was not asked for.
    pub blend: Option<BlendReport>,
    /// Whether the recipe leaves the weights of the blend to each training, as for a log.
    pub learns_at_training: bool,
}

/// What the search found for one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StageReport {
    /// The model, or what else was searched.
    pub name: &'static str,
    /// NDCG with what the search began with.
    pub base_ndcg: f64,
    /// NDCG with what it found.
    pub ndcg: f64,
    /// Trials.
    pub trials: usize,
    /// Seconds of them.
    pub seconds: f64,
    /// Whether the latest search ended because nothing moved any more, not because the budget did.
    pub converged: bool,
    /// The best values, by key of the recipe.
    pub values: BTreeMap<&'static str, f64>,
}

/// What the blend reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BlendReport {
    /// NDCG with the settings that the search began with and weights learned for them; absent when time was short.
    pub base_ndcg: Option<f64>,
    /// NDCG with what was found.
    pub ndcg: f64,
    /// Whether the settings of the beginning were better together and have been kept.
    pub kept_base: bool,
    /// The weights.
    pub weights: RawWeights,
    /// Parts that weigh nothing, and so will not be fitted.
    pub left_out: Vec<&'static str>,
    /// Trials.
    pub trials: usize,
    /// Seconds of them.
    pub seconds: f64,
}

impl StageReport {
    /// Takes the report of a later stage of the same model in.
    pub(super) fn go_on(&mut self, later: Self) {
        let Self {
            name: _,
            base_ndcg: _,
            ndcg,
            trials,
            seconds,
            converged,
            values,
        } = later;
        self.ndcg = ndcg;
        self.trials += trials;
        self.seconds += seconds;
        self.converged = converged;
        self.values.extend(values);
    }
}

/// What a recipe says of its own making, as lines of text.
#[must_use]
pub fn preamble(report: &TuneReport) -> String {
    let k = report.k;
    let limit = match report.limit {
        Limit::Seconds(seconds) => format!("{} minutes", super::space::significant(seconds / 60.0)),
        Limit::Trials(trials) => format!("{trials} trials a stage"),
    };
    let mut lines = vec![
        "Written by `rapport tune`: keys that are not here have their defaults.".to_owned(),
        format!("data    {}", report.data),
        format!("judged  {}", report.slice),
        format!(
            "search  seed {}, limit {limit}, {} trials in {:.0} s",
            report.seed, report.trials, report.seconds
        ),
        format!("NDCG@{k} on what was held out, with the settings of the beginning and with these:"),
    ];
    for model in &report.models {
        lines.push(format!(
            "  {:<14} {:.4}  {:.4}",
            model.name, model.base_ndcg, model.ndcg
        ));
    }
    if let Some(blend) = &report.blend {
        let base = blend
            .base_ndcg
            .map_or_else(|| "     -".to_owned(), |ndcg| format!("{ndcg:.4}"));
        lines.push(format!("  {:<14} {base}  {:.4}", "blend", blend.ndcg));
        if report.learns_at_training {
            lines.push(
                "The weights of the blend are learned at every training, on the last days before it."
                    .to_owned(),
            );
        }
        if blend.kept_base {
            lines.push("The settings of the beginning were better together and have been kept.".to_owned());
        }
        if !blend.left_out.is_empty() && !report.learns_at_training {
            lines.push(format!(
                "Weighs nothing and is not fitted: {}",
                blend.left_out.join(", ")
            ));
        }
    }
    lines.join("\n")
}
