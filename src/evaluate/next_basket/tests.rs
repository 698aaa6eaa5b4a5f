use super::*;
use crate::progress::Silent;
use crate::recommend::buy_again::next_basket::RawNextBasketParams;

fn row(user: &str, place: u64, items: &[&str]) -> BasketRow {
    BasketRow {
        user_id: user.to_owned(),
        basket_idx: place,
        items: items.iter().map(|&item| item.to_owned()).collect(),
    }
}

fn run(
    train: &[BasketRow],
    test: &[BasketRow],
    options: &BasketsOptions<'_>,
) -> Result<BasketsReport, BasketsError> {
    let params = RawNextBasketParams::default().try_into().unwrap();
    evaluate_baskets(train, test, &params, options, &Silent)
}

fn options(k: usize, model: Option<&str>) -> BasketsOptions<'_> {
    BasketsOptions {
        k,
        model,
        bootstrap: Bootstrap::default(),
    }
}

fn few() -> Vec<BasketRow> {
    vec![
        row("u", 1, &["a", "b"]),
        row("u", 0, &["b"]),
        row("v", 0, &["a"]),
        row("v", 1, &["a", "c"]),
        row("w", 0, &["a", "d"]),
    ]
}

#[test]
fn what_needs_no_model_is_counted_by_hand() {
    // In baskets: a 4, b 2, c 1, d 1. For u: b, a, then c; for the stranger s: a, b.
    let test = [
        row("u", 7, &["a", "d"]),
        row("u", 6, &["b", "c", "z"]),
        row("s", 0, &["b"]),
    ];
    let own = run(&few(), &test, &options(2, Some(PERSONAL_TOP))).unwrap();
    assert_eq!(
        (own.customers, own.train_baskets, own.items),
        (2, 5, 4),
        "the first basket of each is foretold"
    );
    assert_eq!(
        (own.test_items, own.repeated_test_items, own.unknown_test_items),
        (4, 1, 1)
    );
    let personal = &own.models[PERSONAL_TOP];
    // u finds b of b, c, z at the first place; s finds b at the second.
    let (first, second) = (1.0, 1.0 / 3f64.log2());
    assert!((personal.recall - (1.0 / 3.0 + 1.0) / 2.0).abs() < 1e-12);
    assert!((personal.ndcg - (first / (first + second) + second) / 2.0).abs() < 1e-12);
    // Repeated is only u's b; new are u's c and z, never found, and s's b.
    assert!((personal.repeat_recall - 1.0).abs() < 1e-12 && (personal.explore_recall - 0.5).abs() < 1e-12);
    let interval = personal.recall_interval.unwrap();
    assert!(interval.low <= personal.recall && personal.recall <= interval.high);
    let popular = run(&few(), &test, &options(2, Some("popularity"))).unwrap();
    assert_eq!(popular.models.keys().collect::<Vec<_>>(), ["popularity"]);
    // a, b for both: u finds b at the second place.
    let popularity = &popular.models["popularity"];
    assert!((popularity.ndcg - (second / (first + second) + second) / 2.0).abs() < 1e-12);
}

/// Everybody's favourite is in each of her baskets, beside a thing that goes round.
fn shop() -> (Vec<BasketRow>, Vec<BasketRow>) {
    let basket = |user: usize, place: usize| {
        let favourite = format!("f{}", user % 7);
        let other = format!("o{}", (user + place) % 11);
        row(&format!("u{user}"), place as u64, &[&favourite, &other])
    };
    let train = (0..80)
        .flat_map(|user| (0..4).map(move |place| basket(user, place)))
        .collect();
    (train, (0..80).map(|user| basket(user, 4)).collect())
}

#[test]
fn the_model_finds_what_is_bought_every_time_and_what_follows() {
    let (train, test) = shop();
    let report = run(&train, &test, &options(2, None)).unwrap();
    assert_eq!(
        report.models.keys().map(String::as_str).collect::<Vec<_>>(),
        ["next-basket", "personal-top", "popularity"]
    );
    let (model, own) = (&report.models["next-basket"], &report.models["personal-top"]);
    assert!(model.repeat_recall > 0.99, "{model:?}");
    assert!(model.recall > own.recall, "{model:?} {own:?}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!((&json["k"], &json["customers"]), (&2.into(), &80.into()));
    for key in ["recall", "ndcg", "repeat_recall", "fit_seconds"] {
        assert!(json["models"]["next-basket"][key].is_f64(), "{key}: {json}");
    }
}

#[test]
fn what_cannot_be_evaluated_is_named() {
    let test = [row("u", 0, &["a"])];
    let error = |test: &[BasketRow], options: &BasketsOptions<'_>| {
        run(&few(), test, options).unwrap_err().to_string()
    };
    assert!(error(&[], &options(2, None)).contains("no basket"));
    assert!(error(&test, &options(0, None)).contains("k = 0"));
    assert!(error(&test, &options(2, Some("magic"))).contains("\"magic\" (known: next-basket"));
    // One basket each: nothing to learn from.
    let lone = [row("u", 0, &["a"]), row("v", 0, &["b"])];
    assert!(matches!(
        run(&lone, &test, &options(2, None)),
        Err(BasketsError::Fit(_))
    ));
}
