//! What a customer does: visits that come as a Poisson process under the season and the customer's waning interest, and
//! orders that repeat because something is used up.
//!
//! The clock of a life runs from sign-up to the day of leaving or the end of the log, whichever is first; nothing is
//! logged at or after that instant.

use rand::Rng as _;
use rand_distr::{Exp, Gamma};

use super::assortment::Assortment;
use super::customer::Character;
use super::params::ShopParams;
use super::season::{BUSIEST, busyness, time_of_day};
use super::stream::{Rng, draw};
use super::visit::{Purpose, Record, Visit};
use crate::time::Timestamp;

/// Probability that a customer who bought something that is used up goes on buying it.
const ADOPTS: f64 = 0.35;
/// Probability that a habit outlives an order.
const KEEPS_HABIT: f64 = 0.93;
/// A customer keeps at most this many habits at a time.
const MOST_HABITS: usize = 3;
/// Shape of the gamma distribution of an interval around its mean: a coefficient of variation of 0.2.
const INTERVAL_SHAPE: f64 = 25.0;

/// Something that the customer buys again and again.
struct Habit {
    item: u32,
    due: Timestamp,
}

/// Everything that customer number `customer` does, in no particular order.
pub(super) fn live(
    customer: u32,
    character: &Character,
    assortment: &Assortment,
    params: &ShopParams,
    rng: Rng,
) -> Vec<Record> {
    let limit = character.leaves_at.min(params.end());
    let mut visit = Visit::new(customer, assortment, params, rng, limit);
    let mut habits: Vec<Habit> = Vec::new();
    let bought = visit.shop(character.signed_up_at, Purpose::SignUp, character, &[]);
    adopt(&mut habits, &bought, character, assortment, &mut visit.rng);
    let mut next = next_visit(character.signed_up_at, character, limit, &mut visit.rng);
    loop {
        let due = habits.iter().enumerate().min_by_key(|(_, habit)| habit.due);
        let due = due
            .map(|(at, habit)| (at, habit.due))
            .filter(|&(_, due)| due < next);
        let held: Vec<u32> = habits.iter().map(|habit| habit.item).collect();
        let (at, purpose) = match due {
            Some((habit, due)) => {
                let habit = habits.swap_remove(habit);
                if !visit.rng.gen_bool(character.interest(due)) {
                    continue;
                }
                (due, Purpose::Repeat(habit.item))
            }
            None => (next, Purpose::Browse),
        };
        if at >= limit {
            return visit.finish();
        }
        let bought = visit.shop(at, purpose, character, &held);
        match purpose {
            Purpose::Repeat(item) if visit.rng.gen_bool(KEEPS_HABIT) => {
                let due = due_after(item, at, character, assortment, &mut visit.rng);
                habits.extend(due.map(|due| Habit { item, due }));
            }
            Purpose::Repeat(_) => {}
            _ => next = next_visit(at, character, limit, &mut visit.rng),
        }
        adopt(&mut habits, &bought, character, assortment, &mut visit.rng);
    }
}

/// The next visit after `after`, by thinning a Poisson process of the busiest rate; `limit` where there is none before.
fn next_visit(after: Timestamp, character: &Character, limit: Timestamp, rng: &mut Rng) -> Timestamp {
    let rate = character.visits_per_day * BUSIEST;
    let mut at = after;
    loop {
        at = at.plus_days(draw(rng, Exp::new(rate.max(1e-9))));
        if at >= limit {
            return limit;
        }
        if rng.gen_range(0.0..BUSIEST) < busyness(at) * character.interest(at) {
            return at;
        }
    }
}

/// When an item bought at `at` is used up and bought again: within the hours at which people shop.
fn due_after(
    item: u32,
    at: Timestamp,
    character: &Character,
    assortment: &Assortment,
    rng: &mut Rng,
) -> Option<Timestamp> {
    let mean = assortment.goods[item as usize].rhythm_days? * character.rhythm_factor;
    let days = draw(rng, Gamma::new(INTERVAL_SHAPE, mean / INTERVAL_SHAPE));
    let midnight = Timestamp::MIN.plus_days(at.plus_days(days).days_since(Timestamp::MIN).floor());
    // Never within a day of the last purchase, so that moving the hour cannot move it before that.
    Some(midnight.plus_days(time_of_day(rng)).max(at.plus_days(1.0)))
}

fn adopt(
    habits: &mut Vec<Habit>,
    bought: &[(u32, Timestamp)],
    character: &Character,
    assortment: &Assortment,
    rng: &mut Rng,
) {
    for &(item, at) in bought {
        if habits.len() >= MOST_HABITS || habits.iter().any(|habit| habit.item == item) {
            continue;
        }
        if assortment.goods[item as usize].rhythm_days.is_some() && rng.gen_bool(ADOPTS) {
            let due = due_after(item, at, character, assortment, rng);
            habits.extend(due.map(|due| Habit { item, due }));
        }
    }
}
