//! Which customers teach: of a large shop a fixed sample is enough.
//!
//! Enters: how many customers and training cut-offs there are. Leaves: a [`Pupils`] that says of each customer whether
//! her rows are learned from.
//!
//! The one decision: customers are drawn, not rows, so that one customer's cut-offs stay together, and by a hash of
//! the customer's row, so that the sample neither depends on an order of work nor follows the order in which customers
//! came to the shop. The standard error of a standardised coefficient is about `1 / sqrt(rows · p (1 − p))`, 0.004 at
//! 300 000 independent rows; more rows tell little more, and the solver's time and memory grow with them.

use crate::id::{CustomerIdx, Row};

/// Rows to learn from, of all cut-offs together. Beyond it the coefficients hardly move and the fit only gets slower.
pub(crate) const MAX_ROWS: usize = 300_000;

/// A sample of the customers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Pupils {
    /// Hashes up to this are taken.
    up_to: u64,
}

impl Pupils {
    /// Everybody.
    pub(crate) const ALL: Self = Self { up_to: u64::MAX };

    /// The sample that keeps at most about `max_rows` rows of `customers` customers at each of `cut_offs`; everybody
    /// where that many rows cannot be exceeded.
    ///
    /// The number of rows is right in expectation: it has a relative standard deviation below
    /// `1 / sqrt(max_rows / cut_offs)`.
    pub(crate) fn of(customers: usize, cut_offs: usize, max_rows: usize) -> Self {
        let rows = customers as u128 * cut_offs as u128;
        let share = (u128::from(u64::MAX) * max_rows as u128).checked_div(rows);
        Self {
            up_to: share.map_or(u64::MAX, |share| u64::try_from(share).unwrap_or(u64::MAX)),
        }
    }

    /// Whether a customer's rows are learned from.
    pub(crate) fn contains(self, customer: CustomerIdx) -> bool {
        mixed(u64::from(customer.as_u32())) <= self.up_to
    }
}

/// SplitMix64: every bit of the number decides over every bit of the hash, and the hash is the same everywhere.
///
/// # Source
/// Steele, Lea and Flood, *Fast Splittable Pseudorandom Number Generators* (2014), figure 17.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pupils: Pupils, customers: std::ops::Range<u32>) -> usize {
        customers
            .filter(|&at| pupils.contains(CustomerIdx::from_u32(at)))
            .count()
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // The first numbers of SplitMix64 seeded with 0.
        assert_eq!(mixed(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mixed(1), 0x6e78_9e6a_a1b9_65f4);
    }

    #[test]
    fn everybody_teaches_where_rows_are_few() {
        for (customers, cut_offs) in [(0, 12), (5, 0), (25_000, 12), (1, 1)] {
            let pupils = Pupils::of(customers, cut_offs, MAX_ROWS);
            assert_eq!(
                taken(pupils, 0..1000),
                1000,
                "{customers} customers, {cut_offs} cut-offs"
            );
        }
    }

    #[test]
    fn a_large_shop_is_thinned_evenly_to_about_the_most_rows() {
        let pupils = Pupils::of(300_000, 12, MAX_ROWS);
        let all = taken(pupils, 0..300_000);
        // 25 000 customers of twelve rows each; the standard deviation is 151.
        assert!(all.abs_diff(25_000) < 600, "{all}");
        for from in [0, 100_000, 200_000] {
            let part = taken(pupils, from..from + 100_000);
            assert!(part.abs_diff(8_333) < 350, "{part} from {from}");
        }
    }

    #[test]
    fn a_smaller_sample_is_part_of_a_larger_one() {
        let (small, large) = (
            Pupils::of(1_000_000, 12, 100_000),
            Pupils::of(1_000_000, 12, 200_000),
        );
        for at in (0..100_000).map(CustomerIdx::from_u32) {
            assert!(large.contains(at) || !small.contains(at), "{at:?}");
        }
    }
}
