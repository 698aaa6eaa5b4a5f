//! The churn models as a whole, on a small made-up shop: no leak, sums that add up, refusals that name their rule.

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::features::{Norms, Schema};
use super::fit::Lessons;
use super::sample::{Shop, looking_from, snapshot};
use super::*;
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

fn utc() -> Calendar {
    Calendar::new("UTC").unwrap()
}

fn params() -> ChurnParams {
    RawChurnParams {
        horizon_days: 30,
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
    ChurnModel::fit(histories, &utc(), &params(), day(end), &Silent).unwrap()
}

fn refusal(histories: &Histories, raw: RawChurnParams, end: f64) -> ChurnError {
    ChurnModel::fit(histories, &utc(), &raw.try_into().unwrap(), day(end), &Silent).unwrap_err()
}

#[test]
fn reasons_add_up_to_the_score() {
    let histories = shop(600, 150.0, DAYS);
    let (model, report) = fit(&histories, DAYS);
    assert!(report.left_out.iter().any(|group| group.needs == "returns"));
    assert!(report.calibration.kept_raw.is_none() && report.calibration.platt.slope > 0.3);
    let mut standings = [0, 0];
    for customer in histories.customers().rows() {
        let Some(score) = model.score(histories.of(customer), day(DAYS), &utc()) else {
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
    assert_eq!(model.score(nobody, day(DAYS), &utc()), None);
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
fn a_stored_model_is_the_same_model_and_a_broken_one_is_refused_by_name() {
    let histories = shop(400, 150.0, DAYS);
    let (model, _) = fit(&histories, DAYS);
    let text = serde_json::to_string(&model).unwrap();
    assert_eq!(serde_json::from_str::<ChurnModel>(&text).unwrap(), model);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    type Change<'a> = &'a dyn Fn(&mut serde_json::Value);
    let broken = |change: Change<'_>| {
        let mut json = json.clone();
        change(&mut json);
        serde_json::from_value::<ChurnModel>(json)
            .unwrap_err()
            .to_string()
    };
    let cases: [(&str, Change<'_>); 7] = [
        ("platt.slope = -1 is not above 0", &|json| {
            json["platt"]["slope"] = (-1.0).into()
        }),
        ("base_rate = 1.5 is not between 0 and 1", &|json| {
            json["base_rate"] = 1.5.into()
        }),
        ("columns is empty", &|json| {
            json["columns"] = serde_json::json!([])
        }),
        ("unknown or repeated feature \"shoe_size\"", &|json| {
            json["columns"][0]["feature"] = "shoe_size".into();
        }),
        ("columns.scale of recency_purchase_days", &|json| {
            json["columns"][0]["scale"]["sd"] = 0.0.into()
        }),
        ("feature_schema_hash is \"0\"", &|json| {
            json["feature_schema_hash"] = "0".into()
        }),
        ("params churn.horizon_days = 0", &|json| {
            json["params"]["horizon_days"] = 0.into()
        }),
    ];
    for (expected, change) in cases {
        let error = broken(change);
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
}

#[test]
fn risk_points_the_right_way_where_most_leave_and_where_few_do() {
    for (customers, stay_days, most_leave) in [(1500, 40.0, true), (600, 2000.0, false)] {
        let histories = shop(customers, stay_days, DAYS);
        let (model, report) = fit(&histories, DAYS - 30.0);
        assert_eq!(report.base_rate > 0.5, most_leave, "{}", report.base_rate);
        let shop = Shop {
            histories: &histories,
            calendar: &utc(),
            params: &params(),
            norms: &model.norms,
        };
        let judged = snapshot(shop, day(DAYS - 30.0));
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
    let calendar = utc();
    let params = params();
    let norms = Norms::of(&histories, &calendar, day(DAYS), 120.0);
    let shop = Shop {
        histories: &histories,
        calendar: &calendar,
        params: &params,
        norms: &norms,
    };
    let (schema, _) = Schema::of(&histories, day(DAYS), day(200.0));
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
    let leaking = |at: f64| looking_from(shop, day(at), day(at + 30.0));
    let leaked = auc(leaking(300.0), &leaking(360.0));
    assert!(leaked > 0.99, "features that see the window give AUC {leaked}");

    let honest = auc(snapshot(shop, day(300.0)), &snapshot(shop, day(360.0)));
    assert!(honest > 0.6 && honest < 0.95, "AUC {honest}");

    let mut noise = snapshot(shop, day(300.0));
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    let rate = noise.churned.iter().filter(|&&c| c).count() as f64 / noise.churned.len() as f64;
    let mut judged = snapshot(shop, day(360.0));
    for churned in noise.churned.iter_mut().chain(&mut judged.churned) {
        *churned = random.r#gen::<f64>() < rate;
    }
    let chance = auc(noise, &judged);
    assert!((chance - 0.5).abs() < 0.1, "labels of noise give AUC {chance}");
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
    let report = backtest(&histories, &utc(), &params(), day(DAYS), &options, &Silent).unwrap();
    assert_eq!(report.folds.len(), 2);
    for fold in &report.folds {
        let models = &fold.models;
        let logistic = &models.logistic;
        assert!(logistic.auc_interval.low < logistic.auc && logistic.auc < logistic.auc_interval.high);
        assert!(logistic.auc_interval.low > 0.6, "{logistic:?}");
        assert!((fold.auc_over_recency.difference - (logistic.auc - models.recency.auc)).abs() < 1e-12);
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
    }
    let mean = (report.folds[0].models.logistic.auc + report.folds[1].models.logistic.auc) / 2.0;
    assert!((report.mean.models.logistic.auc - mean).abs() < 1e-12);
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
    let error = backtest(&histories, &utc(), &params(), day(DAYS), &options, &Silent).unwrap_err();
    assert!(
        matches!(error, ChurnError::NoFold { as_of, .. } if as_of == day(390.0)),
        "{error}"
    );
}

#[test]
fn a_single_number_gets_a_model_of_its_own() {
    let histories = shop(500, 150.0, DAYS);
    let lessons = Lessons::gather(&histories, &utc(), &params(), day(DAYS), &Silent).unwrap();
    let (model, _) = lessons.teach(&Schema::only(&[features::RECENCY])).unwrap();
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
    let (schema, left_out) = Schema::of(&histories, day(DAYS), day(200.0));
    assert!(schema.features().any(|feature| feature.code == "n_view_30d"));
    assert_eq!(
        left_out.iter().map(|group| group.needs).collect::<Vec<_>>(),
        ["returns", "cart events"]
    );
    let (schema, left_out) = Schema::of(&histories, day(DAYS), day(-1.0));
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
        Schema::of(&histories, day(DAYS), day(200.0)).0.hash()
    );
}

#[test]
fn the_table_has_every_buyer_and_labels_only_what_is_over() {
    let histories = shop(300, 150.0, DAYS);
    let table = |at: f64| feature_table(&histories, &utc(), &params(), day(at), day(DAYS));
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
