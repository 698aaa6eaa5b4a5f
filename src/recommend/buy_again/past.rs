//! What a customer bought and kept, item by item: the purchase days of every pair.

use std::ops::Range;

use crate::history::History;
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::time::{Calendar, Timestamp};

/// A local day on which the customer bought an item and kept some of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bought {
    /// The local day, counted as by [`Calendar::day`].
    pub day: i32,
    /// Instant of the day's first kept purchase.
    pub at: Timestamp,
    /// Pieces kept of the day's purchases, above zero.
    pub pieces: f32,
}

/// One item that the customer bought and kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    pub item: ItemIdx,
    days: Range<usize>,
}

/// A history as buying again sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Past {
    bought: Vec<Bought>,
    /// By item ascending.
    pairs: Vec<Pair>,
    /// Days with any kept purchase, ascending.
    days: Vec<i32>,
}

/// Pieces below this are rounding of a fraction that was returned whole.
const NOTHING_LEFT: f32 = 1e-4;

impl Past {
    /// Gathers the kept purchases of a history that is already cut at the instant of the answer.
    ///
    /// As with [`crate::history::purchase_days`], a return takes back the latest earlier purchases of its item, and a line with a
    /// price of zero is a gift, not a purchase.
    // Purchase days walk all items in order of time; here the lines are grouped by item first, because pairs are wanted
    // by item, and one stack of open purchases is enough.
    pub(crate) fn of(history: History<'_>, calendar: &Calendar) -> Self {
        let mut lines: Vec<(ItemIdx, u32)> = (0u32..)
            .zip(history.items().iter().zip(history.kinds()))
            .filter(|(_, (_, kind))| matches!(kind, EventKind::Purchase | EventKind::Return))
            .map(|(at, (&item, _))| (item, at))
            .collect();
        lines.sort_unstable();
        let mut past = Self {
            bought: Vec::with_capacity(lines.len()),
            ..Self::default()
        };
        let mut open: Vec<(Timestamp, f32)> = Vec::new();
        for of_item in lines.chunk_by(|a, b| a.0 == b.0) {
            open.clear();
            for &(_, at) in of_item {
                let event = history.event(at as usize);
                if event.kind == EventKind::Return {
                    take_back(&mut open, event.quantity);
                } else if event.unit_price.is_none_or(|price| price > 0.0) && event.quantity > NOTHING_LEFT {
                    open.push((event.at, event.quantity));
                }
            }
            past.push(of_item[0].0, &open, calendar);
        }
        past.days.sort_unstable();
        past.days.dedup();
        past
    }

    fn push(&mut self, item: ItemIdx, kept: &[(Timestamp, f32)], calendar: &Calendar) {
        let from = self.bought.len();
        for &(at, pieces) in kept {
            let day = calendar.day(at);
            match self.bought[from..].last_mut() {
                Some(last) if last.day == day => last.pieces += pieces,
                _ => {
                    self.bought.push(Bought { day, at, pieces });
                    self.days.push(day);
                }
            }
        }
        if self.bought.len() > from {
            self.pairs.push(Pair {
                item,
                days: from..self.bought.len(),
            });
        }
    }

    /// The items that were bought and kept, by row.
    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The purchase days of a pair, ascending; never empty.
    pub(crate) fn bought(&self, pair: &Pair) -> &[Bought] {
        &self.bought[pair.days.clone()]
    }

    /// The days on which anything was bought and kept, ascending.
    pub(crate) fn days(&self) -> &[i32] {
        &self.days
    }

    /// Days on which something was bought, counted once for each item.
    pub(crate) fn item_days(&self) -> usize {
        self.bought.len()
    }

    /// How many days with a purchase are after `day`.
    pub(crate) fn days_after(&self, day: i32) -> usize {
        self.days.len() - self.days.partition_point(|&other| other <= day)
    }

    /// Whether an item was bought at or after an instant.
    pub(crate) fn bought_since(&self, item: ItemIdx, from: Timestamp) -> bool {
        self.pairs
            .binary_search_by_key(&item.as_u32(), |pair| pair.item.as_u32())
            .is_ok_and(|at| {
                self.bought(&self.pairs[at])
                    .iter()
                    .any(|bought| bought.at >= from)
            })
    }
}

/// Days between one purchase and the next of a pair, with the pieces that had to last: at least one day, because
/// purchase days differ.
pub(crate) fn intervals(bought: &[Bought]) -> impl Iterator<Item = (f64, f32)> + Clone {
    bought
        .windows(2)
        .map(|two| (f64::from(two[1].day - two[0].day).max(1.0), two[0].pieces))
}

fn take_back(open: &mut Vec<(Timestamp, f32)>, mut pieces: f32) {
    while pieces > NOTHING_LEFT
        && let Some(latest) = open.last_mut()
    {
        let taken = pieces.min(latest.1);
        latest.1 -= taken;
        pieces -= taken;
        if latest.1 <= NOTHING_LEFT {
            open.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommend::buy_again::testing::{history, line};
    use EventKind::{Purchase, Return, View};

    #[test]
    fn days_are_counted_once_and_returns_take_back_the_latest() {
        let told = history(&[
            line(1, Purchase, 0.0, 2.0),
            line(1, Purchase, 0.1, 1.0),
            line(0, View, 0.2, 1.0),
            line(1, Purchase, 10.0, 4.0),
            line(2, Purchase, 10.0, 1.0),
            line(1, Purchase, 12.0, 1.0),
            line(1, Return, 13.0, 3.0),
            line(2, Return, 14.0, 1.0),
        ]);
        let past = Past::of(told.as_history(), &Calendar::new("UTC").unwrap());
        assert_eq!(
            past.pairs().len(),
            1,
            "item 0 was only seen, item 2 went back whole"
        );
        let bought = past.bought(&past.pairs()[0]);
        assert_eq!(bought.iter().map(|b| b.pieces as u32).collect::<Vec<_>>(), [3, 2]);
        assert_eq!(intervals(bought).collect::<Vec<_>>(), [(10.0, 3.0)]);
        assert_eq!((past.days().len(), past.days_after(bought[0].day)), (2, 1));
        assert!(past.bought_since(ItemIdx::from_u32(1), bought[1].at));
        assert!(!past.bought_since(ItemIdx::from_u32(2), bought[0].at));
    }
}
