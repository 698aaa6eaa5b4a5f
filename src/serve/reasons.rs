//! Why an item is in an answer: numbers that the models really used, as typed reasons.

use std::collections::BTreeMap;

use super::answer::{Evidence, EvidenceKind, PopularityNumbers, Reason, ReasonKind};
use super::index::{Chart, Index};
use super::ranking::{Ranking, Speakers, Speaking};
use super::situation::{Situation, tie};
use crate::id::{ItemIdx, Row};
use crate::recommend::{Contribution, Recommender};

/// Most items of evidence of one recommended item.
const MAX_EVIDENCE: usize = 3;
/// That others want an item is a reason from this share of its score on.
const LEAST_EVERYBODY: f32 = 0.1;

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
        let explanations = index.parts().blend.explain(&ranking.profile, items);
        let mut speaking = |(item, share)| Speaking {
            item,
            share,
            tie: ties.of(item),
        };
        explanations
            .into_iter()
            .map(|explanation| {
                let (strongest, everybody) = strongest(explanation.parts.into_iter(), explanation.everybody);
                Speakers {
                    items: strongest.into_iter().map(&mut speaking).collect(),
                    everybody,
                }
            })
            .collect()
    });
    items
        .iter()
        .zip(&explained)
        .map(|(&item, speakers)| {
            if speakers.items.is_empty() {
                // Nothing of the profile speaks for it: what is left is that others want it.
                return of_chart(index.popular(), ReasonKind::Popular, item);
            }
            let mut by_kind: Vec<(EvidenceKind, Vec<Evidence>)> = Vec::new();
            for &Speaking { item, share, tie } in &speakers.items {
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
            if speakers.everybody >= LEAST_EVERYBODY {
                let popular = of_chart(index.popular(), ReasonKind::Popular, item);
                reasons.extend(popular.into_iter().map(|reason| Reason {
                    share: Some(speakers.everybody),
                    ..reason
                }));
            }
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
    let evidence = strongest(cosines, 0.0)
        .0
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

/// The strongest of what speaks for an item, with their shares of all that does, and the share of what speaks for it to
/// everybody.
fn strongest(parts: impl Iterator<Item = Contribution>, everybody: f32) -> (Vec<(ItemIdx, f32)>, f32) {
    let everybody = f64::from(everybody.max(0.0));
    let mut speaking: Vec<Contribution> = parts.filter(|contribution| contribution.part > 0.0).collect();
    let sum: f64 = speaking
        .iter()
        .map(|contribution| f64::from(contribution.part))
        .sum::<f64>()
        + everybody;
    speaking.sort_by(|a, b| b.part.total_cmp(&a.part).then(a.item.cmp(&b.item)));
    speaking.truncate(MAX_EVIDENCE);
    let share = |part: f64| if sum > 0.0 { (part / sum) as f32 } else { 0.0 };
    let strongest = speaking
        .into_iter()
        .map(|contribution| (contribution.item, share(f64::from(contribution.part))))
        .collect();
    (strongest, share(everybody))
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
