//! The shelves beside what needs no model, on a published log: the last 30 days of Online Retail II.
//!
//! Everything is fitted to what was before the window, with the shipped recipe, whose settings were found on earlier
//! windows. Nothing is tuned here.

use std::path::Path;

use rapport::evaluate::buy_again::{self, BuyAgainQuestion, FADING_30, FADING_90, MOST_BOUGHT, MOST_RECENT};
use rapport::evaluate::cross_sell::{BasketRules, CROSS_SELL, evaluate_cross_sell};
use rapport::history::{Dataset, LogInputs};
use rapport::log::{ReadOptions, Strictness};
use rapport::measure::bootstrap::Bootstrap;
use rapport::progress::Silent;
use rapport::recipe::Recipe;
use rapport::recommend::buy_again::{BuyAgain, BuyAgainInputs};
use rapport::recommend::relations::Shop;
use rapport::train::data_through;

use crate::support::data::published;

/// Enough for an interval whose sign is asked for, in the time of a test.
const RESAMPLES: u32 = 100;

fn online_retail() -> Option<(Recipe, Dataset)> {
    let path = published("online-retail-ii/transactions.parquet")?;
    let recipe = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/online-retail-ii.toml");
    let recipe = Recipe::read(Some(&recipe)).unwrap();
    let inputs = LogInputs {
        events: vec![path],
        items: None,
        source: recipe.source.clone(),
        options: ReadOptions {
            strict: Strictness::Lenient,
            now: "2030-01-01".parse().unwrap(),
            until: None,
        },
    };
    let dataset = Dataset::read(&inputs, &Silent).unwrap();
    Some((recipe, dataset))
}

#[test]
fn carts_and_repeats_of_online_retail_ii() {
    let Some((recipe, dataset)) = online_retail() else {
        return;
    };
    let end = data_through(&dataset).unwrap();
    let cut_off = end.plus_days(-30.0);
    let params = &recipe.recommend;
    let shop = Shop {
        histories: &dataset.histories,
        catalog: &dataset.catalog,
        calendar: &dataset.calendar,
        now: cut_off,
    };
    let rules = BasketRules {
        end,
        k: 10,
        given_per_basket: 10,
        seed: 0,
    };
    let carts = evaluate_cross_sell(shop, &params.cross_sell, &params.similar, rules, &Silent).unwrap();
    for (name, model) in &carts.models {
        eprintln!(
            "{name}: hit@10 {:.3}, MRR {:.3}",
            model.hit_rate.value, model.mrr.value
        );
    }
    assert!(carts.models[CROSS_SELL].hit_rate.value > 0.66);
    assert_eq!(carts.cross_sell_minus.len(), 5);
    for (name, ahead) in &carts.cross_sell_minus {
        for advantage in [ahead.hit_rate, ahead.mrr] {
            assert!(advantage.interval.unwrap().low > 0.0, "{name}: {advantage:?}");
        }
    }

    let inputs = BuyAgainInputs {
        histories: &dataset.histories,
        catalog: Some(&dataset.catalog),
        calendar: &dataset.calendar,
    };
    let question = BuyAgainQuestion {
        cut_off,
        window_days: 30.0,
        bootstrap: Bootstrap {
            resamples: RESAMPLES,
            ..Bootstrap::default()
        },
    };
    let repeats = buy_again::evaluate(inputs, &params.buy_again, &question).unwrap();
    for (name, model) in &repeats.models {
        eprintln!(
            "{name}: AP {:.3}, of a customer {:.3}",
            model.average_precision.value, model.customer_average_precision.value
        );
    }
    assert!(repeats.models[BuyAgain::NAME].average_precision.value > 0.3);
    for name in [MOST_BOUGHT, MOST_RECENT, FADING_30, FADING_90] {
        let ahead = repeats.buy_again_minus[name];
        for advantage in [ahead.average_precision, ahead.customer_average_precision] {
            assert!(advantage.interval.unwrap().low > 0.0, "{name}: {advantage:?}");
        }
    }
}
