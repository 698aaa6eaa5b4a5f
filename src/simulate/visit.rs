//! One visit: looking, comparing, filling the cart, paying, and sometimes sending back.

use rand::Rng as _;
use rand_distr::{Exp, Poisson};

use super::assortment::Assortment;
use super::customer::Character;
use super::params::ShopParams;
use super::stream::{Rng, draw, pick, running_sums};
use super::words::LEAVES;
use crate::log::EventKind;
use crate::time::{MICROS_PER_DAY, Timestamp};

/// An event before it has a name: numbers only.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Record {
    pub at: Timestamp,
    pub customer: u32,
    pub item: u32,
    /// The customer's how-manieth visit; none for a return, which comes by post.
    pub session: Option<u32>,
    /// The customer's how-manieth order.
    pub order: Option<u32>,
    pub kind: EventKind,
    pub quantity: u8,
}

/// Why somebody comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Purpose {
    /// The first visit: whoever signs up wants something.
    SignUp,
    /// Looking around.
    Browse,
    /// This item is used up.
    Repeat(u32),
}

/// Mean of the interests beyond the first that a visit has.
const MORE_INTERESTS: f64 = 0.6;
/// Probability that the next interest stays in the leaf category.
const STAYS: f64 = 0.5;
/// Probability that a full cart is left behind.
const ABANDONS: f64 = 0.2;
/// Tolerance of the preferred price, in standard deviations of the leaf category's log prices.
const PRICE_TOLERANCE: f64 = 0.8;
/// Days until a return, from and to.
const RETURN_DAYS: (f64, f64) = (3.0, 25.0);
/// Tries to find an item that is on sale already.
const TRIES: usize = 8;

/// The visits of one customer, and what they leave in the log.
pub(super) struct Visit<'a> {
    pub rng: Rng,
    customer: u32,
    assortment: &'a Assortment,
    params: &'a ShopParams,
    limit: Timestamp,
    records: Vec<Record>,
    sessions: u32,
    orders: u32,
    /// Instant of the visit's last event, in microseconds.
    clock: i64,
    cart: Vec<u32>,
    /// By leaf category, once it was looked at: running sums of how much the customer wants each item.
    wanted: Vec<Option<Vec<f64>>>,
}

impl<'a> Visit<'a> {
    /// Nobody has come yet; nothing at or after `limit` will be logged.
    pub(super) fn new(
        customer: u32,
        assortment: &'a Assortment,
        params: &'a ShopParams,
        rng: Rng,
        limit: Timestamp,
    ) -> Self {
        Self {
            rng,
            customer,
            assortment,
            params,
            limit,
            records: Vec::new(),
            sessions: 0,
            orders: 0,
            clock: 0,
            cart: Vec::new(),
            wanted: vec![None; LEAVES.len()],
        }
    }

    /// What was logged.
    pub(super) fn finish(self) -> Vec<Record> {
        self.records
    }

    /// One visit from `start` on. Returns what was bought and when. Items in `held` are still in the cupboard and are
    /// bought only on purpose.
    pub(super) fn shop(
        &mut self,
        start: Timestamp,
        purpose: Purpose,
        character: &Character,
        held: &[u32],
    ) -> Vec<(u32, Timestamp)> {
        self.begin(start);
        let mut interests = 1 + draw(&mut self.rng, Poisson::new(MORE_INTERESTS)) as usize;
        let mut wants = character.wants * character.interest(start);
        match purpose {
            Purpose::SignUp => wants = 0.8,
            Purpose::Browse => {}
            Purpose::Repeat(item) => {
                self.log(item, EventKind::View);
                self.put(item);
                interests = usize::from(self.rng.gen_bool(0.3));
            }
        }
        let mut leaf = None;
        for _ in 0..interests {
            let now = match leaf {
                Some(leaf) if self.rng.gen_bool(STAYS) => leaf,
                _ => self.choose_leaf(character),
            };
            leaf = Some(now);
            let chosen = self.compare(now, character);
            if self.rng.gen_bool(wants) && !held.contains(&chosen) {
                self.put(chosen);
            }
        }
        let pays = match purpose {
            Purpose::Browse => !self.rng.gen_bool(ABANDONS),
            Purpose::SignUp | Purpose::Repeat(_) => true,
        };
        if pays { self.pay() } else { Vec::new() }
    }

    /// The only visit of somebody who never signs up: a few looks at what is popular, seldom a cart.
    pub(super) fn pass_by(&mut self, start: Timestamp, passer: &Character) {
        self.begin(start);
        for _ in 0..self.rng.gen_range(1..=4) {
            let leaf = pick(&mut self.rng, &self.assortment.leaf_popularity);
            let item = self.want(leaf, passer);
            self.log(item, EventKind::View);
            if self.rng.gen_bool(0.05) {
                self.log(item, EventKind::Cart);
            }
        }
    }

    fn begin(&mut self, start: Timestamp) {
        self.clock = start.as_micros();
        self.cart.clear();
        self.sessions += 1;
    }

    /// Logs an event a little after the last one.
    fn log(&mut self, item: u32, kind: EventKind) {
        let seconds = draw(&mut self.rng, Exp::new(1.0 / 40.0)).min(900.0);
        self.clock += (seconds * 1e6) as i64 + 1_000_000;
        self.record(item, kind, 1, None);
    }

    fn record(&mut self, item: u32, kind: EventKind, quantity: u8, order: Option<u32>) {
        if let Some(at) = Timestamp::from_micros(self.clock).filter(|&at| at < self.limit) {
            self.records.push(Record {
                at,
                customer: self.customer,
                item,
                session: Some(self.sessions - 1),
                order,
                kind,
                quantity,
            });
        }
    }

    fn choose_leaf(&mut self, character: &Character) -> usize {
        if self.rng.gen_bool(self.params.raw().exploration) {
            return pick(&mut self.rng, &self.assortment.leaf_popularity);
        }
        let sums = running_sums(character.tastes.iter().map(|&(_, weight)| weight));
        character.tastes[pick(&mut self.rng, &sums)].0
    }

    /// An item of the leaf category that the customer likes and that is on sale by now.
    fn want(&mut self, leaf: usize, character: &Character) -> u32 {
        let assortment = self.assortment;
        let sums = self.wanted[leaf].get_or_insert_with(|| {
            running_sums(assortment.in_leaf(leaf).iter().map(|good| {
                let distance = (good.price_level - character.price_level) / PRICE_TOLERANCE;
                // Far from the preferred price an item is unlikely, never impossible.
                good.popularity * ((-0.5 * distance * distance).exp() + 1e-3)
            }))
        });
        let first = assortment.leaves[leaf].0;
        for _ in 0..TRIES {
            let item = first + pick(&mut self.rng, sums) as u32;
            if is_on_sale(assortment, item, self.clock) {
                return item;
            }
        }
        // What is wanted is all still to come; the oldest item of a leaf category is on sale from the first day.
        let oldest = (first..assortment.leaves[leaf].1)
            .min_by_key(|&item| assortment.goods[item as usize].item.launched_at);
        oldest.unwrap_or(first)
    }

    /// Looks at an item and at some of its substitutes, and says which it would be.
    fn compare(&mut self, leaf: usize, character: &Character) -> u32 {
        let assortment = self.assortment;
        let item = self.want(leaf, character);
        self.log(item, EventKind::View);
        let mut seen = vec![item];
        let (from, to) = assortment.goods[item as usize].series;
        for other in (from..to).filter(|&other| other != item) {
            if is_on_sale(assortment, other, self.clock)
                && self.rng.gen_bool(self.params.raw().co_view_probability)
            {
                self.log(other, EventKind::View);
                seen.push(other);
            }
        }
        let sums = running_sums(seen.iter().map(|&item| {
            let distance = assortment.goods[item as usize].price_level - character.price_level;
            (-distance.abs()).exp()
        }));
        seen[pick(&mut self.rng, &sums)]
    }

    /// Puts an item into the cart unless it or a substitute is there, and perhaps what goes with it.
    fn put(&mut self, item: u32) {
        let assortment = self.assortment;
        if !self.add(item) {
            return;
        }
        for &(other, probability) in &assortment.goods[item as usize].complements {
            if is_on_sale(assortment, other, self.clock) && self.rng.gen_bool(probability) {
                self.log(other, EventKind::View);
                self.add(other);
            }
        }
    }

    fn add(&mut self, item: u32) -> bool {
        let (from, to) = self.assortment.goods[item as usize].series;
        if self.cart.iter().any(|other| (from..to).contains(other)) {
            return false;
        }
        self.log(item, EventKind::Cart);
        self.cart.push(item);
        true
    }

    /// Buys the cart: all lines at one instant under one order.
    fn pay(&mut self) -> Vec<(u32, Timestamp)> {
        let cart = std::mem::take(&mut self.cart);
        self.clock += 30_000_000;
        let at = Timestamp::from_micros(self.clock).filter(|&at| at < self.limit);
        let Some(at) = at.filter(|_| !cart.is_empty()) else {
            return Vec::new();
        };
        let order = Some(self.orders);
        self.orders += 1;
        for &item in &cart {
            let used_up = self.assortment.goods[item as usize].rhythm_days.is_some();
            let quantity = self.rng.gen_range(1..=if used_up { 3 } else { 1 });
            self.record(item, EventKind::Purchase, quantity, order);
            self.send_back(item, quantity, order);
        }
        cart.into_iter().map(|item| (item, at)).collect()
    }

    fn send_back(&mut self, item: u32, quantity: u8, order: Option<u32>) {
        let leaf = self.assortment.goods[item as usize].leaf;
        if !self.rng.gen_bool(LEAVES[leaf].return_rate) {
            return;
        }
        let days = self.rng.gen_range(RETURN_DAYS.0..RETURN_DAYS.1);
        let micros = self.clock + (days * MICROS_PER_DAY as f64) as i64;
        if let Some(at) = Timestamp::from_micros(micros).filter(|&at| at < self.limit) {
            self.records.push(Record {
                at,
                customer: self.customer,
                item,
                session: None,
                order,
                kind: EventKind::Return,
                quantity,
            });
        }
    }
}

fn is_on_sale(assortment: &Assortment, item: u32, clock: i64) -> bool {
    let launched_at = assortment.goods[item as usize].item.launched_at;
    launched_at.is_none_or(|launched_at| launched_at.as_micros() <= clock)
}
