//! What came into the shop lately, in the order in which the asker may like it.

use super::you_may_like::{self, Ranked};
use super::{Grounds, charts, n_rankable};
use crate::id::{ItemIdx, Row};
use crate::numeric::top_k;
use crate::serve::answer::{Reason, ReasonKind, Strategy};
use crate::serve::index::Index;
use crate::serve::ranking::Ranking;
use crate::serve::situation::Situation;

pub(super) fn rank(index: &Index, situation: &Situation, exclude_bought_days: f64) -> Ranking {
    let hidden = situation.hidden(index, exclude_bought_days);
    let n_hidden = n_rankable(index, &hidden);
    let is_new = |at: usize| {
        // Item rows are u32.
        index.newcomers().is_new(ItemIdx::from_u32(at as u32)) && !hidden.contains(&(at as u32))
    };
    let ranking = match you_may_like::scores(index, situation) {
        Some((scores, ranked)) => {
            let items = top_k(&scores, scores.len(), is_new);
            let strategy = you_may_like::strategy(index, situation);
            Ranking::whole(items, strategy, Grounds::New(Some(ranked)))
        }
        None => {
            let mut scores = index.parts().blend.popularity().scores().to_vec();
            index.newcomers().level(&mut scores);
            let items = top_k(&scores, scores.len(), is_new);
            Ranking::whole(items, Strategy::Popular, Grounds::New(None))
        }
    };
    ranking.hiding(n_hidden)
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
