//! How often a session comes back to an item that it had.

use crate::id::{ItemIdx, Row};

use super::training::Training;

/// Different items back that are told apart; what is farther back is not expected again.
pub(super) const DEPTH: usize = 20;

/// Share of clicks that went back to the item `p` different items ago, of those that could, by `p` from 0, the current
/// item.
pub(super) fn fit(training: &Training) -> Vec<f32> {
    let (mut back, mut asked) = ([0u64; DEPTH], [0u64; DEPTH]);
    let mut recent: Vec<u32> = Vec::new();
    for items in training.sessions() {
        recent.clear();
        for &item in items {
            for (place, &other) in recent.iter().enumerate() {
                asked[place] += 1;
                back[place] += u64::from(other == item);
            }
            recent.retain(|&other| other != item);
            recent.insert(0, item);
            recent.truncate(DEPTH);
        }
    }
    let share = |(&back, &asked): (&u64, &u64)| back as f32 / asked.max(1) as f32;
    back.iter().zip(&asked).map(share).collect()
}

/// The last different items of a session, newest first.
pub(super) fn recent(session: &[ItemIdx], found: &mut Vec<u32>) {
    found.clear();
    for item in session.iter().rev().map(|item| item.as_u32()) {
        if found.len() == DEPTH {
            break;
        }
        if !found.contains(&item) {
            found.push(item);
        }
    }
}
