//! What goes with the cart.

use super::{Grounds, best, charts, evidence, rest, strongest, total};
use crate::id::ItemIdx;
use crate::recommend::Explanation;
use crate::serve::answer::{EvidenceKind, Reason, ReasonKind, Strategy, Together};
use crate::serve::hidden::Hidden;
use crate::serve::index::Index;
use crate::serve::ranking::Ranking;
use crate::serve::situation::Situation;

pub(super) fn rank(index: &Index, situation: &Situation, given: &[ItemIdx], depth: usize) -> Ranking {
    let hidden = situation.in_view.iter().copied().collect::<Hidden>();
    let mut scores = vec![0.0; index.n_items()];
    if let Ok(relations) = index.relations() {
        relations.cross_sell.score(given, &mut scores);
    }
    // What nothing speaks for, and what would stand in for something in the cart, does not go with it.
    scores
        .iter_mut()
        .filter(|score| **score <= 0.0)
        .for_each(|score| *score = f32::NEG_INFINITY);
    let items = best(index, &scores, &hidden, depth);
    let grounds = Grounds::Together(given.to_vec());
    Ranking::best(items, index.n_rankable(), depth, Strategy::Session, grounds)
        .hiding(hidden.n_rankable(index))
}

/// The items of the cart that propose each item, with support and lift, and what everybody buys.
pub(super) fn reasons(
    index: &Index,
    situation: &Situation,
    given: &[ItemIdx],
    items: &[(ItemIdx, f32)],
) -> Vec<Vec<Reason>> {
    let Ok(relations) = index.relations() else {
        return vec![Vec::new(); items.len()];
    };
    let wanted: Vec<ItemIdx> = items.iter().map(|&(item, _)| item).collect();
    let explained = relations.cross_sell.explain(given, &wanted);
    wanted
        .iter()
        .zip(explained)
        .map(|(&item, Explanation { parts, everybody })| {
            let sum: f32 = parts.iter().map(|part| part.part).sum::<f32>() + everybody;
            let pairs = parts.into_iter().map(|part| (part.item, part.part));
            let (strongest, others) = strongest(pairs, sum);
            let together = |from: ItemIdx| {
                relations.cross_sell.support(from, item).map(|support| Together {
                    support: u64::from(support.baskets),
                    lift: support.lift,
                })
            };
            let tie = |from: ItemIdx| match situation.cart.binary_search(&from) {
                Ok(_) => EvidenceKind::InCart,
                Err(_) => EvidenceKind::Context,
            };
            let evidence: Vec<_> = strongest
                .into_iter()
                .map(|(from, share)| evidence(index, from, share, tie(from), together(from)))
                .collect();
            let everybody = match sum > 0.0 {
                true => everybody / sum,
                false => 0.0,
            };
            let mut reasons = Vec::new();
            if !evidence.is_empty() {
                reasons.push(Reason {
                    kind: ReasonKind::BoughtTogether,
                    share: Some(total(&evidence)),
                    evidence,
                    numbers: None,
                });
            }
            if everybody > 0.0 {
                reasons.extend(charts::popular_reason(index, item, Some(everybody)));
            }
            reasons.sort_by(|a, b| b.share.unwrap_or(0.0).total_cmp(&a.share.unwrap_or(0.0)));
            let told: f32 = reasons.iter().filter_map(|reason| reason.share).sum();
            reasons.extend(rest(if sum > 0.0 { 1.0 - told } else { others }));
            reasons
        })
        .collect()
}
