//! The models on logs small enough to count by hand, and on a shop whose truth is known.

mod counted;
mod cross_sell;
mod judged;
mod planted;
mod similar;
mod trending;
mod up_sell;

use crate::catalog::{Catalog, Item};
use crate::history::{Histories, HistoriesBuilder};
use crate::id::{ItemIdx, Row};
use crate::log::{Event, EventKind};
use crate::progress::Silent;
use crate::time::{Calendar, Timestamp};

use super::*;

/// Customer, item, kind, day, order, session.
type Line = (u32, u32, EventKind, f64, Option<u32>, Option<u32>);

fn day(day: f64) -> Timestamp {
    "2024-01-01".parse::<Timestamp>().unwrap().plus_days(day)
}

/// Histories in which item `i` has row `i`.
fn histories(lines: &[Line], n_items: u32) -> Histories {
    let mut builder = HistoriesBuilder::default();
    for item in 0..n_items {
        builder.add_item(&format!("i{item}")).unwrap();
    }
    for &(customer, item, kind, at, order, session) in lines {
        let (order, session) = (order.map(|o| format!("o{o}")), session.map(|s| format!("s{s}")));
        let event = Event {
            event_id: None,
            customer_id: &format!("c{customer}"),
            item_id: &format!("i{item}"),
            kind,
            occurred_at: day(at),
            quantity: 1.0,
            unit_price: None,
            order_id: order.as_deref(),
            session_id: session.as_deref(),
        };
        builder.push(&event).unwrap();
    }
    builder.finish()
}

/// Orders of one customer each, a day apart.
fn orders(baskets: &[&[u32]]) -> Vec<Line> {
    let lines = |(at, basket): (u32, &&[u32])| -> Vec<Line> {
        let line = |&item: &u32| (at, item, EventKind::Purchase, f64::from(at), Some(at), None);
        basket.iter().map(line).collect()
    };
    (0u32..).zip(baskets).flat_map(lines).collect()
}

/// An item of a category at a price and a cost.
fn item(category: &str, price: f64, cost: f64) -> Item {
    Item {
        category: (!category.is_empty()).then(|| category.to_owned()),
        price: Some(price),
        cost: Some(cost),
        ..Item::default()
    }
}

fn utc() -> Calendar {
    Calendar::new("UTC").unwrap()
}

fn fit(
    lines: &[Line],
    catalog: &Catalog,
    n_items: u32,
    now: f64,
    cross_sell: RawCrossSellParams,
    similar: RawSimilarParams,
) -> Relations {
    let (histories, calendar) = (histories(lines, n_items), utc());
    let shop = Shop {
        histories: &histories,
        catalog,
        calendar: &calendar,
        now: day(now),
    };
    Relations::fit(
        shop,
        &cross_sell.try_into().unwrap(),
        &similar.try_into().unwrap(),
        &Silent,
    )
}

fn row(item: u32) -> ItemIdx {
    ItemIdx::from_u32(item)
}

fn no_catalog() -> Catalog {
    Catalog::default()
}

#[test]
fn bad_parameters_name_section_key_and_range() {
    fn refused<R: serde::de::DeserializeOwned, C: TryFrom<R, Error = crate::recommend::OutOfRange>>(
        text: &str,
    ) -> String {
        let raw: R = toml::from_str(text).unwrap();
        C::try_from(raw).err().unwrap().to_string()
    }
    assert_eq!(
        refused::<RawCrossSellParams, CrossSellParams>("popularity_exponent = 1.5"),
        "recommend.cross_sell.popularity_exponent = 1.5 is not between 0 and 1"
    );
    assert_eq!(
        refused::<RawSimilarParams, SimilarParams>("least_substitute = nan"),
        "recommend.similar.least_substitute = NaN is not between 0.5 and 1"
    );
    assert_eq!(
        refused::<RawUpSellParams, UpSellParams>("least_rise = 0.5\nmost_rise = 0.4"),
        "recommend.up_sell.most_rise = 0.4 is not between 0.5 and 4"
    );
    assert_eq!(
        refused::<RawTrendingParams, TrendingParams>("half_life_days = 80.0"),
        "recommend.trending.usual_half_life_days = 90 is not between 120 and 100000"
    );
    assert!(toml::from_str::<RawCrossSellParams>("halflife = 3.0").is_err());
}
