//! Cross-sell: what goes with the items of a cart.
//!
//! Enters: what was bought together, by pair of items. Leaves: [`CrossSell`], which scores every item for a whole cart and
//! says which of the cart's items made the score and on how many baskets that rests.
//!
//! # Formula
//! Each basket `B` weighs `ω_B = 2^(−age / half-life) / (|B| − 1)^s`. With `W_ab` the weight of the baskets that hold both,
//! `W_a = Σ_b W_ab` and `π_b = W_b / Σ W`, the chance that a partner drawn for `a` is `b`, damped by how popular `b` is:
//!
//! ```text
//! p(b | a) = (W_ab [b is a partner of a] + m · prior(b | a)) / (W_a + m)
//! prior(b | a) = (Σ_{i ∈ category of a} W_ib + m₂ π_b) / (Σ_{i ∈ category of a} W_i + m₂)      0 within a leaf of the cart
//! score(b) = Σ_{a ∈ cart} p(b | a) / π_b^g
//! ```
//!
//! A partner has lift and log-likelihood ratio above their thresholds and is not a substitute. So an item with many baskets
//! speaks for itself, one with few lets its category speak, and without categories everybody.
//!
//! The one decision: a cart is a mixture. Each of its items proposes partners with a probability, and the proposals add
//! up, so that the parts of an explanation are the proposals themselves and no cart is too long.

mod assemble;
mod params;
mod stored;

pub use params::{CrossSellParams, RawCrossSellParams};
pub use stored::{CrossSellArrays, CrossSellCounts};

pub(crate) use assemble::{PartnerTable, basket_weights};

use crate::column::Column;
use crate::history::Csr;
use crate::id::{ItemIdx, Row};
use crate::numeric::{scatter, top_k};
use crate::recommend::{Contribution, Explanation, Ranking};

use super::association::Together;
use super::leaves::Leaves;
use super::similar::distinct;

/// What goes with a cart.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `partners` | items × items, sparse | `W_ab / ((W_a + m) π_b^g)` of the partners `b` of `a` |
/// | `counts` | entries of `partners` | baskets with both |
/// | `substitutes` | items × items, sparse | probability that the one stands in for the other |
/// | `basket_counts` | items | baskets with the item, of `n_baskets` |
/// | `backing` | items | `m / (W_a + m)`: how much of the prior an item needs |
/// | `everybody` | items | `π_b^(1 − g)` |
/// | `category_partners` | leaf categories × items, sparse | `Σ W_ib / ((Σ W_i + m₂) π_b^g)` |
/// | `category_backing` | leaf categories | `m₂ / (Σ W_i + m₂)` |
#[derive(Clone, Debug, PartialEq)]
pub struct CrossSell {
    partners: Csr,
    counts: Column<u32>,
    substitutes: Csr,
    basket_counts: Vec<u32>,
    n_baskets: u64,
    backing: Vec<f32>,
    everybody: Vec<f32>,
    leaves: Leaves,
    category_partners: Csr,
    category_backing: Vec<f32>,
}

/// What a link from one item to another rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Support {
    /// Baskets with both.
    pub baskets: u32,
    /// How many times more often than by chance.
    pub lift: f64,
}

impl CrossSell {
    /// Number of items that are scored.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.everybody.len()
    }

    /// The partners of each item with what each adds to a score, items × items.
    #[must_use]
    pub fn partners(&self) -> &Csr {
        &self.partners
    }

    /// The substitutes of each item with their probability, items × items.
    #[must_use]
    pub fn substitutes(&self) -> &Csr {
        &self.substitutes
    }

    /// What the link from `from` to its partner `to` rests on; `None` where `to` is no partner.
    #[must_use]
    pub fn support(&self, from: ItemIdx, to: ItemIdx) -> Option<Support> {
        let at = self
            .partners
            .row(from.index())
            .0
            .binary_search(&to.as_u32())
            .ok()?;
        let baskets = self.counts[self.partners.offsets()[from.index()] + at];
        let together = Together {
            both: f64::from(baskets),
            first: f64::from(self.basket_counts[from.index()]),
            second: f64::from(self.basket_counts[to.index()]),
            of: self.n_baskets as f64,
        };
        Some(Support {
            baskets,
            lift: together.lift(),
        })
    }

    /// Writes the score of every item for a cart; an item counts once, however often it is named. What lies in the cart,
    /// and what stands in for something in it, gets 0, and so does what nothing speaks for: a score of 0 is not to be
    /// recommended.
    ///
    /// # Panics
    /// When `scores` does not have one place per item, or the cart holds an item that is not from the model's table.
    pub fn score(&self, cart: &[ItemIdx], scores: &mut [f32]) {
        assert_eq!(scores.len(), self.n_items(), "one score for each item");
        scores.fill(0.0);
        let cart = distinct(cart);
        let mut everybody = 0.0;
        for &item in &cart {
            if let Some(leaf) = self.leaves.leaf(item) {
                let (columns, values) = self.category_partners.row(leaf as usize);
                scatter(self.backing[item.index()], columns, values, scores);
            }
            everybody += self.everybody_backing(item);
        }
        let taken = self.leaves_of(&cart);
        for (item, score) in scores.iter_mut().enumerate() {
            // Item rows are u32.
            match self.leaves.leaf(ItemIdx::from_u32(item as u32)) {
                Some(leaf) if taken.binary_search(&leaf).is_ok() => *score = 0.0,
                _ => *score += everybody * self.everybody[item],
            }
        }
        for &item in &cart {
            let (columns, values) = self.partners.row(item.index());
            scatter(1.0, columns, values, scores);
        }
        for &item in &cart {
            scores[item.index()] = 0.0;
            for &other in self.substitutes.row(item.index()).0 {
                scores[other as usize] = 0.0;
            }
        }
    }

    /// The best `k` items for a cart among those that `keep` lets through, best first. The list is shorter where nothing
    /// speaks for the rest.
    #[must_use]
    pub fn rank(&self, cart: &[ItemIdx], k: usize, keep: impl Fn(ItemIdx) -> bool) -> Ranking {
        let mut scores = vec![0.0; self.n_items()];
        self.score(cart, &mut scores);
        let open = |item: usize| scores[item] > 0.0 && keep(ItemIdx::from_u32(item as u32));
        top_k(&scores, k, open)
            .into_iter()
            .map(|(item, score)| (ItemIdx::from_u32(item), score))
            .collect()
    }

    /// What made the score of each of `items`: what each distinct item of the cart and its category proposed, in the order
    /// of rows, and what popularity added. They sum to the score, up to rounding.
    #[must_use]
    pub fn explain(&self, cart: &[ItemIdx], items: &[ItemIdx]) -> Vec<Explanation> {
        let cart = distinct(cart);
        let taken = self.leaves_of(&cart);
        items
            .iter()
            .map(|&item| self.explain_one(&cart, &taken, item))
            .collect()
    }

    fn explain_one(&self, cart: &[ItemIdx], taken: &[u32], to: ItemIdx) -> Explanation {
        let link = |links: &Csr, row: usize| {
            let (columns, values) = links.row(row);
            columns.binary_search(&to.as_u32()).map_or(0.0, |at| values[at])
        };
        let is_out = |&item: &ItemIdx| {
            item == to
                || self
                    .substitutes
                    .row(item.index())
                    .0
                    .binary_search(&to.as_u32())
                    .is_ok()
        };
        let is_out = cart.iter().any(is_out);
        let same_leaf = self
            .leaves
            .leaf(to)
            .is_some_and(|leaf| taken.binary_search(&leaf).is_ok());
        let part = |&item: &ItemIdx| {
            let own = link(&self.partners, item.index());
            let category = match self.leaves.leaf(item) {
                Some(leaf) if !same_leaf => {
                    self.backing[item.index()] * link(&self.category_partners, leaf as usize)
                }
                _ => 0.0,
            };
            Contribution {
                item,
                part: if is_out { 0.0 } else { own + category },
            }
        };
        let backing: f32 = cart.iter().map(|&item| self.everybody_backing(item)).sum();
        Explanation {
            parts: cart.iter().map(part).collect(),
            everybody: if is_out || same_leaf {
                0.0
            } else {
                backing * self.everybody[to.index()]
            },
        }
    }

    /// How much of what everybody buys speaks for an item's partners.
    fn everybody_backing(&self, item: ItemIdx) -> f32 {
        let category = self
            .leaves
            .leaf(item)
            .map_or(1.0, |leaf| self.category_backing[leaf as usize]);
        self.backing[item.index()] * category
    }

    /// The leaf categories of a cart, ascending.
    fn leaves_of(&self, cart: &[ItemIdx]) -> Vec<u32> {
        let mut leaves: Vec<u32> = cart.iter().filter_map(|&item| self.leaves.leaf(item)).collect();
        leaves.sort_unstable();
        leaves.dedup();
        leaves
    }
}
