//! A shop with known truth: an interaction log whose customers' tastes, habits and departures are known, because they
//! were drawn first and the log second.
//!
//! Enters: [`ShopParams`] with a seed. Leaves: [`Shop`], the events in time order, the catalogue, and the [`Truth`] that
//! made them; [`write()`] puts the three into Parquet files.
//!
//! The one decision: a test or a demonstration of a model needs an answer key. So every regularity that the models
//! look for is planted on purpose and kept: a taste is a mixture over leaf categories with a price level, a complement
//! has a stated probability, substitutes are looked at side by side and bought one at a time, what is used up is bought
//! again at its interval, a customer's interest falls before the customer leaves, and some only pause.
//!
//! Deliberately not here: what a real log is like. There are no bots, no broken rows and no returns without a sale;
//! reading those is the log's business and its tests'.
//!
//! # Determinism
//! The same parameters give the same shop for any number of threads: each customer draws from a stream of their own,
//! and events are sorted by time, then customer, then the order in which they were made.

mod assortment;
mod customer;
mod events;
mod life;
mod params;
mod season;
mod stream;
#[cfg(test)]
mod tests;
mod truth;
mod visit;
mod words;
mod write;

pub use events::Events;
pub use params::{RawShopParams, ShopParams, ShopParamsError};
pub use truth::{Complement, Substitute, Taste, Truth};
pub use write::{Written, write};

use rand::Rng as _;
use rayon::prelude::*;

use crate::catalog::Catalog;
use crate::history::{Histories, HistoriesBuilder};
use crate::log::Event;
use crate::progress::Progress;
use assortment::Assortment;
use customer::Character;
use season::time_of_day;
use stream::{Stream, stream};
use visit::{Record, Visit};

/// Customers that one task simulates: enough to be worth a task, few enough to keep all threads busy to the end.
const CHUNK: u32 = 256;

/// A simulated shop.
///
/// Customers and items go by their number here: `customer_ids()[c]` and `item_ids()[i]` are their names, and the
/// [`Truth`] is indexed by the same numbers. The customers of the truth come first; whoever follows is a one-off visitor.
#[derive(Clone, Debug)]
pub struct Shop {
    /// What the log was made from.
    pub truth: Truth,
    params: ShopParams,
    customer_ids: Vec<String>,
    item_ids: Vec<String>,
    catalog: Catalog,
    events: Events,
}

/// Simulates a shop.
#[must_use]
pub fn simulate(params: &ShopParams, progress: &dyn Progress) -> Shop {
    let assortment = Assortment::new(params);
    let customers = params.raw().customers;
    let people = customers + params.visitors();
    progress.begin("Simulating customers", u64::from(people));
    let chunks: Vec<(Vec<Character>, Vec<Record>)> = (0..people.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(people);
            let done = u64::from(range.end - range.start);
            let (mut characters, mut records) = (Vec::new(), Vec::new());
            for person in range {
                let mut rng = stream(params.raw().seed, Stream::Customer(person));
                let character = Character::new(params, &mut rng);
                if person < customers {
                    records.extend(life::live(person, &character, &assortment, params, rng));
                    characters.push(character);
                } else {
                    let mut visit = Visit::new(person, &assortment, params, rng, params.end());
                    let days = f64::from(params.raw().days);
                    let day = visit.rng.gen_range(0.0..days).floor();
                    let start = params.raw().start.plus_days(day + time_of_day(&mut visit.rng));
                    visit.pass_by(start, &character);
                    records.extend(visit.finish());
                }
            }
            progress.advance(done);
            (characters, records)
        })
        .collect();
    progress.end();

    let mut characters = Vec::with_capacity(customers as usize);
    let mut records = Vec::with_capacity(chunks.iter().map(|(_, records)| records.len()).sum());
    for (of_chunk, mut made) in chunks {
        characters.extend(of_chunk);
        records.append(&mut made);
    }
    Shop {
        truth: Truth::new(&characters, &assortment, params),
        params: params.clone(),
        customer_ids: (0..people)
            .map(|person| match person.checked_sub(customers) {
                None => format!("c{:06}", person + 1),
                Some(visitor) => format!("v{:06}", visitor + 1),
            })
            .collect(),
        item_ids: (1..=assortment.goods.len())
            .map(|item| format!("i{item:05}"))
            .collect(),
        catalog: Catalog::new(assortment.goods.iter().map(|good| good.item.clone()).collect()),
        events: Events::in_time_order(records, people),
    }
}

impl Shop {
    /// The parameters of this shop.
    #[must_use]
    pub fn params(&self) -> &ShopParams {
        &self.params
    }

    /// Names of the customers, then of the one-off visitors.
    #[must_use]
    pub fn customer_ids(&self) -> &[String] {
        &self.customer_ids
    }

    /// Names of the items.
    #[must_use]
    pub fn item_ids(&self) -> &[String] {
        &self.item_ids
    }

    /// What is known of the items, by their number.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The log in time order.
    #[must_use]
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Price of one piece in an event; a view has none.
    #[must_use]
    pub fn unit_price(&self, event: usize) -> Option<f64> {
        match self.events.kinds[event] {
            crate::log::EventKind::View => None,
            _ => self.catalog.items()[self.events.items[event] as usize].price,
        }
    }

    /// Hands every event to `sink` in time order, as a log would.
    ///
    /// # Errors
    /// The first error of `sink`.
    pub fn feed<E>(&self, mut sink: impl FnMut(&Event<'_>) -> Result<(), E>) -> Result<(), E> {
        for at in 0..self.events.len() {
            let order = self.events.orders[at].map(events::order_id);
            let session = self.events.sessions[at].map(events::session_id);
            sink(&Event {
                event_id: Some(&events::event_id(at)),
                customer_id: &self.customer_ids[self.events.customers[at] as usize],
                item_id: &self.item_ids[self.events.items[at] as usize],
                kind: self.events.kinds[at],
                occurred_at: self.events.times[at],
                quantity: self.events.quantities[at],
                // A log's prices are single precision, as the histories keep them.
                unit_price: self.unit_price(at).map(|price| price as f32),
                order_id: order.as_deref(),
                session_id: session.as_deref(),
            })?;
        }
        Ok(())
    }

    /// The histories of everybody. Item rows are the numbers of this shop's items, so that [`Self::catalog`] and the
    /// truth fit them; customers are found by name.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the shop's own names are short and printable")]
    pub fn histories(&self) -> Histories {
        let mut builder = HistoriesBuilder::default();
        for item_id in &self.item_ids {
            builder.add_item(item_id).expect("the name of an item is an id");
        }
        self.feed(|event| builder.push(event).map(drop))
            .expect("the names of an event are ids");
        builder.finish()
    }
}
