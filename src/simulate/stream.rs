//! Random streams: one for each customer and one for the assortment, all from one seed.
//!
//! Every part of the shop draws from a stream of its own, so that what a customer does depends neither on the order in
//! which threads come to the customers nor on how often another customer drew.

use rand::{RngCore, SeedableRng};
use rand_distr::Distribution;
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};

/// The generator of every stream.
pub(super) type Rng = Xoshiro256PlusPlus;

/// What a stream is for.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    /// The assortment.
    Items,
    /// What a customer is like and does.
    Customer(u32),
}

/// The stream of a seed and a purpose.
pub(super) fn stream(seed: u64, stream: Stream) -> Rng {
    let (domain, index) = match stream {
        Stream::Items => (1, 0),
        Stream::Customer(index) => (2, u64::from(index)),
    };
    // Two rounds of mixing keep the streams of neighbouring seeds and neighbouring customers apart.
    let mixed = SplitMix64::seed_from_u64(seed ^ (domain << 56)).next_u64();
    Rng::seed_from_u64(SplitMix64::seed_from_u64(mixed.wrapping_add(index)).next_u64())
}

/// Draws from a distribution whose parameters the caller has checked.
///
/// # Panics
/// When the parameters were not checked.
#[expect(
    clippy::expect_used,
    reason = "parameters come from the checked ShopParams or are constants"
)]
pub(super) fn draw<D: Distribution<f64>, E: std::fmt::Debug>(
    rng: &mut Rng,
    distribution: Result<D, E>,
) -> f64 {
    distribution
        .expect("the parameters of the distribution are within its range")
        .sample(rng)
}

/// Draws a place with a probability proportional to its weight, from the running sums of the weights.
pub(super) fn pick(rng: &mut Rng, running_sums: &[f64]) -> usize {
    use rand::Rng as _;
    let total = running_sums.last().copied().unwrap_or(0.0);
    let aim = rng.gen_range(0.0..1.0) * total;
    // Rounding can put `aim` on the total itself.
    running_sums
        .partition_point(|&sum| sum <= aim)
        .min(running_sums.len().saturating_sub(1))
}

/// The running sums of weights.
pub(super) fn running_sums(weights: impl Iterator<Item = f64>) -> Vec<f64> {
    weights
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}
