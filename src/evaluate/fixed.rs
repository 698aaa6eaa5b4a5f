//! A fixed split: pairs to learn from and pairs to find again, as the published benchmarks of ranking have it.
//!
//! Enters: (user, item) names of both halves. Leaves: recall and NDCG at `k` of each model, how long it took and how much
//! memory.
//!
//! Every user with a test item counts once. All items of the training are ranked except those that the user has there
//! already. A test item that the training never saw cannot be ranked and is a miss, so no model looks better for what it
//! cannot do.

use std::collections::BTreeMap;
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use crate::history::Csr;
use crate::id::{CustomerIdx, IdError, IdTable, ItemIdx, Row};
use crate::measure::ranking::RankingMetrics;
use crate::progress::Progress;
use crate::recommend::blend::Fitting;
use crate::recommend::{
    Blend, FitError, Ials, Popularity, Ranking, RawWeights, RecommendParams, Recommender, low_pass,
    neighbours, ridge,
};

/// A user and an item, by name.
pub type Pair = (String, String);

/// What one model reached.
#[derive(Clone, Debug, Serialize)]
pub struct ModelReport {
    /// The metrics, averaged over users with a test item.
    #[serde(flatten)]
    pub metrics: RankingMetrics,
    /// Seconds that fitting took.
    pub fit_seconds: f64,
    /// Seconds that ranking all items for all users took.
    pub rank_seconds: f64,
    /// Most memory that the process held while this model was fitted, in bytes; absent where the system does not say.
    /// What was there before counts: the pairs, and the models fitted before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit_peak_bytes: Option<u64>,
    /// The same while it ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rank_peak_bytes: Option<u64>,
}

/// The report of a fixed split.
#[derive(Clone, Debug, Serialize)]
pub struct FixedReport {
    /// Cut-off of the rankings.
    pub k: usize,
    /// Users with a test item: what the metrics are averaged over.
    pub users: usize,
    /// Different pairs to learn from.
    pub train_pairs: usize,
    /// Different pairs to find again, without those that the training holds too.
    pub test_pairs: usize,
    /// Test pairs of items that the training never saw.
    pub unknown_test_pairs: usize,
    /// By name of the model.
    pub models: BTreeMap<String, ModelReport>,
    /// How much each part of the blend counts, where the blend was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blend_weights: Option<RawWeights>,
}

/// Knows how much memory the process holds.
pub trait MemoryMeter: Sync {
    /// The most since the last call, in bytes; `None` where the system does not say.
    fn peak_since_last(&self) -> Option<u64>;
}

/// Measures nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMeter;

impl MemoryMeter for NoMeter {
    fn peak_since_last(&self) -> Option<u64> {
        None
    }
}

/// Why a fixed split cannot be evaluated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FixedError {
    /// A name that is no id.
    #[error("pair {pair} of the {half} half")]
    Id {
        /// `train` or `test`.
        half: &'static str,
        /// Number of the pair, from 1.
        pair: usize,
        /// The rule that failed.
        source: IdError,
    },
    /// No pair to find again.
    #[error("the test half holds no pair that the train half does not hold too")]
    NothingToFind,
    /// A cut-off that leaves nothing.
    #[error("k = 0: a ranking has at least one place")]
    NoPlaces,
    /// A name that is no model.
    #[error("no model {name:?} (known: {})", MODELS.join(", "))]
    UnknownModel {
        /// The rejected name.
        name: String,
    },
    /// A model could not be fitted.
    #[error(transparent)]
    Fit(#[from] FitError),
}

/// The models of this evaluation.
pub const MODELS: [&str; 6] = [
    Blend::NAME,
    neighbours::NAME,
    ridge::NAME,
    low_pass::NAME,
    Ials::NAME,
    Popularity::POPULARITY,
];

/// What is asked of the evaluation.
#[derive(Clone)]
pub struct FixedOptions<'a> {
    /// Cut-off of the rankings.
    pub k: usize,
    /// Only this model; all of [`MODELS`] when `None`.
    pub model: Option<&'a str>,
    /// Seed of the fits.
    pub seed: u64,
    /// Who knows how much memory is held.
    pub memory: &'a dyn MemoryMeter,
}

/// A split with names interned.
struct Split {
    train: Csr,
    /// By user: the test items that the training knows, ascending, and how many test items there are in all.
    test: Vec<(Vec<u32>, usize)>,
    unknown: usize,
}

/// Fits on `train`, ranks for everybody, looks for `test`.
///
/// # Errors
/// [`FixedError`] when a name is no id, nothing is to be found, the model is unknown or cannot be fitted.
///
/// # Determinism
/// All but the seconds is the same for any number of threads.
pub fn evaluate_fixed(
    train: &[Pair],
    test: &[Pair],
    params: &RecommendParams,
    options: &FixedOptions<'_>,
    progress: &dyn Progress,
) -> Result<FixedReport, FixedError> {
    if options.k == 0 {
        return Err(FixedError::NoPlaces);
    }
    if let Some(name) = options.model.filter(|name| !MODELS.contains(name)) {
        return Err(FixedError::UnknownModel {
            name: name.to_owned(),
        });
    }
    let split = Split::new(train, test)?;
    let users = split.test.iter().filter(|(_, n)| *n > 0).count();
    if users == 0 {
        return Err(FixedError::NothingToFind);
    }
    let mut judge = Judge {
        split: &split,
        options,
        progress,
        fits: Vec::new(),
        models: BTreeMap::new(),
    };
    let fitting = Fitting {
        params,
        seed: options.seed,
        progress,
    };
    let blend_weights = judge.all(&fitting)?;
    let models = judge.models;
    Ok(FixedReport {
        k: options.k,
        users,
        train_pairs: split.train.n_entries(),
        test_pairs: split.test.iter().map(|(_, n)| n).sum(),
        unknown_test_pairs: split.unknown,
        models,
        blend_weights,
    })
}

/// What one fit took.
#[derive(Clone, Copy)]
struct Lap {
    seconds: f64,
    peak_bytes: Option<u64>,
}

/// Fits and judges model after model.
struct Judge<'a> {
    split: &'a Split,
    options: &'a FixedOptions<'a>,
    progress: &'a dyn Progress,
    fits: Vec<(&'static str, Lap)>,
    models: BTreeMap<String, ModelReport>,
}

impl Judge<'_> {
    fn all(&mut self, fitting: &Fitting<'_>) -> Result<Option<RawWeights>, FixedError> {
        let train = &self.split.train;
        let popularity = Popularity::of_matrix(train);
        match self.options.model {
            None | Some(Blend::NAME) => {}
            Some(only) => {
                let start = self.start();
                let model = fitting.alone(only, train)?;
                let lap = self.lap(start);
                self.judge(&*model, lap);
                return Ok(None);
            }
        }
        let whole = self.start();
        let weights = fitting.weights_for_pairs(train)?;
        let mut peak = self.options.memory.peak_since_last();
        let mut fits = Vec::new();
        let mut start = Instant::now();
        let parts = fitting.parts(train, popularity, &mut |name| {
            let seconds = start.elapsed().as_secs_f64();
            let peak_bytes = self.options.memory.peak_since_last();
            peak = peak.max(peak_bytes);
            fits.push((name, Lap { seconds, peak_bytes }));
            start = Instant::now();
        })?;
        self.fits = fits;
        let blend_fit = Lap {
            seconds: whole.elapsed().as_secs_f64(),
            peak_bytes: peak,
        };
        if self.options.model.is_none() {
            for model in parts.each() {
                let lap = self
                    .fits
                    .iter()
                    .find(|(name, _)| *name == model.name())
                    .map(|found| found.1);
                self.judge(model, lap.unwrap_or(blend_fit));
            }
            let start = self.start();
            let popularity = Popularity::of_matrix(train);
            let lap = self.lap(start);
            self.judge(&popularity, lap);
        }
        let start = self.start();
        let blend = Blend::new(parts, weights, train);
        let merged = self.lap(start);
        self.judge(
            &blend,
            Lap {
                seconds: blend_fit.seconds + merged.seconds,
                peak_bytes: blend_fit.peak_bytes.max(merged.peak_bytes),
            },
        );
        Ok(Some(blend.weights().raw().clone()))
    }

    fn start(&self) -> Instant {
        self.options.memory.peak_since_last();
        Instant::now()
    }

    fn lap(&self, start: Instant) -> Lap {
        Lap {
            seconds: start.elapsed().as_secs_f64(),
            peak_bytes: self.options.memory.peak_since_last(),
        }
    }

    fn judge(&mut self, model: &dyn Recommender, fit: Lap) {
        self.progress.begin("Ranking all items for all users", 1);
        let start = self.start();
        let rankings = model.rank_all(&self.split.train, Some(&self.split.train), self.options.k);
        let rank = self.lap(start);
        let report = ModelReport {
            metrics: self.split.metrics(&rankings, self.options.k),
            fit_seconds: fit.seconds,
            rank_seconds: rank.seconds,
            fit_peak_bytes: fit.peak_bytes,
            rank_peak_bytes: rank.peak_bytes,
        };
        self.progress.advance(1);
        self.progress.end();
        self.models.insert(model.name().to_owned(), report);
    }
}

impl Split {
    fn new(train: &[Pair], test: &[Pair]) -> Result<Self, FixedError> {
        let mut users = IdTable::<CustomerIdx>::default();
        let mut items = IdTable::<ItemIdx>::default();
        let mut rows: Vec<Vec<u32>> = Vec::new();
        for (at, (user, item)) in train.iter().enumerate() {
            let named = |source| id_error("train", at, source);
            let user = users.intern(user).map_err(named)?.index();
            let item = items.intern(item).map_err(named)?.as_u32();
            rows.resize_with(rows.len().max(user + 1), Vec::new);
            rows[user].push(item);
        }
        let n_items = items.len();
        let mut wanted: Vec<Vec<u32>> = vec![Vec::new(); rows.len()];
        for (at, (user, item)) in test.iter().enumerate() {
            let named = |source| id_error("test", at, source);
            let user = users.intern(user).map_err(named)?.index();
            // Items that only the test has get rows beyond the training's, which no ranking can name.
            let item = items.intern(item).map_err(named)?.as_u32();
            wanted.resize_with(wanted.len().max(user + 1), Vec::new);
            wanted[user].push(item);
        }
        // Users of the test alone have an empty row, and so an empty profile.
        rows.resize_with(wanted.len().max(rows.len()), Vec::new);
        rows.par_iter_mut().chain(&mut wanted).for_each(|row| {
            row.sort_unstable();
            row.dedup();
        });
        let test: Vec<_> = wanted
            .into_iter()
            .zip(&rows)
            .map(|(mut row, known)| {
                row.retain(|item| known.binary_search(item).is_err());
                let all = row.len();
                row.retain(|&item| (item as usize) < n_items);
                (row, all)
            })
            .collect();
        let weighted: Vec<Vec<(ItemIdx, f32)>> = rows
            .into_iter()
            .map(|row| {
                row.into_iter()
                    .map(|item| (ItemIdx::from_u32(item), 1.0))
                    .collect()
            })
            .collect();
        Ok(Self {
            train: Csr::from_rows(&weighted, n_items),
            unknown: test.iter().map(|(row, all)| all - row.len()).sum(),
            test,
        })
    }

    fn metrics(&self, rankings: &[Ranking], k: usize) -> RankingMetrics {
        let lists: Vec<RankingMetrics> = rankings
            .par_iter()
            .zip(&self.test)
            .filter_map(|(ranked, (relevant, all))| {
                RankingMetrics::of(ranked.iter().map(|best| best.0.as_u32()), relevant, *all, k)
            })
            .collect();
        RankingMetrics::mean(&lists)
    }
}

fn id_error(half: &'static str, at: usize, source: IdError) -> FixedError {
    FixedError::Id {
        half,
        pair: at + 1,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use crate::recommend::RawRecommendParams;

    fn pairs(text: &[(&str, &str)]) -> Vec<Pair> {
        text.iter()
            .map(|&(user, item)| (user.to_owned(), item.to_owned()))
            .collect()
    }

    fn run(
        train: &[(&str, &str)],
        test: &[(&str, &str)],
        options: &FixedOptions<'_>,
    ) -> Result<FixedReport, FixedError> {
        let mut raw = RawRecommendParams::default();
        raw.ials.factors = 4;
        evaluate_fixed(
            &pairs(train),
            &pairs(test),
            &raw.try_into().unwrap(),
            options,
            &Silent,
        )
    }

    const OPTIONS: FixedOptions<'_> = FixedOptions {
        k: 2,
        model: None,
        seed: 1,
        memory: &NoMeter,
    };
    const TRAIN: [(&str, &str); 8] = [
        ("u", "a"),
        ("u", "b"),
        ("v", "a"),
        ("v", "b"),
        ("v", "c"),
        ("w", "a"),
        ("w", "d"),
        ("w", "d"),
    ];

    #[test]
    fn popularity_counted_by_hand() {
        // Popular: a 3, b 2, c 1, d 1. For u remain c, d; for w remain b, c. The unseen z is a miss of w.
        let test = [("u", "d"), ("w", "c"), ("w", "z"), ("v", "a")];
        let report = run(&TRAIN, &test, &OPTIONS).unwrap();
        assert_eq!(
            (
                report.users,
                report.train_pairs,
                report.test_pairs,
                report.unknown_test_pairs
            ),
            (2, 7, 3, 1)
        );
        let popularity = report.models["popularity"].metrics;
        assert!((popularity.recall - (1.0 + 0.5) / 2.0).abs() < 1e-12);
        let second = 1.0 / 3f64.log2();
        assert!((popularity.ndcg - (second + second / (1.0 + second)) / 2.0).abs() < 1e-12);
        let json = serde_json::to_value(&report).unwrap();
        for key in ["recall", "ndcg", "fit_seconds", "rank_seconds"] {
            assert!(json["models"]["ials"][key].is_f64(), "{key}: {json}");
        }
    }

    #[test]
    fn ials_finds_what_goes_together() {
        // Two tastes; everyone has all of a taste but one item, which is the test.
        let names: Vec<(String, String)> = (0..40)
            .flat_map(|user| (0..10).map(move |item| (user, item)))
            .filter(|(user, item)| user % 2 == item % 2)
            .map(|(user, item)| (format!("u{user}"), format!("i{item}")))
            .collect();
        let (test, train): (Vec<_>, Vec<_>) = names
            .into_iter()
            .enumerate()
            .partition(|(at, _)| at % 5 == (at / 5) % 5);
        let strip = |pairs: Vec<(usize, Pair)>| pairs.into_iter().map(|(_, pair)| pair).collect::<Vec<_>>();
        let mut raw = RawRecommendParams::default();
        raw.ials.factors = 4;
        let options = FixedOptions {
            k: 1,
            model: Some("ials"),
            seed: 3,
            memory: &NoMeter,
        };
        let report = evaluate_fixed(
            &strip(train),
            &strip(test),
            &raw.try_into().unwrap(),
            &options,
            &Silent,
        )
        .unwrap();
        assert_eq!(report.models.len(), 1);
        assert!(report.models["ials"].metrics.recall > 0.999, "{report:?}");
    }

    #[test]
    fn what_cannot_be_evaluated_is_named() {
        let nothing = run(&TRAIN, &[("u", "a")], &OPTIONS).unwrap_err();
        assert!(matches!(nothing, FixedError::NothingToFind));
        let unknown = run(
            &TRAIN,
            &[("u", "c")],
            &FixedOptions {
                model: Some("magic"),
                ..OPTIONS
            },
        )
        .unwrap_err();
        assert!(unknown.to_string().contains("\"magic\""), "{unknown}");
        let id = run(&[("u", "")], &[("u", "c")], &OPTIONS).unwrap_err();
        assert!(
            matches!(
                id,
                FixedError::Id {
                    half: "train",
                    pair: 1,
                    ..
                }
            ),
            "{id}"
        );
        assert!(matches!(
            run(&TRAIN, &[], &FixedOptions { k: 0, ..OPTIONS }).unwrap_err(),
            FixedError::NoPlaces
        ));
    }
}
