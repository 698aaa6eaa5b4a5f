//! Who will leave, and who of all.

use super::*;
use rapport::catalog::Categories;
use rapport::churn::Shop;
use rapport::history::HistoriesBuilder;
use rapport::log::Event;

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
    let categories = Categories::of(&parts.catalog);
    let premises = Shop {
        calendar: &parts.calendar,
        categories: &categories,
    };
    for (customer, as_of) in [(1, None), (3, None), (1, Some(shop::day_zero().plus_days(150.0)))] {
        let answer = engine.churn(&shop::customer_id(customer), as_of).unwrap();
        let row = parts.histories.customers().find(&answer.customer_id).unwrap();
        let now = as_of.unwrap_or(parts.data_through);
        assert_eq!(
            Some(answer.score),
            model.score(parts.histories.of(row), now, premises)
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
        ..AtRiskFilter::default()
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

/// The small shop with 20 more customers who look at an item every day of the last ten weeks, up to `last`; no view at
/// all from then on.
fn views_end(last: f64) -> BundleParts {
    let mut parts = shop::parts(shop::SMALL, 1);
    let old = &parts.histories;
    let mut builder = HistoriesBuilder::default();
    old.items().names().for_each(|id| {
        builder.add_item(id).unwrap();
    });
    let mut push = |customer_id: &str, item_id: &str, kind, occurred_at| {
        let event = Event {
            event_id: None,
            customer_id,
            item_id,
            kind,
            occurred_at,
            quantity: 1.0,
            unit_price: Some(1.0),
            order_id: None,
            session_id: None,
        };
        builder.push(&event).unwrap();
    };
    let until = shop::day_zero().plus_days(last);
    for customer in old.customers().rows() {
        for event in old.of(customer).events() {
            if event.kind != EventKind::View || event.at < until {
                let (who, what) = (old.customers().name(customer), old.items().name(event.item));
                push(who, what, event.kind, event.at);
            }
        }
    }
    for day in 1..=70 {
        for looker in 0..20 {
            let at = until.plus_days(-f64::from(day) + 0.5);
            push(&format!("looker{looker}"), "i1", EventKind::View, at);
        }
    }
    parts.histories = builder.finish();
    parts
}

#[test]
fn an_outage_freezes_scores_at_its_start() {
    let broken = views_end(390.0);
    let since = shop::day_zero().plus_days(390.0);
    let day = |day: f64| shop::day_zero().plus_days(day);
    let mut at_start = broken.clone();
    at_start.data_through = since;
    let mut two_days_on = broken;
    two_days_on.data_through = day(392.5);
    let Fixture { engine: sound, .. } = &fixture(&at_start, RawServeConfig::default());
    let Fixture { engine: frozen, .. } = &fixture(&two_days_on, RawServeConfig::default());
    assert_eq!(sound.index().unwrap().frozen(), None);
    let index = frozen.index().unwrap();
    let outage = index.frozen().unwrap();
    assert_eq!(
        (outage.kind, outage.since, outage.days),
        (EventKind::View, since, 2)
    );
    assert!(outage.usual_customers_per_day >= 20.0);
    assert_eq!(index.as_of(None), since);
    assert_eq!(index.as_of(Some(day(391.0))), since);
    assert_eq!(index.as_of(Some(day(300.0))), day(300.0));

    let scores = |engine: &Engine| -> Vec<(String, rapport::churn::ChurnScore)> {
        let all = engine.at_risk(&AtRiskFilter::default()).unwrap();
        all.map(|answer| (answer.customer_id, answer.score)).collect()
    };
    assert_eq!(scores(frozen), scores(sound));
    assert_eq!(scores(frozen).len(), shop::BUYERS);
    let one = |engine: &Engine, as_of| engine.churn("c1", as_of).unwrap().score;
    assert_eq!(one(frozen, None), one(sound, None));
    assert_eq!(one(frozen, Some(day(392.0))), one(sound, None));
    assert_eq!(one(frozen, Some(day(300.0))), one(sound, Some(day(300.0))));
    let later = one(sound, Some(day(392.5))).log_odds;
    assert!(
        (later - one(sound, None).log_odds).abs() > 1e-9,
        "time alone changes a score"
    );
}
