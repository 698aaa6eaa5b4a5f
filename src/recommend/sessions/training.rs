//! Sessions to learn from.
//!
//! Enters: all histories, or plain lists. Leaves: [`Training`], sessions in order of time without those that teach
//! nothing.

use crate::history::{Histories, History};
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::time::Timestamp;

use super::params::SessionParams;

/// One session: what was clicked, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The items, oldest click first; an item may come back.
    pub items: Vec<ItemIdx>,
    /// When it ended: microseconds, or any number that grows from session to session.
    pub end: i64,
}

/// Sessions that can teach something, oldest first, in columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    n_items: usize,
    offsets: Vec<u64>,
    items: Vec<u32>,
}

impl Training {
    /// Sorts by end (the same ends keep their order), then leaves out what cannot teach: sessions of one item,
    /// sessions longer than nearly all, and all but the newest.
    ///
    /// # Panics
    /// When an item is not below `n_items`.
    #[must_use]
    pub fn new(mut sessions: Vec<Session>, n_items: usize, params: &SessionParams) -> Self {
        let raw = params.raw();
        sessions.sort_by_key(|session| session.end);
        let mut seen = Vec::new();
        let distinct: Vec<usize> = sessions
            .iter()
            .map(|session| {
                seen.clear();
                seen.extend_from_slice(&session.items);
                seen.sort_unstable();
                seen.dedup();
                seen.len()
            })
            .collect();
        let longest = longest(&distinct, raw.longest_quantile);
        let mut kept: Vec<&Session> = sessions
            .iter()
            .zip(&distinct)
            .filter(|&(_, &n)| n > 1 && n <= longest)
            .map(|(session, _)| session)
            .collect();
        // Numbers of sessions are u32, and 0 is kept for "none".
        let most = (u32::MAX - 1) as usize;
        let most = if raw.newest_sessions == 0 {
            most
        } else {
            most.min(raw.newest_sessions)
        };
        kept.drain(..kept.len().saturating_sub(most));
        let mut training = Self {
            n_items,
            offsets: vec![0],
            items: Vec::with_capacity(kept.iter().map(|session| session.items.len()).sum()),
        };
        for session in kept {
            assert!(
                session.items.iter().all(|item| item.index() < n_items),
                "items of sessions are below {n_items}"
            );
            training
                .items
                .extend(session.items.iter().map(|item| item.as_u32()));
            training.offsets.push(training.items.len() as u64);
        }
        training
    }

    /// Number of sessions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of items that there are, clicked or not.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.n_items
    }

    /// Clicks of one session, oldest first.
    pub(super) fn session(&self, session: usize) -> &[u32] {
        &self.items[self.offsets[session] as usize..self.offsets[session + 1] as usize]
    }

    /// All sessions, oldest first.
    pub(super) fn sessions(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        (0..self.len()).map(|session| self.session(session))
    }
}

/// The quantile of the lengths, interpolated and rounded.
fn longest(lengths: &[usize], quantile: f64) -> usize {
    let mut sorted = lengths.to_vec();
    sorted.sort_unstable();
    let Some(last) = sorted.len().checked_sub(1) else {
        return 0;
    };
    let at = quantile * last as f64;
    let below = at.floor() as usize;
    let above = (below + 1).min(last);
    let between = sorted[below] as f64 + (at - below as f64) * (sorted[above] - sorted[below]) as f64;
    between.round() as usize
}

/// The sessions of all customers strictly before an instant, by customer.
///
/// Views, carts and purchases are clicks; a return is none. Events that name a session belong to it, others to a visit
/// that ends with the first pause of more than `idle_minutes`. The same item several times in a row (looked at, put
/// into the cart, bought) is one click.
#[must_use]
pub fn sessions_of(histories: &Histories, before: Timestamp, params: &SessionParams) -> Vec<Session> {
    let customers = histories.customers().rows();
    customers
        .flat_map(|customer| visits(histories.of(customer).before(before), params))
        .collect()
}

/// The sessions of one history, which is already cut to the time that is asked for, as [`sessions_of`] tells them apart.
pub(crate) fn visits(history: History<'_>, params: &SessionParams) -> impl Iterator<Item = Session> + use<> {
    #[derive(PartialEq, Eq, Hash)]
    enum Key {
        Named(u32),
        Visit(u32),
    }
    let idle = (params.raw().idle_minutes * 60e6) as i64;
    let mut found = indexmap::IndexMap::<Key, Session>::new();
    let (mut visit, mut last) = (0, i64::MIN);
    for event in history.events() {
        if event.kind == EventKind::Return {
            continue;
        }
        let at = event.at.as_micros();
        let key = match event.session {
            Some(session) => Key::Named(session.as_u32()),
            None => {
                visit += u32::from(at.saturating_sub(last) > idle);
                last = at;
                Key::Visit(visit)
            }
        };
        let session = found.entry(key).or_insert_with(|| Session {
            items: Vec::new(),
            end: at,
        });
        session.end = at;
        if session.items.last() != Some(&event.item) {
            session.items.push(event.item);
        }
    }
    found.into_values()
}

#[cfg(test)]
mod tests {
    use crate::history::HistoriesBuilder;
    use crate::log::Event;

    use super::super::params::RawSessionParams;
    use super::*;

    #[test]
    fn visits_end_with_a_pause_and_named_sessions_with_their_name() {
        use EventKind::{Cart, Purchase, Return, View};
        let mut builder = HistoriesBuilder::default();
        let events = [
            ("a", "x", View, 0.0, None),
            ("a", "x", Cart, 1.0, None),
            ("a", "y", View, 30.9, None),
            ("a", "x", View, 62.0, None),
            ("a", "z", Return, 63.0, None),
            ("a", "y", Purchase, 64.0, None),
            ("b", "x", View, 0.0, Some("s")),
            ("b", "z", View, 5.0, Some("t")),
            ("b", "y", View, 500.0, Some("s")),
            ("b", "y", View, 1000.0, Some("s")),
        ];
        let start: Timestamp = "2024-01-01".parse().unwrap();
        for (customer_id, item_id, kind, minutes, session_id) in events {
            let event = Event {
                event_id: None,
                customer_id,
                item_id,
                kind,
                occurred_at: start.plus_days(minutes / 1440.0),
                quantity: 1.0,
                unit_price: None,
                order_id: None,
                session_id,
            };
            builder.push(&event).unwrap();
        }
        let histories = builder.finish();
        let params = SessionParams::try_from(RawSessionParams::default()).unwrap();
        let found = sessions_of(&histories, start.plus_days(1000.0 / 1440.0), &params);
        let words: Vec<(String, i64)> = found
            .iter()
            .map(|session| {
                let names = session.items.iter().map(|&item| histories.items().name(item));
                (names.collect(), (session.end - start.as_micros()) / 60_000_000)
            })
            .collect();
        let expected = [("xy", 30), ("xy", 64), ("xy", 500), ("z", 5)];
        assert_eq!(words, expected.map(|(names, end)| (names.to_owned(), end)));
    }
}
