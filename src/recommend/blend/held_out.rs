//! What is held out of the training, to learn from it how the parts of a blend go together.
//!
//! Enters: the matrix of all training pairs, or histories and an instant. Leaves: the smaller matrix to fit the parts to,
//! and for some customers what they are known by, what is masked, and what was held out.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rayon::prelude::*;

use crate::history::{Csr, Histories, History, Profile, Weighting, interaction_matrix};
use crate::id::{ItemIdx, Row};
use crate::log::EventKind;
use crate::time::Timestamp;

/// Customers with fewer items give none away: they would have too little left to be known by.
const FEWEST_ITEMS: usize = 4;

/// How much is held out of pairs without times, and how.
///
/// What a customer does next is less like what she did than a part of her history chosen by chance: baskets and trips hang
/// together, and a chance part leaves half of each behind as a hint. A slice by chance alone therefore favours models that
/// remember what lies side by side over those that see the whole (for data with such ties block cross-validation is the
/// remedy: Roberts et al., Ecography 40, 2017). So some customers lose items that go together, all at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Share of a customer's items that is held out.
    pub of_items: f64,
    /// Share of the customers who lose items that go together; the others lose items chosen by chance.
    pub together: f64,
}

/// A slice held out of the training.
///
/// # Shapes
/// | part | shape | meaning |
/// |---|---|---|
/// | `fitted` | customers × items | what the parts are fitted to |
/// | `profiles` | judged × items | what each judged customer is known by |
/// | `masked` | judged × items | what is not ranked for her |
/// | `wanted` | judged | the items that were held out of her history, ascending |
#[derive(Clone, Debug)]
pub struct HeldOut {
    /// What the parts are fitted to.
    pub fitted: Csr,
    /// What each judged customer is known by.
    pub profiles: Csr,
    /// What is not ranked for each judged customer.
    pub masked: Csr,
    /// What each judged customer is to be found with.
    pub wanted: Vec<Vec<u32>>,
}

impl HeldOut {
    /// Holds a share of every customer's items out, for pairs that have no time: at least one of every customer with four
    /// or more. At most `most_judged` customers are judged, spread evenly over the rows.
    ///
    /// # Determinism
    /// The same matrix, share and seed give the same slice.
    #[must_use]
    pub fn by_share(matrix: &Csr, share: Share, most_judged: usize, seed: u64) -> Self {
        let transposed = matrix.transposed();
        let split: Vec<(Profile, Vec<u32>)> = (0..matrix.n_rows())
            .into_par_iter()
            .map_init(
                || vec![NOWHERE; matrix.n_columns()],
                |places, row| {
                    let (items, weights) = matrix.row(row);
                    let mut wanted = Vec::new();
                    if items.len() >= FEWEST_ITEMS {
                        // One stream a row: rows do not depend on each other.
                        let stream = (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed ^ stream);
                        let n = ((items.len() as f64 * share.of_items).round() as usize)
                            .clamp(1, items.len() / 2);
                        wanted = if random.gen_bool(share.together) {
                            let first = random.gen_range(0..items.len());
                            most_alike(matrix, &transposed, (items, first), n, places)
                        } else {
                            items.choose_multiple(&mut random, n).copied().collect()
                        };
                        wanted.sort_unstable();
                    }
                    let kept = items
                        .iter()
                        .zip(weights)
                        .filter(|(item, _)| wanted.binary_search(item).is_err())
                        .map(|(&item, &weight)| (ItemIdx::from_u32(item), weight))
                        .collect();
                    (kept, wanted)
                },
            )
            .collect();
        let judged: Vec<usize> = (0..split.len()).filter(|&row| !split[row].1.is_empty()).collect();
        let judged = evenly(judged, most_judged);
        let n_items = matrix.n_columns();
        let chosen: Vec<Profile> = judged.iter().map(|&row| split[row].0.clone()).collect();
        let profiles = Csr::from_rows(&chosen, n_items);
        let wanted = judged.iter().map(|&row| split[row].1.clone()).collect();
        let rows: Vec<Profile> = split.into_iter().map(|(kept, _)| kept).collect();
        Self {
            fitted: Csr::from_rows(&rows, n_items),
            masked: profiles.clone(),
            profiles,
            wanted,
        }
    }

    /// Holds everything from `cut_off` out: judged are customers with a profile then who bought something that was new to
    /// them before `end`. What they had bought is masked.
    #[must_use]
    pub fn by_time(
        histories: &Histories,
        weighting: &Weighting,
        (cut_off, end): (Timestamp, Timestamp),
        most_judged: usize,
    ) -> Self {
        let customers: Vec<_> = histories.customers().rows().collect();
        let found: Vec<(Profile, Profile, Vec<u32>)> = customers
            .into_par_iter()
            .filter_map(|customer| {
                let history = histories.of(customer);
                let known = bought(history.before(cut_off));
                let mut wanted = bought(history.within(cut_off, end));
                wanted.retain(|item| known.binary_search(item).is_err());
                if wanted.is_empty() {
                    return None;
                }
                let profile = weighting.profile(history, cut_off);
                let masked = known.into_iter().map(|item| (item, 1.0)).collect();
                let wanted = wanted.into_iter().map(Row::as_u32).collect();
                (!profile.is_empty()).then_some((profile, masked, wanted))
            })
            .collect();
        let found = evenly(found, most_judged);
        let n_items = histories.items().len();
        let (mut profiles, mut masked, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for (profile, mask, items) in found {
            profiles.push(profile);
            masked.push(mask);
            wanted.push(items);
        }
        Self {
            fitted: interaction_matrix(histories, weighting, cut_off),
            profiles: Csr::from_rows(&profiles, n_items),
            masked: Csr::from_rows(&masked, n_items),
            wanted,
        }
    }

    /// Number of judged customers.
    #[must_use]
    pub fn n_judged(&self) -> usize {
        self.wanted.len()
    }
}

/// An item that is not the customer's.
const NOWHERE: u32 = u32::MAX;
/// Customers of an item that are asked what goes with it: more say nothing new.
const MOST_ASKED: usize = 4096;

/// The `n` of the customer's items that go with one of them most, itself first:
/// by `Σ 1 / n_v / √d_j` over the customers `v` who have both. `places` is all [`NOWHERE`] and is left so.
fn most_alike(
    matrix: &Csr,
    transposed: &Csr,
    (items, first): (&[u32], usize),
    n: usize,
    places: &mut [u32],
) -> Vec<u32> {
    for (place, &item) in (0u32..).zip(items) {
        places[item as usize] = place;
    }
    let mut alike = vec![0.0f64; items.len()];
    let others = transposed.row(items[first] as usize).0;
    for &other in others.iter().step_by(others.len().div_ceil(MOST_ASKED)) {
        let theirs = matrix.row(other as usize).0;
        for &item in theirs {
            if let Some(alike) = alike.get_mut(places[item as usize] as usize) {
                *alike += 1.0 / theirs.len() as f64;
            }
        }
    }
    for (alike, &item) in alike.iter_mut().zip(items) {
        *alike /= (transposed.row(item as usize).0.len() as f64).sqrt();
        places[item as usize] = NOWHERE;
    }
    alike[first] = f64::INFINITY;
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|&a, &b| alike[b].total_cmp(&alike[a]).then(a.cmp(&b)));
    order[..n].iter().map(|&at| items[at]).collect()
}

/// At most `most` of the rows, evenly spread.
fn evenly<T>(rows: Vec<T>, most: usize) -> Vec<T> {
    let n = rows.len();
    if n <= most {
        return rows;
    }
    rows.into_iter()
        .enumerate()
        // Row r is taken where r · most / n steps up.
        .filter(|(row, _)| row * most / n != (row + 1) * most / n)
        .map(|(_, row)| row)
        .collect()
}

/// The items bought in a history, ascending.
fn bought(history: History<'_>) -> Vec<ItemIdx> {
    let mut items: Vec<ItemIdx> = history
        .events()
        .filter(|event| event.kind == EventKind::Purchase)
        .map(|event| event.item)
        .collect();
    items.sort_unstable();
    items.dedup();
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_fitted_or_held_out_and_none_is_both() {
        let rows: Vec<Profile> = (0..200u32)
            .map(|row| {
                (0..row % 23)
                    .map(|at| (ItemIdx::from_u32(at * 3), 1.0 + at as f32))
                    .collect()
            })
            .collect();
        let matrix = Csr::from_rows(&rows, 80);
        let share = Share {
            of_items: 0.1,
            together: 0.5,
        };
        let held = HeldOut::by_share(&matrix, share, usize::MAX, 1);
        let mut judged = 0;
        for (row, all) in rows.iter().enumerate() {
            let (kept, weights) = held.fitted.row(row);
            if all.len() < FEWEST_ITEMS {
                assert_eq!(kept.len(), all.len());
                continue;
            }
            let wanted = &held.wanted[judged];
            assert!(
                !wanted.is_empty() && wanted.len() * 2 <= all.len(),
                "{wanted:?} of {}",
                all.len()
            );
            assert_eq!(held.profiles.row(judged).0, kept);
            judged += 1;
            assert!(
                kept.iter()
                    .zip(weights)
                    .all(|(item, weight)| all.contains(&(ItemIdx::from_u32(*item), *weight)))
            );
            let mut both = [kept, wanted.as_slice()].concat();
            both.sort_unstable();
            assert_eq!(both, all.iter().map(|entry| entry.0.as_u32()).collect::<Vec<_>>());
        }
        assert_eq!(judged, held.n_judged());
        assert_ne!(
            held.wanted,
            HeldOut::by_share(&matrix, share, usize::MAX, 2).wanted
        );
        assert_eq!(HeldOut::by_share(&matrix, share, 7, 1).n_judged(), 7);
    }

    #[test]
    fn items_that_go_together_are_lost_together() {
        // Everybody has three pairs of items, each pair together or not at all, and two loners.
        let rows: Vec<Profile> = (0..60u32)
            .map(|row| {
                let mut items: Vec<u32> = (0..3)
                    .flat_map(|pair| [(row * 7 + pair * 5) % 20 * 2, (row * 7 + pair * 5) % 20 * 2 + 1])
                    .collect();
                items.extend([40 + row % 9, 50 + row % 7]);
                items.sort_unstable();
                items
                    .into_iter()
                    .map(|item| (ItemIdx::from_u32(item), 1.0))
                    .collect()
            })
            .collect();
        let matrix = Csr::from_rows(&rows, 60);
        let share = Share {
            of_items: 0.25,
            together: 1.0,
        };
        let held = HeldOut::by_share(&matrix, share, usize::MAX, 3);
        for wanted in &held.wanted {
            let [a, b] = wanted[..] else {
                panic!("two of eight: {wanted:?}")
            };
            assert!(a >= 40 || b >= 40 || a / 2 == b / 2, "{wanted:?}");
        }
        assert!(held.wanted.iter().filter(|wanted| wanted[1] < 40).count() > 30);
    }
}
