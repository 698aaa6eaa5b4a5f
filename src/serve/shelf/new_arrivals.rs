//! What came into the shop lately, in the order in which the asker may like it.

use super::you_may_like::{self, Ranked};
use super::{Grounds, charts};
use crate::id::{ItemIdx, Row};
use crate::serve::answer::{Reason, ReasonKind, Strategy};
use crate::serve::index::Index;
use crate::serve::ranking::Ranking;
use crate::serve::situation::Situation;

pub(super) fn rank(index: &Index, situation: &Situation, exclude_bought_days: f64) -> Ranking {
    let hidden = situation.hidden(index, exclude_bought_days);
    let is_open = |item: &ItemIdx| !hidden.contains(item.as_u32());
    let new: Vec<ItemIdx> = index.newcomers().items().filter(is_open).collect();
    let ranking = match you_may_like::scores_of(index, situation, &new) {
        Some((items, ranked)) => {
            let strategy = you_may_like::strategy(index, situation);
            Ranking::whole(items, strategy, Grounds::New(Some(ranked)))
        }
        None => {
            let wanted = index.parts().blend.popularity().scores();
            let wanted = |of: ItemIdx| wanted[of.index()];
            let score = |&item: &ItemIdx| {
                let score = index.newcomers().levelled_score(item, wanted);
                (item.as_u32(), score)
            };
            let mut items: Vec<(u32, f32)> = new.iter().map(score).collect();
            you_may_like::best_first(&mut items, new.len());
            Ranking::whole(items, Strategy::Popular, Grounds::New(None))
        }
    };
    ranking.hiding(hidden.n_rankable(index))
}

/// That it is new, and what else speaks for it.
pub(super) fn reasons(
    index: &Index,
    situation: &Situation,
    ranking: &Ranking,
    ranked: Option<&Ranked>,
    items: &[(ItemIdx, f32)],
) -> Vec<Vec<Reason>> {
    let mut told = match ranked {
        Some(ranked) => you_may_like::reasons(index, situation, ranking, ranked, items),
        None => super::each(items, |item| charts::popular_reason(index, item, None)),
    };
    for reasons in &mut told {
        reasons.insert(0, Reason::alone(ReasonKind::New, None, None));
    }
    told
}
