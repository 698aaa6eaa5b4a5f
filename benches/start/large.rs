//! A large shop's bundle, made without training.
//!
//! Every array has the size and the distribution that a training of such a shop would give it; what stands in it is drawn
//! from a seed. Nothing is learned, which would take an hour: the answers mean nothing, their cost does.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rapport::bundle::BundleParts;
use rapport::catalog::{Catalog, Item};
use rapport::history::{Csr, Histories, RawHistories};
use rapport::id::{IdTable, ItemIdx, Row};
use rapport::recommend::blend::{RawTerm, RawWeights};
use rapport::recommend::buy_again::{BuyAgain, BuyAgainArrays};
use rapport::recommend::relations::{
    Basis, CrossSell, CrossSellArrays, CrossSellCounts, Relations, Similar, SimilarArrays, Sparse, Trending,
    TrendingArrays,
};
use rapport::recommend::sessions::{
    IndexArrays, Session, SessionArrays, SessionIndex, SessionParams, Sessions, Training,
};
use rapport::recommend::{
    Blend, Ials, ItemLinks, LowRank, Popularity, RawIalsParams, RawRecommendParams, RecommendParams, Shelves,
    Weights,
};
use rapport::time::Timestamp;
use rayon::prelude::*;

use crate::shop;

/// How large a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub customers: usize,
    pub items: usize,
    pub events: usize,
}

/// Numbers of an item's factor, and of its direction.
pub const FACTORS: usize = 128;
/// Links of an item to others.
const LINKS: usize = 100;
/// Items of a cart's shelf that go with an item.
const PARTNERS: usize = 50;
/// Leaf categories have about so many items.
const ITEMS_OF_A_LEAF: usize = 200;
/// Days that the log covers.
const DAYS: f64 = 730.0;
const SEED: u64 = 6;
/// Customers whose events are drawn from one seed.
const CUSTOMERS_A_SEED: usize = 10_000;
const MICROS_PER_DAY: f64 = 86_400e6;

pub fn customer_id(n: usize) -> String {
    format!("C{n:08}")
}

pub fn item_id(n: usize) -> String {
    format!("sku-{n:07}")
}

fn random(stream: usize) -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(SEED.wrapping_mul(1_000_003) + stream as u64)
}

/// An item's popularity falls with its row.
fn popular_item(random: &mut impl Rng, n_items: usize) -> u32 {
    (random.gen_range(0.0f64..1.0).powi(3) * n_items as f64) as u32
}

/// What a training of a shop of this size would publish. The churn model and the customers' values are those of a small
/// shop: they do not grow.
pub fn parts(size: Size) -> BundleParts {
    let small = shop::parts(shop::SMALL, 1);
    let recommend = RecommendParams::try_from(RawRecommendParams {
        ials: RawIalsParams {
            factors: FACTORS,
            unobserved_weight: Some(0.1),
            ..RawIalsParams::default()
        },
        ..RawRecommendParams::default()
    })
    .unwrap();
    let histories = histories(size);
    let (_, last) = histories.period().unwrap();
    let small_shelves = small.shelves.as_ref().unwrap();
    let buy_again = small_shelves.buy_again.as_ref().ok().map(|model| {
        let (arrays, facts) = model.stored();
        let times = size.items.div_ceil(arrays.intervals.len());
        let mut numbers = arrays.numbers.repeat(times);
        numbers.truncate(arrays.numbers.len() / arrays.intervals.len() * size.items);
        let mut intervals = arrays.intervals.repeat(times);
        intervals.truncate(size.items);
        BuyAgain::from_stored(&BuyAgainArrays { numbers, intervals }, &facts, &small.calendar).unwrap()
    });
    BundleParts {
        blend: blend(size.items, &recommend),
        shelves: Some(Shelves {
            relations: relations(size.items),
            up_sell: small_shelves.up_sell.clone(),
            trending: trending(size.items),
            buy_again: buy_again.ok_or_else(|| "the small shop has none".to_owned()),
            sessions: Some(sessions(size, &recommend.sessions)),
        }),
        catalog: catalog(size.items),
        data_through: Timestamp::from_micros(last.as_micros() + 1).unwrap(),
        histories,
        recommend,
        recipe: serde_json::json!({"name": "a large shop, not trained"}),
        metrics: serde_json::json!({}),
        data_fingerprint: format!("seed-{SEED}"),
        ..small
    }
}

/// The columns of one seed's customers.
#[derive(Default)]
struct Drawn {
    item_rows: Vec<u32>,
    kinds: Vec<u8>,
    times: Vec<i64>,
    quantities: Vec<f32>,
    unit_prices: Vec<f32>,
    /// By event: the order's and the visit's number within this seed, from 1; 0 for none.
    orders: Vec<u32>,
    sessions: Vec<u32>,
}

fn histories(size: Size) -> Histories {
    let mut customers = IdTable::default();
    for n in 0..size.customers {
        customers.intern(&customer_id(n)).unwrap();
    }
    let mut items = IdTable::default();
    for n in 0..size.items {
        items.intern(&item_id(n)).unwrap();
    }
    // Lengths of histories are about exponential: many short ones, some that are very long.
    let mut lengths = random(0);
    let mut ends: Vec<f64> = Vec::with_capacity(size.customers + 1);
    let mut end = 0.0;
    ends.push(end);
    for _ in 0..size.customers {
        end += 0.1 - lengths.gen_range(f64::EPSILON..1.0).ln();
        ends.push(end);
    }
    let offsets: Vec<u64> = ends
        .iter()
        .map(|&at| (at / end * size.events as f64).round() as u64)
        .collect();
    let drawn: Vec<Drawn> = (0..size.customers.div_ceil(CUSTOMERS_A_SEED))
        .into_par_iter()
        .map(|seed| {
            let first = seed * CUSTOMERS_A_SEED;
            let last = (first + CUSTOMERS_A_SEED).min(size.customers);
            draw(seed, &offsets[first..=last], size.items)
        })
        .collect();
    let n = size.events;
    let mut all = Drawn {
        item_rows: Vec::with_capacity(n),
        kinds: Vec::with_capacity(n),
        times: Vec::with_capacity(n),
        quantities: Vec::with_capacity(n),
        unit_prices: Vec::with_capacity(n),
        orders: Vec::with_capacity(n),
        sessions: Vec::with_capacity(n),
    };
    let (mut order, mut session) = (0, 0);
    for drawn in drawn {
        number(&drawn.orders, &mut order, &mut all.orders);
        number(&drawn.sessions, &mut session, &mut all.sessions);
        all.item_rows.extend(drawn.item_rows);
        all.kinds.extend(drawn.kinds);
        all.times.extend(drawn.times);
        all.quantities.extend(drawn.quantities);
        all.unit_prices.extend(drawn.unit_prices);
    }
    let raw = RawHistories {
        customers,
        items,
        offsets: offsets.into(),
        item_rows: all.item_rows.into(),
        kinds: all.kinds.into(),
        times: all.times.into(),
        quantities: all.quantities.into(),
        unit_prices: all.unit_prices.into(),
        orders: all.orders.into(),
        sessions: all.sessions.into(),
    };
    Histories::try_from(raw).unwrap()
}

/// Numbers from 1 within a seed as rows of the whole log; none stays none.
fn number(column: &[u32], before: &mut u32, into: &mut Vec<u32>) {
    let most = column.iter().copied().max().unwrap_or(0);
    into.extend(column.iter().map(|&n| match n {
        0 => u32::MAX,
        n => *before + n - 1,
    }));
    *before += most;
}

/// Visits of about five events, each with one order at most: six in ten are views, one in twenty is a return.
fn draw(seed: usize, offsets: &[u64], n_items: usize) -> Drawn {
    let mut random = random(1 + seed);
    let mut drawn = Drawn::default();
    let start = shop::day_zero().as_micros();
    let mut times: Vec<i64> = Vec::new();
    let (mut order, mut session) = (0, 0);
    for bounds in offsets.windows(2) {
        times.clear();
        let length = (bounds[1] - bounds[0]) as usize;
        while times.len() < length {
            let visit = start + (random.gen_range(0.0..DAYS) * MICROS_PER_DAY) as i64;
            let events = random.gen_range(1..=9).min(length - times.len());
            times.extend((0..events).map(|event| visit + event as i64 * 60_000_000));
        }
        times.sort_unstable();
        let mut last = i64::MIN;
        for &time in &times {
            let is_new_visit = time.saturating_sub(last) > 60_000_000;
            last = time;
            if is_new_visit {
                session += 1;
                order += 1;
            }
            let item = popular_item(&mut random, n_items);
            let kind = match random.gen_range(0..20) {
                0..=11 => 0,
                12..=14 => 1,
                15..=18 => 2,
                _ => 3,
            };
            drawn.item_rows.push(item);
            drawn.kinds.push(kind);
            drawn.times.push(time);
            drawn.quantities.push(random.gen_range(1..=3) as f32);
            drawn.unit_prices.push(if kind == 0 {
                f32::NAN
            } else {
                5.0 + (item % 100) as f32
            });
            drawn.orders.push(if kind == 2 { order } else { 0 });
            drawn.sessions.push(session);
        }
    }
    drawn
}

/// Words, categories and prices; one item in a hundred was launched in the last days of the log.
fn catalog(n_items: usize) -> Catalog {
    let mut random = random(usize::MAX / 2);
    let word = |n: usize| format!("word{n}");
    let items = (0..n_items).map(|n| {
        let leaf = n % n_items.div_ceil(ITEMS_OF_A_LEAF);
        let launched = match n % 100 {
            0 => DAYS - random.gen_range(0.0..20.0),
            _ => -random.gen_range(0.0..1000.0),
        };
        Item {
            title: Some(format!(
                "{} {} {} {n}",
                word(leaf),
                word(random.gen_range(0..5_000)),
                word(random.gen_range(0..20_000))
            )),
            category: Some(format!("shop/{}/{leaf}", leaf % 20)),
            price: Some(5.0 + (n % 100) as f64),
            cost: Some(3.0 + (n % 50) as f64),
            available: n % 20 != 19,
            launched_at: Some(shop::day_zero().plus_days(launched)),
        }
    });
    Catalog::new(items.collect())
}

/// Rows of about `width` entries each; partners are popular items and neighbours by row.
fn links(stream: usize, n_rows: usize, n_items: usize, width: usize) -> Csr {
    let rows: Vec<Vec<(ItemIdx, f32)>> = (0..n_rows)
        .into_par_iter()
        .map(|row| {
            let mut random = random(stream + row);
            let mut columns: Vec<u32> = (0..width).map(|_| popular_item(&mut random, n_items)).collect();
            columns.sort_unstable();
            columns.dedup();
            columns
                .into_iter()
                .filter(|&column| column as usize != row)
                .map(|column| (ItemIdx::from_u32(column), random.gen_range(0.01f32..1.0)))
                .collect()
        })
        .collect();
    Csr::from_rows(&rows, n_items)
}

fn sparse(links: &Csr) -> Sparse {
    Sparse {
        offsets: links.offsets().iter().map(|&offset| offset as u64).collect(),
        columns: links.columns().to_vec().into(),
        values: links.values().to_vec().into(),
    }
}

/// Rows of normal numbers: as long as factors are.
fn dense(stream: usize, n_items: usize) -> ndarray::Array2<f32> {
    let rows: Vec<f32> = (0..n_items)
        .into_par_iter()
        .flat_map_iter(|row| {
            let mut random = random(stream + row);
            let length = (1.0 + row as f32).powf(-0.2);
            (0..FACTORS).map(move |_| {
                let sum: f32 = (0..4).map(|_| random.gen_range(-0.5f32..0.5)).sum();
                sum * length
            })
        })
        .collect();
    ndarray::Array2::from_shape_vec((n_items, FACTORS), rows).unwrap()
}

fn falling(n_items: usize) -> Vec<f32> {
    (0..n_items)
        .map(|row| 1e4 / (1.0 + row as f32).powf(0.7))
        .collect()
}

fn blend(n_items: usize, recommend: &RecommendParams) -> Blend {
    let term = |weight: f64| RawTerm {
        weight,
        length_exponent: 0.0,
    };
    let weights = RawWeights {
        usual_length: 10.0,
        ridge_share: 0.5,
        links: term(1.0),
        low_pass: term(0.5),
        ials: term(1.0),
        popularity: term(0.1),
    };
    let input = falling(n_items)
        .iter()
        .map(|wanted| 1.0 / wanted.sqrt())
        .collect();
    Blend::of_merged(
        Some(ItemLinks::new("links", links(1 << 40, n_items, n_items, LINKS))),
        Some(LowRank::new("low-pass", dense(2 << 40, n_items), input, vec![1.0; FACTORS]).unwrap()),
        Ials::from_factors(recommend.ials.clone(), dense(3 << 40, n_items)).unwrap(),
        Popularity::from_scores(falling(n_items)).unwrap(),
        Weights::try_from(weights).unwrap(),
    )
}

fn relations(n_items: usize) -> Relations {
    let n_leaves = n_items.div_ceil(ITEMS_OF_A_LEAF);
    let partners = links(4 << 40, n_items, n_items, PARTNERS);
    let likeness = links(5 << 40, n_items, n_items, PARTNERS);
    let n_alike = likeness.n_entries();
    Relations {
        cross_sell: CrossSell::from_arrays(CrossSellArrays {
            counts: vec![3; partners.n_entries()].into(),
            partners: sparse(&partners),
            substitutes: sparse(&links(6 << 40, n_items, n_items, PARTNERS / 5)),
            basket_counts: vec![50; n_items],
            backing: vec![0.5; n_items],
            everybody: falling(n_items),
            leaves: (0..n_items).map(|item| (item % n_leaves) as u32).collect(),
            category_partners: sparse(&links(7 << 40, n_leaves, n_items, PARTNERS)),
            category_backing: vec![0.5; n_leaves],
            counted: CrossSellCounts {
                n_baskets: 10 * n_items as u64,
            },
        })
        .unwrap(),
        similar: Similar::from_arrays(SimilarArrays {
            likeness: sparse(&likeness),
            visits: vec![2; n_alike].into(),
            customers: vec![3; n_alike].into(),
            basis: Basis::Views,
        })
        .unwrap(),
    }
}

fn trending(n_items: usize) -> Trending {
    let recent = falling(n_items);
    Trending::from_arrays(TrendingArrays {
        scores: (0..n_items)
            .map(|item| if item % 50 == 0 { 2.0 } else { 0.0 })
            .collect(),
        factors: vec![1.5; n_items],
        expected: recent.iter().map(|recent| recent / 1.5).collect(),
        recent,
    })
    .unwrap()
}

/// One visit in ten events, of two to seven items.
fn sessions(size: Size, params: &SessionParams) -> Sessions {
    let mut random = random(8 << 40);
    let visits = (0..size.events / 10)
        .map(|end| Session {
            items: (0..random.gen_range(2..=7))
                .map(|_| ItemIdx::from_u32(popular_item(&mut random, size.items)))
                .collect(),
            end: end as i64,
        })
        .collect();
    let training = Training::new(visits, size.items, params);
    let index: IndexArrays = SessionIndex::fit(&training, params.raw().knn.recent_sessions)
        .arrays()
        .clone();
    let links = sparse(&links(9 << 40, size.items, size.items, PARTNERS));
    let arrays = SessionArrays {
        index,
        link_offsets: links.offsets,
        link_items: links.columns,
        link_values: links.values,
        returns: vec![0.1; 20],
    };
    Sessions::from_arrays(arrays, params).unwrap()
}
