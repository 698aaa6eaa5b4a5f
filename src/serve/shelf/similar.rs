//! What one could take instead of the page's items.
//!
//! Alternatives that people looked at or bought in each other's place come first; where there are none, and in bundles
//! that know none, likeness of the factors answers.

use super::{Grounds, MAX_EVIDENCE, best, evidence, n_rankable, rest, rows, strongest, total};
use crate::id::ItemIdx;
use crate::serve::answer::{EvidenceKind, Numbers, Reason, ReasonKind, Strategy};
use crate::serve::index::Index;
use crate::serve::ranking::Ranking;
use crate::serve::situation::Situation;

/// The items of the page of which something is known.
pub(super) fn known(index: &Index, situation: &Situation) -> Vec<ItemIdx> {
    let is_rankable = |item: &&ItemIdx| index.is_rankable(**item);
    situation.page.iter().filter(is_rankable).copied().collect()
}

pub(super) fn rank(index: &Index, situation: &Situation, page: &[ItemIdx], depth: usize) -> Ranking {
    let hidden = rows(&situation.in_view);
    let mut scores = scores(index, page);
    // What points elsewhere or nowhere is not alike at all.
    scores
        .iter_mut()
        .filter(|score| **score <= 0.0)
        .for_each(|score| *score = f32::NEG_INFINITY);
    let items = best(index, &scores, &hidden, depth);
    let grounds = Grounds::Likeness(page.to_vec());
    Ranking::best(items, index.n_rankable(), depth, Strategy::Session, grounds)
        .hiding(n_rankable(index, &hidden))
}

/// How alike every item is to the page: `1 +` the alternatives' likeness where they have one, so that what was observed
/// stands above what was only computed, which lies below 1.
fn scores(index: &Index, page: &[ItemIdx]) -> Vec<f32> {
    let mut scores = index.similarities(page);
    if let Ok(relations) = index.relations() {
        let mut observed = vec![0.0; scores.len()];
        relations.similar.score(page, &mut observed);
        for (score, observed) in scores.iter_mut().zip(observed) {
            if observed > 0.0 {
                *score = 1.0 + observed;
            }
        }
    }
    scores
}

/// What each item of the page adds to the likeness.
pub(super) fn reasons(index: &Index, page: &[ItemIdx], items: &[(ItemIdx, f32)]) -> Vec<Vec<Reason>> {
    items
        .iter()
        .map(|&(item, score)| {
            let observed = |from: ItemIdx| {
                index
                    .relations()
                    .map_or(0.0, |relations| relations.similar.between(from, item))
            };
            let is_observed = page.iter().any(|&from| observed(from) > 0.0);
            let parts = page.iter().map(|&from| match is_observed {
                true => (from, observed(from)),
                false => (from, index.cosine(from, item)),
            });
            let sum: f32 = parts.clone().map(|part| part.1).sum();
            let (strongest, others) = strongest(parts, sum);
            let evidence: Vec<_> = strongest
                .into_iter()
                .take(MAX_EVIDENCE)
                .map(|(from, share)| evidence(index, from, share, EvidenceKind::Context, None))
                .collect();
            let similar = Reason {
                kind: ReasonKind::SimilarTo,
                share: Some(total(&evidence)),
                evidence,
                numbers: Some(Numbers::Similarity(match is_observed {
                    true => score - 1.0,
                    false => score,
                })),
            };
            std::iter::once(similar).chain(rest(others)).collect()
        })
        .collect()
}
