//! The stored form of all models of the ladder.

use super::*;

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
        ("params churn.horizon_days = 731", &|json| {
            json["params"]["horizon_days"] = 731.into()
        }),
    ];
    for (expected, change) in cases {
        let error = broken(change);
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
}

type Damage<'a> = &'a dyn Fn(&mut serde_json::Value);

/// What is said of a stored model with this damage.
fn said(model: &ChurnModel, damage: Damage<'_>) -> String {
    let mut json = serde_json::to_value(model).unwrap();
    damage(&mut json);
    serde_json::from_value::<ChurnModel>(json)
        .unwrap_err()
        .to_string()
}

#[test]
fn every_model_of_the_ladder_is_stored_and_read_back_to_the_bit() {
    let histories = shop(400, 150.0, DAYS);
    for (choice, part) in [
        (ModelChoice::MbgNbd, "rhythm"),
        (ModelChoice::Logistic, "columns"),
        (ModelChoice::Boosting, "boosting"),
    ] {
        let (model, _) = fit_as(&histories, &named(choice), DAYS);
        let text = serde_json::to_string(&model).unwrap();
        let back: ChurnModel = serde_json::from_str(&text).unwrap();
        assert_eq!(back, model, "{choice}");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let parts = ["rhythm", "columns", "boosting"];
        let stored: Vec<_> = parts.into_iter().filter(|&part| !json[part].is_null()).collect();
        assert_eq!(stored, [part]);
        for customer in histories.customers().rows().take(50) {
            let of = |model: &ChurnModel| model.score(histories.of(customer), day(DAYS), premises());
            assert_eq!(of(&back), of(&model), "{choice}");
        }
    }
}

#[test]
fn a_broken_rhythm_is_refused_by_name() {
    let (model, _) = fit_as(&shop(150, 150.0, DAYS), &named(ModelChoice::MbgNbd), DAYS);
    let cases: [(&str, Damage<'_>); 5] = [
        ("norms.buying is missing", &|json| {
            json["norms"]["buying"] = serde_json::Value::Null;
        }),
        ("mbg_nbd.alpha = -1 is not finite and above 0", &|json| {
            json["norms"]["buying"]["model"]["alpha"] = (-1.0).into();
        }),
        (
            "model must be one of intercept and columns, rhythm, boosting",
            &|json| {
                json["intercept"] = 0.5.into();
            },
        ),
        ("model must be one of", &|json| {
            json.as_object_mut().unwrap().remove("rhythm");
        }),
        ("feature_schema_hash is \"0\"", &|json| {
            json["feature_schema_hash"] = "0".into();
        }),
    ];
    for (expected, damage) in cases {
        let error = said(&model, damage);
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
}

#[test]
fn broken_trees_are_refused_by_name() {
    let (model, _) = fit_as(&shop(400, 150.0, DAYS), &named(ModelChoice::Boosting), DAYS);
    let n = model.schema().len();
    let short = format!("boosting reads {n} columns with {} typical values", n - 1);
    let cases: [(&str, Damage<'_>); 5] = [
        (&short, &|json| {
            json["boosting"]["typical"].as_array_mut().unwrap().pop();
        }),
        (
            "boosting.features has the unknown or repeated feature \"shoe_size\"",
            &|json| json["boosting"]["features"][0] = "shoe_size".into(),
        ),
        ("boosting.features is empty", &|json| {
            json["boosting"]["features"] = serde_json::json!([]);
        }),
        ("boosted.columns = 0", &|json| {
            json["boosting"]["trees"]["columns"] = 0.into();
        }),
        ("boosted.trees has a tree 0 with 7 tests and 7 leaves", &|json| {
            json["boosting"]["trees"]["trees"][0]["leaves"]
                .as_array_mut()
                .unwrap()
                .pop();
        }),
    ];
    for (expected, damage) in cases {
        let error = said(&model, damage);
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
}
