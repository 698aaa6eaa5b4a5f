//! Values against closed forms, dates that move, fits that do not, and everything that refuses. What needs published
//! data is in `tests/it`.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};

use super::fit::{fit_spending, warning};
use super::*;
use crate::churn::btyd::{BtydError, GammaGamma, MbgNbd, Summary};
use crate::history::{Histories, HistoriesBuilder, HistoryBuf, Interaction, PurchaseDay, purchase_days};
use crate::id::{ItemIdx, Row};
use crate::log::{Event, EventKind};
use crate::time::{Calendar, Timestamp};

const SPENDING: GammaGamma = GammaGamma {
    p: 6.25,
    q: 3.74,
    v: 15.44,
};
/// The fit of CDNOW, in days.
const BUYING: MbgNbd = MbgNbd {
    r: 0.5248,
    alpha: 6.183 * 7.0,
    a: 0.8914,
    b: 1.614,
};
/// Everybody buys every ten days and nobody ever leaves: `E[Y(t)] = t / 10`.
const STEADY: MbgNbd = MbgNbd {
    r: 1e8,
    alpha: 1e9,
    a: 1e-9,
    b: 1.0,
};

fn day(day: f64) -> Timestamp {
    "2024-01-01".parse::<Timestamp>().unwrap().plus_days(day)
}

fn utc() -> Calendar {
    Calendar::new("UTC").unwrap()
}

fn bought(days: &[(i32, f64)]) -> Vec<PurchaseDay> {
    let of = |&(at, amount): &(i32, f64)| PurchaseDay {
        day: utc().day(day(f64::from(at))),
        at: day(f64::from(at)),
        amount,
    };
    days.iter().map(of).collect()
}

fn checked(raw: RawValueParams) -> ValueParams {
    raw.try_into().unwrap()
}

fn model(buying: MbgNbd, raw: RawValueParams) -> ValueModel {
    ValueModel {
        params: checked(raw),
        data_end: day(400.0),
        buying,
        spending: Some(SPENDING),
        record: None,
    }
}

fn valued(model: &ValueModel, days: &[(i32, f64)], now: f64) -> CustomerValue {
    model.value(&bought(days), day(now), &utc()).unwrap()
}

fn close(found: f64, expected: f64, within: f64) {
    assert!(
        (found - expected).abs() <= within * expected.abs(),
        "{found} is not {expected}"
    );
}

#[test]
fn months_are_counted_once_each_and_discounted_by_their_own_age() {
    let days = [(0, 10.0), (10, 30.0), (20, 50.0)];
    for (months, rate) in [(1, 0.1), (12, 0.1), (12, 0.0), (60, 1.0)] {
        let raw = RawValueParams {
            months,
            annual_discount_rate: rate,
            ..RawValueParams::default()
        };
        let value = valued(&model(STEADY, raw), &days, 25.0);
        let a_month = DAYS_PER_MONTH / 10.0;
        close(value.expected_purchases, f64::from(months) * a_month, 1e-6);
        // p (v + x z̄) / (p x + q − 1) of the two repeat days alone, whose mean is 40.
        let spend = 6.25 * (15.44 + 2.0 * 40.0) / (6.25 * 2.0 + 3.74 - 1.0);
        close(value.expected_spend.unwrap(), spend, 1e-12);
        // A geometric series: the same purchases in every month.
        let factor = (1.0_f64 + rate).powf(-1.0 / 12.0);
        let weights = if rate > 0.0 {
            factor * (1.0 - factor.powf(f64::from(months))) / (1.0 - factor)
        } else {
            f64::from(months)
        };
        close(value.value.unwrap(), a_month * spend * weights, 1e-6);
    }
}

#[test]
fn margin_and_discount_scale_the_value_and_nothing_else() {
    let days = [(0, 10.0), (30, 30.0), (50, 50.0)];
    let of = |margin, annual_discount_rate| {
        let raw = RawValueParams {
            margin,
            annual_discount_rate,
            ..RawValueParams::default()
        };
        valued(&model(BUYING, raw), &days, 60.0)
    };
    let (revenue, quarter, patient, hasty) = (of(1.0, 0.1), of(0.25, 0.1), of(1.0, 0.0), of(1.0, 1.0));
    close(quarter.value.unwrap(), 0.25 * revenue.value.unwrap(), 1e-12);
    // Without a discount the months add up to the purchases of the year.
    let year = patient.expected_purchases * patient.expected_spend.unwrap();
    close(patient.value.unwrap(), year, 1e-12);
    // With one, every month lies between the first and the twelfth power.
    assert!(revenue.value.unwrap() < year && revenue.value.unwrap() > year / 1.1);
    assert!(hasty.value.unwrap() < revenue.value.unwrap() && hasty.value.unwrap() > year / 2.0);
    for other in [quarter, patient, hasty] {
        close(other.expected_purchases, revenue.expected_purchases, 0.0);
        assert_eq!(other.expected_spend, revenue.expected_spend);
        assert_eq!(other.next_order_at, revenue.next_order_at);
    }
    close(
        revenue.value_if_kept.unwrap() * revenue.probability_alive,
        revenue.value.unwrap(),
        1e-12,
    );
    assert!(revenue.probability_alive < 1.0 && revenue.value_if_kept > revenue.value);
}

#[test]
fn what_a_model_says_is_what_its_parts_say() {
    let model = model(BUYING, RawValueParams::default());
    let value = valued(&model, &[(0, 10.0), (30, 30.0), (50, 0.0)], 60.0);
    let summary = Summary {
        repeats: 2,
        recency: 50.0,
        age: 60.0,
    };
    close(
        value.expected_purchases,
        BUYING.expected_purchases(&summary, 365.25),
        1e-12,
    );
    close(value.probability_alive, BUYING.probability_alive(&summary), 0.0);
    // The day without a known price does not enter the mean.
    assert_eq!(value.expected_spend, Some(SPENDING.expected_spend(1.0, 30.0)));
    assert_eq!(value.months, 12);
    // Nothing after the day of "now" is read, and who never bought has no value.
    let before = valued(&model, &[(0, 10.0), (30, 30.0)], 40.0);
    assert_eq!(valued(&model, &[(0, 10.0), (30, 30.0), (50, 90.0)], 40.0), before);
    assert_eq!(model.value(&[], day(40.0), &utc()), None);
    assert_eq!(model.value(&bought(&[(50, 1.0)]), day(40.0), &utc()), None);
}

#[test]
fn who_bought_once_spends_like_the_population_and_without_prices_there_is_no_money() {
    let mut model = model(BUYING, RawValueParams::default());
    let once = valued(&model, &[(0, 5000.0)], 30.0);
    close(once.expected_spend.unwrap(), SPENDING.population_mean(), 1e-12);
    model.spending = None;
    let unpriced = valued(&model, &[(0, 0.0)], 30.0);
    close(unpriced.expected_purchases, once.expected_purchases, 0.0);
    assert_eq!(
        (unpriced.expected_spend, unpriced.value, unpriced.value_if_kept),
        (None, None, None)
    );
}

#[test]
fn returns_are_netted() {
    let model = model(BUYING, RawValueParams::default());
    let value = |events: &[(EventKind, f64, f32)]| {
        let mut history = HistoryBuf::default();
        history.extend(events.iter().map(|&(kind, at, quantity)| Interaction {
            item: ItemIdx::from_u32(0),
            kind,
            at: day(at),
            quantity,
            unit_price: Some(10.0),
            order: None,
            session: None,
        }));
        let purchases = purchase_days(history.as_history().before(day(60.0)), &utc());
        model.value(&purchases, day(60.0), &utc()).unwrap()
    };
    use EventKind::{Purchase, Return};
    let first = (Purchase, 0.0, 1.0);
    let whole = value(&[first, (Purchase, 40.0, 8.0)]);
    let part = value(&[first, (Purchase, 40.0, 8.0), (Return, 45.0, 6.0)]);
    assert_eq!(part, value(&[first, (Purchase, 40.0, 2.0)]));
    assert!(part.value < whole.value);
    // An order that went back whole was none.
    let none = value(&[first, (Purchase, 40.0, 8.0), (Return, 45.0, 8.0)]);
    assert_eq!(none, value(&[first]));
    // A return after "now" does not reach back.
    assert_eq!(value(&[first, (Purchase, 40.0, 8.0), (Return, 61.0, 8.0)]), whole);
}

#[test]
fn a_next_order_date_moves_with_now_and_goes_when_it_is_unlikely() {
    let model = model(BUYING, RawValueParams::default());
    let weekly: Vec<(i32, f64)> = (0..10).map(|week| (7 * week, 20.0)).collect();
    let date = |now: f64| valued(&model, &weekly, now).next_order_at;
    let wait = |now: f64| {
        let summary = Summary {
            repeats: 9,
            recency: 63.0,
            age: now,
        };
        BUYING.next_purchase(&summary, 365.0).unwrap()
    };
    for now in [64.0, 70.0, 80.0] {
        assert_eq!(date(now), Some(day(now).plus_days(wait(now))));
    }
    // Always ahead, and later the longer she is silent; then no date.
    assert!(date(64.0) > Some(day(64.0)) && date(70.0) > date(64.0) && date(80.0) > date(70.0));
    assert_eq!(date(200.0), None);
    assert_eq!(valued(&model, &[(0, 20.0)], 300.0).next_order_at, None);
    // Alive, likelier than not, but years away.
    let fresh = valued(&model, &[(0, 20.0)], 1.0);
    assert!(
        fresh.probability_alive > 0.5 && fresh.next_order_at.is_none(),
        "{fresh:?}"
    );
    // A wait that is longer than the longest one is no date.
    let impatient = RawValueParams {
        longest_wait_days: 1,
        ..RawValueParams::default()
    };
    let impatient = self::model(BUYING, impatient);
    assert_eq!(valued(&impatient, &weekly, 70.0).next_order_at, None);
}

#[test]
fn who_has_left_for_certain_has_no_value_if_kept() {
    let model = model(BUYING, RawValueParams::default());
    let daily: Vec<(i32, f64)> = (0..600).map(|day| (day, 20.0)).collect();
    let gone = valued(&model, &daily, 9000.0);
    assert_eq!((gone.probability_alive, gone.value), (0.0, Some(0.0)));
    assert_eq!((gone.value_if_kept, gone.next_order_at), (None, None));
}

/// What the customers of a made-up shop do: buy with mean gaps of 8 to 60 days, leave after a while, pay what each is
/// used to.
fn orders(customers: u32) -> Vec<(String, f64, f32)> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(5);
    let wait = |random: &mut Xoshiro256PlusPlus, mean: f64| -mean * (1.0 - random.r#gen::<f64>()).ln();
    let mut orders = Vec::new();
    for customer in 0..customers {
        let gap = 8.0 + 52.0 * random.r#gen::<f64>();
        let usual = 5.0 + wait(&mut random, 20.0);
        let mut at = random.r#gen::<f64>() * 300.0;
        let leaves = at + wait(&mut random, 150.0);
        while at < leaves.min(400.0) {
            let price = usual * (0.5 + random.r#gen::<f64>());
            orders.push((format!("c{customer}"), at, price as f32));
            at += wait(&mut random, gap);
        }
    }
    orders
}

fn histories<'a>(
    orders: impl Iterator<Item = &'a (String, f64, f32)>,
    price: fn(f32) -> Option<f32>,
) -> Histories {
    let mut builder = HistoriesBuilder::default();
    for (customer, at, paid) in orders {
        builder
            .push(&Event {
                event_id: None,
                customer_id: customer,
                item_id: "i",
                kind: EventKind::Purchase,
                occurred_at: day(*at),
                quantity: 1.0,
                unit_price: price(*paid),
                order_id: None,
                session_id: None,
            })
            .unwrap();
    }
    builder.finish()
}

fn fit(histories: &Histories, raw: RawValueParams) -> Result<(ValueModel, ValueFitReport), ValueError> {
    ValueModel::fit(histories, &utc(), &checked(raw), day(400.0))
}

#[test]
fn a_fit_is_the_same_for_any_threads_and_any_order_of_customers() {
    let orders = orders(400);
    let histories_of = histories(orders.iter(), Some);
    let on = |threads: usize, log: &Histories| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| fit(log, RawValueParams::default()).unwrap())
    };
    let (model, report) = on(1, &histories_of);
    assert_eq!(on(4, &histories_of), (model.clone(), report.clone()));
    let reversed = histories(orders.iter().rev(), Some);
    assert_eq!(on(3, &reversed), (model.clone(), report.clone()));
    let distinct: std::collections::HashSet<&String> = orders.iter().map(|order| &order.0).collect();
    assert_eq!(report.customers, distinct.len());
    assert_eq!(report.repeat_buyers, report.spenders);
    assert_eq!((report.spending, report.buying), (model.spending, model.buying));
    assert!(report.no_spending.is_none() && report.spending_log_likelihood.is_some());
    assert!(report.correlation.unwrap().abs() < 0.3 && report.warning.is_none());
    // Nothing at or after the end of the data is read.
    let end = day(200.0);
    let earlier = |log: &Histories| ValueModel::fit(log, &utc(), &ValueParams::default(), end).unwrap();
    let cut = histories(orders.iter().filter(|order| order.1 < 200.0), Some);
    assert_eq!(earlier(&histories_of), earlier(&cut));
}

#[test]
fn a_record_says_what_came_of_the_customers_known_by_then() {
    let orders = orders(1500);
    let log = histories(orders.iter(), Some);
    let raw = RawValueParams {
        months: 3,
        ..RawValueParams::default()
    };
    let (model, report) = fit(&log, raw).unwrap();
    let record = model.record().unwrap();
    assert_eq!(report.record.as_ref(), Some(record));
    assert_eq!(record.months, 3);
    let from = 400.0 - 3.0 * DAYS_PER_MONTH;
    assert!((record.from.days_since(day(from))).abs() < 1e-6);
    let known: std::collections::HashSet<&String> = orders
        .iter()
        .filter(|order| order.1 < from)
        .map(|order| &order.0)
        .collect();
    assert_eq!(record.customers, known.len());
    // A day on which somebody ordered twice is one.
    let came: std::collections::HashSet<(&String, i32)> = orders
        .iter()
        .filter(|order| order.1 >= from && known.contains(&order.0))
        .map(|order| (&order.0, utc().day(day(order.1))))
        .collect();
    close(record.happened, came.len() as f64, 1e-12);
    // The shop is as MBG/NBD has it but for the gaps' distribution.
    assert!((0.75..1.25).contains(&record.ratio()), "{record:?}");
    // Half of a log of 13 months is the most that can be looked back on.
    let (_, long) = fit(&log, RawValueParams::default()).unwrap();
    assert_eq!(long.record.unwrap().months, 6);
}

#[test]
fn a_log_that_teaches_nothing_is_refused_by_the_rule() {
    let orders = orders(60);
    let refusal = |log: &Histories, needed: u32| {
        let raw = RawValueParams {
            min_repeat_buyers: needed,
            ..RawValueParams::default()
        };
        fit(log, raw).unwrap_err()
    };
    let empty = histories([].iter(), Some);
    assert_eq!(
        refusal(&empty, 1).to_string(),
        "nobody bought anything before 2025-02-04T00:00:00Z: there are no customers to value"
    );
    let log = histories(orders.iter(), Some);
    let error = refusal(&log, 61);
    assert!(matches!(
        error,
        ValueError::TooFewRepeatBuyers { customers: 60, needed: 61, found, .. } if found < 60
    ));
    assert!(
        error
            .to_string()
            .contains("61 are needed (value.min_repeat_buyers)"),
        "{error}"
    );
}

#[test]
fn why_spending_is_missing_is_said() {
    let log = histories(orders(200).iter(), |_| None);
    let (model, report) = fit(&log, RawValueParams::default()).unwrap();
    assert_eq!(model.spending(), None);
    assert_eq!(report.no_spending, Some(NoSpending::NoPrices));
    assert_eq!((report.spenders, report.correlation), (0, None));
    assert_eq!(
        serde_json::to_value(&report).unwrap()["no_spending"],
        "no repeat purchase has a price"
    );
    let few = fit_spending(&[(1.0, 20.0); 20], 50).unwrap_err();
    assert_eq!(
        few.to_string(),
        "20 repeat buyers with prices, 50 are needed (value.min_repeat_buyers)"
    );
    // Quantiles of the population of p = 1, q = ½, v = 1, whose tail is too heavy for a mean.
    let wild: Vec<(f64, f64)> = (0..600)
        .map(|i| (1.0, (600.0 / (f64::from(i) + 0.5)).powi(2) - 1.0))
        .collect();
    assert!(matches!(
        fit_spending(&wild, 50),
        Err(NoSpending::NotFitted(BtydError::NoMeanSpend { q })) if (q - 0.5).abs() < 0.05
    ));
}

#[test]
fn dependence_of_spend_on_frequency_is_warned_of_either_way() {
    assert_eq!((warning(0.29), warning(-0.29)), (None, None));
    let (more, less) = (warning(0.3).unwrap(), warning(-0.456).unwrap());
    assert!(
        more.contains("spend more") && more.contains("0.30") && more.ends_with("too high"),
        "{more}"
    );
    assert!(
        less.contains("spend less") && less.contains("-0.46") && less.ends_with("too low"),
        "{less}"
    );
}

#[test]
fn a_stored_model_is_the_same_and_a_broken_one_is_named() {
    let raw = RawValueParams {
        margin: 0.3,
        months: 6,
        ..RawValueParams::default()
    };
    let mut model = model(BUYING, raw);
    let stored = serde_json::to_value(&model).unwrap();
    assert_eq!(
        serde_json::from_value::<ValueModel>(stored.clone()).unwrap(),
        model
    );
    assert_eq!(model.months(), 6);
    model.spending = None;
    let text = serde_json::to_string(&model).unwrap();
    assert!(!text.contains("spending"), "{text}");
    assert_eq!(serde_json::from_str::<ValueModel>(&text).unwrap(), model);
    let broken = |pointer: &str, value: Value| {
        let mut stored = stored.clone();
        *stored.pointer_mut(pointer).unwrap() = value;
        serde_json::from_value::<ValueModel>(stored)
            .unwrap_err()
            .to_string()
    };
    let cases = [
        ("/params/margin", json!(0.0), "value.margin = 0"),
        ("/params/months", json!(61), "value.months = 61"),
        ("/buying/alpha", json!(-1.0), "mbg_nbd.alpha = -1"),
        ("/spending/q", json!(1.0), "gamma_gamma.q = 1"),
        ("/spending/v", json!(null), "null"),
        ("/data_end", json!("soon"), "\"soon\""),
        ("/buying", json!({"r": 1.0, "alpha": 1.0, "a": 1.0}), "`b`"),
    ];
    for (pointer, value, named) in cases {
        let error = broken(pointer, value);
        assert!(error.contains(named), "{pointer}: {error}");
    }
    let mut more = stored.clone();
    more["surprise"] = json!(1);
    let error = serde_json::from_value::<ValueModel>(more)
        .unwrap_err()
        .to_string();
    assert!(error.contains("surprise"), "{error}");
}

#[test]
fn bad_parameters_name_the_key_and_the_range() {
    let error = |text: &str| {
        let raw: RawValueParams = serde_json::from_str(text).unwrap();
        ValueParams::try_from(raw).unwrap_err().to_string()
    };
    assert_eq!(
        error(r#"{"margin": 0}"#),
        "value.margin = 0 is not above 0 and at most 1"
    );
    assert_eq!(
        error(r#"{"months": 0}"#),
        "value.months = 0 is not between 1 and 60"
    );
    assert_eq!(
        error(r#"{"annual_discount_rate": 1.01}"#),
        "value.annual_discount_rate = 1.01 is not between 0 and 1"
    );
    assert_eq!(
        error(r#"{"longest_wait_days": 3651}"#),
        "value.longest_wait_days = 3651 is not between 1 and 3650"
    );
    assert_eq!(
        error(r#"{"min_repeat_buyers": 0}"#),
        "value.min_repeat_buyers = 0 is not 1 or more"
    );
    assert_eq!(
        ValueParams::try_from(RawValueParams::default()).unwrap(),
        ValueParams::default()
    );
}
