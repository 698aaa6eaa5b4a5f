//! The evaluation by hand, and its rules.

use super::*;
use crate::evaluate::cross_sell::{
    BasketError, BasketRules, CROSS_SELL, CrossSellReport, evaluate_cross_sell,
};

fn judged(
    lines: &[Line],
    n_items: u32,
    now: f64,
    rules: BasketRules,
) -> Result<CrossSellReport, BasketError> {
    let (histories, calendar) = (histories(lines, n_items), utc());
    let shop = Shop {
        histories: &histories,
        catalog: &no_catalog(),
        calendar: &calendar,
        now: day(now),
    };
    let cross_sell = RawCrossSellParams {
        least_llr: 0.0,
        ..RawCrossSellParams::default()
    };
    let similar = RawSimilarParams::default().try_into().unwrap();
    evaluate_cross_sell(shop, &cross_sell.try_into().unwrap(), &similar, rules, &Silent)
}

fn rules(k: usize, end: f64) -> BasketRules {
    BasketRules {
        end: day(end),
        k,
        given_per_basket: 10,
        seed: 1,
    }
}

/// Days 0 to 9: 0 goes with 1, 2 with 3, and 4 is popular alone. Days 10 and 11: {0, 1} and {2, 3, 9, unknown}.
fn log() -> Vec<Line> {
    orders(&[
        &[0, 1],
        &[0, 1],
        &[0, 1],
        &[2, 3],
        &[2, 3],
        &[2, 3],
        &[4],
        &[4],
        &[4],
        &[4],
        &[0, 1],
        &[2, 3, 5],
        &[0],
        &[5, 6],
    ])
}

#[test]
fn the_figures_are_those_of_the_definition() {
    let report = judged(&log(), 7, 10.0, rules(1, 20.0)).unwrap();
    // Baskets {0, 1} and {2, 3}: what is not known, and what is alone, is not to be found.
    assert_eq!((report.baskets, report.given_items), (2, 4));
    let model = |name: &str| &report.models[name];
    assert!(
        (model(CROSS_SELL).hit_rate.value - 1.0).abs() < 1e-12
            && (model(CROSS_SELL).mrr.value - 1.0).abs() < 1e-12
    );
    assert!((model("cosine").hit_rate.value - 1.0).abs() < 1e-12);
    // A lift needs five baskets.
    assert!(model("lift").hit_rate.value < 1e-12 && model("lift").mrr.value < 1e-12);
    // Popularity: 4 before all others, which have three each: ranks of 1, 0 | 2: after 4 come 1 or 0 (given left out), …
    let mrr = ((1.0 / 2.0 + 1.0 / 2.0) / 2.0 + (1.0 / 4.0 + 1.0 / 4.0) / 2.0) / 2.0;
    assert!(
        (model("popularity").mrr.value - mrr).abs() < 1e-12,
        "{}",
        model("popularity").mrr.value
    );
    assert!(model("popularity").hit_rate.value < 1e-12);
    assert!((model("popularity").coverage - 1.0 / 5.0).abs() < 1e-12);
    assert_eq!(model(CROSS_SELL).same_category_share, None);
    let advantage = &report.cross_sell_minus["popularity"];
    assert!((advantage.mrr.value - (1.0 - mrr)).abs() < 1e-12 && report.cross_sell_minus.len() == 5);
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["models"]["cross-sell"]["hit_rate"]["interval"]["low"].is_number());
}

#[test]
fn what_cannot_be_judged_says_why() {
    assert!(matches!(
        judged(&log(), 7, 10.0, rules(0, 20.0)),
        Err(BasketError::NoPlaces { k: 0, .. })
    ));
    let refused = judged(&log(), 7, 12.0, rules(10, 20.0)).unwrap_err().to_string();
    assert!(
        refused.starts_with("no basket from 2024-01-13T00:00:00Z until 2024-01-21"),
        "{refused}"
    );
}

#[test]
fn a_basket_is_given_at_most_so_many_items_and_threads_change_nothing() {
    let few = BasketRules {
        given_per_basket: 1,
        ..rules(10, 20.0)
    };
    assert_eq!(judged(&log(), 7, 10.0, few).unwrap().given_items, 2);
    let in_pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| judged(&log(), 7, 10.0, few).unwrap())
    };
    assert_eq!(in_pool(1), in_pool(4));
}

#[test]
fn the_future_changes_no_bit() {
    let (all, past) = (
        log(),
        log().into_iter().filter(|line| line.3 < 10.0).collect::<Vec<_>>(),
    );
    let fit = |lines: &[Line]| {
        fit(
            lines,
            &no_catalog(),
            7,
            10.0,
            RawCrossSellParams::default(),
            RawSimilarParams::default(),
        )
    };
    assert!(fit(&all) == fit(&past));
}
