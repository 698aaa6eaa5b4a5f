//! What a customer is like: tastes, purse, habits, and when it is over.

use rand::Rng as _;
use rand::seq::index;
use rand_distr::{Beta, Exp, Gamma, LogNormal, Normal};

use super::params::ShopParams;
use super::season::time_of_day;
use super::stream::{Rng, draw, pick, running_sums};
use super::words::LEAVES;
use crate::time::Timestamp;

/// Probability of 1, 2, 3 or 4 favourite leaf categories.
const TASTE_COUNTS: [f64; 4] = [0.15, 0.3, 0.35, 0.2];
/// Lower than this interest does not fall before the customer leaves.
const LEAST_INTEREST: f64 = 0.1;
/// A customer has signed up for at least this many days when leaving.
const LEAST_LIFETIME_DAYS: f64 = 1.0;

/// A customer's character, drawn once.
pub(super) struct Character {
    pub signed_up_at: Timestamp,
    /// When the customer leaves for good, which may be after the log ends.
    pub leaves_at: Timestamp,
    /// Days of losing interest before.
    pub decline_days: f64,
    /// Spells of no interest, from and to, in time order.
    pub pauses: Vec<(Timestamp, Timestamp)>,
    /// Visits a day while interest is full.
    pub visits_per_day: f64,
    /// Probability that an item looked at is wanted.
    pub wants: f64,
    /// Favourite leaf categories with weights that sum to 1.
    pub tastes: Vec<(usize, f64)>,
    /// Preferred price within a leaf category, as [`super::assortment::Good::price_level`].
    pub price_level: f64,
    /// Factor on the intervals at which things are used up.
    pub rhythm_factor: f64,
}

impl Character {
    /// Draws a character.
    pub(super) fn new(params: &ShopParams, rng: &mut Rng) -> Self {
        let raw = params.raw();
        // The first customers come as the shop opens: more of them early than late.
        let day = (f64::from(raw.days) * rng.gen_range(0.0_f64..1.0).powf(1.3)).floor();
        let signed_up_at = raw.start.plus_days(day + time_of_day(rng));
        let activity = draw(rng, Gamma::new(raw.activity_shape, 1.0 / raw.activity_shape));
        // The hazard of leaving differs between customers, and the busy ones stay longer.
        let hazard = draw(rng, Gamma::new(2.0, 0.5)).max(0.02) / raw.lifetime_days
            * activity.clamp(0.1, 10.0).powf(-0.3);
        let lifetime_days = LEAST_LIFETIME_DAYS + draw(rng, Exp::new(hazard));
        Self {
            signed_up_at,
            leaves_at: signed_up_at.plus_days(lifetime_days),
            decline_days: raw.decline_days * rng.gen_range(0.5..1.5),
            pauses: pauses(signed_up_at, params, rng),
            visits_per_day: activity * raw.visits_per_month / 30.0,
            wants: draw(rng, Beta::new(4.0, 7.0)),
            tastes: tastes(rng),
            price_level: draw(rng, Normal::new(0.0, 0.8)),
            rhythm_factor: draw(rng, LogNormal::new(0.0, 0.2)),
        }
    }

    /// How much of the customer's interest is there at an instant: 1 for most of the time, 0 in a pause, and falling in a
    /// straight line to [`LEAST_INTEREST`] over the days before leaving.
    pub(super) fn interest(&self, at: Timestamp) -> f64 {
        if self.pauses.iter().any(|&(from, to)| from <= at && at < to) {
            return 0.0;
        }
        let left_days = self.leaves_at.days_since(at);
        if left_days >= self.decline_days {
            return 1.0;
        }
        LEAST_INTEREST + (1.0 - LEAST_INTEREST) * (left_days / self.decline_days).max(0.0)
    }
}

fn tastes(rng: &mut Rng) -> Vec<(usize, f64)> {
    let count = pick(rng, &running_sums(TASTE_COUNTS.into_iter())) + 1;
    let weights: Vec<f64> = (0..count).map(|_| draw(rng, Gamma::new(2.0, 1.0))).collect();
    let total: f64 = weights.iter().sum();
    let mut tastes: Vec<(usize, f64)> = index::sample(rng, LEAVES.len(), count)
        .into_iter()
        .zip(weights.iter().map(|weight| weight / total))
        .collect();
    tastes.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    tastes
}

/// Pauses of exponential length, with exponential times between them.
fn pauses(signed_up_at: Timestamp, params: &ShopParams, rng: &mut Rng) -> Vec<(Timestamp, Timestamp)> {
    let raw = params.raw();
    let mut pauses = Vec::new();
    if raw.pauses_per_year > 0.0 {
        let mut at = signed_up_at;
        loop {
            let from = at.plus_days(draw(rng, Exp::new(raw.pauses_per_year / 365.0)));
            if from >= params.end() {
                break;
            }
            at = from.plus_days(draw(rng, Exp::new(1.0 / raw.pause_days)));
            pauses.push((from, at));
        }
    }
    pauses
}
