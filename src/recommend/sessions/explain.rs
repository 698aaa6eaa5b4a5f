//! Which clicks of a session made a score.

use crate::id::{ItemIdx, Row};
use crate::recommend::{Contribution, Explanation};

use super::room::Room;
use super::vmis::Vmis;
use super::{Scales, Sessions};

impl Vmis {
    /// What each different item of the session added to the score of each of `items`, the newest click first.
    ///
    /// A neighbour's vote is divided among the items that make it similar: each has its decay's share. The parts sum to
    /// the score of [`Vmis::rank`], up to rounding.
    #[must_use]
    pub fn explain(&self, session: &[ItemIdx], items: &[ItemIdx], room: &mut Room) -> Vec<Explanation> {
        room.open(self.index().n_items());
        self.gather(session, room);
        let mut clicks = Vec::new();
        room.heads.iter().for_each(|head| clicks.push(head.item));
        let mut explained = blank(&clicks, items);
        self.add_parts(1.0, items, room, &mut explained);
        explained
    }

    /// Adds the votes' parts; the readers and neighbours of the query still lie in the room.
    fn add_parts(&self, scale: f32, items: &[ItemIdx], room: &Room, explained: &mut [Explanation]) {
        for neighbour in &room.found {
            let vote = scale * self.vote(neighbour);
            let known = self.index().items_of(neighbour.session);
            self.each_item(neighbour, |item, count| {
                for (asked, explanation) in items.iter().zip(explained.iter_mut()) {
                    if asked.as_u32() != item {
                        continue;
                    }
                    for head in room.heads.iter().filter(|head| known.contains(&head.item)) {
                        add(explanation, head.item, vote * count * self.idf(item) * head.decay);
                    }
                }
            });
        }
    }
}

impl Sessions {
    /// What each different item of the session added to the score of each of `items`, the newest click first, and what
    /// popularity added for everybody. They sum to the score of [`Self::rank`], up to rounding.
    #[must_use]
    pub fn explain(&self, session: &[ItemIdx], items: &[ItemIdx], room: &mut Room) -> Vec<Explanation> {
        let mut explained = self.explain_joined(session, items, room);
        for (asked, explanation) in items.iter().zip(&mut explained) {
            if let Some(place) = room.recent.iter().position(|&click| click == asked.as_u32()) {
                add(explanation, asked.as_u32(), self.returning(place));
            }
            let popularity = self.popularity.get(asked.index()).copied().unwrap_or(0.0);
            explanation.everybody = self.params.raw().weights.popularity as f32 * popularity;
        }
        explained
    }

    /// What each different item of the session added to each of `items` in a ranking that was joined by [`Self::add_to`],
    /// before it is multiplied by what that gave.
    #[must_use]
    pub fn explain_joined(
        &self,
        session: &[ItemIdx],
        items: &[ItemIdx],
        room: &mut Room,
    ) -> Vec<Explanation> {
        let Scales { votes, links } = self.gather(session, room);
        let mut clicks = room.recent.clone();
        // Voters may be older than what links and returns look at.
        for head in &room.heads {
            if !clicks.contains(&head.item) {
                clicks.push(head.item);
            }
        }
        let mut explained = blank(&clicks, items);
        if self.params.raw().weights.knn > 0.0 {
            self.vmis.add_parts(votes, items, room, &mut explained);
        }
        for (asked, explanation) in items.iter().zip(&mut explained) {
            for (&click, &position) in room.recent.iter().zip(&self.positions) {
                if links > 0.0 && (click as usize) < self.n_items() {
                    let (columns, values) = self.links.row(click as usize);
                    let link = columns
                        .binary_search(&asked.as_u32())
                        .map_or(0.0, |at| values[at]);
                    add(explanation, click, links * position * link);
                }
            }
        }
        explained
    }
}

/// Explanations with a part of zero for each click.
fn blank(clicks: &[u32], items: &[ItemIdx]) -> Vec<Explanation> {
    let parts = clicks.iter().map(|&click| Contribution {
        item: ItemIdx::from_u32(click),
        part: 0.0,
    });
    let one = Explanation {
        parts: parts.collect(),
        everybody: 0.0,
    };
    vec![one; items.len()]
}

fn add(explanation: &mut Explanation, click: u32, value: f32) {
    let mut parts = explanation.parts.iter_mut();
    if let Some(part) = parts.find(|part| part.item.as_u32() == click) {
        part.part += value;
    }
}
