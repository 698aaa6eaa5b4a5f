//! A small seeded shop and the bundle that a training would make of it; shared with the benches.
//!
//! Customers of taste `t` (customer number modulo 4) buy items of category `cat-t` (item number modulo 4), now and then
//! something else. Every third customer stops coming half way. The last items of the catalogue are never touched by
//! anybody, and every tenth cannot be sold.

use std::collections::BTreeMap;
use std::sync::Mutex;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::bundle::{BundleParts, Registry};
use rapport::catalog::{Catalog, Categories, Item};
use rapport::churn::value::ValueParams;
use rapport::churn::{ChurnModel, ChurnParams, ModelChoice, Profiler, RawChurnParams, Shop};
use rapport::history::{HistoriesBuilder, RawWeighting, Weighting, interaction_matrix};
use rapport::log::{Event, EventKind};
use rapport::progress::Silent;
use rapport::recommend::blend::Fitting;
use rapport::recommend::{RawIalsParams, RawRecommendParams, RecommendParams, Shelves, relations};
use rapport::rules::Placements;
use rapport::time::{Calendar, Timestamp};

/// Number of tastes and of categories.
pub const TASTES: usize = 4;

/// How large a shop.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size {
    pub customers: usize,
    /// Items that are sold.
    pub items: usize,
    /// Items that only the catalogue knows.
    pub cold_items: usize,
    pub events_per_customer: usize,
    pub factors: usize,
}

pub const SMALL: Size = Size {
    customers: 240,
    items: 60,
    cold_items: 4,
    events_per_customer: 20,
    factors: 8,
};

/// The shop of the bundle that is kept for its format.
pub const TINY: Size = Size {
    customers: 60,
    items: 12,
    cold_items: 1,
    events_per_customer: 10,
    factors: 4,
};

/// Days that the log covers.
const LAST_DAY: f64 = 400.0;

/// Whether this customer stops coming half way; the others come all through.
pub fn stops(customer: usize) -> bool {
    customer.is_multiple_of(3)
}

pub fn day_zero() -> Timestamp {
    "2025-01-01".parse().unwrap()
}

pub fn customer_id(n: usize) -> String {
    format!("c{n}")
}

pub fn item_id(n: usize) -> String {
    format!("i{n}")
}

/// Number of customers of the small shop who buy: all but `c0`.
pub const BUYERS: usize = SMALL.customers - 1;

/// The n-th customer of the small shop who buys, round and round.
pub fn buyer(n: usize) -> String {
    customer_id(1 + n % BUYERS)
}

/// The category of an item, and the one that a customer likes, by the id.
pub fn category(id: &str) -> String {
    let number: usize = id[1..].parse().unwrap();
    format!("shop/cat-{}", number % TASTES)
}

/// Publishes the small shop as the model of its n-th day after the log, and gives the version.
pub fn publish(registry: &Registry, n: usize) -> String {
    let created_at = day_zero().plus_days(LAST_DAY + n as f64);
    registry.publish(&parts(SMALL, 1), created_at).unwrap().version
}

/// What a training makes of this shop; each shop is trained once. Customer `c0` only looks and never buys.
pub fn parts(size: Size, seed: u64) -> BundleParts {
    static TRAINED: Mutex<BTreeMap<(Size, u64), BundleParts>> = Mutex::new(BTreeMap::new());
    TRAINED
        .lock()
        .unwrap()
        .entry((size, seed))
        .or_insert_with(|| train(size, seed))
        .clone()
}

fn train(size: Size, seed: u64) -> BundleParts {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut builder = HistoriesBuilder::default();
    for customer in 0..size.customers {
        for event in 0..size.events_per_customer {
            let own_taste = random.gen_bool(0.9);
            let taste = if own_taste {
                customer % TASTES
            } else {
                random.gen_range(0..TASTES)
            };
            let item = taste + TASTES * random.gen_range(0..size.items / TASTES);
            let kind = match random.gen_range(0..10) {
                _ if customer == 0 => EventKind::View,
                0..=3 => EventKind::View,
                4..=5 => EventKind::Cart,
                _ => EventKind::Purchase,
            };
            let share = (event as f64 + random.gen_range(0.0..1.0)) / size.events_per_customer as f64;
            let last_day = if stops(customer) { LAST_DAY / 2.0 } else { LAST_DAY };
            let (customer_id, item_id, order_id) = (
                customer_id(customer),
                item_id(item),
                format!("o{customer}-{event}"),
            );
            builder
                .push(&Event {
                    event_id: None,
                    customer_id: &customer_id,
                    item_id: &item_id,
                    kind,
                    occurred_at: day_zero().plus_days(share * last_day),
                    quantity: 1.0,
                    unit_price: Some(item as f32),
                    order_id: (kind == EventKind::Purchase).then_some(order_id.as_str()),
                    session_id: None,
                })
                .unwrap();
        }
    }
    for n in 0..size.items + size.cold_items {
        builder.add_item(&item_id(n)).unwrap();
    }
    let histories = builder.finish();
    let number = |id: &str| id[1..].parse::<usize>().unwrap();
    let items = histories.items().names().map(number).map(|n| Item {
        title: Some(format!("Item {n}")),
        category: Some(category(&item_id(n))),
        price: (n % 7 != 6).then_some(n as f64),
        cost: None,
        available: n % 10 != 9,
        launched_at: Some(day_zero()),
    });
    let catalog = Catalog::new(items.collect());
    let weighting = Weighting::try_from(RawWeighting::default()).unwrap();
    let recommend = RecommendParams::try_from(RawRecommendParams {
        ials: RawIalsParams {
            factors: size.factors,
            epochs: 6,
            ..RawIalsParams::default()
        },
        ..RawRecommendParams::default()
    })
    .unwrap();
    let (_, last) = histories.period().unwrap();
    let data_through = Timestamp::from_micros(last.as_micros() + 1).unwrap();
    let matrix = interaction_matrix(&histories, &weighting, data_through);
    let calendar = Calendar::new("Europe/London").unwrap();
    let churn_params = ChurnParams::try_from(RawChurnParams {
        model: ModelChoice::Logistic,
        horizon_days: 60,
        min_purchasers: 20,
        min_outcomes: 10,
        ..RawChurnParams::default()
    })
    .unwrap();
    let categories = Categories::of(&catalog);
    let shop = Shop {
        calendar: &calendar,
        categories: &categories,
    };
    let (churn, _) = ChurnModel::fit(&histories, shop, &churn_params, data_through, &Silent).unwrap();
    let (profiler, _) = Profiler::fit(
        &histories,
        &calendar,
        &churn_params,
        &ValueParams::default(),
        data_through,
    )
    .unwrap();
    let fitting = Fitting {
        params: &recommend,
        seed,
        progress: &Silent,
    };
    let blend = fitting
        .blend_for_log(&histories, &weighting, &matrix, data_through)
        .unwrap();
    let related = relations::Shop {
        histories: &histories,
        catalog: &catalog,
        calendar: &calendar,
        now: data_through,
    };
    let (shelves, _) = Shelves::fit(related, &weighting, &recommend, &Silent);
    BundleParts {
        blend,
        shelves: Some(shelves),
        trending: None,
        placements: Placements::default(),
        recommend,
        churn: Ok(churn),
        profiler: Some(profiler),
        calendar,
        histories,
        catalog,
        weighting,
        seed,
        recipe: serde_json::json!({"name": "a small shop"}),
        metrics: serde_json::json!({"recommend": {"ials": {"ndcg": {"value": 0.5, "low": 0.4, "high": 0.6}}}}),
        data_fingerprint: format!("seed-{seed}"),
        data_through,
    }
}
