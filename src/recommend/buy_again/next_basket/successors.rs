//! Successors: what the basket after one with an item holds.
//!
//! # Formula
//! `N_ij = n_ij / (n_i + shrinkage)`: of the `n_i` baskets with item `i` that another one followed, `n_ij` were followed by one with item
//! `j`; of each row the strongest are kept.

use crate::history::Csr;
use crate::id::{ItemIdx, Row};
use crate::recommend::ItemLinks;
use rayon::prelude::*;

use super::sequences::Sequence;

/// Name of the links.
pub(super) const NAME: &str = "successors";

/// Baskets that an item's own must outweigh.
const SHRINKAGE: f32 = 10.0;

/// Links every item to what follows it, at most `keep` of each.
pub(super) fn fit(sequences: &[Sequence], n_items: usize, keep: usize) -> ItemLinks {
    let mut followed: Vec<Vec<(u32, u32)>> = vec![Vec::new(); n_items];
    for (customer, sequence) in (0u32..).zip(sequences) {
        // A sequence has fewer baskets than a u32 counts.
        for (at, basket) in (0u32..).zip(&sequence[..sequence.len().saturating_sub(1)]) {
            for item in basket {
                followed[item.index()].push((customer, at));
            }
        }
    }
    let rows: Vec<Vec<(ItemIdx, f32)>> = followed
        .par_iter()
        .map_init(
            || vec![0.0f32; n_items],
            |counts, places| {
                let mut met: Vec<ItemIdx> = Vec::new();
                for &(customer, at) in places {
                    for &next in &sequences[customer as usize][at as usize + 1] {
                        if counts[next.index()] < 0.5 {
                            met.push(next);
                        }
                        counts[next.index()] += 1.0;
                    }
                }
                let all = places.len() as f32 + SHRINKAGE;
                let mut row: Vec<(ItemIdx, f32)> = met
                    .iter()
                    .map(|&next| (next, std::mem::take(&mut counts[next.index()]) / all))
                    .collect();
                row.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                row.truncate(keep);
                row.sort_unstable_by_key(|entry| entry.0);
                row
            },
        )
        .collect();
    ItemLinks::new(NAME, Csr::from_rows(&rows, n_items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_baskets_after_are_counted() {
        let item = ItemIdx::from_u32;
        let sequences = [
            vec![vec![item(0)], vec![item(1), item(2)], vec![item(0)]],
            vec![vec![item(0)], vec![item(1)]],
            Vec::new(),
        ];
        let links = fit(&sequences, 4, 10);
        assert_eq!(links.links().row(0), (&[1, 2][..], &[2.0 / 12.0, 1.0 / 12.0][..]));
        assert_eq!(links.links().row(1), (&[0][..], &[1.0 / 11.0][..]));
        assert_eq!(links.links().row(3).0.len(), 0);
        assert_eq!(fit(&sequences, 4, 1).links().row(0).0, [1]);
    }
}
