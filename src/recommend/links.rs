//! Sparse links from item to item: what every model of neighbours is, once it is fitted.

use std::ops::Range;

use super::batch::BatchScorer;
use super::{Contribution, Explanation, Recommender};
use crate::history::{Csr, Profile};
use crate::id::{ItemIdx, Row};
use crate::numeric::scatter;

/// Scores that are sums along links: `score_j = Σ_i w_i · links[i][j]` over the items `i` of the profile.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `links` | items × items, sparse | row: an item of the profile; column: an item that it speaks for, ascending |
#[derive(Clone, Debug, PartialEq)]
pub struct ItemLinks {
    name: &'static str,
    links: Csr,
}

impl ItemLinks {
    /// A model of these links.
    ///
    /// # Panics
    /// When the matrix is not square.
    #[must_use]
    pub fn new(name: &'static str, links: Csr) -> Self {
        assert_eq!(links.n_rows(), links.n_columns(), "links go from item to item");
        Self { name, links }
    }

    /// The links, items × items.
    #[must_use]
    pub fn links(&self) -> &Csr {
        &self.links
    }

    fn score_entries(&self, items: impl Iterator<Item = (u32, f32)>, scores: &mut [f32]) {
        scores.fill(0.0);
        for (item, weight) in items {
            let (columns, values) = self.links.row(item as usize);
            scatter(weight, columns, values, scores);
        }
    }
}

impl Recommender for ItemLinks {
    fn name(&self) -> &'static str {
        self.name
    }

    fn n_items(&self) -> usize {
        self.links.n_columns()
    }

    fn score(&self, profile: &Profile, scores: &mut [f32]) {
        assert_eq!(scores.len(), self.n_items(), "one score for each item");
        let entries = profile.iter().map(|&(item, weight)| (item.as_u32(), weight));
        self.score_entries(entries, scores);
    }

    fn explain(&self, profile: &Profile, items: &[ItemIdx]) -> Vec<Explanation> {
        let mut explained: Vec<Explanation> = items
            .iter()
            .map(|_| Explanation {
                parts: Vec::with_capacity(profile.len()),
                everybody: 0.0,
            })
            .collect();
        // Row by row, so that a row is near while every item is looked for in it.
        for &(item, weight) in profile {
            let (columns, values) = self.links.row(item.index());
            for (to, explained) in items.iter().zip(&mut explained) {
                let link = columns.binary_search(&to.as_u32()).map_or(0.0, |at| values[at]);
                explained.parts.push(Contribution {
                    item,
                    part: weight * link,
                });
            }
        }
        explained
    }

    fn batch(&self) -> Box<dyn BatchScorer + '_> {
        Box::new(self)
    }
}

impl BatchScorer for &ItemLinks {
    fn n_items(&self) -> usize {
        self.links.n_columns()
    }

    fn score_rows(&self, profiles: &Csr, rows: Range<usize>, scores: &mut [f32]) {
        for (row, scores) in rows.zip(scores.chunks_exact_mut(self.links.n_columns().max(1))) {
            let (items, weights) = profiles.row(row);
            self.score_entries(items.iter().copied().zip(weights.iter().copied()), scores);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_follow_the_links_and_the_parts_sum_to_them() {
        let item = ItemIdx::from_u32;
        let rows = [
            vec![(item(1), 0.5), (item(2), 2.0)],
            vec![(item(0), 1.0), (item(2), -1.0)],
            Vec::new(),
        ];
        let model = ItemLinks::new("links", Csr::from_rows(&rows, 3));
        let profile = vec![(item(0), 2.0), (item(1), 3.0)];
        let mut scores = [9.0; 3];
        model.score(&profile, &mut scores);
        assert_eq!(scores.map(|score| score as i32), [3, 1, 1]);
        let profiles = Csr::from_rows(&[Vec::new(), profile.clone()], 3);
        let ranked = model.rank_all(&profiles, Some(&profiles), 5);
        assert_eq!(
            ranked,
            [
                vec![(item(0), 0.0), (item(1), 0.0), (item(2), 0.0)],
                vec![(item(2), 1.0)]
            ]
        );
        for (to, explained) in model
            .explain(&profile, &[item(0), item(1), item(2)])
            .iter()
            .enumerate()
        {
            assert!((explained.parts.iter().map(|c| c.part).sum::<f32>() - scores[to]).abs() < 1e-6);
        }
    }
}
