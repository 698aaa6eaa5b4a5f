//! What was done with each item: how often, and since when.

use rayon::prelude::*;

use super::Histories;
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::time::Timestamp;

/// The events of each item that are no returns.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `events` | items | number of events |
/// | `first` | items | instant of the first one; `Timestamp::MAX` without any |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    events: Vec<u32>,
    first: Vec<Timestamp>,
}

impl Activity {
    fn none(n_items: usize) -> Self {
        Self {
            events: vec![0; n_items],
            first: vec![Timestamp::MAX; n_items],
        }
    }

    /// Number of events of an item.
    ///
    /// # Panics
    /// When the item is not of these histories; so does [`Self::first`].
    #[must_use]
    pub fn events(&self, item: ItemIdx) -> u32 {
        self.events[item.index()]
    }

    /// The first event of an item, where there is one.
    #[must_use]
    pub fn first(&self, item: ItemIdx) -> Option<Timestamp> {
        (self.events(item) > 0).then(|| self.first[item.index()])
    }

    fn add(&mut self, items: &[ItemIdx], kinds: &[EventKind], times: &[Timestamp]) {
        for ((item, kind), &at) in items.iter().zip(kinds).zip(times) {
            if *kind != EventKind::Return {
                self.events[item.index()] += 1;
                let first = &mut self.first[item.index()];
                *first = at.min(*first);
            }
        }
    }

    fn plus(mut self, other: &Self) -> Self {
        for (events, more) in self.events.iter_mut().zip(&other.events) {
            *events += more;
        }
        for (first, other) in self.first.iter_mut().zip(&other.first) {
            *first = (*first).min(*other);
        }
        self
    }
}

impl Histories {
    /// One pass over all events, a part of them on each thread.
    ///
    /// # Determinism
    /// The same for any number of threads.
    #[must_use]
    pub fn activity(&self) -> Activity {
        let none = || Activity::none(self.items().len());
        // So few parts that joining them costs little beside walking them.
        let part = self.n_events().div_ceil(rayon::current_num_threads()).max(1);
        let columns = self.columns();
        let (items, times) = (columns.items.par_chunks(part), columns.times.par_chunks(part));
        (items, columns.kinds.par_chunks(part), times)
            .into_par_iter()
            .map(|(items, kinds, times)| {
                let mut activity = none();
                activity.add(items, kinds, times);
                activity
            })
            .reduce_with(|all, more| all.plus(&more))
            .unwrap_or_else(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::HistoriesBuilder;
    use crate::log::Event;

    #[test]
    fn returns_do_not_count_and_any_number_of_threads_counts_the_same() {
        let start: Timestamp = "2024-01-01".parse().unwrap();
        let mut builder = HistoriesBuilder::default();
        for n in 0..600u32 {
            let event = Event {
                event_id: None,
                customer_id: &format!("c{}", n % 7),
                item_id: &format!("i{}", n % 3),
                kind: if n % 3 == 2 || n < 4 {
                    EventKind::Return
                } else {
                    EventKind::View
                },
                occurred_at: start.plus_days(f64::from(n)),
                quantity: 1.0,
                unit_price: None,
                order_id: None,
                session_id: None,
            };
            builder.push(&event).unwrap();
        }
        let histories = builder.finish();
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| histories.activity())
        };
        let activity = with(1);
        let of = |n| {
            (
                activity.events(ItemIdx::from_u32(n)),
                activity.first(ItemIdx::from_u32(n)),
            )
        };
        assert_eq!(of(0), (198, Some(start.plus_days(6.0))));
        assert_eq!(of(1), (199, Some(start.plus_days(4.0))));
        assert_eq!(of(2), (0, None));
        assert_eq!(with(3), activity);
        assert_eq!(HistoriesBuilder::default().finish().activity().events.len(), 0);
    }
}
