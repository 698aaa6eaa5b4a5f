//! What is better than the page's items, and dearer.

use super::{Grounds, evidence, total};
use crate::id::{ItemIdx, Row};
use crate::recommend::relations::{BetterItem, UpSellQuestion};
use crate::serve::answer::{EvidenceKind, Numbers, Reason, ReasonKind, Strategy, UpgradeNumbers};
use crate::serve::hidden::Hidden;
use crate::serve::index::Index;
use crate::serve::ranking::Ranking;
use crate::serve::situation::Situation;

pub(super) fn rank(index: &Index, situation: &Situation, page: &[ItemIdx], depth: usize) -> Ranking {
    let hidden = situation.in_view.iter().copied().collect::<Hidden>();
    let better = better(index, situation, page, depth, |item| {
        index.is_rankable(item) && !hidden.contains(item.as_u32())
    });
    let items = better
        .iter()
        .map(|better| (better.item.as_u32(), better.score))
        .collect();
    let strategy = match situation.past(index).is_empty() {
        true => Strategy::Session,
        false => Strategy::Personal,
    };
    Ranking::best(
        items,
        index.n_rankable(),
        depth,
        strategy,
        Grounds::Better(page.to_vec()),
    )
}

fn better(
    index: &Index,
    situation: &Situation,
    page: &[ItemIdx],
    most: usize,
    keep: impl Fn(ItemIdx) -> bool,
) -> Vec<BetterItem> {
    let Ok(shelves) = index.shelves(crate::rules::Kind::UpSell) else {
        return Vec::new();
    };
    let past = situation.past(index);
    let question = UpSellQuestion {
        similar: &shelves.relations.similar,
        catalog: &index.parts().catalog,
        levels: index.price_levels(),
        page,
        history: (!past.is_empty()).then_some(past),
    };
    shelves.up_sell.rank(question, most, keep)
}

/// How much dearer each item is than what it is better than, and how readily that is taken.
pub(super) fn reasons(
    index: &Index,
    situation: &Situation,
    page: &[ItemIdx],
    items: &[(ItemIdx, f32)],
) -> Vec<Vec<Reason>> {
    let is_known = !situation.past(index).is_empty();
    let mut found = better(index, situation, page, items.len(), |item| {
        items.iter().any(|of| of.0 == item)
    });
    items
        .iter()
        .map(|&(item, _)| {
            let Some(at) = found.iter().position(|better| better.item == item) else {
                return Vec::new();
            };
            let BetterItem {
                parts, score, fit, ..
            } = found.swap_remove(at);
            // Above zero: the sum of parts that are.
            let share = |part: f32| if score > 0.0 { part / score } else { 0.0 };
            let mut parts = parts;
            parts.sort_by(|a, b| b.part.total_cmp(&a.part));
            parts
                .iter()
                .map(|part| {
                    let from = vec![evidence(
                        index,
                        part.page,
                        share(part.part),
                        EvidenceKind::Context,
                        None,
                    )];
                    Reason {
                        kind: ReasonKind::Upgrade,
                        share: Some(total(&from)),
                        evidence: from,
                        numbers: Some(Numbers::Upgrade(UpgradeNumbers {
                            price_ratio: part.price_ratio,
                            acceptance: f64::from(part.acceptance),
                            price_fit: is_known.then_some(f64::from(fit)),
                        })),
                    }
                })
                .collect()
        })
        .collect()
}
