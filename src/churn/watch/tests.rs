//! A made-up shop that stays as it is, then changes; and scores that are judged by what happened.

use std::sync::LazyLock;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::*;
use crate::catalog::Categories;
use crate::churn::{ChurnModel, ChurnParams, ModelChoice, RawChurnParams, Shop, Standing};
use crate::history::{Histories, HistoriesBuilder};
use crate::log::{Event, EventKind};
use crate::measure::classification::ScoredRows;
use crate::progress::Silent;
use crate::time::{Calendar, Timestamp};

/// End of the data of the fit.
const FITTED: f64 = 400.0;
/// End of the log.
const END: f64 = 500.0;
/// Days without a purchase that are a churn.
const HORIZON: f64 = 30.0;

fn day(day: f64) -> Timestamp {
    "2024-01-01".parse::<Timestamp>().unwrap().plus_days(day)
}

fn premises() -> Shop<'static> {
    static PREMISES: LazyLock<(Calendar, Categories)> =
        LazyLock::new(|| (Calendar::new("UTC").unwrap(), Categories::default()));
    Shop {
        calendar: &PREMISES.0,
        categories: &PREMISES.1,
    }
}

/// What changes when the model has been fitted.
#[derive(Clone, Copy, PartialEq)]
enum Change {
    Nothing,
    /// Customers come twice as often as they did.
    Haste,
    /// Nobody comes any more.
    Exodus,
    /// No view is logged from day 430 on.
    NoViews,
}

/// A shop that was old when its log began: customers come and go, so that each month is like the last. Each has a gap
/// of her own between 8 and 60 days and stays for 150 days on average; she views what she buys.
fn shop(change: Change) -> Histories {
    let mut builder = HistoriesBuilder::default();
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let wait = |random: &mut Xoshiro256PlusPlus, mean: f64| -mean * (1.0 - random.r#gen::<f64>()).ln();
    for customer in 0..2000 {
        let gap = 8.0 + 52.0 * random.r#gen::<f64>();
        let mut at = random.r#gen::<f64>() * (END + 600.0) - 600.0;
        let leaves = at + wait(&mut random, 150.0);
        while at < leaves.min(END) {
            if change == Change::Exodus && at >= FITTED {
                break;
            }
            for (kind, ago) in [(EventKind::View, 0.5), (EventKind::Purchase, 0.0)] {
                let logged = !(change == Change::NoViews && kind == EventKind::View && at - ago >= 430.0);
                if at - ago >= 0.0 && logged {
                    builder
                        .push(&Event {
                            event_id: None,
                            customer_id: &format!("c{customer}"),
                            item_id: &format!("i{}", random.gen_range(0..20)),
                            kind,
                            occurred_at: day(at - ago),
                            quantity: 1.0,
                            unit_price: Some(10.0),
                            order_id: None,
                            session_id: None,
                        })
                        .unwrap();
                }
            }
            let hurry = if change == Change::Haste && at >= FITTED {
                0.5
            } else {
                1.0
            };
            at += wait(&mut random, hurry * gap);
        }
    }
    builder.finish()
}

fn fit(histories: &Histories) -> ChurnModel {
    // Four horizons after a purchase a customer is eligible.
    let params: ChurnParams = RawChurnParams {
        horizon_days: 30,
        max_cut_offs: 6,
        model: ModelChoice::Logistic,
        ..RawChurnParams::default()
    }
    .try_into()
    .unwrap();
    ChurnModel::fit(histories, premises(), &params, day(FITTED), &Silent)
        .unwrap()
        .0
}

/// The steady shop and its model.
fn steady() -> &'static (Histories, ChurnModel) {
    static STEADY: LazyLock<(Histories, ChurnModel)> = LazyLock::new(|| {
        let histories = shop(Change::Nothing);
        let model = fit(&histories);
        (histories, model)
    });
    &STEADY
}

fn of<'a>(report: &'a DriftReport, code: &str) -> &'a Drift {
    report.drifts.iter().find(|drift| drift.of == code).unwrap()
}

#[test]
fn a_percentile_is_a_place_among_the_eligible_of_the_fit() {
    let (histories, model) = steady();
    let mut said: Vec<f64> = histories
        .customers()
        .rows()
        .filter_map(|customer| model.score(histories.of(customer), day(FITTED), premises()))
        .filter(|score| score.standing == Standing::Eligible)
        .map(|score| score.probability)
        .collect();
    said.sort_by(f64::total_cmp);
    assert_eq!(model.watch().unwrap().customers(), said.len() as u64);
    for (at, &p) in said.iter().enumerate().step_by(17) {
        let exactly = 100.0 * at as f64 / (said.len() - 1) as f64;
        let percentile = model.percentile(p).unwrap();
        // A kept quantile for each hundredth.
        assert!((percentile - exactly).abs() < 1.0, "{percentile} for {exactly}");
    }
    assert_eq!(model.percentile(0.0), Some(0.0));
    assert_eq!(model.percentile(1.0), Some(100.0));
}

#[test]
fn equal_probabilities_share_the_middle_and_lines_lie_between() {
    let (_, model) = steady();
    let mut stored = serde_json::to_value(model.watch().unwrap()).unwrap();
    // 0.2 for the lower half, then evenly up to 0.7.
    let quantiles: Vec<f64> = (0..=100)
        .map(|k| 0.2 + f64::from((k - 50).max(0)) / 100.0)
        .collect();
    stored["quantiles"] = serde_json::to_value(quantiles).unwrap();
    let watch: Watch = serde_json::from_value(stored).unwrap();
    assert_eq!(watch.check(model.schema()), Ok(()));
    for (probability, percentile) in [
        (0.1, 0.0),
        (0.2, 25.0),
        (0.205, 50.5),
        (0.454, 75.4),
        (0.7, 100.0),
        (0.9, 100.0),
    ] {
        let found = watch.percentile(probability);
        assert!((found - percentile).abs() < 1e-9, "{found} for {probability}");
    }
}

#[test]
fn a_watch_survives_a_bundle_and_older_models_have_none() {
    let (histories, model) = steady();
    let mut json = serde_json::to_value(model).unwrap();
    assert_eq!(
        &serde_json::from_value::<ChurnModel>(json.clone()).unwrap(),
        model
    );
    let broken = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = json.clone();
        change(&mut json["watch"]);
        serde_json::from_value::<ChurnModel>(json)
            .unwrap_err()
            .to_string()
    };
    let error = broken(&|watch| {
        let first = model.schema().features().next().unwrap().code;
        watch["features"].as_object_mut().unwrap().remove(first);
    });
    assert!(
        error.contains("watch must have one reference for each feature"),
        "{error}"
    );
    let error = broken(&|watch| watch["quantiles"][3] = 0.99.into());
    assert!(error.contains("101 ascending quantiles"), "{error}");
    let error = broken(&|watch| watch["seen"][0] = 99_999.into());
    assert!(error.contains("knows events of 99999 customers of "), "{error}");

    json.as_object_mut().unwrap().remove("watch");
    let older: ChurnModel = serde_json::from_value(json).unwrap();
    assert_eq!(older.percentile(0.5), None);
    assert_eq!(
        drift(&older, histories, premises(), day(END)),
        Err(WatchError::NoReference)
    );
    // The truth needs no reference.
    assert!(truth(&older, histories, premises(), day(FITTED), day(END)).is_ok());
}

#[test]
fn a_steady_shop_does_not_drift_and_one_in_a_hurry_does() {
    let (histories, model) = steady();
    let same = drift(model, histories, premises(), day(FITTED)).unwrap();
    assert!(
        same.drifts.iter().all(|drift| drift.stability.index < 1e-12),
        "{same:?}"
    );
    assert_eq!(same.drifts.len(), model.schema().len() + 1);
    let later = drift(model, histories, premises(), day(END)).unwrap();
    assert_eq!((later.reference_as_of, later.as_of), (day(FITTED), day(END)));
    assert!(!of(&later, SCORE).alarms, "{:?}", of(&later, SCORE));
    assert!(!of(&later, "recency_purchase_days").alarms);
    for seen in &later.seen[..1] {
        assert_eq!(seen.kind, EventKind::View);
        assert!((seen.then - seen.now).abs() < 0.05 && seen.now > 0.5, "{seen:?}");
    }

    let hasty = shop(Change::Haste);
    let hurry = drift(model, &hasty, premises(), day(END)).unwrap();
    assert!(of(&hurry, "n_purchase_30d").alarms && of(&hurry, SCORE).alarms);
    assert_eq!(of(&hurry, SCORE).family, None);
    let above = |drift: &Drift| drift.stability.index / drift.stability.alarm_above;
    assert!(hurry.drifts.is_sorted_by(|a, b| above(a) >= above(b)));
    assert_eq!(hurry.alarms().count(), hurry.drifts.partition_point(|d| d.alarms));

    let gone = shop(Change::Exodus);
    let later = day(FITTED + 150.0);
    let nobody = drift(model, &gone, premises(), later);
    assert_eq!(
        nobody,
        Err(WatchError::NobodyEligible {
            at: later,
            eligible_days: 120
        })
    );
}

#[test]
fn an_outage_shows_in_what_is_known_and_in_the_instant_up_to_which_scores_are_sound() {
    let (_, model) = steady();
    let blind = shop(Change::NoViews);
    let outage = healthy_until(&blind, premises().calendar, day(460.0)).unwrap();
    assert_eq!(
        (outage.kind, outage.since, outage.days),
        (EventKind::View, day(430.0), 30)
    );
    assert_eq!(healthy_until(&blind, premises().calendar, day(430.0)), None);
    let report = drift(model, &blind, premises(), day(475.0)).unwrap();
    assert!(report.seen[0].then > 0.3 && report.seen[0].now < 1e-12);
    assert!(of(&report, "n_view_30d").alarms);
    let before = drift(model, &blind, premises(), outage.since).unwrap();
    assert!(!of(&before, "n_view_30d").alarms);

    // A model that is fitted in the outage keeps what was seen before it.
    let params = model.params().clone();
    let (during, _) = ChurnModel::fit(&blind, premises(), &params, day(460.0), &Silent).unwrap();
    let same = drift(&during, &blind, premises(), outage.since).unwrap();
    assert_eq!(same.reference_as_of, outage.since);
    assert!(of(&same, SCORE).stability.index < 1e-12);
}

#[test]
fn truth_is_what_happened_after_the_scores() {
    let (histories, model) = steady();
    let report = truth(model, histories, premises(), day(FITTED), day(END)).unwrap();
    // The same from scores and histories, one customer after the other.
    let (mut said, mut left) = (Vec::new(), Vec::new());
    for customer in histories.customers().rows() {
        let history = histories.of(customer);
        if let Some(score) = model.score(history, day(FITTED), premises())
            && score.standing == Standing::Eligible
        {
            let after = history.within(day(FITTED), day(FITTED + HORIZON));
            said.push(score.probability);
            left.push(!after.kinds().contains(&EventKind::Purchase));
        }
    }
    assert_eq!(report.customers, said.len());
    let auc = ScoredRows::new(&said, &left).auc().unwrap();
    assert!((report.auc - auc).abs() < 1e-3, "{} for {auc}", report.auc);
    let observed = left.iter().filter(|&&left| left).count() as f64 / left.len() as f64;
    assert!((report.large.observed - observed).abs() < 1e-12);
    let predicted = said.iter().sum::<f64>() / said.len() as f64;
    assert!((report.large.predicted - predicted).abs() < 1e-9);
    assert!(!report.alarms(), "{report:?}");
    assert!(report.auc > report.recency_auc && report.auc_over_recency.high > 0.0);
    assert_eq!(report.purchase_outages, []);
    // Nothing after the horizon counts, and any number of threads finds the same.
    let at_the_end = truth(
        model,
        histories,
        premises(),
        day(FITTED),
        day(FITTED + HORIZON + 1.0),
    );
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    assert_eq!(one.install(|| at_the_end.unwrap()), report);
}

#[test]
fn a_level_far_off_alarms_and_no_truth_is_told_too_early() {
    let (histories, model) = steady();
    let early = truth(model, histories, premises(), day(FITTED), day(FITTED + 29.0));
    assert_eq!(
        early,
        Err(WatchError::NotYet {
            as_of: day(FITTED),
            horizon_days: 30,
            known_at: day(FITTED + 30.0),
            data_end: day(FITTED + 29.0)
        })
    );
    assert!(
        early
            .unwrap_err()
            .to_string()
            .contains("is over at 2025-03-06T00:00:00Z")
    );
    let hindsight = truth(model, histories, premises(), day(FITTED - 1.0), day(END));
    assert!(
        matches!(hindsight, Err(WatchError::Hindsight { .. })),
        "{hindsight:?}"
    );
    let all_left = truth(model, &shop(Change::Exodus), premises(), day(FITTED), day(END));
    assert!(
        all_left
            .unwrap_err()
            .to_string()
            .contains("eligible customers churned")
    );

    // Customers in a hurry leave less than the model said: more than chance, but no more than it said its level may be off.
    let hasty = shop(Change::Haste);
    let judged = |model: &ChurnModel| truth(model, &hasty, premises(), day(FITTED + 40.0), day(END)).unwrap();
    let found = judged(model);
    assert!(found.large.difference > 0.0 && !found.level_alarms, "{found:?}");
    let sure = ChurnModel {
        level_error: None,
        ..model.clone()
    };
    let found = judged(&sure);
    assert!(
        (found.level_alarm_above / found.large.standard_error - 2.575_829).abs() < 1e-6,
        "{found:?}"
    );
    assert!(found.level_alarms && !found.ranking_alarms, "{found:?}");
}
