//! What the asker bought that is due again.

use super::Grounds;
use crate::id::{ItemIdx, Row};
use crate::serve::answer::{Due, Numbers, Reason, ReasonKind, Strategy};
use crate::serve::index::Index;
use crate::serve::ranking::Ranking;
use crate::serve::situation::Situation;

pub(super) fn rank(index: &Index, situation: &Situation, window_days: f64) -> Ranking {
    let history = situation.history(index);
    let due = match index.buy_again() {
        Ok(model) => model
            .due(history.as_history(), situation.now, window_days)
            .unwrap_or_default(),
        Err(_) => Vec::new(),
    };
    let due: Vec<(ItemIdx, Due)> = due
        .into_iter()
        .filter(|due| index.is_rankable(due.item))
        .map(|due| {
            let told = Due {
                at: due.due_at,
                probability: due.probability,
                window_days,
                interval_days: due.due_at.map(|_| due.interval_days),
                times_bought: due.times_bought,
                last_bought_at: due.last_bought_at,
            };
            (due.item, told)
        })
        .collect();
    let items = due
        .iter()
        .map(|(item, due)| (item.as_u32(), due.probability as f32))
        .collect();
    Ranking::whole(items, Strategy::Personal, Grounds::Due(due))
}

/// When an item of the ranking is due.
pub(super) fn due_of(due: &[(ItemIdx, Due)], item: ItemIdx) -> Option<Due> {
    due.iter().find(|(of, _)| *of == item).map(|(_, due)| *due)
}

/// The date, the probability and what they rest on: the item's own history made the whole score.
pub(super) fn reasons(due: &[(ItemIdx, Due)], items: &[(ItemIdx, f32)]) -> Vec<Vec<Reason>> {
    let reason = |due| Reason::alone(ReasonKind::DueAgain, Some(1.0), Some(Numbers::Due(due)));
    items
        .iter()
        .map(|&(item, _)| due_of(due, item).map(reason).into_iter().collect())
        .collect()
}
