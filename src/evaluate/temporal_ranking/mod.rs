//! Ranking against the future: what was learned before an instant, against what was bought after it.
//!
//! Enters: histories, the weighting, the models' parameters, a cut-off and the end of the test window. Leaves: recall and
//! NDCG at `k` of the blend, each of its parts and the baselines, with intervals, by two protocols that answer two
//! questions and are never mixed:
//!
//! - *new*, the headline: which items does a customer buy for the first time? Everything bought before is masked.
//! - *all*: which items does a customer buy, repeats allowed? Nothing is masked, and what the customer bought most is
//!   a model beside the others, because repeats are easy.
//!
//! A customer counts when the weighting gives a profile before the cut-off and at least one item is to be found. Test items
//! that nobody touched before the cut-off cannot be ranked and are misses.

mod report;

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::history::{Csr, Histories, History, Weighting, interaction_matrix};
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::measure::bootstrap::Bootstrap;
use crate::numeric::TopK;
use crate::progress::Progress;
use crate::recommend::blend::Fitting;
use crate::recommend::{Blend, FitError, Popularity, Ranking, RecommendParams, Recommender};
use crate::time::Timestamp;

use report::report;
pub use report::{Advantage, Estimate, ModelReport, ProtocolReport, TemporalReport};

/// Name of the baseline that ranks what the customer bought most, then what is popular.
pub const REPEAT: &str = "repeat";

/// Where the past ends and the test begins and ends.
#[derive(Clone, Debug)]
pub struct TemporalSplit {
    /// Everything strictly before is known.
    pub cut_off: Timestamp,
    /// The test window is `[cut_off, end)`.
    pub end: Timestamp,
    /// Cut-off of the rankings.
    pub k: usize,
    /// Seed of the fit and of the intervals.
    pub seed: u64,
}

/// Why a temporal split cannot be evaluated.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemporalError {
    /// No customer with a past bought in the window.
    #[error(
        "no customer with a history before {cut_off} bought anything from then until {end}: choose an earlier cut-off"
    )]
    NothingToFind {
        /// Begin of the window.
        cut_off: Timestamp,
        /// End of the window.
        end: Timestamp,
    },
    /// A cut-off that leaves nothing.
    #[error("k = 0: a ranking has at least one place")]
    NoPlaces,
    /// The model could not be fitted on what was before.
    #[error("the events before {cut_off} do not make a model")]
    Fit {
        /// End of the training.
        cut_off: Timestamp,
        /// Why.
        source: FitError,
    },
}

/// The blend that was judged and whom it was judged by, for what else is asked of the same split.
pub struct JudgedBlend {
    split: TemporalSplit,
    blend: Blend,
    customers: Customers,
    first_bought: Vec<Vec<u32>>,
}

impl JudgedBlend {
    /// Where the past ended.
    #[must_use]
    pub fn split(&self) -> &TemporalSplit {
        &self.split
    }

    /// The blend, fitted to what was before the cut-off.
    #[must_use]
    pub fn blend(&self) -> &Blend {
        &self.blend
    }

    /// The items that each customer bought for the first time in the window, ascending; for some customers none.
    #[must_use]
    pub fn first_bought(&self) -> &[Vec<u32>] {
        &self.first_bought
    }

    /// The best `n` items new to each customer, in the order of [`Self::first_bought`].
    #[must_use]
    pub fn rank(&self, n: usize) -> Vec<Ranking> {
        self.blend
            .rank_all(&self.customers.profiles, Some(&self.customers.bought), n)
    }
}

/// The customers that count, in row order of every matrix here.
struct Customers {
    profiles: Csr,
    /// Items bought before the cut-off, with the number of purchases.
    bought: Csr,
    /// Items bought in the window, ascending.
    wanted: Vec<Vec<u32>>,
}

/// Fits on what was before the cut-off and looks for the purchases of the window; gives the blend beside the report, so
/// that nobody has to fit it again.
///
/// # Errors
/// [`TemporalError`] when there is nothing to learn from or nothing to find.
///
/// # Determinism
/// The same for any number of threads.
pub fn evaluate_ranking(
    histories: &Histories,
    weighting: &Weighting,
    params: &RecommendParams,
    split: &TemporalSplit,
    progress: &dyn Progress,
) -> Result<(TemporalReport, JudgedBlend), TemporalError> {
    let &TemporalSplit {
        cut_off,
        end,
        k,
        seed,
    } = split;
    if k == 0 {
        return Err(TemporalError::NoPlaces);
    }
    let (customers, cold_customers) = Customers::select(histories, weighting, split);
    if customers.wanted.is_empty() {
        return Err(TemporalError::NothingToFind { cut_off, end });
    }
    let fitting = Fitting {
        params,
        seed,
        progress,
    };
    let failed = |source| TemporalError::Fit { cut_off, source };
    // Learned and fitted on what was before the cut-off: all that these functions are told of `now`.
    let weights = fitting
        .weights_for_log(histories, weighting, cut_off)
        .map_err(failed)?;
    let matrix = interaction_matrix(histories, weighting, cut_off);
    let popularity = Popularity::fit(histories, weighting, &params.popularity, cut_off);
    let parts = fitting
        .parts(&matrix, popularity.clone(), &mut |_| ())
        .map_err(failed)?;

    let mut new = BTreeMap::new();
    let mut all = BTreeMap::new();
    let mut rank = |model: &dyn Recommender| {
        let rank = |masked| model.rank_all(&customers.profiles, masked, k);
        new.insert(model.name(), rank(Some(&customers.bought)));
        all.insert(model.name(), rank(None));
        progress.advance(1);
    };
    progress.begin("Ranking for every customer", 6);
    rank(&popularity);
    parts.each().into_iter().for_each(&mut rank);
    let blend = Blend::new(parts, weights, &matrix);
    rank(&blend);
    progress.end();
    let bootstrap = Bootstrap {
        seed,
        ..Bootstrap::default()
    };
    let first_bought: Vec<Vec<u32>> = (0u32..)
        .zip(&customers.wanted)
        .map(|(row, wanted)| {
            let known = customers.bought.row(row as usize).0;
            wanted
                .iter()
                .copied()
                .filter(|item| known.binary_search(item).is_err())
                .collect()
        })
        .collect();
    let new = report(&new, &first_bought, k, &bootstrap);
    all.insert(REPEAT, customers.repeats(&popularity, k));
    let repeats_allowed = report(&all, &customers.wanted, k, &bootstrap);
    let found = TemporalReport {
        as_of: cut_off,
        until: end,
        k,
        cold_customers,
        new,
        repeats_allowed,
        blend_weights: blend.weights().raw().clone(),
    };
    let judged = JudgedBlend {
        split: split.clone(),
        blend,
        customers,
        first_bought,
    };
    Ok((found, judged))
}

impl Customers {
    /// Those with a profile who bought in the window, and how many bought without one.
    fn select(histories: &Histories, weighting: &Weighting, split: &TemporalSplit) -> (Self, usize) {
        let rows: Vec<_> = histories.customers().rows().collect();
        let found: Vec<_> = rows
            .into_par_iter()
            .filter_map(|customer| {
                let history = histories.of(customer);
                let wanted = purchases(history.within(split.cut_off, split.end));
                let wanted: Vec<u32> = wanted.into_iter().map(|(item, _)| item.as_u32()).collect();
                let profile = weighting.profile(history, split.cut_off);
                (!wanted.is_empty()).then(|| (profile, purchases(history.before(split.cut_off)), wanted))
            })
            .collect();
        let all = found.len();
        let (mut profiles, mut bought, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for (profile, before, within) in found.into_iter().filter(|(profile, ..)| !profile.is_empty()) {
            profiles.push(profile);
            bought.push(before);
            wanted.push(within);
        }
        let n_items = histories.items().len();
        let cold = all - wanted.len();
        let customers = Self {
            profiles: Csr::from_rows(&profiles, n_items),
            bought: Csr::from_rows(&bought, n_items),
            wanted,
        };
        (customers, cold)
    }

    /// What each customer bought most, then what is popular.
    fn repeats(&self, popularity: &Popularity, k: usize) -> Vec<Ranking> {
        let popular = popularity.rank_all(&self.bought, Some(&self.bought), k);
        (0..self.wanted.len())
            .zip(popular)
            .map(|(row, popular)| {
                let (items, counts) = self.bought.row(row);
                let mut own = TopK::new(k);
                for (&item, count) in items.iter().zip(counts) {
                    own.offer(item as usize, std::slice::from_ref(count), &|_| true);
                }
                let own = own
                    .into_sorted()
                    .into_iter()
                    .map(|(item, count)| (ItemIdx::from_u32(item), count));
                own.chain(popular).take(k).collect()
            })
            .collect()
    }
}

/// The items bought in a history, ascending, with the number of purchases.
fn purchases(history: History<'_>) -> Vec<(ItemIdx, f32)> {
    let mut items: Vec<ItemIdx> = history
        .events()
        .filter(|event| event.kind == EventKind::Purchase)
        .map(|event| event.item)
        .collect();
    items.sort_unstable();
    items
        .chunk_by(PartialEq::eq)
        .map(|same| (same[0], same.len() as f32))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HistoriesBuilder;
    use crate::log::Event;
    use crate::progress::Silent;
    use crate::recommend::RawRecommendParams;

    fn histories(events: &[(&str, &str, EventKind, f64)]) -> Histories {
        let start: Timestamp = "2024-01-01".parse().unwrap();
        let mut builder = HistoriesBuilder::default();
        for &(customer_id, item_id, kind, day) in events {
            let event = Event {
                event_id: None,
                customer_id,
                item_id,
                kind,
                occurred_at: start.plus_days(day),
                quantity: 1.0,
                unit_price: None,
                order_id: None,
                session_id: None,
            };
            builder.push(&event).unwrap();
        }
        builder.finish()
    }

    fn run(events: &[(&str, &str, EventKind, f64)], k: usize) -> Result<TemporalReport, TemporalError> {
        let mut raw = RawRecommendParams::default();
        raw.ials.factors = 3;
        let start: Timestamp = "2024-01-01".parse().unwrap();
        let split = TemporalSplit {
            cut_off: start.plus_days(10.0),
            end: start.plus_days(20.0),
            k,
            seed: 1,
        };
        evaluate_ranking(
            &histories(events),
            &Weighting::binary(),
            &raw.try_into().unwrap(),
            &split,
            &Silent,
        )
        .map(|(report, _)| report)
    }

    use EventKind::{Purchase, View};

    #[test]
    fn the_two_protocols_counted_by_hand() {
        let events = [
            // Before: a is bought twice by u, b once by u and by v and w, c by v.
            ("u", "a", Purchase, 1.0),
            ("u", "a", Purchase, 2.0),
            ("u", "b", Purchase, 3.0),
            ("v", "b", Purchase, 3.0),
            ("v", "c", Purchase, 4.0),
            ("w", "b", Purchase, 5.0),
            // In the window: u repeats a and tries c; v only looks; cold is new; w's purchase is at the end, outside.
            ("u", "a", Purchase, 10.0),
            ("u", "c", Purchase, 11.0),
            ("v", "a", View, 12.0),
            ("cold", "a", Purchase, 13.0),
            ("w", "a", Purchase, 20.0),
        ];
        let report = run(&events, 1).unwrap();
        assert_eq!(report.cold_customers, 1);
        assert_eq!((report.new.customers, report.new.test_items), (1, 1));
        // Only c is left for u when what u bought is masked.
        assert!((report.new.models["popularity"].metrics.recall - 1.0).abs() < 1e-12);
        assert!(!report.new.models.contains_key(REPEAT));
        // Repeats allowed: b is the most popular and a miss, a is what u bought most.
        let all = &report.repeats_allowed;
        assert_eq!((all.customers, all.test_items), (1, 2));
        assert!(all.models["popularity"].metrics.recall.abs() < 1e-12);
        assert!((all.models[REPEAT].metrics.recall - 0.5).abs() < 1e-12);
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["as_of"], "2024-01-11T00:00:00Z");
        assert!(json["models"]["ials"]["ndcg"].is_f64(), "{json}");
    }

    #[test]
    fn a_window_without_purchases_is_an_error() {
        let events = [("u", "a", Purchase, 1.0), ("u", "a", View, 11.0)];
        assert!(matches!(
            run(&events, 5).unwrap_err(),
            TemporalError::NothingToFind { .. }
        ));
        assert!(matches!(run(&events, 0).unwrap_err(), TemporalError::NoPlaces));
    }
}
