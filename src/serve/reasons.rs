//! Why an item is in an answer: numbers that the models really used, as typed reasons.

use std::collections::BTreeMap;

use super::answer::{Evidence, EvidenceKind, PopularityNumbers, Reason, ReasonKind};
use super::index::{Chart, Index};
use super::ranking::{Ranking, Speaking};
use super::situation::{Situation, tie};
use crate::id::{ItemIdx, Row};
use crate::recommend::{Contribution, Recommender};

/// Most items of evidence of one recommended item.
const MAX_EVIDENCE: usize = 3;

/// The reasons of items that were ranked for a profile: the strongest items of the profile by the model's own account,
/// grouped by what ties the asker to them.
pub(super) fn of_profile(
    index: &Index,
    situation: &Situation,
    ranking: &Ranking,
    items: &[ItemIdx],
) -> Vec<Vec<Reason>> {
    let explained = ranking.explained(items, |items| {
        let mut ties = Ties::new(index, situation);
        let parts = index.parts().ials.explain(&ranking.profile, items);
        let mut speaking = |(item, share)| Speaking {
            item,
            share,
            tie: ties.of(item),
        };
        parts
            .into_iter()
            .map(|parts| {
                strongest(parts.into_iter())
                    .into_iter()
                    .map(&mut speaking)
                    .collect()
            })
            .collect()
    });
    items
        .iter()
        .zip(&explained)
        .map(|(&item, evidence)| {
            if evidence.is_empty() {
                // Nothing of the profile speaks for it: what is left is that others want it.
                return of_chart(index.popular(), ReasonKind::Popular, item);
            }
            let mut by_kind: Vec<(EvidenceKind, Vec<Evidence>)> = Vec::new();
            for &Speaking { item, share, tie } in evidence.iter() {
                let evidence = named(index, item, share, tie);
                match by_kind.iter_mut().find(|group| group.0 == tie) {
                    Some(group) => group.1.push(evidence),
                    None => by_kind.push((tie, vec![evidence])),
                }
            }
            let mut reasons: Vec<Reason> = by_kind
                .into_iter()
                .map(|(kind, evidence)| because(kind, evidence))
                .collect();
            // Stable: of equal groups the one with the stronger item stays first.
            reasons.sort_by(|a, b| b.share.unwrap_or(0.0).total_cmp(&a.share.unwrap_or(0.0)));
            reasons
        })
        .collect()
}

/// The reason of an item that was ranked by likeness to the page.
pub(super) fn of_likeness(index: &Index, page: &[ItemIdx], item: ItemIdx, score: f32) -> Vec<Reason> {
    let cosines = page.iter().map(|&source| Contribution {
        item: source,
        part: index.cosine(source, item),
    });
    let evidence = strongest(cosines)
        .into_iter()
        .map(|(source, share)| named(index, source, share, EvidenceKind::Context))
        .collect::<Vec<_>>();
    vec![Reason {
        kind: ReasonKind::SimilarTo,
        share: Some(total(&evidence)),
        evidence,
        similarity: Some(score),
        popularity: None,
    }]
}

/// The reason of an item that stands on a chart; none for one that does not.
pub(super) fn of_chart(chart: &Chart, kind: ReasonKind, item: ItemIdx) -> Vec<Reason> {
    let reason = |(rank, score)| Reason {
        kind,
        evidence: Vec::new(),
        share: None,
        similarity: None,
        popularity: Some(PopularityNumbers {
            rank,
            score,
            half_life_days: chart.half_life_days(),
        }),
    };
    chart.place(item).map(reason).into_iter().collect()
}

/// The strongest of what speaks for an item, with their shares of all that does.
fn strongest(parts: impl Iterator<Item = Contribution>) -> Vec<(ItemIdx, f32)> {
    let mut speaking: Vec<Contribution> = parts.filter(|contribution| contribution.part > 0.0).collect();
    let sum: f64 = speaking
        .iter()
        .map(|contribution| f64::from(contribution.part))
        .sum();
    speaking.sort_by(|a, b| b.part.total_cmp(&a.part).then(a.item.cmp(&b.item)));
    speaking.truncate(MAX_EVIDENCE);
    let share = |part: f32| (f64::from(part) / sum) as f32;
    speaking
        .into_iter()
        .map(|contribution| (contribution.item, share(contribution.part)))
        .collect()
}

fn named(index: &Index, item: ItemIdx, share: f32, kind: EvidenceKind) -> Evidence {
    Evidence {
        item_id: index.parts().histories.items().name(item).to_owned(),
        share,
        kind,
    }
}

fn because(tie: EvidenceKind, evidence: Vec<Evidence>) -> Reason {
    Reason {
        kind: match tie {
            EvidenceKind::Bought => ReasonKind::BecauseYouBought,
            EvidenceKind::InCart => ReasonKind::InYourCart,
            EvidenceKind::Viewed => ReasonKind::BecauseYouViewed,
            EvidenceKind::Context => ReasonKind::SimilarTo,
        },
        share: Some(total(&evidence)),
        evidence,
        similarity: None,
        popularity: None,
    }
}

fn total(evidence: &[Evidence]) -> f32 {
    evidence
        .iter()
        .map(|evidence| evidence.share)
        .sum::<f32>()
        .min(1.0)
}

/// What ties the asker to each item, looked up once an item.
struct Ties<'a> {
    index: &'a Index,
    situation: &'a Situation,
    known: BTreeMap<u32, EvidenceKind>,
}

impl<'a> Ties<'a> {
    fn new(index: &'a Index, situation: &'a Situation) -> Self {
        Self {
            index,
            situation,
            known: BTreeMap::new(),
        }
    }

    /// The strongest tie: a purchase before a cart before a view before being on the page.
    fn of(&mut self, item: ItemIdx) -> EvidenceKind {
        *self.known.entry(item.as_u32()).or_insert_with(|| {
            let past = self.situation.past(self.index);
            let logged = past
                .items()
                .iter()
                .zip(past.kinds())
                .filter(|(logged, _)| **logged == item);
            let seen = self
                .situation
                .seen
                .iter()
                .filter(|seen| seen.item == item)
                .map(|seen| seen.tie);
            logged
                .map(|(_, &kind)| tie(kind))
                .chain(seen)
                .min()
                .unwrap_or(EvidenceKind::Context)
        })
    }
}
