//! Who will leave, and who of all.

use super::*;

#[test]
fn a_refused_churn_model_says_which_rule_refused() {
    let mut parts = shop::parts(shop::SMALL, 1);
    parts.churn = Err("too few customers (churn.min_purchasers)".to_owned());
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let error = engine.churn("c1", None).unwrap_err();
    assert!(error.to_string().contains("churn.min_purchasers"), "{error}");
    assert!(matches!(error, ServeError::NoChurnModel { .. }));
    assert!(matches!(
        engine.at_risk(&AtRiskFilter::default()),
        Err(ServeError::NoChurnModel { .. })
    ));
    assert_eq!(
        engine.recommend(&of_customer(1, 5)).unwrap().items.len(),
        5,
        "the other question is answered"
    );
}

#[test]
fn a_churn_score_is_the_models_own() {
    let parts = shop::parts(shop::SMALL, 1);
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let model = parts.churn.as_ref().unwrap();
    for (customer, as_of) in [(1, None), (3, None), (1, Some(shop::day_zero().plus_days(150.0)))] {
        let answer = engine.churn(&shop::customer_id(customer), as_of).unwrap();
        let row = parts.histories.customers().find(&answer.customer_id).unwrap();
        let now = as_of.unwrap_or(parts.data_through);
        assert_eq!(
            Some(answer.score),
            model.score(parts.histories.of(row), now, &parts.calendar)
        );
    }
    // Every third customer stopped half way: the one who did is the likelier to be gone.
    let probability = |n| {
        engine
            .churn(&shop::customer_id(n), None)
            .unwrap()
            .score
            .probability
    };
    assert!(probability(3) > probability(1));

    assert!(
        matches!(engine.churn("nobody", None), Err(ServeError::UnknownCustomer { customer_id }) if customer_id == "nobody")
    );
    assert!(
        matches!(engine.churn("c0", None), Err(ServeError::NeverBought { .. })),
        "c0 only looks"
    );
    let before = engine.churn("c1", Some(shop::day_zero())).unwrap_err();
    assert!(matches!(before, ServeError::NeverBought { as_of, .. } if as_of == shop::day_zero()));
    assert!(
        matches!(engine.churn(" ", None), Err(ServeError::InvalidArgument { field, .. }) if field == "customer_id")
    );
}

#[test]
fn those_at_risk_come_riskiest_first_and_as_wanted() {
    let parts = shop::parts(shop::SMALL, 1);
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let list = |filter: &AtRiskFilter| -> Vec<ChurnAnswer> { engine.at_risk(filter).unwrap().collect() };
    let everybody = list(&AtRiskFilter::default());
    assert_eq!(
        everybody.len(),
        shop::SMALL.customers - 1,
        "all but the one who never bought"
    );
    assert!(everybody.is_sorted_by(|a, b| a.score.probability >= b.score.probability));
    let of_one = engine.churn(&everybody[7].customer_id, None).unwrap();
    assert_eq!(everybody[7], of_one, "a list says what a question says");

    let (first, last) = (&everybody[0], &everybody[everybody.len() - 1]);
    assert!(first.score.probability > last.score.probability);
    let some = AtRiskFilter {
        min_probability: Some(0.2),
        max_probability: Some(0.9),
        bands: vec![first.score.band, last.score.band],
        standings: vec![Standing::Eligible],
        limit: Some(5),
        as_of: None,
    };
    let expected: Vec<&ChurnAnswer> = everybody
        .iter()
        .filter(|answer| {
            let score = &answer.score;
            (0.2..=0.9).contains(&score.probability)
                && some.bands.contains(&score.band)
                && score.standing == Standing::Eligible
        })
        .take(5)
        .collect();
    assert!(!expected.is_empty());
    assert_eq!(list(&some).iter().collect::<Vec<_>>(), expected);

    let earlier = AtRiskFilter {
        as_of: Some(shop::day_zero().plus_days(150.0)),
        ..AtRiskFilter::default()
    };
    assert!(
        list(&earlier)
            .iter()
            .all(|answer| Some(answer.score.as_of) == earlier.as_of)
    );

    for (filter, expected) in [
        (
            AtRiskFilter {
                min_probability: Some(f64::NAN),
                ..AtRiskFilter::default()
            },
            "min_probability",
        ),
        (
            AtRiskFilter {
                max_probability: Some(1.5),
                ..AtRiskFilter::default()
            },
            "max_probability",
        ),
        (
            AtRiskFilter {
                min_probability: Some(0.5),
                max_probability: Some(0.4),
                ..AtRiskFilter::default()
            },
            "max_probability",
        ),
        (
            AtRiskFilter {
                limit: Some(0),
                ..AtRiskFilter::default()
            },
            "limit",
        ),
    ] {
        assert!(
            matches!(engine.at_risk(&filter), Err(ServeError::InvalidArgument { field, .. }) if field == expected),
            "{expected}"
        );
    }
}
