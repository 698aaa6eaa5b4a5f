//! Next clicks foretold: the evaluation of public files of sessions.
//!
//! Enters: sessions to learn from and sessions to foretell, with the numbers of their items. Leaves: MRR and hit rate at
//! `k` of each model, with intervals.
//!
//! At every place of a test session but the first the next click is foretold from all before it. Reciprocal rank and hit
//! are of that one next click, the whole catalogue of the training is ranked, and an item that the training never saw is
//! a miss. This is the protocol of Serenade's evaluator and of the published splits of Diginetica.
//!
//! The one decision: the unit of the bootstrap is a test session, because what follows in one visit is alike.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Instant;

use rayon::prelude::*;
use serde::Serialize;

use crate::history::Csr;
use crate::id::{ItemIdx, Row};
use crate::measure::bootstrap::{Bootstrap, Interval};
use crate::recommend::sessions::vmis::masked;
use crate::recommend::sessions::{
    CurrentItem, RawKnnParams, RawLinkParams, Room, Session, SessionIndex, SessionParams, Sessions, Training,
    Vmis, links,
};

/// Names of the models.
pub const MODELS: [&str; 5] = [
    Sessions::NAME,
    Vmis::NAME,
    "sequential-rules",
    "item-co-occurrence",
    "popularity",
];

/// A past session, with numbers of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clicked {
    /// Items, oldest click first.
    pub items: Vec<u64>,
    /// When it ended: seconds, or any number that grows from session to session.
    pub end: i64,
}

/// A session to foretell, with numbers of items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestClicks {
    /// Items, oldest click first.
    pub items: Vec<u64>,
    /// The first place that is foretold, at least 1: 1 for a whole session, the last place for a prefix and its target.
    pub first: usize,
}

/// What is asked of the evaluation.
#[derive(Clone, Debug)]
pub struct EvaluateOptions<'a> {
    /// Cut-off of the rankings.
    pub k: usize,
    /// Only these of [`MODELS`]; all when empty.
    pub models: &'a [&'a str],
    /// Settings of `vmis-knn` alone, which are not those of its part in the blend.
    pub vmis: RawKnnParams,
    /// How the intervals are made.
    pub bootstrap: Bootstrap,
}

/// What one model reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelReport {
    /// Mean of 1 / rank of the next click, 0 beyond `k`.
    pub mrr: f64,
    /// Where it lies in most samples of the test sessions.
    pub mrr_interval: Option<Interval>,
    /// Share of predictions with the next click among the first `k`.
    pub hit_rate: f64,
    /// Where it lies in most samples of the test sessions.
    pub hit_rate_interval: Option<Interval>,
    /// Seconds that fitting took.
    pub fit_seconds: f64,
    /// Seconds that all predictions took, on all threads.
    pub rank_seconds: f64,
}

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionsReport {
    /// Cut-off of the rankings.
    pub k: usize,
    /// Sessions that were learned from.
    pub train_sessions: usize,
    /// Items of the training.
    pub items: usize,
    /// Sessions, or prefixes, that were foretold.
    pub test_sessions: usize,
    /// Clicks that were foretold.
    pub predictions: usize,
    /// Of these, clicks on items that the training never saw.
    pub unknown_targets: usize,
    /// By name of the model.
    pub models: BTreeMap<String, ModelReport>,
}

/// Why sessions cannot be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionEvaluationError {
    /// Nothing to learn from.
    #[error("no training session has two different items")]
    NothingToLearn,
    /// Nothing to foretell.
    #[error("no test session has a click after its first")]
    NothingToForetell,
    /// A cut-off that leaves nothing.
    #[error("k = 0: a ranking has at least one place")]
    NoPlaces,
    /// A name that is no model.
    #[error("no model {name:?} (known: {})", MODELS.join(", "))]
    UnknownModel {
        /// The rejected name.
        name: String,
    },
    /// More different items than rows.
    #[error("more than {} different items", u32::MAX)]
    TooManyItems,
}

/// Fits on `train`, foretells `test`.
///
/// # Errors
/// [`SessionEvaluationError`] when there is nothing to learn or to foretell, or a name is no model.
///
/// # Determinism
/// All but the seconds is the same for any number of threads.
pub fn evaluate_sessions(
    train: &[Clicked],
    test: &[TestClicks],
    params: &SessionParams,
    options: &EvaluateOptions<'_>,
) -> Result<SessionsReport, SessionEvaluationError> {
    if options.k == 0 {
        return Err(SessionEvaluationError::NoPlaces);
    }
    if let Some(name) = options.models.iter().find(|name| !MODELS.contains(name)) {
        return Err(SessionEvaluationError::UnknownModel {
            name: (*name).to_owned(),
        });
    }
    let rows = Rows::new(train)?;
    let training = rows.training(train, params);
    if training.is_empty() {
        return Err(SessionEvaluationError::NothingToLearn);
    }
    let test: Vec<(Vec<ItemIdx>, usize)> = test
        .iter()
        .map(|session| (rows.of(&session.items), session.first.max(1)))
        .collect();
    let targets = || test.iter().flat_map(|(items, first)| items.iter().skip(*first));
    let predictions = targets().count();
    if predictions == 0 {
        return Err(SessionEvaluationError::NothingToForetell);
    }
    let judge = |name: &&str| {
        let start = Instant::now();
        let model = Model::fit(name, &training, params, options);
        let fitted = Instant::now();
        let ranks = model.ranks(&test, options.k);
        let seconds = [fitted - start, fitted.elapsed()].map(|lap| lap.as_secs_f64());
        ((*name).to_owned(), report(&ranks, seconds, &options.bootstrap))
    };
    let wanted = |name: &&&str| options.models.is_empty() || options.models.contains(*name);
    Ok(SessionsReport {
        k: options.k,
        train_sessions: training.len(),
        items: training.n_items(),
        test_sessions: test.iter().filter(|(items, first)| items.len() > *first).count(),
        predictions,
        unknown_targets: targets()
            .filter(|item| item.index() >= training.n_items())
            .count(),
        models: MODELS.iter().filter(wanted).map(judge).collect(),
    })
}

/// Rows of the items of the training, in order of first appearance.
struct Rows {
    rows: hashbrown::HashMap<u64, u32>,
}

impl Rows {
    fn new(train: &[Clicked]) -> Result<Self, SessionEvaluationError> {
        let mut rows = hashbrown::HashMap::new();
        for &item in train.iter().flat_map(|session| &session.items) {
            // The largest row stays free: it stands for an item that is not known.
            let next = u32::try_from(rows.len()).ok().filter(|&row| row < u32::MAX);
            let next = next.ok_or(SessionEvaluationError::TooManyItems)?;
            rows.entry(item).or_insert(next);
        }
        Ok(Self { rows })
    }

    /// Unknown items get a row beyond all, at which no model finds anything.
    fn of(&self, items: &[u64]) -> Vec<ItemIdx> {
        let row = |item: &u64| ItemIdx::from_u32(self.rows.get(item).copied().unwrap_or(u32::MAX));
        items.iter().map(row).collect()
    }

    fn training(&self, train: &[Clicked], params: &SessionParams) -> Training {
        let session = |clicked: &Clicked| Session {
            items: self.of(&clicked.items),
            end: clicked.end,
        };
        Training::new(train.iter().map(session).collect(), self.rows.len(), params)
    }
}

/// A model under evaluation.
enum Model {
    Blend(Box<Sessions>),
    Vmis(Box<Vmis>),
    /// Links of the current item alone.
    Links(Csr, CurrentItem),
    /// The same items for all, best first.
    Fixed(Vec<u32>, CurrentItem),
}

impl Model {
    fn fit(name: &str, training: &Training, params: &SessionParams, options: &EvaluateOptions<'_>) -> Self {
        let current = params.raw().current_item;
        let counted = |distance_exponent: f64, backward_weight: f64| RawLinkParams {
            neighbours: usize::MAX,
            distance_exponent,
            backward_weight,
            half_life_sessions: 0.0,
            source_exponent: 0.0,
            target_exponent: 0.0,
            second_order: 0.0,
            ..RawLinkParams::default()
        };
        match name {
            Sessions::NAME => Self::Blend(Box::new(Sessions::fit(training, params))),
            Vmis::NAME => {
                let index = SessionIndex::fit(training, options.vmis.recent_sessions);
                Self::Vmis(Box::new(Vmis::new(index, &options.vmis, current)))
            }
            // Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", 2018: SR and AR.
            "sequential-rules" => Self::Links(links::fit(training, &counted(1.0, 0.0)), current),
            "item-co-occurrence" => Self::Links(links::fit(training, &counted(0.0, 1.0)), current),
            _ => {
                let popularity = SessionIndex::fit(training, 1).popularity();
                let mut order: Vec<u32> = (0u32..).take(popularity.len()).collect();
                order.sort_by(|&a, &b| popularity[b as usize].total_cmp(&popularity[a as usize]));
                Self::Fixed(order, current)
            }
        }
    }

    /// Rank of each foretold click, from 1; 0 beyond `k`. By test session.
    fn ranks(&self, test: &[(Vec<ItemIdx>, usize)], k: usize) -> Vec<Vec<u32>> {
        let of_session = |room: &mut Room, (items, first): &(Vec<ItemIdx>, usize)| -> Vec<u32> {
            let places = *first..items.len().max(*first);
            places
                .map(|at| self.rank_of(items[at], &items[..at], k, room))
                .collect()
        };
        test.par_iter().map_init(Room::default, of_session).collect()
    }

    fn rank_of(&self, target: ItemIdx, clicks: &[ItemIdx], k: usize, room: &mut Room) -> u32 {
        let among = |ranked: &[(ItemIdx, f32)]| ranked.iter().position(|best| best.0 == target);
        let place = match self {
            Self::Blend(model) => among(model.rank(clicks, k, room)),
            Self::Vmis(model) => among(model.rank(clicks, k, room)),
            Self::Links(links, current) => {
                room.open(links.n_columns());
                if let Some(last) = clicks.last().filter(|last| last.index() < links.n_rows()) {
                    let (columns, values) = links.row(last.index());
                    columns
                        .iter()
                        .zip(values)
                        .for_each(|(&to, &value)| room.add_vote(to, value));
                }
                among(room.rank(k, masked(*current, clicks), |_| 0.0, &[]))
            }
            Self::Fixed(order, current) => {
                let masked = masked(*current, clicks);
                let open = order.iter().filter(|&&item| Some(item) != masked);
                open.take(k).position(|&item| item == target.as_u32())
            }
        };
        place.map_or(0, |place| place as u32 + 1)
    }
}

/// Means over predictions, with intervals over sessions; `seconds` of fitting and of ranking.
fn report(ranks: &[Vec<u32>], seconds: [f64; 2], bootstrap: &Bootstrap) -> ModelReport {
    // By session: predictions, sum of reciprocal ranks, hits.
    let sums: Vec<[f64; 3]> = ranks
        .iter()
        .map(|ranks| {
            let found = || ranks.iter().filter(|&&rank| rank > 0);
            let reciprocal: f64 = found().map(|&rank| 1.0 / f64::from(rank)).sum();
            [ranks.len() as f64, reciprocal, found().count() as f64]
        })
        .collect();
    let means = |drawn: &mut dyn Iterator<Item = usize>| {
        let mut total = [0.0; 3];
        for at in drawn {
            total
                .iter_mut()
                .zip(sums[at])
                .for_each(|(total, sum)| *total += sum);
        }
        vec![total[1] / total[0], total[2] / total[0]]
    };
    let whole = means(&mut (0..sums.len()));
    let intervals = bootstrap.intervals(sums.len(), |drawn| {
        means(&mut drawn.iter().map(|&at| at as usize))
    });
    ModelReport {
        mrr: whole[0],
        mrr_interval: intervals.as_ref().map(|both| both[0]),
        hit_rate: whole[1],
        hit_rate_interval: intervals.map(|both| both[1]),
        fit_seconds: seconds[0],
        rank_seconds: seconds[1],
    }
}
