//! What this customer or visitor may like.
//!
//! The one decision: the blend of all histories ranks for the whole profile, and where the request brings a visit, the
//! sessions like it speak beside the blend. Both are parts of one score, and both say which items made it. Of somebody
//! without a history the visit is all that is known: the sessions answer alone, in a fraction of the time.

use std::collections::BTreeMap;

use super::charts;
use super::{MAX_EVIDENCE, evidence, is_open, profile_bytes, rest, total};
use crate::history::Profile;
use crate::id::{ItemIdx, Row};
use crate::recommend::Explanation;
use crate::recommend::blend::{Composed, Scales};
use crate::serve::answer::{Evidence, EvidenceKind, Reason, ReasonKind, Strategy};
use crate::serve::candidates::Workspace;
use crate::serve::error::ServeError;
use crate::serve::hidden::Hidden;
use crate::serve::index::{Index, TAIL};
use crate::serve::ranking::{Ranking, Speakers, Speaking};
use crate::serve::shelf::Grounds;
use crate::serve::situation::{Situation, tie};

/// That others want an item is a reason of its own from this share of its score on.
const LEAST_EVERYBODY: f32 = 0.1;

/// What was ranked for.
#[derive(Debug)]
pub(in crate::serve) struct Ranked {
    /// Empty where the visit answered alone.
    profile: Profile,
    /// What the terms of the profile's scores were multiplied by.
    scales: Scales,
    /// The items of the visit, oldest first; empty where the sessions had nothing to say.
    visit: Vec<ItemIdx>,
    /// What the sessions' scores were multiplied by.
    visit_scale: f32,
}

impl Ranked {
    pub(super) fn bytes(&self) -> usize {
        profile_bytes(&self.profile) + size_of_val(self.visit.as_slice())
    }
}

/// The scores of every item for one asker, of which the sparse parts lie in the room.
#[derive(Clone, Copy, Debug)]
enum Scores {
    /// Profile and visit.
    Profile(Composed),
    /// The visit alone: what it touched, and everybody's tail.
    Visit,
}

/// What is asked for, and what it was made of; `None` when nothing that a model could use is known.
fn ask(index: &Index, situation: &Situation, room: &mut Workspace) -> Option<(Scores, Ranked)> {
    let candidates = index.candidates();
    let mut ranked = Ranked {
        profile: Profile::new(),
        scales: Scales::default(),
        visit: Vec::new(),
        visit_scale: 0.0,
    };
    if let Some(sessions) = index.sessions() {
        ranked.visit = situation.visit(index, sessions.params().raw().idle_minutes);
    }
    candidates.open(room);
    let knows_past = !situation.past(index).is_empty();
    if !knows_past {
        ranked.visit_scale = join_visit(index, &ranked.visit, 1.0, room);
        if ranked.visit_scale > 0.0 {
            candidates.level(room);
            return Some((Scores::Visit, ranked));
        }
    }
    let profile = situation.profile(index);
    if profile.is_empty() {
        return None;
    }
    let blend = &index.parts().blend;
    let composed = blend.compose(&profile, &mut room.blend, &mut room.addends);
    if knows_past {
        ranked.visit_scale = join_visit(index, &ranked.visit, composed.unit, room);
    }
    candidates.level(room);
    ranked.profile = profile;
    ranked.scales = composed.scales;
    Some((Scores::Profile(composed), ranked))
}

/// Adds what the sessions say of a visit, in such units; gives what their scores were multiplied by, 0 where they say nothing.
fn join_visit(index: &Index, visit: &[ItemIdx], unit: f32, room: &mut Workspace) -> f32 {
    let Some(sessions) = index.sessions().filter(|_| !visit.is_empty()) else {
        return 0.0;
    };
    let weight = sessions.params().raw().beside_profile as f32;
    let addends = &mut room.addends;
    sessions.join(visit, weight, &mut room.sessions, |item, value| {
        addends.add(item as usize, value / unit);
    })
}

/// # Errors
/// [`ServeError::Cancelled`] once `is_over` says so.
pub(super) fn rank(
    index: &Index,
    situation: &Situation,
    exclude_bought_days: f64,
    depth: usize,
    is_over: &dyn Fn() -> bool,
) -> Result<Ranking, ServeError> {
    let hidden = situation.hidden(index, exclude_bought_days);
    let found = index.with_room(|room| {
        let (scores, ranked) = ask(index, situation, room)?;
        let items = match scores {
            Scores::Profile(composed) => {
                let keep = |at: usize| is_open(index, &hidden, at);
                index.candidates().best(composed, depth, keep, is_over, room)
            }
            Scores::Visit => Some(best_of_visit(index, &hidden, depth, room)),
        };
        Some((items, ranked))
    });
    let Some((items, ranked)) = found else {
        return Ok(charts::popular(index, depth + hidden.len()).without(&hidden));
    };
    let ranking = Ranking::best(
        items.ok_or(ServeError::Cancelled)?,
        index.n_rankable(),
        depth,
        strategy(index, situation),
        Grounds::Profile(ranked),
    );
    Ok(ranking.hiding(hidden.n_rankable(index)))
}

/// The best of what a visit touched and of the tail, which is in order already.
fn best_of_visit(index: &Index, hidden: &Hidden, depth: usize, room: &mut Workspace) -> Vec<(u32, f32)> {
    let mut scored = std::mem::take(&mut room.scored);
    scored.clear();
    let is_spoken_of = |row: u32| room.addends.get(row as usize).abs() > 0.0;
    room.addends.for_each_touched(|row, _| {
        if is_open(index, hidden, row as usize) {
            scored.push((row, of_visit(index, ItemIdx::from_u32(row), room)));
        }
    });
    let tail = index.tail().order().iter();
    let tail = tail.filter(|of| !hidden.contains(of.0) && !is_spoken_of(of.0));
    scored.extend(tail.take(depth));
    best_first(&mut scored, depth);
    let best = scored.clone();
    room.scored = scored;
    best
}

/// What an item scores for a visit that answers alone.
fn of_visit(index: &Index, item: ItemIdx, room: &Workspace) -> f32 {
    let tail = index.tail().place(item).map_or(0.0, |(_, score)| score);
    // Adding zero makes a negative zero positive: the two are one score.
    room.addends.get(item.index()) + tail + 0.0
}

/// Keeps the `depth` best: score descending, then row ascending.
pub(super) fn best_first(scored: &mut Vec<(u32, f32)>, depth: usize) {
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    scored.retain(|of| of.1 > f32::NEG_INFINITY);
    if (1..scored.len()).contains(&depth) {
        scored.select_nth_unstable_by(depth - 1, order);
    }
    scored.truncate(depth);
    scored.sort_unstable_by(order);
}

/// The scores of these items, best first, and what they were made of; `None` when nothing that a model could use is known.
pub(super) fn scores_of(
    index: &Index,
    situation: &Situation,
    items: &[ItemIdx],
) -> Option<(Vec<(u32, f32)>, Ranked)> {
    index.with_room(|room| {
        let (scores, ranked) = ask(index, situation, room)?;
        let mut scored = match scores {
            Scores::Profile(composed) => index.candidates().scores(composed, items, room),
            Scores::Visit => items
                .iter()
                .map(|&item| (item.as_u32(), of_visit(index, item, room)))
                .collect(),
        };
        best_first(&mut scored, items.len());
        Some((scored, ranked))
    })
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
    /// Items ascending, each once, after [`Self::merged`].
    items: Vec<(ItemIdx, f32)>,
    everybody: f32,
}

impl Parts {
    fn add(&mut self, explanation: &Explanation, weight: f32) {
        let parts = explanation.parts.iter();
        self.items.extend(parts.map(|of| (of.item, weight * of.part)));
        self.everybody += weight * explanation.everybody;
    }

    fn merged(mut self) -> Self {
        // Stable, so that the parts of an item are added in the order in which they came.
        self.items.sort_by_key(|of| of.0);
        self.items.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            kept.1 += if is_same { next.1 } else { 0.0 };
            is_same
        });
        self
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
    let of_profile = if ranked.profile.is_empty() {
        let wanted = |&item: &ItemIdx| index.popular().place(item).map_or(0.0, |(_, score)| score);
        let tail = |item| Explanation {
            parts: Vec::new(),
            everybody: TAIL * wanted(item) / index.popular().best(),
        };
        asked.iter().map(tail).collect()
    } else {
        let blend = &index.parts().blend;
        blend.explain_scaled(&ranked.profile, ranked.scales, &asked)
    };
    let of_visit = match index.sessions() {
        Some(sessions) if ranked.visit_scale > 0.0 => {
            let explain = |room: &mut Workspace| {
                let room = &mut room.sessions;
                sessions.explain_joined(&ranked.visit, &asked, room)
            };
            index.with_room(explain)
        }
        _ => Vec::new(),
    };
    let add = |parts: &mut Parts, item: ItemIdx, weight: f32| {
        if let Ok(at) = asked.binary_search(&item) {
            parts.add(&of_profile[at], weight);
            if let Some(of_visit) = of_visit.get(at) {
                parts.add(of_visit, weight * ranked.visit_scale);
            }
        }
    };
    items
        .iter()
        .map(|&item| {
            let mut parts = Parts::default();
            add(&mut parts, item, newcomers.trust(item));
            for (neighbour, weight) in newcomers.neighbours(item) {
                add(&mut parts, neighbour, weight);
            }
            parts.merged()
        })
        .collect()
}

/// The strongest of what made a score, with shares of the sum of all parts, which is the score up to rounding.
fn speakers(parts: &Parts, ties: &mut Ties<'_>) -> Speakers {
    let sum: f32 = parts.items.iter().map(|of| of.1).sum::<f32>() + parts.everybody;
    let (strongest, _) = super::strongest(parts.items.iter().copied(), sum);
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
    pub(super) fn without(mut self, hidden: &Hidden) -> Self {
        let all = self.items.len();
        self.items.retain(|(item, _)| !hidden.contains(*item));
        self.n_hidden = all - self.items.len();
        self
    }
}
