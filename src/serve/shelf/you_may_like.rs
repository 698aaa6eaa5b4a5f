//! What this customer or visitor may like.
//!
//! The one decision: the blend of all histories ranks for the whole profile, and where the request brings a visit, the
//! sessions like it speak beside the blend. Both are parts of one score, and both say which items made it. Of somebody
//! without a history the visit is all that is known: the sessions answer alone, in a fraction of the time.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use super::charts;
use super::{MAX_EVIDENCE, best, evidence, n_rankable, profile_bytes, rest, total};
use crate::history::Profile;
use crate::id::{ItemIdx, Row};
use crate::numeric::axpy;
use crate::recommend::Recommender;
use crate::serve::answer::{Evidence, EvidenceKind, Reason, ReasonKind, Strategy};
use crate::serve::index::Index;
use crate::serve::ranking::{Ranking, Speakers, Speaking};
use crate::serve::shelf::Grounds;
use crate::serve::situation::{Situation, tie};

/// That others want an item is a reason of its own from this share of its score on.
const LEAST_EVERYBODY: f32 = 0.1;

/// What the most wanted item counts beside a visit of length one: what the sessions say nothing of comes in the order of
/// what is wanted.
const TAIL: f32 = 1e-3;

/// What was ranked for.
#[derive(Debug)]
pub(in crate::serve) struct Ranked {
    /// Empty where the visit answered alone.
    profile: Profile,
    /// The items of the visit, oldest first; empty where the sessions had nothing to say.
    visit: Vec<ItemIdx>,
    /// What the sessions' scores were multiplied by.
    visit_scale: f32,
}

impl Ranked {
    /// Whether the sessions know how the visit goes on, and nothing else is known.
    fn answers_alone(&self, index: &Index, situation: &Situation) -> bool {
        self.visit_scale > 0.0 && situation.past(index).is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        profile_bytes(&self.profile) + size_of_val(self.visit.as_slice())
    }
}

/// The score of every item for the asker, and what it was made of; `None` when nothing that a model could use is known.
pub(super) fn scores(index: &Index, situation: &Situation) -> Option<(Vec<f32>, Ranked)> {
    let parts = index.parts();
    let mut ranked = Ranked {
        profile: Profile::new(),
        visit: Vec::new(),
        visit_scale: 0.0,
    };
    let mut scores = vec![0.0; parts.blend.n_items()];
    if let Some(sessions) = index.sessions() {
        let params = sessions.params().raw();
        let weight = params.beside_profile as f32;
        ranked.visit = situation.visit(index, params.idle_minutes);
        if !ranked.visit.is_empty() {
            let visit = &ranked.visit;
            ranked.visit_scale = index.with_room(|room| sessions.add_to(&mut scores, visit, weight, room));
        }
    }
    if ranked.answers_alone(index, situation) {
        for &(item, wanted) in index.popular().order() {
            scores[item as usize] += TAIL * wanted / index.popular().best();
        }
    } else {
        let history = situation.history(index);
        ranked.profile = parts.weighting.profile(history.as_history(), situation.now);
        if ranked.profile.is_empty() {
            return None;
        }
        let mut of_profile = vec![0.0; scores.len()];
        parts.blend.score(&ranked.profile, &mut of_profile);
        axpy(1.0, &of_profile, &mut scores);
    }
    index.newcomers().level(&mut scores);
    Some((scores, ranked))
}

pub(super) fn rank(index: &Index, situation: &Situation, exclude_bought_days: f64, depth: usize) -> Ranking {
    let hidden = situation.hidden(index, exclude_bought_days);
    let n_hidden = n_rankable(index, &hidden);
    let Some((scores, ranked)) = scores(index, situation) else {
        return charts::popular(index, depth + hidden.len()).without(&hidden);
    };
    let items = best(index, &scores, &hidden, depth);
    let grounds = Grounds::Profile(ranked);
    Ranking::best(
        items,
        index.n_rankable(),
        depth,
        strategy(index, situation),
        grounds,
    )
    .hiding(n_hidden)
}

/// Whose knowledge a personal ranking is.
pub(super) fn strategy(index: &Index, situation: &Situation) -> Strategy {
    match situation.past(index).is_empty() {
        true => Strategy::Session,
        false => Strategy::Personal,
    }
}

/// The strongest items of profile and visit by the models' own account, grouped by what ties the asker to them; what
/// everybody wants; and the rest.
pub(super) fn reasons(
    index: &Index,
    situation: &Situation,
    ranking: &Ranking,
    ranked: &Ranked,
    items: &[(ItemIdx, f32)],
) -> Vec<Vec<Reason>> {
    let wanted: Vec<ItemIdx> = items.iter().map(|&(item, _)| item).collect();
    let explained = ranking.explained(&wanted, |items| {
        let mut ties = Ties::new(index, situation);
        let parts = parts(index, ranked, items);
        parts
            .into_iter()
            .map(|parts| speakers(&parts, &mut ties))
            .collect()
    });
    wanted
        .iter()
        .zip(&explained)
        .map(|(&item, speakers)| told(index, item, speakers))
        .collect()
}

/// What made a score: the part of each item, and what everybody gets.
#[derive(Clone, Debug, Default)]
struct Parts {
    items: BTreeMap<ItemIdx, f32>,
    everybody: f32,
}

impl Parts {
    fn add(&mut self, other: &Self, weight: f32) {
        for (&item, &part) in &other.items {
            *self.items.entry(item).or_insert(0.0) += weight * part;
        }
        self.everybody += weight * other.everybody;
    }
}

/// The parts of each item's score; those of an item that is levelled with its neighbours are theirs in part.
fn parts(index: &Index, ranked: &Ranked, items: &[ItemIdx]) -> Vec<Parts> {
    let newcomers = index.newcomers();
    let mut asked: Vec<ItemIdx> = items.to_vec();
    for &item in items {
        asked.extend(newcomers.neighbours(item).map(|(neighbour, _)| neighbour));
    }
    asked.sort_unstable();
    asked.dedup();
    let mut own: BTreeMap<ItemIdx, Parts> = BTreeMap::new();
    if ranked.profile.is_empty() {
        for &item in &asked {
            let wanted = index.popular().place(item).map_or(0.0, |(_, score)| score);
            own.entry(item).or_default().everybody = TAIL * wanted / index.popular().best();
        }
    } else {
        let explained = index.parts().blend.explain(&ranked.profile, &asked);
        for (&item, explanation) in asked.iter().zip(explained) {
            let parts = own.entry(item).or_default();
            parts.everybody = explanation.everybody;
            for contribution in explanation.parts {
                *parts.items.entry(contribution.item).or_insert(0.0) += contribution.part;
            }
        }
    }
    if let (Some(sessions), true) = (index.sessions(), ranked.visit_scale > 0.0) {
        let explained = index.with_room(|room| sessions.explain_joined(&ranked.visit, &asked, room));
        for (&item, explanation) in asked.iter().zip(explained) {
            let parts = own.entry(item).or_default();
            for contribution in explanation.parts {
                *parts.items.entry(contribution.item).or_insert(0.0) +=
                    ranked.visit_scale * contribution.part;
            }
        }
    }
    items
        .iter()
        .map(|&item| {
            let mut parts = Parts::default();
            parts.add(&own[&item], newcomers.trust(item));
            for (neighbour, weight) in newcomers.neighbours(item) {
                parts.add(&own[&neighbour], weight);
            }
            parts
        })
        .collect()
}

/// The strongest of what made a score, with shares of the sum of all parts, which is the score up to rounding.
fn speakers(parts: &Parts, ties: &mut Ties<'_>) -> Speakers {
    let sum: f32 = parts.items.values().sum::<f32>() + parts.everybody;
    let pairs = parts.items.iter().map(|(&item, &part)| (item, part));
    let (strongest, _) = super::strongest(pairs, sum);
    let everybody = match sum > 0.0 {
        true => parts.everybody / sum,
        false => 0.0,
    };
    let everybody = if everybody >= LEAST_EVERYBODY {
        everybody
    } else {
        0.0
    };
    let told: f32 = strongest.iter().map(|part| part.1).sum();
    Speakers {
        rest: match sum > 0.0 {
            true => 1.0 - told - everybody,
            false => 0.0,
        },
        items: strongest
            .into_iter()
            .take(MAX_EVIDENCE)
            .map(|(item, share)| Speaking {
                item,
                share,
                tie: ties.of(item),
            })
            .collect(),
        everybody,
    }
}

/// The reasons in words of the contract, strongest first, what is not named one by one last.
fn told(index: &Index, item: ItemIdx, speakers: &Speakers) -> Vec<Reason> {
    let mut by_kind: Vec<(EvidenceKind, Vec<Evidence>)> = Vec::new();
    for &Speaking { item, share, tie } in &speakers.items {
        let named = evidence(index, item, share, tie, None);
        match by_kind.iter_mut().find(|group| group.0 == tie) {
            Some(group) => group.1.push(named),
            None => by_kind.push((tie, vec![named])),
        }
    }
    let mut reasons: Vec<Reason> = by_kind
        .into_iter()
        .map(|(tie, evidence)| because(tie, evidence))
        .collect();
    if speakers.everybody > 0.0 {
        reasons.extend(charts::popular_reason(index, item, Some(speakers.everybody)));
    } else if reasons.is_empty() {
        // Nothing of the profile speaks for it: what is left is that others want it.
        reasons.extend(charts::popular_reason(index, item, None));
    }
    // Stable: of equal groups the one with the stronger item stays first.
    reasons.sort_by(|a, b| b.share.unwrap_or(0.0).total_cmp(&a.share.unwrap_or(0.0)));
    reasons.extend(rest(speakers.rest));
    reasons
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
        numbers: None,
    }
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

/// Rows that are hidden, for a ranking that was made for everybody.
impl Ranking {
    pub(super) fn without(mut self, hidden: &HashSet<u32>) -> Self {
        let all = self.items.len();
        self.items.retain(|(item, _)| !hidden.contains(item));
        self.n_hidden = all - self.items.len();
        self
    }
}
