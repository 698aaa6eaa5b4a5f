//! Which model the data are enough for.

use super::*;

fn kinds(report: &ChurnFitReport) -> Vec<(ChurnModelKind, bool)> {
    report
        .ladder
        .iter()
        .map(|rung| (rung.model, rung.serves))
        .collect()
}

/// Why a model of the ladder serves or does not.
fn why(report: &ChurnFitReport, kind: ChurnModelKind) -> &str {
    &report.ladder.iter().find(|rung| rung.model == kind).unwrap().why
}

/// AUC of a model of the data before `at` for the customers who were eligible then.
fn auc(model: &ChurnModel, histories: &Histories, at: f64) -> f64 {
    let of = Sampling {
        histories,
        shop: premises(),
        params: model.params(),
        norms: &model.norms,
        pupils: thin::Pupils::ALL,
    };
    let judged = snapshot(of, day(at));
    let scores: Vec<f64> = judged.values.iter().map(|v| model.probability(v)).collect();
    ScoredRows::new(&scores, &judged.churned).auc().unwrap()
}

/// The reasons of every customer add up, whichever model scores.
fn adds_up(model: &ChurnModel, histories: &Histories) {
    let mut scored = 0;
    for customer in histories.customers().rows() {
        let Some(score) = model.score(histories.of(customer), day(DAYS), premises()) else {
            continue;
        };
        scored += 1;
        let sum: f64 = score.reasons.iter().map(|reason| reason.contribution).sum();
        let off = (score.base_log_odds + sum - score.log_odds).abs();
        assert!(off < 1e-9, "{}: off by {off}", model.kind());
        if score.standing == Standing::Eligible {
            // The parts are those of the score, not of a likeness.
            let values =
                features::features(histories.of(customer), day(DAYS), premises(), &model.norms).unwrap();
            let own = model.platt.apply(model.predictor.log_odds(&values));
            assert!((own - score.log_odds).abs() < 1e-9, "{}", model.kind());
        }
    }
    assert!(scored > 100, "{scored}");
}

#[test]
fn a_small_shop_gets_mbg_nbd_and_the_others_say_what_they_lack() {
    let histories = shop(150, 150.0, DAYS);
    let auto = asked(|raw| raw.model = ModelChoice::Auto);
    let (model, report) = fit_as(&histories, &auto, DAYS - 30.0);
    assert_eq!(model.kind(), ChurnModelKind::MbgNbd);
    assert_eq!(
        kinds(&report),
        [
            (ChurnModelKind::MbgNbd, true),
            (ChurnModelKind::Logistic, false),
            (ChurnModelKind::Boosting, false)
        ]
    );
    let few = why(&report, ChurnModelKind::Logistic);
    assert!(
        few.contains("are needed (churn.logistic_min_purchasers)") || few.contains("churn.min_outcomes"),
        "{few}"
    );
    assert_eq!(
        why(&report, ChurnModelKind::Boosting),
        "the logistic regression cannot be learned either"
    );
    assert!(report.coefficients.is_empty() && model.coefficients().is_empty());
    let auc = auc(&model, &histories, DAYS - 30.0);
    assert!(auc > 0.6, "AUC {auc}");
    adds_up(&model, &histories);
}

#[test]
fn a_larger_shop_gets_the_regression_unless_its_log_is_short() {
    let histories = shop(600, 150.0, DAYS);
    let auto = |change: fn(&mut RawChurnParams)| {
        let params = asked(|raw| {
            raw.model = ModelChoice::Auto;
            change(raw);
        });
        fit_as(&histories, &params, DAYS)
    };
    let (model, report) = auto(|_| ());
    assert_eq!(model.kind(), ChurnModelKind::Logistic);
    assert_eq!(
        why(&report, ChurnModelKind::Boosting),
        format!(
            "{} training rows, 5000 are needed (churn.boosting_min_rows)",
            report.rows
        )
    );
    let logistic = why(&report, ChurnModelKind::Logistic);
    assert!(
        logistic.starts_with("600 customers bought in 399 days"),
        "{logistic}"
    );

    let (model, report) = auto(|raw| raw.logistic_min_purchasers = 601);
    assert_eq!(model.kind(), ChurnModelKind::MbgNbd);
    assert_eq!(
        why(&report, ChurnModelKind::Logistic),
        "600 customers bought, 601 are needed (churn.logistic_min_purchasers)"
    );
    let (model, report) = auto(|raw| raw.logistic_min_days = 500);
    assert_eq!(model.kind(), ChurnModelKind::MbgNbd);
    assert_eq!(
        why(&report, ChurnModelKind::Logistic),
        "399 days from the first purchase to the end of the data, 500 are needed (churn.logistic_min_days)"
    );
}

#[test]
fn trees_serve_only_where_they_foresaw_more() {
    let histories = shop(600, 150.0, DAYS);
    let climbed = |max_cut_offs| {
        let params = asked(|raw| {
            raw.model = ModelChoice::Auto;
            raw.boosting_min_rows = 500;
            raw.boosting_min_outcomes = 100;
            raw.max_cut_offs = max_cut_offs;
        });
        fit_as(&histories, &params, DAYS)
    };
    // Of eight cut-offs ten days apart, two lie 30 days from one another and have a past of their own.
    let (model, report) = climbed(8);
    assert_eq!(model.kind(), ChurnModelKind::Logistic);
    assert_eq!(
        why(&report, ChurnModelKind::Boosting),
        "2 cut-offs apart to compare on, 3 are needed"
    );
    let (model, report) = climbed(12);
    let found = why(&report, ChurnModelKind::Boosting);
    assert!(
        found.starts_with("its log loss was ") && found.contains(" over 3 later cut-offs"),
        "{found}"
    );
    // The sentence and the choice are one: there is a remark after the numbers where the trees do not serve.
    let serves = found.ends_with("later cut-offs");
    assert_eq!(model.kind() == ChurnModelKind::Boosting, serves, "{found}");
    let rarer = asked(|raw| {
        raw.model = ModelChoice::Auto;
        raw.boosting_min_rows = 1;
        raw.boosting_min_outcomes = 100_000;
    });
    let (_, report) = fit_as(&histories, &rarer, DAYS);
    let found = why(&report, ChurnModelKind::Boosting);
    assert!(
        found.ends_with("rows of the rarer outcome, 100000 are needed (churn.boosting_min_outcomes)"),
        "{found}"
    );
}

#[test]
fn a_model_that_is_named_serves_and_adds_up() {
    let histories = shop(400, 150.0, DAYS);
    for (choice, kind) in [
        (ModelChoice::MbgNbd, ChurnModelKind::MbgNbd),
        (ModelChoice::Logistic, ChurnModelKind::Logistic),
        (ModelChoice::Boosting, ChurnModelKind::Boosting),
    ] {
        let (model, report) = fit_as(&histories, &named(choice), DAYS - 30.0);
        assert_eq!(model.kind(), kind);
        assert_eq!(kind.name(), choice.to_string());
        let serving: Vec<_> = report.ladder.iter().filter(|rung| rung.serves).collect();
        assert!(
            matches!(serving.as_slice(), [rung] if rung.model == kind),
            "{:?}",
            report.ladder
        );
        for rung in report
            .ladder
            .iter()
            .filter(|rung| rung.model == ChurnModelKind::Boosting)
        {
            assert!(
                rung.why.contains(&format!("churn.model = \"{choice}\" asks for")),
                "{}",
                rung.why
            );
        }
        let auc = auc(&model, &histories, DAYS - 30.0);
        assert!(auc > 0.6, "{choice}: AUC {auc}");
        adds_up(&model, &histories);
    }
}

#[test]
fn a_model_that_is_named_and_lacks_rows_is_refused_with_the_numbers() {
    let histories = shop(400, 150.0, DAYS);
    let raw = RawChurnParams {
        model: ModelChoice::Boosting,
        boosting_min_rows: 1_000_000,
        ..params().raw().clone()
    };
    let error = refusal(&histories, raw, DAYS);
    assert!(
        matches!(&error, ChurnError::ModelRefused { model, .. } if model == "boosting"),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .ends_with(" training rows, 1000000 are needed (churn.boosting_min_rows)"),
        "{error}"
    );
}

#[test]
fn a_shop_where_nobody_came_back_is_refused_by_every_model() {
    let mut builder = HistoriesBuilder::default();
    for customer in 0..600 {
        buy(
            &mut builder,
            &format!("c{customer}"),
            f64::from(customer) * 399.0 / 599.0,
        );
    }
    let histories = builder.finish();
    for model in [ModelChoice::Auto, ModelChoice::MbgNbd, ModelChoice::Boosting] {
        let raw = RawChurnParams {
            model,
            ..params().raw().clone()
        };
        let error = refusal(&histories, raw, DAYS);
        assert!(
            matches!(
                error,
                ChurnError::TooFewOfOutcome {
                    outcome: Outcome::Stayed,
                    found: 0,
                    needed: 100,
                    horizon_days: 30
                }
            ),
            "{error}"
        );
    }
}
