//! What the margin dial costs: the same candidates arranged by more and more of their margin.
//!
//! Enters: the blend of a temporal split with its customers, and the catalogue. Leaves: for each `margin_weight`, how well
//! the first purchases of the window are foreseen and what the shop keeps of what is shown, with intervals over
//! customers.
//!
//! The best [`CANDIDATES`] items new to a customer go through [`arrange`] with no rule but the dial, as an answer does.
//! Prices and costs are those of today's catalogue, also for what was sold before: a price list is no event.
//!
//! The one decision: the margin of what is shown and that of the hits stand side by side. A dial that shows dearer things
//! which nobody buys raises the first and lowers the second.

mod report;

use rayon::prelude::*;

use crate::catalog::{Catalog, Item};
use crate::id::{IdTable, ItemIdx, Row};
use crate::measure::bootstrap::Bootstrap;
use crate::measure::ranking::RankingMetrics;
use crate::recommend::Ranking;
use crate::rules::expression::{Anonymous, Context, Scope, margin};
use crate::rules::{Asked, Candidate, Facts, Kind, RawRules, Rules, RulesError, arrange};
use crate::time::Timestamp;

use super::temporal_ranking::JudgedBlend;

pub use report::{MarginCost, MarginPoint, MarginReport};

/// Items of each customer that the dial may bring forward.
pub const CANDIDATES: usize = 200;

/// Where the dial is put.
pub const WEIGHTS: [f64; 6] = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0];

/// Why the dial cannot be judged.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MarginError {
    /// Nothing to dial by.
    #[error(
        "no item has a price and a cost: the item table's columns price and cost say what the shop keeps"
    )]
    NoCost,
    /// Nobody to judge by.
    #[error("nobody with a history bought an item for the first time from {from} until {end}")]
    NothingToFind {
        /// Begin of the window.
        from: Timestamp,
        /// End of the window.
        end: Timestamp,
    },
    /// A weight that is none.
    #[error(transparent)]
    Rules(#[from] RulesError),
}

/// What one arrangement is worth, to be summed over customers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    ndcg: f64,
    recall: f64,
    /// Items shown whose margin is known, and the sum of it.
    shown: f64,
    shown_margin: f64,
    /// The same of those that were bought.
    hits: f64,
    hit_margin: f64,
}

/// Arranges the blend's candidates by every weight of [`WEIGHTS`].
///
/// # Errors
/// [`MarginError`] when no margin is known or there is nothing to foresee.
///
/// # Determinism
/// The same for any number of threads.
pub fn evaluate_margin(
    judged: &JudgedBlend,
    items: &IdTable<ItemIdx>,
    catalog: &Catalog,
) -> Result<MarginReport, MarginError> {
    let split = judged.split();
    let known = catalog
        .items()
        .iter()
        .filter(|item| margin(item).is_some())
        .count();
    if known == 0 {
        return Err(MarginError::NoCost);
    }
    let dials: Vec<Rules> = WEIGHTS
        .iter()
        .map(|&weight| {
            Rules::try_from(RawRules {
                margin_weight: Some(weight),
                ..RawRules::default()
            })
        })
        .collect::<Result<_, _>>()?;
    let facts = TodaysFacts { items, catalog };
    let rankings = judged.rank(CANDIDATES.max(split.k));
    let tallies: Vec<[Tally; WEIGHTS.len()]> = rankings
        .par_iter()
        .zip(judged.first_bought())
        .filter(|(_, wanted)| !wanted.is_empty())
        .map(|(ranked, wanted)| {
            let candidates = candidates(ranked);
            let mut at_weights = [Tally::default(); WEIGHTS.len()];
            for (tally, rules) in at_weights.iter_mut().zip(&dials) {
                *tally = tally_of(&candidates, rules, &facts, wanted, split.k, split.cut_off);
            }
            at_weights
        })
        .collect();
    if tallies.is_empty() {
        return Err(MarginError::NothingToFind {
            from: split.cut_off,
            end: split.end,
        });
    }
    let bootstrap = Bootstrap {
        seed: split.seed,
        ..Bootstrap::default()
    };
    Ok(report::report(split, known, &tallies, &bootstrap))
}

fn candidates(ranked: &Ranking) -> Vec<Candidate> {
    let candidate = |&(row, score): &(ItemIdx, f32)| Candidate {
        row,
        score,
        source: Kind::YouMayLike,
    };
    ranked.iter().map(candidate).collect()
}

fn tally_of(
    candidates: &[Candidate],
    rules: &Rules,
    facts: &TodaysFacts<'_>,
    wanted: &[u32],
    k: usize,
    now: Timestamp,
) -> Tally {
    let scope = Scope::new(now, Context::default(), &Anonymous);
    let asked = Asked {
        count: k,
        rules,
        scope: &scope,
        // What is sold out today may have been sold then.
        available_only: false,
    };
    let arranged = arrange(candidates, &asked, facts);
    let rows = || arranged.items.iter().map(|item| item.row);
    let metrics = RankingMetrics::of(rows().map(|row| row.as_u32()), wanted, wanted.len(), k);
    let metrics = metrics.unwrap_or_default();
    let mut tally = Tally {
        ndcg: metrics.ndcg,
        recall: metrics.recall,
        ..Tally::default()
    };
    for row in rows() {
        let Some(margin) = margin(facts.item(row)) else {
            continue;
        };
        tally.shown += 1.0;
        tally.shown_margin += margin;
        if wanted.binary_search(&row.as_u32()).is_ok() {
            tally.hits += 1.0;
            tally.hit_margin += margin;
        }
    }
    tally
}

/// The catalogue as it is now.
struct TodaysFacts<'a> {
    items: &'a IdTable<ItemIdx>,
    catalog: &'a Catalog,
}

impl Facts for TodaysFacts<'_> {
    fn id(&self, row: ItemIdx) -> &str {
        self.items.name(row)
    }

    fn item(&self, row: ItemIdx) -> &Item {
        self.catalog.item(row)
    }

    fn is_available(&self, _row: ItemIdx) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::temporal_ranking::TemporalSplit;

    const MARGINS: [Option<f64>; 5] = [Some(1.0), Some(9.0), None, Some(8.0), Some(4.0)];

    fn tallied(weight: f64, wanted: &[u32]) -> Tally {
        let catalog = Catalog::new(
            MARGINS
                .iter()
                .map(|margin| Item {
                    price: margin.map(|margin| margin + 10.0),
                    cost: Some(10.0),
                    ..Item::default()
                })
                .collect(),
        );
        let items = IdTable::default();
        let facts = TodaysFacts {
            items: &items,
            catalog: &catalog,
        };
        let ranked: Ranking = (0u32..5)
            .map(|row| (ItemIdx::from_u32(row), 1.0 - 0.1 * row as f32))
            .collect();
        let rules = Rules::try_from(RawRules {
            margin_weight: Some(weight),
            ..RawRules::default()
        });
        let now = Timestamp::MIN;
        tally_of(&candidates(&ranked), &rules.unwrap(), &facts, wanted, 2, now)
    }

    #[test]
    fn the_dial_trades_hits_for_margin_as_counted_by_hand() {
        // By relevance rows 0 and 1 are shown, and 0 is bought.
        let plain = tallied(0.0, &[0, 2]);
        assert_eq!(
            (plain.shown.to_bits(), plain.hits.to_bits()),
            (2f64.to_bits(), 1f64.to_bits())
        );
        assert!((plain.shown_margin - 10.0).abs() < 1e-9 && (plain.hit_margin - 1.0).abs() < 1e-9);
        assert!((plain.recall - 0.5).abs() < 1e-12);
        // By margin alone rows 1 and 3, neither of which is.
        let dialled = tallied(1.0, &[0, 2]);
        assert!((dialled.shown_margin - 17.0).abs() < 1e-9 && dialled.hits.abs() < 1e-9);
        assert!(dialled.ndcg.abs() < 1e-12);
    }

    #[test]
    fn changes_are_against_the_dial_at_nothing() {
        let at = |ndcg: f64, margin: f64| Tally {
            ndcg,
            shown: 2.0,
            shown_margin: margin,
            ..Tally::default()
        };
        let customer = |more: f64| std::array::from_fn(|place| at(0.5, 4.0 + more * place as f64));
        let split = TemporalSplit {
            cut_off: Timestamp::MIN,
            end: Timestamp::MAX,
            k: 2,
            seed: 1,
        };
        let tallies = [customer(1.0), customer(3.0)];
        let found = report::report(&split, 3, &tallies, &Bootstrap::default());
        assert_eq!((found.customers, found.dial[0].change), (2, None));
        let change = found.dial[5].change.unwrap();
        assert!((change.margin.value - 5.0).abs() < 1e-12, "{change:?}");
        assert!(change.ndcg.value.abs() < 1e-12);
        assert_eq!(found.dial[5].hit_margin, None);
    }
}
