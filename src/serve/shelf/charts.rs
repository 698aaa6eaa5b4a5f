//! What everybody wants: more than usual just now, or at all.

use super::Grounds;
use crate::id::ItemIdx;
use crate::serve::answer::{Numbers, PopularityNumbers, Reason, ReasonKind, Strategy};
use crate::serve::index::{Chart, Index};
use crate::serve::ranking::Ranking;

pub(super) fn trending(index: &Index, depth: usize) -> Ranking {
    top(index, index.trending(), depth, Grounds::Trending)
}

pub(super) fn popular(index: &Index, depth: usize) -> Ranking {
    top(index, index.popular(), depth, Grounds::Popular)
}

fn top(index: &Index, chart: &Chart, depth: usize, grounds: Grounds) -> Ranking {
    let items = chart.order().iter().copied().take(depth).collect();
    Ranking::best(items, index.n_rankable(), depth, Strategy::Popular, grounds)
}

/// Why an item is among what trends: it does, or it is wanted as usual. Bundles that know no usual level tell how wanted it is
/// just now.
pub(super) fn trend_reason(index: &Index, item: ItemIdx) -> Option<Reason> {
    let numbers = match index.trend(item) {
        Some(trend) => Numbers::Trend(trend),
        None if index.knows_usual() => return popular_reason(index, item, None),
        None => Numbers::Popularity(place(index.trending(), item)?),
    };
    Some(Reason::alone(ReasonKind::Trending, Some(1.0), Some(numbers)))
}

/// That others want it; alone it made the whole score.
pub(super) fn popular_reason(index: &Index, item: ItemIdx, share: Option<f32>) -> Option<Reason> {
    let numbers = Numbers::Popularity(place(index.popular(), item)?);
    Some(Reason::alone(
        ReasonKind::Popular,
        share.or(Some(1.0)),
        Some(numbers),
    ))
}

fn place(chart: &Chart, item: ItemIdx) -> Option<PopularityNumbers> {
    chart.place(item).map(|(rank, score)| PopularityNumbers {
        rank,
        score,
        half_life_days: chart.half_life_days(),
    })
}
