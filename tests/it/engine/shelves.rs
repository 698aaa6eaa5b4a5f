//! The shelves of a shop whose truth is known, answered by the engine that serves.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use rapport::history::Dataset;
use rapport::log::LintReport;
use rapport::progress::Silent;
use rapport::recipe::Recipe;
use rapport::serve::{Explained, Numbers, Reason};
use rapport::simulate::{RawShopParams, Shop, ShopParams, simulate};
use rapport::time::Calendar;
use rapport::train::train;

use super::*;

/// A simulated shop, and an engine that serves what was learned from its log.
struct World {
    shop: Shop,
    fixture: Fixture,
}

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| {
        let raw = RawShopParams {
            customers: 2_500,
            items: 300,
            days: 400,
            seed: 5,
            ..RawShopParams::default()
        };
        let shop = simulate(&ShopParams::try_from(raw).unwrap(), &Silent);
        let recipe = Recipe::parse(
            "[recommend.ials]\nfactors = 16\n[recommend.low_pass]\nfactors = 16\n[churn]\nmodel = 'mbg-nbd'",
            "test",
        )
        .unwrap();
        let dataset = Dataset {
            histories: shop.histories(),
            catalog: shop.catalog().clone(),
            report: LintReport::default(),
            fingerprint: "simulated".into(),
            calendar: Calendar::new("UTC").unwrap(),
        };
        let through = shop.params().end();
        let (parts, _) = train(dataset, &recipe, through, serde_json::Value::Null, &Silent).unwrap();
        World {
            fixture: fixture(&parts, RawServeConfig::default()),
            shop,
        }
    })
}

impl World {
    fn engine(&self) -> &Engine {
        &self.fixture.engine
    }

    fn number(&self, id: &str) -> usize {
        self.shop.item_ids().iter().position(|known| known == id).unwrap()
    }

    fn numbers(&self, answer: &Recommendations) -> Vec<usize> {
        answer
            .items
            .iter()
            .map(|item| self.number(&item.item_id))
            .collect()
    }

    fn on_page(&self, kind: Kind, item: usize, count: u32) -> RecommendRequest {
        let mut request = ask(kind, count);
        request.context.item_ids = vec![self.shop.item_ids()[item].clone()];
        request.filter.available_only = false;
        request
    }

    fn item(&self, n: usize) -> &rapport::catalog::Item {
        &self.shop.catalog().items()[n]
    }

    /// A customer who bought on at least ten days.
    fn regular(&self) -> String {
        let index = self.engine().index().unwrap();
        let histories = &index.parts().histories;
        let row = histories
            .customers()
            .rows()
            .find(|&row| {
                let events = histories.of(row).events();
                events.filter(|event| event.kind == EventKind::Purchase).count() >= 10
            })
            .unwrap();
        histories.customers().name(row).to_owned()
    }

    /// How often an item was bought.
    fn sales(&self) -> Vec<usize> {
        let mut sales = vec![0; self.shop.item_ids().len()];
        let events = self.shop.events();
        for (item, kind) in events.items.iter().zip(&events.kinds) {
            sales[*item as usize] += usize::from(*kind == EventKind::Purchase);
        }
        sales
    }
}

fn shares_are_whole(reasons: &[Reason]) {
    let shares: f32 = reasons.iter().filter_map(|reason| reason.share).sum();
    assert!((shares - 1.0).abs() < 1e-3, "{reasons:?}");
}

#[test]
fn planted_complements_are_sold_along_and_substitutes_never() {
    let world = world();
    let truth = &world.shop.truth;
    let sales = world.sales();
    let (mut planted, mut found) = (0, 0);
    for (item, &sold) in sales.iter().enumerate() {
        let with: Vec<usize> = truth
            .complements
            .iter()
            .filter(|complement| complement.item as usize == item)
            .map(|complement| complement.with as usize)
            .collect();
        let answer = world
            .engine()
            .recommend(&world.on_page(Kind::CrossSell, item, 10))
            .unwrap();
        let answered = world.numbers(&answer);
        if sold >= 10 {
            planted += with.len();
            found += with
                .iter()
                .filter(|other| answered[..answered.len().min(5)].contains(other))
                .count();
        }
        let substitutes =
            truth
                .substitutes
                .iter()
                .filter_map(|pair| match (pair.item as usize, pair.other as usize) {
                    (a, b) if a == item => Some(b),
                    (a, b) if b == item => Some(a),
                    _ => None,
                });
        for other in substitutes {
            assert!(!answered.contains(&other), "{other} stands in for {item}");
        }
    }
    assert!(planted > 50, "{planted} complements were planted");
    let share = found as f64 / planted as f64;
    assert!(
        share >= 0.9,
        "{found} of {planted} complements are among the first five"
    );
}

#[test]
fn what_goes_with_a_cart_says_with_what_and_how_often() {
    let world = world();
    let complement = world.shop.truth.complements[0];
    let mut request = ask(Kind::CrossSell, 5);
    request.with_reasons = true;
    request.context.cart = vec![CartLine {
        item_id: world.shop.item_ids()[complement.item as usize].clone(),
        quantity: 1.0,
        unit_price: None,
    }];
    let answer = world.engine().recommend(&request).unwrap();
    assert_eq!(
        (answer.kind, answer.strategy),
        (Kind::CrossSell, Strategy::Session)
    );
    let mut supported = 0;
    for item in &answer.items {
        shares_are_whole(&item.reasons);
        for reason in item
            .reasons
            .iter()
            .filter(|reason| reason.kind == ReasonKind::BoughtTogether)
        {
            for evidence in &reason.evidence {
                assert_eq!(evidence.kind, EvidenceKind::InCart);
                if let Some(together) = evidence.together {
                    assert!(together.support >= 1 && together.lift > 1.0, "{together:?}");
                    supported += 1;
                }
            }
        }
    }
    assert!(supported > 0);
}

#[test]
fn a_better_one_is_dearer_within_the_band_and_earns_no_less() {
    let world = world();
    let mut offered = 0;
    for item in 0..world.shop.item_ids().len() {
        let mut request = world.on_page(Kind::UpSell, item, 5);
        request.with_reasons = true;
        let answer = world.engine().recommend(&request).unwrap();
        let own = world.item(item);
        for better in &answer.items {
            let other = world.item(world.number(&better.item_id));
            let (price, other_price) = (own.price.unwrap(), other.price.unwrap());
            assert!(
                (1.1..=1.6).contains(&(other_price / price)),
                "{price} against {other_price}"
            );
            assert!(other_price - other.cost.unwrap() >= price - own.cost.unwrap());
            let Some(Numbers::Upgrade(numbers)) = better.reasons[0].numbers else {
                panic!("{:?}", better.reasons)
            };
            assert!((numbers.price_ratio - other_price / price).abs() < 1e-9);
            shares_are_whole(&better.reasons);
            offered += 1;
        }
    }
    assert!(offered > 300, "{offered} better ones");
}

#[test]
fn what_was_bought_a_moment_ago_is_not_due() {
    let world = world();
    let mut request = ask(Kind::BuyAgain, 500);
    request.context.customer_id = Some(world.regular());
    request.filter.available_only = false;
    request.with_reasons = true;
    let before = world.engine().recommend(&request).unwrap();
    assert_eq!(before.strategy, Strategy::Personal);
    let first = &before.items[0];
    let due = first.due.unwrap();
    assert!((f64::from(first.score) - due.probability).abs() < 1e-6);
    assert!(due.times_bought >= 1 && due.last_bought_at < before.as_of);
    assert!((due.window_days - 14.0).abs() < 1e-9);
    shares_are_whole(&first.reasons);
    assert!(before.items.is_sorted_by(|a, b| a.score >= b.score));

    request.context.recent_events = vec![ContextEvent {
        item_id: first.item_id.clone(),
        kind: EventKind::Purchase,
        ..view(0)
    }];
    let after = world.engine().recommend(&request).unwrap();
    let now = after
        .items
        .iter()
        .find(|item| item.item_id == first.item_id)
        .unwrap();
    assert!(
        now.score < 0.7 * first.score,
        "{} after {}",
        now.score,
        first.score
    );
    assert_eq!(now.due.unwrap().times_bought, due.times_bought + 1);
}

#[test]
fn new_arrivals_are_new_and_get_their_chance() {
    let world = world();
    let since = world.shop.params().end().plus_days(-30.0);
    let mut request = ask(Kind::NewArrivals, 500);
    request.filter.available_only = false;
    request.with_reasons = true;
    for customer in [None, Some(world.regular())] {
        request.context.customer_id = customer;
        let answer = world.engine().recommend(&request).unwrap();
        assert!(!answer.items.is_empty());
        for item in &answer.items {
            let launched = world.item(world.number(&item.item_id)).launched_at.unwrap();
            assert!(launched > since, "{launched}");
            assert_eq!(item.reasons[0].kind, ReasonKind::New);
        }
    }
    // They are ranked among everything else, too.
    let arrivals: BTreeSet<String> = world
        .engine()
        .recommend(&request)
        .unwrap()
        .items
        .into_iter()
        .map(|item| item.item_id)
        .collect();
    request.kind = Some(Kind::YouMayLike);
    request.with_reasons = false;
    let everything = world.engine().recommend(&request).unwrap();
    let ranked = everything
        .items
        .iter()
        .filter(|item| arrivals.contains(&item.item_id))
        .count();
    assert_eq!(ranked, arrivals.len());
}

#[test]
fn a_visit_moves_the_ranking_and_says_so() {
    let world = world();
    let mut request = ask(Kind::YouMayLike, 10);
    request.context.customer_id = Some(world.regular());
    request.with_reasons = true;
    let without = world.engine().recommend(&request).unwrap();
    let clicked = world.shop.item_ids()[7].clone();
    request.context.recent_events = vec![ContextEvent {
        item_id: clicked.clone(),
        ..view(0)
    }];
    let with = world.engine().recommend(&request).unwrap();
    assert_ne!(ids(&with), ids(&without));
    let names_it = |item: &rapport::serve::RecommendedItem| {
        let evidence = item.reasons.iter().flat_map(|reason| &reason.evidence);
        evidence.into_iter().any(|evidence| evidence.item_id == clicked)
    };
    assert!(
        with.items.iter().any(names_it),
        "one of them is there because of the click"
    );
    with.items.iter().for_each(|item| shares_are_whole(&item.reasons));
    // Somebody of whom nothing is known gets it after one click.
    request.context.customer_id = None;
    let anonymous = world.engine().recommend(&request).unwrap();
    assert_eq!(anonymous.strategy, Strategy::Session);
    assert!(anonymous.items.iter().any(names_it));
}

/// What one placement makes of a request.
fn placed(toml: &str, request: &RecommendRequest) -> Result<Recommendations, ServeError> {
    explained(toml, request).map(|explained| explained.answer)
}

fn explained(toml: &str, request: &RecommendRequest) -> Result<Explained, ServeError> {
    let world = world();
    let raw: RawServeConfig = toml::from_str(toml).unwrap();
    let engine = Engine::new(
        ServeConfig::try_from(raw).unwrap(),
        world.fixture.registry.clone(),
    );
    engine.refresh().unwrap();
    let request = RecommendRequest {
        placement: Some("here".into()),
        ..request.clone()
    };
    let answer = engine.recommend(&request)?;
    let explained = engine.explain(&request, &[])?;
    let ids = |answer: &Recommendations| -> Vec<String> {
        answer.items.iter().map(|item| item.item_id.clone()).collect()
    };
    assert_eq!(
        ids(&explained.answer),
        ids(&answer),
        "an explanation is of the answer"
    );
    Ok(explained)
}

#[test]
fn a_placement_names_kind_count_rules_and_fallback() {
    let world = world();
    let mut request = world.on_page(Kind::UpSell, 3, 0);
    request.kind = None;
    let explained = explained(
        "[placements.here]\nkind = 'up-sell'\nfallback = ['similar', 'trending']\ncount = 40\n\
         filter = 'item.price < 2 * context.price'",
        &request,
    )
    .unwrap();
    let answer = &explained.answer;
    assert_eq!((answer.kind, answer.items.len()), (Kind::UpSell, 40));
    let sources: Vec<Kind> = answer.items.iter().map(|item| item.source).collect();
    assert!(sources.is_sorted_by_key(|kind| match kind {
        Kind::UpSell => 0,
        Kind::Similar => 1,
        _ => 2,
    }));
    assert!(sources.contains(&Kind::UpSell) && sources.contains(&Kind::Similar));
    let price = world.item(3).price.unwrap();
    assert!(
        world
            .numbers(answer)
            .iter()
            .all(|&item| world.item(item).price.unwrap() < 2.0 * price)
    );
    // What was chosen, removed and not needed is all that was offered.
    let offered: usize = explained.sources.iter().map(|source| source.candidates).sum();
    let chosen: usize = explained.sources.iter().map(|source| source.chosen).sum();
    let removed: usize = explained
        .filters
        .iter()
        .filter(|filter| filter.name != "hidden")
        .map(|filter| filter.removed)
        .sum();
    assert_eq!(chosen, 40);
    assert!(removed > 0 && chosen + removed <= offered);
    assert!(explained.filters.iter().any(|filter| filter.name == "filter"));
}

#[test]
fn rules_move_items_and_every_move_is_told() {
    let world = world();
    let mut request = ask(Kind::YouMayLike, 10);
    request.context.customer_id = Some(world.regular());
    request.with_reasons = true;
    let place = |rules: &str| {
        placed(
            &format!("[placements.here]\nkind = 'you-may-like'\n{rules}"),
            &request,
        )
        .unwrap()
    };
    let plain = place("");
    let margin = |answer: &Recommendations| -> f64 {
        let margins = world.numbers(answer).into_iter().map(|item| {
            let item = world.item(item);
            item.price.unwrap() - item.cost.unwrap()
        });
        margins.sum::<f64>() / answer.items.len() as f64
    };
    let moved_by = |answer: &Recommendations, name: &str| {
        let reasons = answer.items.iter().flat_map(|item| &item.reasons);
        reasons
            .into_iter()
            .filter(|reason| matches!(&reason.numbers, Some(Numbers::Rule(rule)) if rule.name == name))
            .count()
    };

    let dear = place("margin_weight = 0.5");
    assert!(
        margin(&dear) > margin(&plain),
        "{} against {}",
        margin(&dear),
        margin(&plain)
    );
    assert!(moved_by(&dear, "margin_weight") > 0);

    let last = world.shop.item_ids()[world.numbers(&plain)[9]].clone();
    let boosted = place(&format!(
        "boosts = [{{ name = 'push', when = 'item.id = \"{last}\"', factor = 50 }}]"
    ));
    assert_eq!(boosted.items[0].item_id, last);
    assert!(boosted.items[0].score > boosted.items[0].score_before_rules);
    assert_eq!(moved_by(&boosted, "push"), 1);
    // A request switches a rule off by its name.
    let off = RecommendRequest {
        without: vec!["push".into()],
        ..request.clone()
    };
    let toml = format!(
        "[placements.here]\nkind = 'you-may-like'\nboosts = [{{ name = 'push', when = 'item.id = \"{last}\"', factor = 50 }}]"
    );
    assert_eq!(ids(&placed(&toml, &off).unwrap()), ids(&plain));

    let slots = place("slots = [{ name = 'dear', when = 'item.price > 60', share = 0.4 }]");
    let dear_ones = |answer: &Recommendations| {
        world
            .numbers(answer)
            .iter()
            .filter(|&&item| world.item(item).price.unwrap() > 60.0)
            .count()
    };
    assert!(dear_ones(&slots) >= 4, "{} of 10", dear_ones(&slots));

    let leaf = |item: usize| world.item(item).category.clone().unwrap();
    let capped = place("max_per_category = 1");
    let leaves: BTreeSet<String> = world.numbers(&capped).into_iter().map(leaf).collect();
    assert_eq!(leaves.len(), capped.items.len());
    let diverse = place("diversity = 0.7");
    let kinds = |answer: &Recommendations| {
        world
            .numbers(answer)
            .into_iter()
            .map(leaf)
            .collect::<BTreeSet<_>>()
            .len()
    };
    assert!(
        kinds(&diverse) > kinds(&plain),
        "{} against {}",
        kinds(&diverse),
        kinds(&plain)
    );

    let mut sold_out_too = request.clone();
    sold_out_too.filter.available_only = false;
    let toml = "[placements.here]\nkind = 'you-may-like'\nmin_relevance = 0.95";
    let short = placed(toml, &sold_out_too).unwrap();
    assert!(short.items.len() < 10);
    assert_eq!(short.underfilled, Some(Underfill::MinRelevance));

    let mut shown = request.clone();
    shown.context.just_shown = vec![plain.items[0].item_id.clone()];
    let rotated = placed("[placements.here]\nkind = 'you-may-like'\nrotation = 0.9", &shown).unwrap();
    assert_ne!(rotated.items[0].item_id, plain.items[0].item_id);
}

#[test]
fn rules_may_ask_for_the_customer() {
    let world = world();
    let mut request = ask(Kind::Trending, 5);
    request.context.customer_id = Some(world.regular());
    let answers = |filter: &str, request: &RecommendRequest| {
        let mut request = request.clone();
        request.rules.filter = Some(filter.into());
        world.engine().recommend(&request).unwrap().items.len()
    };
    assert_eq!(answers("customer.known and customer.orders >= 5", &request), 5);
    assert_eq!(answers("customer.churn_probability > 1", &request), 0);
    assert_eq!(
        answers(
            "customer.churn_probability >= 0 and has(customer.segment)",
            &request
        ),
        5
    );
    request.context.customer_id = None;
    assert_eq!(answers("customer.known", &request), 0);
    assert_eq!(answers("not customer.orders > 0", &request), 5);
}

#[test]
fn a_bad_expression_is_refused_with_the_place() {
    let world = world();
    let refused = |expression: &str| {
        let mut request = ask(Kind::Trending, 5);
        request.rules.filter = Some(expression.into());
        world.engine().recommend(&request).unwrap_err()
    };
    for (expression, place) in [
        ("item.price <", "column 13"),
        ("item.prise < 3", "item.price"),
        ("item.title", "column 1"),
    ] {
        let error = refused(expression);
        assert!(
            matches!(&error, ServeError::InvalidArgument { field, .. } if field == "filter.expression"),
            "{error}"
        );
        assert!(error.to_string().contains(place), "{expression}: {error}");
    }
    let mut request = ask(Kind::Trending, 5);
    request.rules.diversity = Some(2.0);
    let error = world.engine().recommend(&request).unwrap_err().to_string();
    assert_eq!(error, "rules.diversity must be a number from 0 to 1, got 2");
}

#[test]
fn what_sold_out_a_moment_ago_is_in_no_answer_whatever_the_rules() {
    let world = world();
    let raw: RawServeConfig = toml::from_str(
        "[placements.here]\nkind = 'trending'\ndiversity = 0.3\nslots = [{ name = 's', when = 'true', share = 0.5 }]",
    )
    .unwrap();
    let engine = Engine::new(
        ServeConfig::try_from(raw).unwrap(),
        world.fixture.registry.clone(),
    );
    engine.refresh().unwrap();
    let mut request = ask(Kind::Trending, 5);
    request.placement = Some("here".into());
    let before = engine.recommend(&request).unwrap();
    let gone = before.items[0].item_id.clone();
    engine.set_available(&gone, false).unwrap();
    let after = engine.recommend(&request).unwrap();
    assert_eq!(after.items.len(), 5);
    assert!(!ids(&after).contains(&gone.as_str()));
    let explained = engine.explain(&request, std::slice::from_ref(&gone)).unwrap();
    let told = explained
        .candidates
        .iter()
        .find(|candidate| candidate.item_id == gone)
        .unwrap();
    assert_eq!((told.removed_by, told.rank_after), (Some("available"), None));
}

#[test]
fn shelves_that_come_too_late_say_so_and_leave_the_others_alone() {
    let world = world();
    let requests = vec![ask(Kind::Trending, 3); 4];
    let asked = std::cell::Cell::new(0);
    let answers = world.engine().shelves(&requests, &|| {
        asked.set(asked.get() + 1);
        // Before each shelf, and once by the ranking that the first one makes for all.
        asked.get() > 3
    });
    assert!(answers[0].is_ok() && answers[1].is_ok());
    assert!(matches!(answers[2], Err(ServeError::DeadlineExceeded)));
    assert!(matches!(answers[3], Err(ServeError::DeadlineExceeded)));
}
