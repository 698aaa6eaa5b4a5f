//! Which campaign is due at which place.

use crate::rules::params::Slot;

/// The places that campaigns have and should have.
pub(super) struct Slots {
    count: usize,
    states: Vec<State>,
}

struct State {
    /// How many places it gets.
    quota: usize,
    filled: usize,
    /// Whether it has no more items to offer.
    is_exhausted: bool,
}

impl Slots {
    /// Shares in `count` places, rounded together, so that they never sum to more than all places.
    pub(super) fn new(slots: &[Slot], count: usize) -> Self {
        let mut shared = 0.0;
        let mut given = 0;
        let states = slots.iter().map(|slot| {
            shared += slot.share;
            let up_to = ((shared * count as f64).round() as usize).min(count);
            let quota = up_to - given;
            given = up_to;
            State {
                quota,
                filled: 0,
                is_exhausted: false,
            }
        });
        Self {
            count,
            states: states.collect(),
        }
    }

    /// The slot that gets the place (from 1), if one does: the latest of those that are due.
    pub(super) fn due(&self, place: usize) -> Option<usize> {
        let missing = |state: &State| {
            if state.is_exhausted {
                0
            } else {
                state.quota.saturating_sub(state.filled)
            }
        };
        let all_missing: usize = self.states.iter().map(missing).sum();
        let is_last_chance = all_missing > self.count - place;
        let mut due: Option<(usize, usize)> = None;
        for (slot, state) in self.states.iter().enumerate() {
            let by_now = (2 * state.quota * place + self.count) / (2 * self.count);
            if missing(state) == 0 || !(is_last_chance || by_now > state.filled) {
                continue;
            }
            // How far behind its even share, in parts of a place; never below 0 by more than one share.
            let behind = (state.quota * place + self.count).saturating_sub(state.filled * self.count);
            if due.is_none_or(|(_, most)| behind > most) {
                due = Some((slot, behind));
            }
        }
        due.map(|(slot, _)| slot)
    }

    /// An item that belongs to these slots, a bit each, got a place.
    pub(super) fn fill(&mut self, slots: u32) {
        for (slot, state) in self.states.iter_mut().enumerate() {
            state.filled += usize::from(slots & (1 << slot) != 0);
        }
    }

    /// A slot has nothing more to offer.
    pub(super) fn exhaust(&mut self, slot: usize) {
        self.states[slot].is_exhausted = true;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::rules::expression::Expression;

    fn slots(shares: &[f64], count: usize) -> Slots {
        let when = Arc::new(Expression::parse("true").unwrap());
        let slot = |&share: &f64| Slot {
            name: "campaign".into(),
            when: Arc::clone(&when),
            share,
        };
        Slots::new(&shares.iter().map(slot).collect::<Vec<_>>(), count)
    }

    /// Which slot gets each place when items belong to one slot or none.
    fn served(shares: &[f64], count: usize) -> Vec<Option<usize>> {
        let mut slots = slots(shares, count);
        let places = (1..=count).map(|place| {
            let due = slots.due(place);
            slots.fill(due.map_or(0, |slot| 1 << slot));
            due
        });
        places.collect()
    }

    #[test]
    fn places_are_spread_evenly() {
        assert_eq!(served(&[0.25], 4), [None, Some(0), None, None]);
        assert_eq!(served(&[0.5], 6), [Some(0), None, Some(0), None, Some(0), None]);
        assert_eq!(served(&[0.1], 4), [None; 4]);
        assert_eq!(served(&[1.0], 3), [Some(0); 3]);
    }

    #[test]
    fn every_slot_gets_its_quota() {
        for count in 1..30 {
            for shares in [
                vec![1.0 / 3.0; 3],
                vec![0.5, 0.5],
                vec![0.2, 0.3, 0.1],
                vec![0.1; 10],
            ] {
                let served = served(&shares, count);
                for (slot, state) in slots(&shares, count).states.iter().enumerate() {
                    let places = served.iter().filter(|due| **due == Some(slot)).count();
                    assert_eq!(places, state.quota, "{shares:?} of {count}");
                }
            }
        }
    }
}
