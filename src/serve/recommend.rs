//! One answer to a storefront: which ranking, what of it, and why.

use std::sync::Arc;

use hashbrown::HashSet;

use super::answer::{Attributes, Reason, ReasonKind, Recommendations, RecommendedItem, Strategy};
use super::cache::Rankings;
use super::error::ServeError;
use super::index::{Chart, Index};
use super::ranking::{Key, Question, Ranking, deeper, first_depth};
use super::reasons;
use super::request::{Kind, RecommendRequest, invalid};
use super::sieve::{Excluded, Sieve, Sieved};
use super::situation::Situation;
use super::stock::Stock;
use crate::id::{ItemIdx, Row};

/// What one answer is made from.
pub(super) struct Asked<'a> {
    pub(super) index: &'a Index,
    pub(super) stock: &'a Stock,
    pub(super) generation: u64,
    pub(super) rankings: &'a Rankings,
    pub(super) exclude_bought_days: f64,
    pub(super) request: &'a RecommendRequest,
}

/// What was ranked, and so what the reasons are.
enum Ranked<'a> {
    Profile(Arc<Ranking>),
    Likeness(Vec<ItemIdx>),
    Chart(&'a Chart, ReasonKind),
}

/// The items of an answer before they are named.
struct Picked<'a> {
    sieved: Sieved,
    n_hidden: usize,
    ranked: Ranked<'a>,
    strategy: Strategy,
}

impl<'a> Asked<'a> {
    /// Answers. `taken` are the ids that stand on earlier shelves.
    pub(super) fn answer(&self, taken: &HashSet<String>) -> Result<Recommendations, ServeError> {
        let request = self.request;
        let situation = Situation::new(self.index, request);
        let sieve = Sieve::new(self.index, self.stock, request, taken);
        let picked = match request.kind {
            Kind::YouMayLike => self.you_may_like(&situation, sieve),
            Kind::Similar => self.similar(&situation, sieve)?,
            Kind::Trending => {
                let hidden = situation.in_view.iter().map(|item| item.as_u32()).collect();
                self.chart(self.index.trending(), ReasonKind::Trending, sieve, &hidden)
            }
            kind @ (Kind::CrossSell | Kind::UpSell | Kind::BuyAgain) => {
                return Err(ServeError::NotBuilt { kind: kind.name() });
            }
        };
        let count = request.count as usize;
        let underfilled = picked.sieved.underfill(count, picked.n_hidden);
        let reasons = if request.with_reasons {
            self.reasons(&situation, &picked)
        } else {
            Vec::new()
        };
        let mut reasons = reasons.into_iter();
        let items = (1u32..)
            .zip(&picked.sieved.items)
            .map(|(rank, &(item, score))| RecommendedItem {
                item_id: self.index.parts().histories.items().name(item).to_owned(),
                score,
                rank,
                reasons: reasons.next().unwrap_or_default(),
                attributes: request.with_attributes.then(|| self.attributes(item)),
            });
        Ok(Recommendations {
            items: items.collect(),
            strategy: picked.strategy,
            unknown_ids: situation.unknown_ids,
            model_version: self.index.manifest().version.clone(),
            as_of: situation.now,
            underfilled,
        })
    }

    fn you_may_like(&self, situation: &Situation, sieve: Sieve<'_>) -> Picked<'a> {
        let past = situation.past(self.index);
        if !past.is_empty() || !situation.seen.is_empty() {
            let question = Question::Profile {
                customer: situation.customer,
                seen: situation.seen.as_slice().into(),
                now: situation.now,
            };
            let (sieved, ranking) = self.pick(&sieve, &question, |depth| {
                Ranking::for_profile(self.index, situation, self.exclude_bought_days, depth)
            });
            if !ranking.profile.is_empty() {
                return Picked {
                    sieved,
                    n_hidden: ranking.n_hidden,
                    strategy: if past.is_empty() {
                        Strategy::Session
                    } else {
                        Strategy::Personal
                    },
                    ranked: Ranked::Profile(ranking),
                };
            }
        }
        // Nothing that a model could use is known of the asker.
        let hidden = situation.hidden(self.index, self.exclude_bought_days);
        self.chart(self.index.popular(), ReasonKind::Popular, sieve, &hidden)
    }

    fn similar(&self, situation: &Situation, sieve: Sieve<'_>) -> Result<Picked<'a>, ServeError> {
        if self.request.context.item_ids.is_empty() {
            return Err(invalid(
                "context.item_ids",
                "must name at least one item for kind similar",
            ));
        }
        let is_rankable = |item: &&ItemIdx| self.index.is_rankable(**item);
        let page: Vec<ItemIdx> = situation.page.iter().filter(is_rankable).copied().collect();
        if page.is_empty() {
            let hidden = situation.in_view.iter().map(|item| item.as_u32()).collect();
            return Ok(self.chart(self.index.popular(), ReasonKind::Popular, sieve, &hidden));
        }
        let question = Question::Similar {
            page: page.as_slice().into(),
            in_view: situation.in_view.as_slice().into(),
        };
        let (sieved, ranking) = self.pick(&sieve, &question, |depth| {
            Ranking::similar(self.index, situation, &page, depth)
        });
        Ok(Picked {
            sieved,
            n_hidden: ranking.n_hidden,
            ranked: Ranked::Likeness(page),
            strategy: Strategy::Session,
        })
    }

    fn chart(
        &self,
        chart: &'a Chart,
        kind: ReasonKind,
        mut sieve: Sieve<'_>,
        hidden: &Excluded,
    ) -> Picked<'a> {
        sieve.exclude(hidden);
        Picked {
            sieved: sieve.take(chart.order(), self.request.count as usize),
            n_hidden: 0,
            ranked: Ranked::Chart(chart, kind),
            strategy: Strategy::Popular,
        }
    }

    /// The items that survive the sieve, from a ranking as deep as that takes.
    fn pick(
        &self,
        sieve: &Sieve<'_>,
        question: &Question,
        make: impl Fn(usize) -> Ranking,
    ) -> (Sieved, Arc<Ranking>) {
        let count = self.request.count as usize;
        let mut depth = first_depth(count);
        loop {
            let key = Key {
                generation: self.generation,
                question: question.clone(),
                depth,
            };
            let ranking = self.rankings.get_or_make(key, || make(depth));
            let sieved = sieve.take(&ranking.items, count);
            if sieved.items.len() == count || ranking.is_complete {
                return (sieved, ranking);
            }
            depth = deeper(depth);
        }
    }

    fn reasons(&self, situation: &Situation, picked: &Picked<'_>) -> Vec<Vec<Reason>> {
        let items = &picked.sieved.items;
        match &picked.ranked {
            Ranked::Profile(ranking) => {
                let items: Vec<ItemIdx> = items.iter().map(|&(item, _)| item).collect();
                reasons::of_profile(self.index, situation, ranking, &items)
            }
            Ranked::Likeness(page) => items
                .iter()
                .map(|&(item, score)| reasons::of_likeness(self.index, page, item, score))
                .collect(),
            Ranked::Chart(chart, kind) => items
                .iter()
                .map(|&(item, _)| reasons::of_chart(chart, *kind, item))
                .collect(),
        }
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
