//! The churn models as a whole, on a small made-up shop: no leak, sums that add up, refusals that name their rule.

mod change;
mod horizon;
mod ladder;
mod sides;
mod stored;

use std::sync::LazyLock;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::features::{LeftOut, Norms, Schema};
use super::fit::Lessons;
use super::sample::{Sampling, looking_from, snapshot};
use super::*;
use crate::catalog::Categories;
use crate::history::{Histories, HistoriesBuilder};
use crate::id::Row;
use crate::log::{Event, EventKind};
use crate::measure::bootstrap::Bootstrap;
use crate::measure::classification::ScoredRows;
use crate::progress::Silent;
use crate::time::{Calendar, Timestamp};

const DAYS: f64 = 400.0;

fn day(day: f64) -> Timestamp {
    "2024-01-01".parse::<Timestamp>().unwrap().plus_days(day)
}

/// A shop in UTC without categories.
fn premises() -> Shop<'static> {
    static PREMISES: LazyLock<(Calendar, Categories)> =
        LazyLock::new(|| (Calendar::new("UTC").unwrap(), Categories::default()));
    Shop {
        calendar: &PREMISES.0,
        categories: &PREMISES.1,
    }
}

fn params() -> ChurnParams {
    RawChurnParams {
        horizon_days: 30,
        model: ModelChoice::Logistic,
        max_cut_offs: 8,
        ..RawChurnParams::default()
    }
    .try_into()
    .unwrap()
}

/// `customers` who buy at random with mean gaps of 8 to 60 days and leave for good after a time of mean `stay_days`;
/// views before purchases. Events on `until` or later are left out.
fn shop(customers: u32, stay_days: f64, until: f64) -> Histories {
    let mut builder = HistoriesBuilder::default();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let wait = |random: &mut Xoshiro256PlusPlus, mean: f64| -mean * (1.0 - random.r#gen::<f64>()).ln();
    for customer in 0..customers {
        let gap = 8.0 + 52.0 * random.r#gen::<f64>();
        let mut at = random.r#gen::<f64>() * DAYS * 0.8;
        let leaves = at + wait(&mut random, stay_days);
        while at < leaves.min(DAYS) {
            let price = 5.0 + 20.0 * random.r#gen::<f32>();
            for (kind, ago) in [(EventKind::View, 0.5), (EventKind::Purchase, 0.0)] {
                // Drawn before it is left out, so that a shorter log is the same shop.
                let item = random.gen_range(0..20);
                if at - ago >= until {
                    continue;
                }
                builder
                    .push(&Event {
                        event_id: None,
                        customer_id: &format!("c{customer}"),
                        item_id: &format!("i{item}"),
                        kind,
                        occurred_at: day((at - ago).max(0.0)),
                        quantity: 1.0,
                        unit_price: Some(price),
                        order_id: None,
                        session_id: None,
                    })
                    .unwrap();
            }
            at += wait(&mut random, gap);
        }
    }
    builder.finish()
}

fn fit(histories: &Histories, end: f64) -> (ChurnModel, ChurnFitReport) {
    ChurnModel::fit(histories, premises(), &params(), day(end), &Silent).unwrap()
}

/// The shop's parameters with these changes.
fn asked(change: impl FnOnce(&mut RawChurnParams)) -> ChurnParams {
    let mut raw = params().raw().clone();
    change(&mut raw);
    raw.try_into().unwrap()
}

fn fit_as(histories: &Histories, params: &ChurnParams, end: f64) -> (ChurnModel, ChurnFitReport) {
    ChurnModel::fit(histories, premises(), params, day(end), &Silent).unwrap()
}

/// Named well enough to get every model on the small shop.
fn named(model: ModelChoice) -> ChurnParams {
    asked(|raw| {
        raw.model = model;
        raw.boosting_min_rows = 500;
        raw.boosting_min_outcomes = 100;
    })
}

/// The purchase of one customer, one item a day.
fn buy(builder: &mut HistoriesBuilder, customer: &str, at: f64) {
    builder
        .push(&Event {
            event_id: None,
            customer_id: customer,
            item_id: "i",
            kind: EventKind::Purchase,
            occurred_at: day(at),
            quantity: 1.0,
            unit_price: Some(10.0),
            order_id: None,
            session_id: None,
        })
        .unwrap();
}

fn refusal(histories: &Histories, raw: RawChurnParams, end: f64) -> ChurnError {
    ChurnModel::fit(histories, premises(), &raw.try_into().unwrap(), day(end), &Silent).unwrap_err()
}

fn schema_of(histories: &Histories, data_end: Timestamp, first_needed: Timestamp) -> (Schema, Vec<LeftOut>) {
    let norms = Norms::of(histories, premises().calendar, data_end, &params());
    Schema::of(histories, premises().categories, &norms, data_end, first_needed)
}

#[test]
fn reasons_add_up_to_the_score() {
    let histories = shop(600, 150.0, DAYS);
    let (model, report) = fit(&histories, DAYS);
    assert!(report.left_out.iter().any(|group| group.needs == "returns"));
    assert!(report.calibration.kept_raw.is_none() && report.calibration.platt.slope > 0.3);
    let mut standings = [0, 0];
    for customer in histories.customers().rows() {
        let Some(score) = model.score(histories.of(customer), day(DAYS), premises()) else {
            continue;
        };
        let sum: f64 = score.reasons.iter().map(|reason| reason.contribution).sum();
        assert!((score.base_log_odds + sum - score.log_odds).abs() < 1e-9);
        assert!((sigmoid(score.log_odds).clamp(1e-4, 1.0 - 1e-4) - score.probability).abs() < 1e-12);
        assert!(
            score
                .reasons
                .is_sorted_by(|a, b| a.contribution.abs() >= b.contribution.abs())
        );
        assert_eq!(score.band, Band::of(score.probability, &params()));
        match score.standing {
            Standing::Eligible => {
                standings[0] += 1;
                // One reason a family, and every family that the log can tell.
                assert_eq!(score.reasons.len(), 7, "{:?}", score.reasons);
            }
            Standing::Lapsed => {
                standings[1] += 1;
                assert_eq!(score.reasons.len(), 1);
                assert!((score.probability - model.lapsed_rate()).abs() < 1e-9);
                assert!(score.reasons[0].value > score.reasons[0].typical);
            }
        }
    }
    assert!(standings[0] > 100 && standings[1] > 100, "{standings:?}");
    let nobody = crate::history::History::empty();
    assert_eq!(model.score(nobody, day(DAYS), premises()), None);
}

#[test]
fn nothing_at_or_after_the_end_of_the_data_reaches_a_model() {
    let whole = fit(&shop(500, 150.0, DAYS), 300.0);
    let cut = fit(&shop(500, 150.0, 300.0), 300.0);
    assert!(whole == cut, "the models differ");
}

#[test]
fn any_number_of_threads_gives_the_same_model() {
    let histories = shop(400, 150.0, DAYS);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| fit(&histories, DAYS))
    };
    assert!(with(1) == with(3), "the models differ");
}

#[test]
fn risk_points_the_right_way_where_most_leave_and_where_few_do() {
    for (customers, stay_days, most_leave) in [(1500, 40.0, true), (600, 2000.0, false)] {
        let histories = shop(customers, stay_days, DAYS);
        let (model, report) = fit(&histories, DAYS - 30.0);
        assert_eq!(report.base_rate > 0.5, most_leave, "{}", report.base_rate);
        let of = Sampling {
            histories: &histories,
            shop: premises(),
            params: &params(),
            norms: &model.norms,
            pupils: thin::Pupils::ALL,
        };
        let judged = snapshot(of, day(DAYS - 30.0));
        let scores: Vec<f64> = judged
            .values
            .iter()
            .map(|values| model.probability(values))
            .collect();
        let auc = ScoredRows::new(&scores, &judged.churned).auc().unwrap();
        assert!(auc > 0.65, "AUC {auc} at a churn rate of {}", report.base_rate);
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let rate = judged.churned.iter().filter(|&&c| c).count() as f64 / scores.len() as f64;
        assert!(
            (mean - rate).abs() < 0.1,
            "mean probability {mean}, churn rate {rate}"
        );
    }
}

/// If features could see the label window, no model would need to guess; if labels are noise, none can.
#[test]
fn canaries_of_leaks() {
    let histories = shop(600, 150.0, DAYS);
    let params = params();
    let norms = Norms::of(&histories, premises().calendar, day(DAYS), &params);
    let of = Sampling {
        histories: &histories,
        shop: premises(),
        params: &params,
        norms: &norms,
        pupils: thin::Pupils::ALL,
    };
    let (schema, _) = schema_of(&histories, day(DAYS), day(200.0));
    let auc = |train: sample::Snapshot, judged: &sample::Snapshot| {
        let standard = standard::Standard::fit(&schema, &train.values.iter());
        let flat: Vec<f64> = train
            .values
            .iter()
            .flat_map(|v| standard.z(v).collect::<Vec<_>>())
            .collect();
        let z = ndarray::Array2::from_shape_vec((train.values.len(), schema.len()), flat).unwrap();
        let fitted = logistic::Logistic::fit(z, &train.churned, 1.0).unwrap();
        let scores: Vec<f64> = judged
            .values
            .iter()
            .map(|v| fitted.log_odds(standard.z(v)))
            .collect();
        ScoredRows::new(&scores, &judged.churned).auc().unwrap()
    };
    let leaking = |at: f64| looking_from(of, day(at), day(at + 30.0));
    let leaked = auc(leaking(300.0), &leaking(360.0));
    assert!(leaked > 0.99, "features that see the window give AUC {leaked}");

    let honest = auc(snapshot(of, day(300.0)), &snapshot(of, day(360.0)));
    assert!(honest > 0.6 && honest < 0.95, "AUC {honest}");

    let mut noise = snapshot(of, day(300.0));
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    let rate = noise.churned.iter().filter(|&&c| c).count() as f64 / noise.churned.len() as f64;
    let mut judged = snapshot(of, day(360.0));
    for churned in noise.churned.iter_mut().chain(&mut judged.churned) {
        *churned = random.r#gen::<f64>() < rate;
    }
    let chance = auc(noise, &judged);
    assert!((chance - 0.5).abs() < 0.1, "labels of noise give AUC {chance}");
}

/// Gains, risk, grid and repeat buyers count the same customers as the metrics do.
fn the_served_model_is_shown_from_every_side(fold: &ChurnFold) {
    let served = fold.models.first().unwrap();
    assert_eq!(*served.0, fold.served.name());
    assert!((served.1.gini - (2.0 * served.1.auc - 1.0)).abs() < 1e-12);
    let large = served.1.calibration_in_the_large;
    assert!((large.predicted - served.1.mean_probability).abs() < 1e-9);
    assert!((large.difference - (large.predicted - fold.churn_rate)).abs() < 1e-9);
    assert!(
        large.standard_error > 0.0 && large.standard_error < 0.1,
        "{large:?}"
    );

    assert!(
        fold.gains.keys().eq(fold.models.keys()),
        "one gains table a model, in one order"
    );
    for (name, table) in &fold.gains {
        assert_eq!(table.customers, fold.eligible);
        let first = &table.deciles[0];
        let lift = fold.models[name].lift_at_10_percent;
        // The tenth of a table has a whole number of customers.
        assert!((first.lift - lift).abs() < 0.05, "{name}: {first:?} and {lift}");
        assert!((table.deciles[9].found - 1.0).abs() < 1e-12);
    }

    let eligible = fold.eligible as u64;
    let risk = &fold.risk;
    assert_eq!(risk.counts.iter().sum::<u64>(), eligible);
    assert_eq!(risk.low + risk.medium + risk.high, eligible);
    assert_eq!(fold.rfm.iter().map(|cell| cell.customers).sum::<u64>(), eligible);
    let over_cells = |of: fn(&RfmCell) -> f64| {
        let sum: f64 = fold.rfm.iter().map(|cell| cell.customers as f64 * of(cell)).sum();
        sum / fold.eligible as f64
    };
    assert!((over_cells(|cell| cell.mean_risk) - large.predicted).abs() < 1e-9);
    assert!((over_cells(|cell| cell.churn_rate) - fold.churn_rate).abs() < 1e-9);
    let repeat = fold.repeat_buyers.unwrap();
    assert!(
        repeat.customers > 100 && repeat.customers <= fold.eligible,
        "{repeat:?}"
    );
    assert!(repeat.auc.unwrap() > 0.5 && repeat.brier < 0.25, "{repeat:?}");
    assert_eq!(fold.ladder.iter().filter(|rung| rung.serves).count(), 1);
}

#[test]
fn a_backtest_judges_all_models_on_the_same_customers_and_says_what_it_skipped() {
    let histories = shop(700, 150.0, DAYS);
    let mut options = BacktestOptions::evenly(&params(), day(DAYS), 2, 5);
    options.bootstrap = Bootstrap {
        resamples: 200,
        ..options.bootstrap
    };
    assert_eq!(options.as_of, [day(370.0), day(340.0)]);
    options.as_of.extend([day(30.0), day(371.0)]);
    let report = backtest(&histories, premises(), &params(), day(DAYS), &options, &Silent).unwrap();
    assert_eq!(report.folds.len(), 2);
    for fold in &report.folds {
        let logistic = &fold.models["logistic"];
        let recency = &fold.models[RECENCY_ONLY];
        assert!(logistic.auc_interval.low < logistic.auc && logistic.auc < logistic.auc_interval.high);
        assert!(logistic.auc_interval.low > 0.6, "{logistic:?}");
        let over = &fold.advantage[RECENCY_ONLY];
        assert!((over.auc - (logistic.auc - recency.auc)).abs() < 1e-12);
        assert!((over.brier - (recency.brier - logistic.brier)).abs() < 1e-12);
        assert!(over.brier_interval.low <= over.brier && over.brier <= over.brier_interval.high);
        let rarer = if fold.churn_rate <= 0.5 {
            Outcome::Churned
        } else {
            Outcome::Stayed
        };
        assert_eq!(logistic.average_precision_of, rarer);
        assert!(logistic.brier_skill > 0.0 && logistic.lift_at_10_percent <= logistic.lift_ceiling + 1e-9);
        assert_eq!(
            fold.reliability.iter().map(|bin| bin.rows).sum::<usize>(),
            fold.eligible
        );
        the_served_model_is_shown_from_every_side(fold);
    }
    let auc = |fold: usize| report.folds[fold].models["logistic"].auc;
    assert!((report.mean.models["logistic"].auc - (auc(0) + auc(1)) / 2.0).abs() < 1e-12);
    assert_eq!(report.skipped.len(), 2);
    assert!(report.skipped[0].reason.contains("too short") || report.skipped[0].reason.contains("too few"));
    assert!(
        report.skipped[1].reason.contains("after the data"),
        "{}",
        report.skipped[1].reason
    );
    let json = serde_json::to_value(&report).unwrap();
    assert!(json["folds"][0]["models"]["logistic"]["auc"].as_f64().unwrap() > 0.6);
    assert!(
        json["folds"][0]["as_of"]
            .as_str()
            .unwrap()
            .starts_with("2025-01-05")
    );

    options.as_of = vec![day(390.0)];
    let error = backtest(&histories, premises(), &params(), day(DAYS), &options, &Silent).unwrap_err();
    assert!(
        matches!(error, ChurnError::NoFold { as_of, .. } if as_of == day(390.0)),
        "{error}"
    );
}

#[test]
fn a_single_number_gets_a_model_of_its_own() {
    let histories = shop(500, 150.0, DAYS);
    let lessons = Lessons::gather(&histories, premises(), &params(), day(DAYS), &Silent).unwrap();
    let model = lessons
        .teach_logistic(&Schema::only(&[features::RECENCY]))
        .unwrap();
    let weights = model.coefficients();
    assert_eq!(weights.len(), 1);
    assert_eq!(weights[0].feature, "recency_purchase_days");
    assert!(
        weights[0].weight > 0.1,
        "the longer ago, the likelier gone: {weights:?}"
    );
}

#[test]
fn refusals_name_their_rule_and_its_numbers() {
    let raw = || params().raw().clone();
    let small = shop(60, 150.0, DAYS);
    let error = refusal(&small, raw(), DAYS);
    assert!(
        matches!(error, ChurnError::TooFewPurchasers { found, needed: 100, .. } if found <= 60),
        "{error}"
    );
    assert!(error.to_string().contains("churn.min_purchasers"));

    let histories = shop(600, 150.0, DAYS);
    let long = RawChurnParams {
        horizon_days: 300,
        ..raw()
    };
    let error = refusal(&histories, long, DAYS);
    assert!(
        matches!(error, ChurnError::HistoryTooShort { needed: 600, .. }),
        "{error}"
    );

    let error = refusal(&histories, raw(), DAYS + 45.0);
    let ChurnError::NoRecentPurchase {
        days, allowed: 30, ..
    } = error
    else {
        panic!("{error}");
    };
    assert!((days - 45.0).abs() < 2.0);

    let loyal = shop(150, 1e9, DAYS);
    let picky = RawChurnParams {
        min_outcomes: 140,
        ..raw()
    };
    let error = refusal(&loyal, picky, DAYS);
    assert!(
        matches!(error, ChurnError::TooFewOfOutcome { outcome: Outcome::Churned, needed: 140, found, .. } if found < 140),
        "{error}"
    );

    let empty = HistoriesBuilder::default().finish();
    assert!(matches!(
        refusal(&empty, raw(), DAYS),
        ChurnError::TooFewPurchasers { found: 0, .. }
    ));
}

#[test]
fn a_kind_that_was_logged_too_late_is_left_out_with_the_reason() {
    let histories = shop(300, 150.0, DAYS);
    let (schema, left_out) = schema_of(&histories, day(DAYS), day(200.0));
    assert!(schema.features().any(|feature| feature.code == "n_view_30d"));
    assert_eq!(
        left_out.iter().map(|group| group.needs).collect::<Vec<_>>(),
        ["returns", "cart events", "categories"]
    );
    let (schema, left_out) = schema_of(&histories, day(DAYS), day(-1.0));
    assert!(
        schema
            .features()
            .all(|feature| feature.family != Family::Browsing)
    );
    assert!(
        left_out
            .iter()
            .any(|group| group.needs == "views" && group.why.contains("only since"))
    );
    assert_ne!(
        schema.hash(),
        schema_of(&histories, day(DAYS), day(200.0)).0.hash()
    );
}

#[test]
fn the_table_has_every_buyer_and_labels_only_what_is_over() {
    let histories = shop(300, 150.0, DAYS);
    let table = |at: f64| feature_table(&histories, premises(), &params(), day(at), day(DAYS));
    let past = table(370.0);
    assert!(past.rows.iter().all(|row| row.churned.is_some()));
    assert!(past.rows.iter().any(|row| row.standing == Standing::Lapsed));
    let bought = |row: &features::FeatureRow| {
        let window = histories.of(row.customer).within(day(370.0), day(400.0));
        window.kinds().contains(&EventKind::Purchase)
    };
    assert!(past.rows.iter().all(|row| row.churned == Some(!bought(row))));
    assert!(table(371.0).rows.iter().all(|row| row.churned.is_none()));
    assert!(past.rows.is_sorted_by_key(|row| row.customer.as_u32()));
}
