//! What the simulated shop has planted is found, and nothing that it forbids is said.

use crate::simulate::{RawShopParams, Shop as Simulated, ShopParams, simulate};

use super::super::groups::{Largest, Purchases};
use super::*;

/// Baskets with an item from which on its complements are to be found: of five, one or two have the complement, and a pair
/// that met twice stands out from chance.
const LEAST_BASKETS: u32 = 5;

struct Learned {
    shop: Simulated,
    relations: Relations,
    up_sell: UpSell,
    /// Baskets by item.
    bought: Vec<u32>,
}

/// The shop of the defaults, with its views or without.
fn learn(views: bool) -> Learned {
    let shop = simulate(&ShopParams::try_from(RawShopParams::default()).unwrap(), &Silent);
    let mut builder = HistoriesBuilder::default();
    for item_id in shop.item_ids() {
        builder.add_item(item_id).unwrap();
    }
    shop.feed(|event| {
        if views || event.kind == EventKind::Purchase {
            builder.push(event).map(drop)
        } else {
            Ok(())
        }
    })
    .unwrap();
    let (histories, calendar) = (builder.finish(), utc());
    let past = Shop {
        histories: &histories,
        catalog: shop.catalog(),
        calendar: &calendar,
        now: shop.params().end(),
    };
    let relations = Relations::fit(
        past,
        &RawCrossSellParams::default().try_into().unwrap(),
        &RawSimilarParams::default().try_into().unwrap(),
        &Silent,
    );
    let up_sell = UpSell::fit(
        past,
        &relations.similar,
        &RawUpSellParams::default().try_into().unwrap(),
    );
    let largest = Largest {
        basket: 999,
        visit: 0,
        customer: 0,
    };
    let bought = Purchases::before(&histories, &calendar, past.now, largest)
        .baskets
        .sizes();
    Learned {
        shop,
        relations,
        up_sell,
        bought,
    }
}

/// Share of pairs (item, other) whose other is among the first `k`, and the number of pairs.
fn found(pairs: &[(u32, u32)], k: usize, rank: impl Fn(ItemIdx, usize) -> Vec<ItemIdx>) -> (f64, usize) {
    let hits = pairs
        .iter()
        .filter(|&&(item, other)| rank(row(item), k).contains(&row(other)))
        .count();
    (hits as f64 / pairs.len() as f64, pairs.len())
}

impl Learned {
    fn cross_sell(&self, item: ItemIdx, k: usize) -> Vec<ItemIdx> {
        self.relations
            .cross_sell
            .rank(&[item], k, |_| true)
            .into_iter()
            .map(|best| best.0)
            .collect()
    }

    fn similar(&self, item: ItemIdx, k: usize) -> Vec<ItemIdx> {
        self.relations
            .similar
            .rank(&[item], k, |_| true)
            .into_iter()
            .map(|best| best.0)
            .collect()
    }

    fn complements(&self, least: u32) -> Vec<(u32, u32)> {
        let planted = self.shop.truth.complements.iter();
        planted
            .filter(|pair| self.bought[pair.item as usize] >= least)
            .map(|pair| (pair.item, pair.with))
            .collect()
    }

    fn substitutes(&self, least: u32) -> Vec<(u32, u32)> {
        let planted = self.shop.truth.substitutes.iter();
        let both_ways = planted.flat_map(|pair| [(pair.item, pair.other), (pair.other, pair.item)]);
        both_ways
            .filter(|pair| self.bought[pair.0 as usize] >= least)
            .collect()
    }

    /// Checks what holds with and without views, and gives the shares of complements and of substitutes that were found.
    fn check(&self) -> (f64, f64) {
        let share = |pairs: &[(u32, u32)]| found(pairs, 5, |item, k| self.cross_sell(item, k));
        let (often, pairs) = share(&self.complements(LEAST_BASKETS));
        let (all, all_pairs) = share(&self.complements(0));
        println!("complements in the top 5: {often:.3} of {pairs}, {all:.3} of all {all_pairs}");
        let alike = |pairs: &[(u32, u32)]| found(pairs, 5, |item, k| self.similar(item, k));
        let (similar, pairs) = alike(&self.substitutes(LEAST_BASKETS));
        let (all, all_pairs) = alike(&self.substitutes(0));
        println!("substitutes in the top 5: {similar:.3} of {pairs}, {all:.3} of all {all_pairs}");
        let wrong = found(&self.substitutes(0), 10, |item, k| self.cross_sell(item, k));
        assert!(
            wrong.0.to_bits() == 0 && wrong.1 > 1000,
            "a substitute in cross-sell: {wrong:?}"
        );
        (often, similar)
    }
}

#[test]
fn complements_and_substitutes_are_found_and_kept_apart() {
    let learned = learn(true);
    assert_eq!(learned.relations.similar.basis(), Basis::Views);
    let (complements, substitutes) = learned.check();
    assert!(complements >= 0.9, "{complements}");
    assert!(substitutes >= 0.9, "{substitutes}");

    // Carts of an item with its complement, and of two items of different series.
    let mut sorted = learned.substitutes(0);
    sorted.sort_unstable();
    for &(item, with) in learned.complements(0).iter().step_by(7) {
        let cart = [row(item), row(with), row((item + 500) % 1000)];
        for (listed, _) in learned.relations.cross_sell.rank(&cart, 10, |_| true) {
            let stands_in = |own: ItemIdx| sorted.binary_search(&(own.as_u32(), listed.as_u32())).is_ok();
            assert!(!cart.contains(&listed) && !cart.iter().any(|&own| stands_in(own)));
        }
    }

    // Up-sell keeps its band and its margin, for everybody's page.
    let (catalog, levels) = (learned.shop.catalog(), PriceLevels::of(learned.shop.catalog()));
    let mut answers = 0;
    for item in (0..1000).map(row) {
        let question = UpSellQuestion {
            similar: &learned.relations.similar,
            catalog,
            levels: &levels,
            page: &[item],
            history: None,
        };
        let facts = catalog.item(item);
        for better in learned.up_sell.rank(question, 10, |_| true) {
            let other = catalog.item(better.item);
            let ratio = other.price.unwrap() / facts.price.unwrap();
            assert!((1.1..=1.6).contains(&ratio), "{ratio}");
            assert!(other.price.unwrap() - other.cost.unwrap() >= facts.price.unwrap() - facts.cost.unwrap());
            answers += 1;
        }
    }
    assert!(answers > 2000, "{answers}");
}

#[test]
fn without_views_the_orders_tell_them_apart() {
    let learned = learn(false);
    assert_eq!(learned.relations.similar.basis(), Basis::Orders);
    let (complements, substitutes) = learned.check();
    assert!(complements >= 0.9, "{complements}");
    // With one and a half items an order, hardly anybody is seen to buy two of a series: what is left is category and
    // price, which is better than the 5 of 36 of chance.
    assert!(substitutes > 5.0 / 36.0, "{substitutes}");
}

#[test]
fn threads_change_no_bit() {
    let raw = RawShopParams {
        customers: 400,
        items: 120,
        ..RawShopParams::default()
    };
    let shop = simulate(&ShopParams::try_from(raw).unwrap(), &Silent);
    let (histories, calendar) = (shop.histories(), utc());
    let past = Shop {
        histories: &histories,
        catalog: shop.catalog(),
        calendar: &calendar,
        now: shop.params().end(),
    };
    let in_pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let relations = Relations::fit(
                past,
                &RawCrossSellParams::default().try_into().unwrap(),
                &RawSimilarParams::default().try_into().unwrap(),
                &Silent,
            );
            let up_sell = UpSell::fit(
                past,
                &relations.similar,
                &RawUpSellParams::default().try_into().unwrap(),
            );
            (relations, up_sell)
        })
    };
    let one = in_pool(1);
    assert!(one.0.cross_sell.partners().n_entries() > 20 && one.0.similar.likeness().n_entries() > 1000);
    assert!(one == in_pool(4));
}
