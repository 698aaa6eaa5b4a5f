//! The shelves: one file a kind, which says what its candidates are and why each is one.
//!
//! Enters: a [`Question`], the situation of the asker, an index. Leaves: a [`Ranking`] with its [`Grounds`], from which the
//! reasons are told later, for the few items that stand in an answer.

mod buy_again;
mod charts;
mod cross_sell;
mod new_arrivals;
mod similar;
mod up_sell;
mod you_may_like;

use super::answer::{Due, Evidence, EvidenceKind, Reason, ReasonKind, Together};
use super::error::ServeError;
use super::hidden::Hidden;
use super::index::Index;
use super::ranking::{Asker, Days, Question, Ranking};
use super::request::invalid;
use super::situation::{Seen, Situation};
use crate::history::Profile;
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::numeric::top_k;
use crate::rules::Kind;

/// Most items of evidence of one recommended item.
const MAX_EVIDENCE: usize = 3;

/// Why the items of a ranking are there.
#[derive(Debug)]
pub(super) enum Grounds {
    /// They were ranked for a profile, and for a visit that counts so much.
    Profile(you_may_like::Ranked),
    /// The same, among what came lately; without anything known of the asker, by what is wanted.
    New(Option<you_may_like::Ranked>),
    /// They are like the page.
    Likeness(Vec<ItemIdx>),
    /// They go with these.
    Together(Vec<ItemIdx>),
    /// They are better than the page's items.
    Better(Vec<ItemIdx>),
    /// They are due.
    Due(Vec<(ItemIdx, Due)>),
    /// They are wanted more than usual.
    Trending,
    /// They are wanted.
    Popular,
}

impl Grounds {
    /// Roughly the bytes that they hold.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Profile(ranked) | Self::New(Some(ranked)) => ranked.bytes(),
            Self::Likeness(items) | Self::Together(items) | Self::Better(items) => {
                size_of_val(items.as_slice())
            }
            Self::Due(due) => size_of_val(due.as_slice()),
            Self::New(None) | Self::Trending | Self::Popular => 0,
        }
    }
}

/// What one kind asks of one asker.
pub(super) struct Wanted {
    pub(super) kind: Kind,
    /// What was bought within so many days is not offered as something to like.
    pub(super) exclude_bought_days: f64,
    /// Due within so many days.
    pub(super) window_days: f64,
}

/// The question of a kind, where it can be asked.
///
/// # Errors
/// [`ServeError::InvalidArgument`] for what the kind needs and the request lacks, [`ServeError::NotLearned`] for what the
/// model has not learned.
pub(super) fn question(
    wanted: &Wanted,
    index: &Index,
    situation: &Situation,
) -> Result<Question, ServeError> {
    let asker = || Asker {
        customer: situation.customer,
        seen: situation.seen.as_slice().into(),
        now: situation.now,
    };
    let in_view = || situation.in_view.as_slice().into();
    let knows_nothing = || situation.past(index).is_empty() && situation.seen.is_empty();
    let exclude_bought = Days::new(wanted.exclude_bought_days);
    Ok(match wanted.kind {
        Kind::YouMayLike if knows_nothing() => Question::Popular,
        Kind::YouMayLike => Question::Personal {
            asker: asker(),
            exclude_bought,
        },
        Kind::NewArrivals => Question::NewArrivals {
            asker: asker(),
            exclude_bought,
        },
        Kind::Similar => {
            page_of(situation, Kind::Similar)?;
            match similar::known(index, situation) {
                page if page.is_empty() => Question::Popular,
                page => Question::Similar {
                    page: page.into(),
                    in_view: in_view(),
                },
            }
        }
        Kind::UpSell => {
            page_of(situation, Kind::UpSell)?;
            index.shelves(Kind::UpSell)?;
            Question::UpSell {
                page: situation.page.as_slice().into(),
                in_view: in_view(),
                asker: asker(),
            }
        }
        Kind::CrossSell => {
            index.relations()?;
            let given = match situation.cart.is_empty() {
                true => &situation.page,
                false => &situation.cart,
            };
            if given.is_empty() && situation.names_no_item {
                return Err(invalid(
                    "context.cart",
                    "must hold at least one item, or context.item_ids must name one, for kind cross-sell",
                ));
            }
            Question::CrossSell {
                given: given.as_slice().into(),
                in_view: in_view(),
            }
        }
        Kind::BuyAgain => {
            let bought = |seen: &Seen| seen.kind == EventKind::Purchase;
            if !situation.names_customer && !situation.seen.iter().any(bought) {
                return Err(invalid(
                    "customer_id",
                    "must be given, or purchases among context.recent_events, for kind buy-again",
                ));
            }
            index.buy_again()?;
            Question::BuyAgain {
                asker: asker(),
                window: Days::new(wanted.window_days),
            }
        }
        Kind::Trending => Question::Trending,
    })
}

/// A page is needed, also one of items that no model knows.
fn page_of(situation: &Situation, kind: Kind) -> Result<(), ServeError> {
    if situation.names_no_page {
        return Err(invalid(
            "context.item_ids",
            format!("must name at least one item for kind {}", kind.name()),
        ));
    }
    Ok(())
}

impl Question {
    /// The candidates, best first.
    ///
    /// # Errors
    /// [`ServeError::Cancelled`] soon after `is_over` says that nobody waits for them.
    pub(super) fn rank(
        &self,
        index: &Index,
        situation: &Situation,
        depth: usize,
        is_over: &dyn Fn() -> bool,
    ) -> Result<Ranking, ServeError> {
        if is_over() {
            return Err(ServeError::Cancelled);
        }
        Ok(match self {
            Self::Personal { exclude_bought, .. } => {
                return you_may_like::rank(index, situation, exclude_bought.get(), depth, is_over);
            }
            Self::Similar { page, .. } => return similar::rank(index, situation, page, depth, is_over),
            Self::NewArrivals { exclude_bought, .. } => {
                new_arrivals::rank(index, situation, exclude_bought.get())
            }
            Self::CrossSell { given, .. } => cross_sell::rank(index, situation, given, depth),
            Self::UpSell { page, .. } => up_sell::rank(index, situation, page, depth),
            Self::BuyAgain { window, .. } => buy_again::rank(index, situation, window.get()),
            Self::Trending => charts::trending(index, depth),
            Self::Popular => charts::popular(index, depth),
        })
    }
}

/// Why these items of a ranking are there, each with its score.
pub(super) fn reasons(
    index: &Index,
    situation: &Situation,
    ranking: &Ranking,
    items: &[(ItemIdx, f32)],
) -> Vec<Vec<Reason>> {
    match &ranking.grounds {
        Grounds::Profile(ranked) => you_may_like::reasons(index, situation, ranking, ranked, items),
        Grounds::New(ranked) => new_arrivals::reasons(index, situation, ranking, ranked.as_ref(), items),
        Grounds::Likeness(page) => similar::reasons(index, page, items),
        Grounds::Together(given) => cross_sell::reasons(index, situation, given, items),
        Grounds::Better(page) => up_sell::reasons(index, situation, page, items),
        Grounds::Due(due) => buy_again::reasons(due, items),
        Grounds::Trending => each(items, |item| charts::trend_reason(index, item)),
        Grounds::Popular => each(items, |item| charts::popular_reason(index, item, None)),
    }
}

/// When an item of a ranking is due; `None` where the ranking is of other things.
pub(super) fn due_of(ranking: &Ranking, item: ItemIdx) -> Option<Due> {
    match &ranking.grounds {
        Grounds::Due(due) => buy_again::due_of(due, item),
        _ => None,
    }
}

fn each(items: &[(ItemIdx, f32)], reason: impl Fn(ItemIdx) -> Option<Reason>) -> Vec<Vec<Reason>> {
    items
        .iter()
        .map(|&(item, _)| reason(item).into_iter().collect())
        .collect()
}

/// The best items of dense scores that may be ranked.
fn best(index: &Index, scores: &[f32], hidden: &Hidden, depth: usize) -> Vec<(u32, f32)> {
    top_k(scores, depth.min(scores.len()), |at| is_open(index, hidden, at))
}

/// Whether a row may be ranked and is not hidden.
fn is_open(index: &Index, hidden: &Hidden, at: usize) -> bool {
    // Item rows are u32.
    let row = at as u32;
    index.is_rankable(ItemIdx::from_u32(row)) && !hidden.contains(row)
}

/// The strongest parts of a score by their size, each with its share of the score, and the share of the rest. A score that
/// is not above zero has no shares: what would they be parts of?
fn strongest<T: Copy>(parts: impl Iterator<Item = (T, f32)>, score: f32) -> (Vec<(T, f32)>, f32) {
    if score <= 0.0 {
        return (Vec::new(), 0.0);
    }
    let mut parts: Vec<(T, f32)> = parts.filter(|part| part.1 != 0.0).collect();
    // Stable: of equal parts the first stays first.
    parts.sort_by(|a, b| b.1.total_cmp(&a.1));
    parts.truncate(MAX_EVIDENCE);
    parts.retain(|part| part.1 > 0.0);
    parts.iter_mut().for_each(|part| part.1 /= score);
    let told: f32 = parts.iter().map(|part| part.1).sum();
    (parts, 1.0 - told)
}

fn evidence(
    index: &Index,
    item: ItemIdx,
    share: f32,
    kind: EvidenceKind,
    together: Option<Together>,
) -> Evidence {
    Evidence {
        item_id: index.parts().histories.items().name(item).to_owned(),
        share,
        kind,
        together,
    }
}

fn total(evidence: &[Evidence]) -> f32 {
    evidence.iter().map(|evidence| evidence.share).sum()
}

/// Shares below this are rounding, and no reason.
const LEAST_REST: f32 = 1e-4;

/// What was not named one by one.
fn rest(share: f32) -> Option<Reason> {
    (share.abs() >= LEAST_REST).then(|| Reason::alone(ReasonKind::Rest, Some(share), None))
}

/// A profile's bytes.
fn profile_bytes(profile: &Profile) -> usize {
    size_of_val(profile.as_slice())
}
