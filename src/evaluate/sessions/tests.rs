use super::*;
use crate::recommend::sessions::RawSessionParams;

fn params() -> SessionParams {
    let raw = RawSessionParams {
        longest_quantile: 1.0,
        ..RawSessionParams::default()
    };
    raw.try_into().unwrap()
}

fn options<'a>(models: &'a [&'a str]) -> EvaluateOptions<'a> {
    EvaluateOptions {
        k: 2,
        models,
        vmis: RawKnnParams::serenade(),
        bootstrap: Bootstrap::default(),
    }
}

#[test]
fn predictions_are_counted_by_hand() {
    let clicked = |end, items: &[u64]| Clicked {
        items: items.to_vec(),
        end,
    };
    let train = [
        clicked(3, &[10, 20]),
        clicked(1, &[10, 30]),
        clicked(2, &[30, 20]),
        clicked(4, &[10, 20]),
    ];
    let test = [
        TestClicks {
            items: vec![10, 20, 10, 99],
            first: 1,
        },
        TestClicks {
            items: vec![30, 10, 30],
            first: 2,
        },
        TestClicks {
            items: vec![30],
            first: 1,
        },
    ];
    let params = params();
    let report = evaluate_sessions(
        &train,
        &test,
        &params,
        &options(&["item-co-occurrence", "popularity"]),
    )
    .unwrap();
    assert_eq!(
        (report.test_sessions, report.predictions, report.unknown_targets),
        (2, 4, 1)
    );
    let models: Vec<&str> = report.models.keys().map(String::as_str).collect();
    assert_eq!(models, ["item-co-occurrence", "popularity"]);
    // 10 goes with 20 twice and with 30 once; 20 with 10 twice: ranks 1, 1, never, 2.
    let together = &report.models["item-co-occurrence"];
    assert!((together.mrr - 2.5 / 4.0).abs() < 1e-12 && (together.hit_rate - 0.75).abs() < 1e-12);
    // 10 and 20 have three sessions, 30 two: without the current item 20 and 10 come first: ranks 1, 1, never, 2.
    assert!((report.models["popularity"].mrr - 2.5 / 4.0).abs() < 1e-12);
    let interval = together.mrr_interval.unwrap();
    assert!(interval.low <= together.mrr && together.mrr <= interval.high);
    let all = evaluate_sessions(&train, &test, &params, &options(&[])).unwrap();
    assert_eq!(all.models.len(), MODELS.len());
    assert!(
        serde_json::to_string(&all)
            .unwrap()
            .contains("\"hit_rate_interval\":{\"low\":")
    );
}

#[test]
fn what_cannot_be_evaluated_is_named() {
    let params = params();
    let train = [Clicked {
        items: vec![1, 2],
        end: 0,
    }];
    let test = [TestClicks {
        items: vec![1],
        first: 1,
    }];
    let error = |train: &[Clicked], options: &EvaluateOptions<'_>| {
        evaluate_sessions(train, &test, &params, options).unwrap_err()
    };
    assert_eq!(
        error(&train, &options(&[])),
        SessionEvaluationError::NothingToForetell
    );
    assert_eq!(error(&[], &options(&[])), SessionEvaluationError::NothingToLearn);
    assert!(
        error(&train, &options(&["best"]))
            .to_string()
            .contains("session-blend")
    );
    assert_eq!(
        error(&train, &EvaluateOptions { k: 0, ..options(&[]) }),
        SessionEvaluationError::NoPlaces
    );
}
