//! What is refused, by name.

use super::*;

#[test]
fn bad_arguments_name_their_field() {
    let Fixture { engine, .. } = &small();
    type Damage = fn(&mut RecommendRequest);
    let cases: [(Damage, &str); 13] = [
        (|r| r.count = 0, "count"),
        (|r| r.count = 501, "count"),
        (|r| r.context.customer_id = Some(String::new()), "customer_id"),
        (
            |r| r.context.item_ids = vec!["a".into(), "\n".into()],
            "context.item_ids[1]",
        ),
        (
            |r| r.context.item_ids = vec!["a".into(); 1001],
            "context.item_ids",
        ),
        (
            |r| r.exclude_item_ids = vec!["x".repeat(257)],
            "exclude_item_ids[0]",
        ),
        (|r| r.filter.min_price = Some(f64::NAN), "filter.min_price"),
        (|r| r.filter.max_price = Some(-1.0), "filter.max_price"),
        (
            |r| (r.filter.min_price, r.filter.max_price) = (Some(2.0), Some(1.0)),
            "filter.max_price",
        ),
        (
            |r| r.filter.category_prefixes = vec![" ".into()],
            "filter.category_prefixes[0]",
        ),
        (
            |r| r.context.recent_events[0].quantity = 0.0,
            "context.recent_events[0].quantity",
        ),
        (
            |r| r.context.recent_events[0].unit_price = Some(f32::INFINITY),
            "context.recent_events[0].unit_price",
        ),
        (|r| r.placement = Some(String::new()), "placement"),
    ];
    for (damage, expected) in cases {
        let mut request = of_customer(1, 5);
        request.context.recent_events = vec![view(1)];
        damage(&mut request);
        match engine.recommend(&request) {
            Err(ServeError::InvalidArgument { field, .. }) => assert_eq!(field, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
    for count in [1, 500] {
        let answer = engine.recommend(&of_customer(1, count)).unwrap();
        assert!((1..=count as usize).contains(&answer.items.len()));
    }
}

#[test]
fn kinds_placements_and_versions_that_do_not_exist_are_refused_by_name() {
    let raw: RawServeConfig =
        toml::from_str("[placements.home]\nkind = 'trending'\n[placements.cart]\nkind = 'cross-sell'")
            .unwrap();
    let Fixture { engine, .. } = &fixture(&shop::parts(shop::SMALL, 1), raw);
    for (kind, needs) in [
        (Kind::CrossSell, "context.cart"),
        (Kind::UpSell, "context.item_ids"),
        (Kind::BuyAgain, "customer_id"),
    ] {
        let refused = engine.recommend(&ask(kind, 5)).unwrap_err();
        assert!(
            matches!(&refused, ServeError::InvalidArgument { field, .. } if field == needs),
            "{refused}"
        );
    }
    let mut request = ask(Kind::Trending, 5);
    request.placement = Some("hoem".into());
    let refused = engine.recommend(&request).unwrap_err().to_string();
    assert_eq!(
        refused,
        "unknown placement \"hoem\": recipe and configuration name cart, home"
    );
    request.placement = Some("home".into());
    assert_eq!(engine.recommend(&request).unwrap().items.len(), 5);
    for version in ["20200101T000000Z-00000000", "../../etc"] {
        request.model_version = Some(version.into());
        assert!(
            matches!(engine.recommend(&request), Err(ServeError::UnknownVersion { version: v }) if v == version)
        );
    }
}

#[test]
fn without_a_model_every_question_is_refused_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(ServeConfig::default(), Registry::new(folder.path()));
    engine.refresh().unwrap();
    assert!(!engine.is_ready());
    assert!(matches!(
        engine.recommend(&ask(Kind::Trending, 5)),
        Err(ServeError::NoModel)
    ));
    assert!(matches!(engine.churn("c1", None), Err(ServeError::NoModel)));
    assert!(matches!(
        engine.at_risk(&AtRiskFilter::default()),
        Err(ServeError::NoModel)
    ));
    assert!(engine.models().unwrap().is_empty());
}
