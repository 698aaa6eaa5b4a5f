//! What one could take instead of the page's items.
//!
//! Alternatives that people looked at or bought in each other's place come first; where there are none, and in bundles
//! that know none, likeness of the factors answers.

use super::{Grounds, MAX_EVIDENCE, evidence, is_open, rest, strongest, total};
use crate::id::{ItemIdx, Row};
use crate::serve::answer::{EvidenceKind, Numbers, Reason, ReasonKind, Strategy};
use crate::serve::candidates::Workspace;
use crate::serve::error::ServeError;
use crate::serve::hidden::Hidden;
use crate::serve::index::Index;
use crate::serve::ranking::Ranking;
use crate::serve::situation::Situation;

/// The items of the page of which something is known.
pub(super) fn known(index: &Index, situation: &Situation) -> Vec<ItemIdx> {
    let is_rankable = |item: &&ItemIdx| index.is_rankable(**item);
    situation.page.iter().filter(is_rankable).copied().collect()
}

/// # Errors
/// [`ServeError::Cancelled`] once `is_over` says so.
pub(super) fn rank(
    index: &Index,
    situation: &Situation,
    page: &[ItemIdx],
    depth: usize,
    is_over: &dyn Fn() -> bool,
) -> Result<Ranking, ServeError> {
    let hidden = situation.in_view.iter().copied().collect::<Hidden>();
    let items = index.with_room(|room| best(index, page, &hidden, depth, is_over, room));
    let ranking = Ranking::best(
        items.ok_or(ServeError::Cancelled)?,
        index.n_rankable(),
        depth,
        Strategy::Session,
        Grounds::Likeness(page.to_vec()),
    );
    Ok(ranking.hiding(hidden.n_rankable(index)))
}

/// The items most alike to the page: `1 +` the alternatives' likeness where they have one, so that what was observed stands
/// above what was only computed, which lies below 1. What points elsewhere or nowhere is not alike at all.
fn best(
    index: &Index,
    page: &[ItemIdx],
    hidden: &Hidden,
    depth: usize,
    is_over: &dyn Fn() -> bool,
    room: &mut Workspace,
) -> Option<Vec<(u32, f32)>> {
    let is_open = |item: ItemIdx| is_open(index, hidden, item.index());
    let mut best: Vec<(u32, f32)> = Vec::new();
    if let Ok(relations) = index.relations() {
        let observed = relations.similar.rank(page, depth, is_open);
        best.extend(
            observed
                .into_iter()
                .map(|(item, score)| (item.as_u32(), 1.0 + score)),
        );
    }
    // Fewer than asked for means that these are all.
    if best.len() < depth {
        let mut observed: Vec<u32> = best.iter().map(|of| of.0).collect();
        observed.sort_unstable();
        let is_new = |item: ItemIdx| is_open(item) && observed.binary_search(&item.as_u32()).is_err();
        let centre = index.centre(page);
        let wanted = depth - best.len();
        let computed = index.likeness().best(&centre, wanted, is_new, is_over, room)?;
        best.extend(computed.into_iter().filter(|of| of.1 > 0.0));
    }
    Some(best)
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
