//! One answer to a storefront: candidates by kind, what the rules make of them, and why.

use std::sync::Arc;

use hashbrown::HashSet;
use tracing::trace_span;

use super::answer::{
    Attributes, Candidate, CandidateSource, Due, Explained, FilterEffect, Numbers, Reason, ReasonKind,
    Recommendations, RecommendedItem, RuleEffect, Strategy, Underfill,
};
use super::cache::Rankings;
use super::error::ServeError;
use super::facts::{Asker, Known};
use super::index::Index;
use super::policy::Policy;
use super::ranking::{Key, Ranking, deeper, first_depth};
use super::request::RecommendRequest;
use super::shelf::{self, Wanted};
use super::situation::Situation;
use super::stock::Stock;
use crate::id::{ItemIdx, Row};
use crate::rules::expression::Scope;
use crate::rules::{self, Arranged, Arrangement, Gate, Kind, Move, Shortfall, arrange};

/// Most candidates that an explanation tells of.
const MAX_CANDIDATES: usize = 500;

/// What one answer is made from.
pub(super) struct Asked<'a> {
    pub(super) index: &'a Index,
    pub(super) stock: &'a Stock,
    pub(super) generation: u64,
    pub(super) rankings: &'a Rankings,
    pub(super) policy: &'a Policy,
    pub(super) request: &'a RecommendRequest,
    /// Whether nobody waits for the answer any more.
    pub(super) is_over: &'a dyn Fn() -> bool,
}

/// What each kind offered, the preferred one first.
type Offers = Vec<(Kind, Arc<Ranking>)>;

/// An answer before it is named.
struct Composed<'r> {
    offers: Offers,
    candidates: Vec<rules::Candidate>,
    arrangement: Arrangement<'r>,
}

impl Asked<'_> {
    /// Answers. `taken` are the ids that stand on earlier shelves.
    pub(super) fn answer(&self, taken: &HashSet<String>) -> Result<Recommendations, ServeError> {
        let situation = trace_span!("situation").in_scope(|| Situation::new(self.index, self.request));
        let known = self.known(&situation, taken);
        let asker = self.asker(&situation);
        let scope = Scope::new(situation.now, known.context(), &asker);
        let composed = self.compose(&situation, &known, &scope)?;
        let _span = trace_span!("name").entered();
        Ok(self.named(&situation, &composed, self.request.with_reasons))
    }

    /// Answers and tells how the answer came about, and where the items `about` stand.
    pub(super) fn explain(&self, about: &[String]) -> Result<Explained, ServeError> {
        let situation = Situation::new(self.index, self.request);
        let known = self.known(&situation, &HashSet::new());
        let asker = self.asker(&situation);
        let scope = Scope::new(situation.now, known.context(), &asker);
        let composed = self.compose(&situation, &known, &scope)?;
        let items = self.index.parts().histories.items();
        let mut asked: Vec<ItemIdx> = about.iter().filter_map(|id| items.find(id)).collect();
        asked.sort_unstable();
        asked.dedup();
        Ok(Explained {
            answer: self.named(&situation, &composed, true),
            sources: composed.sources(),
            filters: self.filters(&composed),
            candidates: self.candidates(&composed, &asked, &known, &scope),
        })
    }

    fn asker<'b>(&'b self, situation: &'b Situation) -> Asker<'b> {
        Asker {
            index: self.index,
            situation,
        }
    }

    fn known<'b>(&'b self, situation: &'b Situation, taken: &HashSet<String>) -> Known<'b> {
        Known::new(self.index, self.stock, situation, self.request, taken)
            .wanting_bought(self.policy.kind == Kind::BuyAgain)
    }

    /// Kind after kind until there are enough items. Of the request's own kind an error is the answer; a fallback that
    /// cannot answer is passed over.
    fn compose<'r>(
        &'r self,
        situation: &Situation,
        known: &Known<'_>,
        scope: &'r Scope<'r>,
    ) -> Result<Composed<'r>, ServeError> {
        let count = self.policy.count as usize;
        let asked = rules::Asked {
            count,
            rules: &self.policy.rules,
            scope,
            available_only: self.request.filter.available_only,
        };
        let mut composed = Composed {
            offers: Vec::new(),
            candidates: Vec::new(),
            arrangement: arrange(&[], &asked, known),
        };
        let is_plain = self.policy.rules.keeps_order()
            && self.policy.rules.filters.is_empty()
            && self.request.filter.asks_nothing();
        let kinds = std::iter::once(&self.policy.kind).chain(&self.policy.fallback);
        for (place, &kind) in kinds.enumerate() {
            let wanted = Wanted {
                kind,
                exclude_bought_days: self.policy.exclude_bought_days,
                window_days: self.policy.window_days,
            };
            let question = match shelf::question(&wanted, self.index, situation) {
                Ok(question) => question,
                Err(_) if place > 0 => continue,
                Err(error) => return Err(error),
            };
            let before = composed.candidates.len();
            let too_weak =
                |arrangement: &Arrangement<'_>| arrangement.trace.removed(Gate::MinRelevance).count();
            let too_weak_before = too_weak(&composed.arrangement);
            let mut depth = first_depth(count, known.n_named(), is_plain);
            loop {
                let key = Key {
                    generation: self.generation,
                    question: question.clone(),
                    depth,
                };
                let looking = trace_span!("cache").entered();
                let ranking = self.rankings.get_or_make(&key, || {
                    let _span = trace_span!("score").entered();
                    question.rank(self.index, situation, depth, self.is_over)
                })?;
                drop(looking);
                let _span = trace_span!("rules").entered();
                composed.candidates.truncate(before);
                composed
                    .candidates
                    .extend(ranking.items.iter().map(|&(row, score)| rules::Candidate {
                        row: ItemIdx::from_u32(row),
                        score,
                        source: kind,
                    }));
                composed.arrangement = arrange(&composed.candidates, &asked, known);
                let is_full = composed.arrangement.items.len() == count;
                // Where some are not relevant enough, deeper ones are less so.
                let is_exhausted = ranking.is_complete || too_weak(&composed.arrangement) > too_weak_before;
                if is_full || is_exhausted {
                    composed.offers.push((kind, ranking));
                    break;
                }
                depth = deeper(depth);
            }
            if composed.arrangement.items.len() == count {
                break;
            }
        }
        Ok(composed)
    }

    fn named(&self, situation: &Situation, composed: &Composed<'_>, with_reasons: bool) -> Recommendations {
        let arranged = &composed.arrangement.items;
        let mut reasons = match with_reasons {
            true => self.reasons(situation, composed),
            false => vec![Vec::new(); arranged.len()],
        };
        let items = (1u32..).zip(arranged).map(|(rank, item)| RecommendedItem {
            item_id: self.name(item.row),
            score: item.score,
            score_before_rules: item.score_before,
            rank,
            source: item.source,
            reasons: std::mem::take(&mut reasons[rank as usize - 1]),
            attributes: self.request.with_attributes.then(|| self.attributes(item.row)),
            due: composed.due(item),
        });
        Recommendations {
            kind: self.policy.kind,
            items: items.collect(),
            strategy: composed.strategy(),
            unknown_ids: situation.unknown_ids.clone(),
            model_version: self.index.manifest().version.clone(),
            as_of: situation.now,
            underfilled: composed.underfill(),
        }
    }

    /// The reasons of every item: those of the ranking that offered it, then the rules that moved it.
    fn reasons(&self, situation: &Situation, composed: &Composed<'_>) -> Vec<Vec<Reason>> {
        let arranged = &composed.arrangement.items;
        let mut told = vec![Vec::new(); arranged.len()];
        for (kind, ranking) in &composed.offers {
            let places: Vec<usize> = (0..arranged.len())
                .filter(|&at| arranged[at].source == *kind)
                .collect();
            let items: Vec<(ItemIdx, f32)> = places
                .iter()
                .map(|&at| (arranged[at].row, arranged[at].score_before))
                .collect();
            let reasons = shelf::reasons(self.index, situation, ranking, &items);
            for (at, reasons) in places.into_iter().zip(reasons) {
                told[at] = reasons;
            }
        }
        for (reasons, item) in told.iter_mut().zip(arranged) {
            reasons.extend(
                item.moves
                    .iter()
                    .map(|moved| Reason::alone(ReasonKind::Rule, None, Some(Numbers::Rule(effect(moved))))),
            );
        }
        told
    }

    fn filters(&self, composed: &Composed<'_>) -> Vec<FilterEffect> {
        let trace = &composed.arrangement.trace;
        let hidden: usize = composed.offers.iter().map(|(_, ranking)| ranking.n_hidden).sum();
        let hidden = (hidden > 0).then(|| FilterEffect {
            name: "hidden",
            removed: hidden,
            item_ids: Vec::new(),
        });
        let gates = Gate::ALL.into_iter().filter_map(|gate| {
            let removed = trace.removed(gate);
            (removed.count() > 0).then(|| FilterEffect {
                name: gate_name(gate),
                removed: removed.count(),
                item_ids: removed.first().iter().map(|&item| self.name(item)).collect(),
            })
        });
        hidden.into_iter().chain(gates).collect()
    }

    /// The best candidates, those of the answer, and the items asked about.
    fn candidates(
        &self,
        composed: &Composed<'_>,
        about: &[ItemIdx],
        known: &Known<'_>,
        scope: &Scope<'_>,
    ) -> Vec<Candidate> {
        let offered = composed.candidates.iter().enumerate();
        let is_told = |(at, candidate): &(usize, &rules::Candidate)| {
            *at < MAX_CANDIDATES
                || about.binary_search(&candidate.row).is_ok()
                || composed.chosen(candidate.row, candidate.source).is_some()
        };
        let mut told: Vec<Candidate> = offered
            .filter(is_told)
            .map(|(at, candidate)| {
                let chosen = composed.chosen(candidate.row, candidate.source);
                let rank = composed.candidates[..at]
                    .iter()
                    .filter(|before| before.source == candidate.source)
                    .count();
                Candidate {
                    item_id: self.name(candidate.row),
                    source: Some(candidate.source),
                    rank_before: u32::try_from(rank + 1).ok(),
                    score_before: candidate.score,
                    rank_after: chosen.and_then(|item| u32::try_from(item.rank).ok()),
                    score_after: chosen.map(|item| item.score),
                    removed_by: match chosen {
                        Some(_) => None,
                        None => self.removed_by(*candidate, known, scope),
                    },
                    rules: chosen.map_or_else(Vec::new, |item| item.moves.iter().map(effect).collect()),
                }
            })
            .collect();
        let is_offered = |item: ItemIdx| composed.candidates.iter().any(|candidate| candidate.row == item);
        told.extend(about.iter().filter(|&&item| !is_offered(item)).map(|&item| {
            let alone = rules::Candidate {
                row: item,
                score: 0.0,
                source: self.policy.kind,
            };
            Candidate {
                item_id: self.name(item),
                source: None,
                rank_before: None,
                score_before: 0.0,
                rank_after: None,
                score_after: None,
                removed_by: self.removed_by(alone, known, scope),
                rules: Vec::new(),
            }
        }));
        told
    }

    /// The gate that stops a candidate by itself; the rules that look at the other candidates, too, are told in sum only.
    fn removed_by(
        &self,
        candidate: rules::Candidate,
        known: &Known<'_>,
        scope: &Scope<'_>,
    ) -> Option<&'static str> {
        let asked = rules::Asked {
            count: 1,
            rules: &self.policy.rules,
            scope,
            available_only: self.request.filter.available_only,
        };
        let alone = arrange(&[candidate], &asked, known);
        let stops = |gate: &Gate| alone.trace.removed(*gate).count() > 0;
        Gate::ALL.into_iter().find(stops).map(gate_name)
    }

    fn name(&self, item: ItemIdx) -> String {
        self.index.parts().histories.items().name(item).to_owned()
    }

    fn attributes(&self, item: ItemIdx) -> Attributes {
        let known = self.index.parts().catalog.item(item);
        Attributes {
            title: known.title.clone(),
            category: known.category.clone(),
            price: known.price,
            available: self.stock.is_available(item),
            launched_at: known.launched_at,
        }
    }
}

impl Composed<'_> {
    /// Whose knowledge the best item is; without one, of whoever was asked first.
    fn strategy(&self) -> Strategy {
        let best = self.arrangement.items.first().map(|item| item.source);
        let of = |kind: Kind| self.offers.iter().find(|offer| offer.0 == kind);
        let offer = best.and_then(of).or(self.offers.first());
        offer.map_or(Strategy::Popular, |(_, ranking)| ranking.strategy)
    }

    fn underfill(&self) -> Option<Underfill> {
        let hidden = self.offers.iter().any(|(_, ranking)| ranking.n_hidden > 0);
        Some(match self.arrangement.shortfall? {
            Shortfall::Filter => Underfill::Filter,
            Shortfall::Exclusions => Underfill::Exclusions,
            Shortfall::MinRelevance => Underfill::MinRelevance,
            Shortfall::MaxPerCategory => Underfill::Rules,
            Shortfall::Catalogue if hidden => Underfill::Exclusions,
            Shortfall::Catalogue => Underfill::Catalogue,
        })
    }

    fn due(&self, item: &Arranged<'_>) -> Option<Due> {
        let (_, ranking) = self.offers.iter().find(|offer| offer.0 == item.source)?;
        shelf::due_of(ranking, item.row)
    }

    fn chosen(&self, row: ItemIdx, source: Kind) -> Option<&Arranged<'_>> {
        let is_it = |item: &&Arranged<'_>| item.row == row && item.source == source;
        self.arrangement.items.iter().find(is_it)
    }

    fn sources(&self) -> Vec<CandidateSource> {
        self.offers
            .iter()
            .map(|&(kind, _)| CandidateSource {
                kind,
                candidates: self.candidates.iter().filter(|of| of.source == kind).count(),
                chosen: self
                    .arrangement
                    .items
                    .iter()
                    .filter(|of| of.source == kind)
                    .count(),
            })
            .collect()
    }
}

fn effect(moved: &Move<'_>) -> RuleEffect {
    RuleEffect {
        name: moved.rule.to_owned(),
        kind: moved.kind,
        effect: moved.effect,
    }
}

fn gate_name(gate: Gate) -> &'static str {
    match gate {
        Gate::Duplicate => "duplicate",
        Gate::Excluded => "excluded",
        Gate::Request => "request",
        Gate::Filter => "filter",
        Gate::Bought => "exclude_bought_days",
        Gate::Availability => "available",
        Gate::MinRelevance => "min_relevance",
        Gate::MaxPerCategory => "max_per_category",
    }
}
