use std::sync::LazyLock;

use crate::history::{Histories, HistoryBuf};
use crate::id::{ItemIdx, Row};
use crate::log::EventKind::{self, Purchase, Return};
use crate::measure::bootstrap::Bootstrap;
use crate::progress::Silent;
use crate::simulate::{RawShopParams, Shop, ShopParams, simulate};
use crate::time::Calendar;

use super::testing::{histories, history, line, start};
use super::*;
use crate::evaluate::buy_again::{BuyAgainQuestion, MOST_BOUGHT, evaluate};

static UTC: LazyLock<Calendar> = LazyLock::new(|| Calendar::new("UTC").unwrap());

/// Days that the small shop's log covers.
const DAYS: f64 = 300.0;

/// A shop with four items: 0 every 20 days, 1 bought once, 2 that lasts 10 days a piece, 3 now and then. Lines of (customer, item, kind, day,
/// pieces).
fn small_lines() -> Vec<(u32, u32, EventKind, f64, f32)> {
    let mut lines = Vec::new();
    for customer in 0..120u32 {
        let wobble = |n: u32| f64::from((customer * 31 + n * 17) % 7) - 3.0;
        let mut day = f64::from(customer % 20);
        for n in 0.. {
            if day >= DAYS {
                break;
            }
            lines.push((customer, 0, Purchase, day, 1.0));
            day += 20.0 + wobble(n);
        }
        lines.push((customer, 1, Purchase, f64::from(customer * 2 % 250), 1.0));
        let mut day = f64::from(customer % 11);
        for n in 0.. {
            if day >= DAYS {
                break;
            }
            let pieces = [1.0f32, 2.0, 4.0][((customer * 7 + n * 5) % 3) as usize];
            lines.push((customer, 2, Purchase, day, pieces));
            day += (10.0 * f64::from(pieces) + wobble(n) / 2.0).round();
        }
        if customer % 3 == 0 {
            lines.push((customer, 3, Purchase, f64::from(customer), 1.0));
        }
    }
    lines
}

static SMALL: LazyLock<Histories> = LazyLock::new(|| histories(small_lines()));

fn fit(told: &Histories, days: f64) -> Result<BuyAgain, BuyAgainError> {
    let params = BuyAgainParams::try_from(RawBuyAgainParams::default()).unwrap();
    let inputs = BuyAgainInputs {
        histories: told,
        catalog: None,
        calendar: &UTC,
    };
    BuyAgain::fit(inputs, &params, start().plus_days(days)).map(|fitted| fitted.0)
}

static MODEL: LazyLock<BuyAgain> = LazyLock::new(|| fit(&SMALL, DAYS).unwrap());

fn item(name: u32) -> ItemIdx {
    SMALL.items().find(&format!("i{name}")).unwrap()
}

/// A regular customer of item 0 whose last purchases are these.
fn regular(last: &[(u32, EventKind, f64, f32)]) -> HistoryBuf {
    let lines = (0..6)
        .map(|n| line(item(0).as_u32(), Purchase, f64::from(n) * 20.0, 1.0))
        .chain(
            last.iter()
                .map(|&(name, kind, day, pieces)| line(item(name).as_u32(), kind, day, pieces)),
        );
    history(&lines.collect::<Vec<_>>())
}

fn ask(told: &HistoryBuf, name: u32, day: f64, window_days: f64) -> Option<Due> {
    let due = MODEL.due(told.as_history(), start().plus_days(day), window_days);
    due.unwrap().into_iter().find(|due| due.item == item(name))
}

#[test]
fn it_is_silent_after_a_purchase_and_speaks_when_due() {
    let told = regular(&[]);
    let after = ask(&told, 0, 102.0, 7.0).unwrap();
    let before = ask(&told, 0, 116.0, 7.0).unwrap();
    assert!(after.probability < 0.15, "{after:?}");
    assert!(before.probability > 0.6, "{before:?}");
    let due_at = before.due_at.unwrap();
    assert!((due_at.days_since(start()) - 120.0).abs() < 1.5, "{due_at}");
    assert!((before.interval_days - 20.0).abs() < 1.5);
    assert_eq!(
        (before.basis, before.own_intervals, before.times_bought),
        (Basis::Own, 5, 6)
    );
    // What everybody knows of the item serves a customer who bought it once.
    let once = history(&[line(item(0).as_u32(), Purchase, 100.0, 1.0)]);
    let once = ask(&once, 0, 116.0, 7.0).unwrap();
    assert_eq!((once.basis, once.own_intervals), (Basis::Item, 0));
    assert!(
        (once.due_at.unwrap().days_since(start()) - 120.0).abs() < 2.0,
        "{once:?}"
    );
}

#[test]
fn what_nobody_buys_twice_is_not_due() {
    let told = regular(&[(1, Purchase, 60.0, 1.0)]);
    let due = ask(&told, 1, 119.0, 30.0).unwrap();
    assert!(due.probability < 0.05 && due.due_at.is_none(), "{due:?}");
    assert!(ask(&told, 0, 119.0, 30.0).unwrap().probability > 10.0 * due.probability);
}

#[test]
fn twice_as_much_lasts_longer() {
    assert!((0.8..1.2).contains(&MODEL.shop().rhythm.quantity_exponent));
    let of = |pieces| ask(&regular(&[(2, Purchase, 100.0, pieces)]), 2, 109.0, 7.0).unwrap();
    let days = |due: &Due| due.due_at.unwrap().days_since(start()) - 100.0;
    let (little, much) = (of(1.0), of(4.0));
    assert!(
        (days(&much) / days(&little) - 4.0).abs() < 1.0,
        "{} {}",
        days(&little),
        days(&much)
    );
    assert!(
        little.probability > 1.5 * much.probability,
        "{} {}",
        little.probability,
        much.probability
    );
}

#[test]
fn what_went_back_was_not_bought() {
    let told = regular(&[(1, Purchase, 60.0, 2.0), (1, Return, 70.0, 2.0)]);
    assert_eq!(ask(&told, 1, 119.0, 30.0), None);
    let told = regular(&[(0, Purchase, 112.0, 1.0), (0, Return, 113.0, 1.0)]);
    assert_eq!(ask(&told, 0, 119.0, 7.0), ask(&regular(&[]), 0, 119.0, 7.0));
}

#[test]
fn longer_windows_are_likelier_and_parts_sum() {
    let told = regular(&[(1, Purchase, 60.0, 1.0), (2, Purchase, 90.0, 2.0)]);
    for name in [0, 1, 2] {
        let mut last = 0.0;
        for window in [0.5, 3.0, 7.0, 10.0, 14.0, 29.0, 30.0, 60.0, 89.0, 90.0] {
            let due = ask(&told, name, 119.0, window).unwrap();
            assert!(due.probability >= last - 1e-12, "{name} {window}");
            last = due.probability;
            let odds = due.probability / (1.0 - due.probability);
            assert!((due.parts.logit() - odds.ln()).abs() < 1e-9);
        }
    }
    for window_days in [0.0, -1.0, f64::NAN, 91.0] {
        let error = MODEL.due(told.as_history(), start(), window_days).unwrap_err();
        assert!(error.to_string().contains("longest"), "{error}");
    }
}

#[test]
fn families_stand_together() {
    let families: Vec<Family> = FEATURES.iter().map(|feature| feature.1).collect();
    let sizes: Vec<(Family, usize)> = families
        .chunk_by(|a, b| a == b)
        .map(|of| (of[0], of.len()))
        .collect();
    let expected = [
        (Family::Rhythm, 3),
        (Family::Recency, 3),
        (Family::Frequency, 4),
        (Family::Item, 4),
        (Family::Customer, 8),
    ];
    assert_eq!(sizes, expected);
}

#[test]
fn nothing_is_due_for_nobody_and_unknown_items_are_answered() {
    let now = start().plus_days(119.0);
    assert_eq!(
        MODEL.due(HistoryBuf::default().as_history(), now, 7.0),
        Ok(Vec::new())
    );
    let told = history(&[
        line(99, Purchase, 10.0, 1.0),
        line(item(0).as_u32(), Purchase, 10.0, 1.0),
    ]);
    let due = MODEL.due(told.as_history(), now, 7.0).unwrap();
    assert_eq!(due.len(), 2);
    assert!(
        due.iter()
            .all(|due| due.probability > 0.0 && due.probability < 1.0)
    );
    // What happens at `now` or later is not known.
    assert_eq!(
        MODEL.due(told.as_history(), start().plus_days(10.0), 7.0),
        Ok(Vec::new())
    );
}

#[test]
fn rows_are_only_names() {
    let mut lines = small_lines();
    // The other way round, customers and items come in another order; lines of one customer stay in the order of time.
    lines.reverse();
    let turned = histories(lines);
    let other = fit(&turned, DAYS).unwrap();
    let now = start().plus_days(DAYS);
    for name in ["c0", "c7", "c119"] {
        let told = |of: &Histories, model: &BuyAgain| -> Vec<(String, f64)> {
            let history = of.of(of.customers().find(name).unwrap());
            let mut due: Vec<(String, f64)> = model
                .due(history, now, 20.0)
                .unwrap()
                .iter()
                .map(|due| (of.items().name(due.item).to_owned(), due.probability))
                .collect();
            due.sort_by(|a, b| a.0.cmp(&b.0));
            due
        };
        for (a, b) in told(&SMALL, &MODEL).iter().zip(told(&turned, &other)) {
            assert_eq!(a.0, b.0);
            assert!((a.1 - b.1).abs() < 1e-6, "{a:?} {b:?}");
        }
    }
}

#[test]
fn a_log_without_repeats_is_refused_and_a_short_one_has_short_windows() {
    let once = histories((0..50).map(|c| (c, c % 5, Purchase, f64::from(c), 1.0)));
    let error = fit(&once, 60.0).unwrap_err();
    assert!(
        matches!(error, BuyAgainError::NothingToLearn { repeats: 0, .. }),
        "{error}"
    );
    let short = fit(&SMALL, 50.0).unwrap();
    assert_eq!(short.windows_days().collect::<Vec<_>>(), [7.0, 14.0, 30.0]);
}

#[test]
fn arrays_come_back_as_the_model_and_bad_ones_are_named() {
    let (arrays, facts) = MODEL.stored();
    let text = serde_json::to_string(&facts).unwrap();
    let facts: BuyAgainFacts = serde_json::from_str(&text).unwrap();
    let back = BuyAgain::from_stored(&arrays, &facts, &UTC).unwrap();
    let told = regular(&[(1, Purchase, 60.0, 1.0)]);
    let now = start().plus_days(110.0);
    assert_eq!(
        back.due(told.as_history(), now, 12.0),
        MODEL.due(told.as_history(), now, 12.0)
    );
    type Change = fn(&mut BuyAgainArrays, &mut BuyAgainFacts);
    let broken = |change: Change| {
        let (mut arrays, mut facts) = MODEL.stored();
        change(&mut arrays, &mut facts);
        BuyAgain::from_stored(&arrays, &facts, &UTC)
            .unwrap_err()
            .to_string()
    };
    let changes: [(&str, Change); 10] = [
        ("numbers has 29", |a, _| a.numbers.push(0.0)),
        ("numbers holds NaN in row 1", |a, _| a.numbers[8] = f32::NAN),
        ("numbers holds 1 in row 2", |a, _| a.numbers[2 * 7 + 3] = 1.0),
        ("numbers holds 20 in row 0", |a, _| a.numbers[0] = 20.0),
        ("numbers has 28", |a, _| a.intervals.push(0)),
        ("bases has 4", |_, f| f.bases.truncate(4)),
        ("coefficients holds inf in row 1", |_, f| {
            f.coefficients[23] = f64::INFINITY
        }),
        ("features holds 3 in row 3", |_, f| f.features[3] = "other".into()),
        ("windows_days", |_, f| f.windows_days.reverse()),
        ("within_deviation holds 0", |_, f| {
            f.shop.rhythm.within_deviation = 0.0
        }),
    ];
    for (named, change) in changes {
        let message = broken(change);
        assert!(message.contains(named), "{named}: {message}");
    }
}

static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    let raw = RawShopParams {
        customers: 1500,
        items: 300,
        seed: 11,
        ..RawShopParams::default()
    };
    simulate(&ShopParams::try_from(raw).unwrap(), &Silent)
});

#[test]
fn the_planted_rhythm_is_found() {
    let told = SHOP.histories();
    let inputs = BuyAgainInputs {
        histories: &told,
        catalog: None,
        calendar: &UTC,
    };
    let params = BuyAgainParams::try_from(RawBuyAgainParams::default()).unwrap();
    let now = SHOP.params().end().plus_days(-30.0);
    let (model, _) = BuyAgain::fit(inputs, &params, now).unwrap();
    let (mut errors, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for (name, factor) in SHOP.customer_ids().iter().zip(&SHOP.truth.rhythm_factors) {
        let Some(customer) = told.customers().find(name) else {
            continue;
        };
        for due in model.due(told.of(customer), now, 30.0).unwrap() {
            let at = SHOP
                .item_ids()
                .iter()
                .position(|id| id == told.items().name(due.item))
                .unwrap();
            match SHOP.truth.rhythm_days[at] {
                Some(days) if due.own_intervals >= 2 => {
                    errors.push((due.interval_days / (days * factor)).ln().abs());
                    with.push(due.probability);
                }
                Some(_) => {}
                None => without.push(due.probability),
            }
        }
    }
    errors.sort_by(f64::total_cmp);
    let median = errors[errors.len() / 2];
    assert!(
        errors.len() > 200 && median < 0.15,
        "{} pairs, {median}",
        errors.len()
    );
    let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len() as f64;
    assert!(
        mean(&with) > 5.0 * mean(&without) && mean(&without) < 0.06,
        "{} {}",
        mean(&with),
        mean(&without)
    );
    let question = BuyAgainQuestion {
        cut_off: now,
        window_days: 30.0,
        bootstrap: Bootstrap {
            resamples: 50,
            ..Bootstrap::default()
        },
    };
    let found = evaluate(inputs, &params, &question).unwrap();
    let ahead = found.buy_again_minus[MOST_BOUGHT].average_precision;
    assert!(ahead.interval.unwrap().low > 0.05, "{ahead:?}");
    assert!(found.ece < 0.01, "{}", found.ece);
}
