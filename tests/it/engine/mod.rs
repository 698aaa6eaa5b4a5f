//! What the engine answers.

mod churn;
mod dense;
mod freshness;
mod plan;
mod refusals;
mod segments;
mod shelves;
mod why;

use std::collections::HashSet;

use rapport::bundle::{BundleParts, Registry};
use rapport::churn::Standing;
use rapport::id::Row;
use rapport::log::EventKind;
use rapport::rules::Kind;
use rapport::serve::{
    AtRiskFilter, CartLine, ChurnAnswer, ContextEvent, Engine, EvidenceKind, Filter, RawServeConfig,
    ReasonKind, RecommendRequest, Recommendations, ServeConfig, ServeError, Strategy, Underfill,
};
use rapport::time::Timestamp;

use crate::support::shop::{self, TASTES};

/// An engine over a registry of its own that serves one bundle.
pub struct Fixture {
    pub engine: Engine,
    pub registry: Registry,
    _folder: tempfile::TempDir,
}

pub fn fixture(parts: &BundleParts, raw: RawServeConfig) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    let version = registry
        .publish(parts, "2026-11-21".parse().unwrap())
        .unwrap()
        .version;
    registry.activate(&version).unwrap();
    let engine = Engine::new(ServeConfig::try_from(raw).unwrap(), registry.clone());
    assert!(!engine.is_ready());
    engine.refresh().unwrap();
    assert!(engine.is_ready());
    Fixture {
        engine,
        registry,
        _folder: folder,
    }
}

fn small() -> Fixture {
    fixture(&shop::parts(shop::SMALL, 1), RawServeConfig::default())
}

fn ask(kind: Kind, count: u32) -> RecommendRequest {
    RecommendRequest::new(kind, count)
}

fn of_customer(n: usize, count: u32) -> RecommendRequest {
    let mut request = ask(Kind::YouMayLike, count);
    request.context.customer_id = Some(shop::customer_id(n));
    request
}

fn view(item: usize) -> ContextEvent {
    ContextEvent {
        event_id: None,
        item_id: shop::item_id(item),
        kind: EventKind::View,
        occurred_at: None,
        quantity: 1.0,
        unit_price: None,
        order_id: None,
        session_id: None,
    }
}

fn ids(answer: &Recommendations) -> Vec<&str> {
    answer.items.iter().map(|item| item.item_id.as_str()).collect()
}

fn numbers(answer: &Recommendations) -> Vec<usize> {
    ids(answer).iter().map(|id| id[1..].parse().unwrap()).collect()
}

/// Items that this customer bought within so many days of the end of the log.
fn bought(parts: &BundleParts, customer: usize, days: f64) -> HashSet<String> {
    let histories = &parts.histories;
    let row = histories.customers().find(&shop::customer_id(customer)).unwrap();
    let since = parts.data_through.plus_days(-days);
    let events = histories.of(row).within(since, parts.data_through).events();
    let purchases = events.filter(|event| event.kind == EventKind::Purchase);
    purchases
        .map(|event| histories.items().name(event.item).to_owned())
        .collect()
}

#[test]
fn a_known_customer_gets_her_taste_and_nothing_that_she_has() {
    let parts = shop::parts(shop::SMALL, 1);
    let raw = RawServeConfig::default();
    let Fixture { engine, .. } = &fixture(&parts, raw);
    for customer in [1, 2, 7] {
        let answer = engine.recommend(&of_customer(customer, 5)).unwrap();
        assert_eq!(answer.strategy, Strategy::Personal);
        assert_eq!(answer.items.len(), 5);
        assert_eq!((answer.underfilled, answer.unknown_ids.len()), (None, 0));
        assert_eq!(answer.as_of, parts.data_through);
        assert_eq!(Some(answer.model_version.clone()), engine.serving_version());
        let own_taste = numbers(&answer)
            .iter()
            .filter(|&&item| item % TASTES == customer % TASTES)
            .count();
        assert!(own_taste >= 4, "customer {customer}: {:?}", ids(&answer));
        assert!(answer.items.is_sorted_by(|a, b| a.score >= b.score));
        assert!(answer.items.iter().map(|item| item.rank).eq(1..=5));
        let had = bought(&parts, customer, 365.0);
        assert!(
            ids(&answer).iter().all(|id| !had.contains(*id)),
            "she has some of {:?}",
            ids(&answer)
        );
    }
}

#[test]
fn what_was_bought_comes_back_after_the_configured_days() {
    let parts = shop::parts(shop::SMALL, 1);
    for (days, comes_back) in [(0, true), (50, true), (400, false)] {
        let raw: RawServeConfig = toml::from_str(&format!("[rules]\nexclude_bought_days = {days}")).unwrap();
        let Fixture { engine, .. } = &fixture(&parts, raw);
        let mut request = of_customer(1, 500);
        request.filter.available_only = false;
        let answer = engine.recommend(&request).unwrap();
        let recently = bought(&parts, 1, f64::from(days));
        let ever = bought(&parts, 1, 400.0);
        assert!(
            ids(&answer).iter().all(|id| !recently.contains(*id)),
            "within {days} days"
        );
        assert_eq!(
            ids(&answer).iter().any(|id| ever.contains(*id)),
            comes_back,
            "after {days} days"
        );
    }
}

#[test]
fn a_visitor_gets_her_session_and_a_stranger_what_is_popular() {
    let Fixture { engine, .. } = &small();
    let mut request = ask(Kind::YouMayLike, 5);
    let popular = engine.recommend(&request).unwrap();
    assert_eq!(popular.strategy, Strategy::Popular);
    assert_eq!(popular.items.len(), 5);

    request.context.recent_events = vec![view(3), view(7)];
    let session = engine.recommend(&request).unwrap();
    assert_eq!(session.strategy, Strategy::Session);
    let same_taste = numbers(&session)
        .iter()
        .filter(|&&item| item % TASTES == 3)
        .count();
    assert!(same_taste >= 4, "{:?}", ids(&session));

    // Unknown customer and items are reported in the order of asking, and answered as what is left of the context.
    request.context.customer_id = Some("nobody".into());
    request.context.item_ids = vec!["gone".into(), "i3".into(), "gone".into()];
    request.context.recent_events = Vec::new();
    let answer = engine.recommend(&request).unwrap();
    assert_eq!(answer.unknown_ids, ["nobody", "gone"]);
    assert_eq!(answer.strategy, Strategy::Session);
    assert!(
        !ids(&answer).contains(&"i3"),
        "the page's own item is not recommended on it"
    );
    request.context.item_ids = vec!["gone".into()];
    let answer = engine.recommend(&request).unwrap();
    assert_eq!(answer.strategy, Strategy::Popular);
    assert_eq!(ids(&answer), ids(&popular));
}

#[test]
fn items_that_nobody_touched_are_never_recommended() {
    let Fixture { engine, .. } = &small();
    let mut similar = ask(Kind::Similar, 500);
    similar.context.item_ids = vec!["i1".into()];
    for mut request in [
        of_customer(1, 500),
        ask(Kind::YouMayLike, 500),
        ask(Kind::Trending, 500),
        similar,
    ] {
        request.filter.available_only = false;
        let answer = engine.recommend(&request).unwrap();
        assert!(
            numbers(&answer).iter().all(|&item| item < shop::SMALL.items),
            "{:?}",
            request.kind
        );
        assert!(answer.items.len() > 5 && answer.items.iter().all(|item| item.score.is_finite()));
        assert!(answer.underfilled.is_some());
    }
    // A page about an untouched item is answered with what is popular, and says so.
    let mut request = ask(Kind::Similar, 5);
    request.context.item_ids = vec![shop::item_id(shop::SMALL.items)];
    let answer = engine.recommend(&request).unwrap();
    assert_eq!(
        (answer.strategy, answer.unknown_ids.len()),
        (Strategy::Popular, 0)
    );
}

#[test]
fn exclusions_filters_and_attributes_hold() {
    let Fixture { engine, .. } = &small();
    let mut request = of_customer(1, 5);
    request.with_attributes = true;
    let first = engine.recommend(&request).unwrap();
    let attributes = first.items[0].attributes.as_ref().unwrap();
    let n = numbers(&first)[0];
    assert_eq!(attributes.title, Some(format!("Item {n}")));
    assert!(attributes.available);

    request.exclude_item_ids = ids(&first)[..2].iter().map(|id| (*id).to_owned()).collect();
    request.exclude_item_ids.push("unknown-to-the-model".into());
    let second = engine.recommend(&request).unwrap();
    assert_eq!(ids(&second)[..3], ids(&first)[2..]);
    assert_eq!(second.unknown_ids.len(), 0, "an excluded id need not be known");

    request.filter = Filter {
        category_prefixes: vec!["shop/cat-2".into(), "shop/cat-3/".into()],
        min_price: Some(10.0),
        max_price: Some(40.0),
        available_only: true,
    };
    let filtered = engine.recommend(&request).unwrap();
    assert!(!filtered.items.is_empty());
    for item in &filtered.items {
        let known = item.attributes.as_ref().unwrap();
        assert!(known.available);
        assert!((10.0..=40.0).contains(&known.price.unwrap()));
        assert!(["shop/cat-2", "shop/cat-3"].contains(&known.category.as_deref().unwrap()));
    }
}

#[test]
fn an_answer_says_why_it_is_short() {
    let Fixture { engine, .. } = &small();
    let why = |request: &RecommendRequest| engine.recommend(request).unwrap().underfilled;
    let mut request = ask(Kind::Trending, 500);
    request.filter.available_only = false;
    assert_eq!(why(&request), Some(Underfill::Catalogue));
    request.exclude_item_ids = vec!["i1".into()];
    assert_eq!(why(&request), Some(Underfill::Exclusions));
    request.filter.max_price = Some(10.0);
    assert_eq!(why(&request), Some(Underfill::Filter));
    request.count = 1;
    assert_eq!(why(&request), None);
    // What rules hide from a personal answer counts as excluded.
    let mut request = of_customer(1, 500);
    request.filter.available_only = false;
    assert_eq!(why(&request), Some(Underfill::Exclusions));
    request.filter.category_prefixes = vec!["no/such/category".into()];
    let empty = engine.recommend(&request).unwrap();
    assert_eq!(
        (empty.items.len(), empty.underfilled),
        (0, Some(Underfill::Filter))
    );
}

#[test]
fn shelves_share_no_item_and_fail_alone() {
    let Fixture { engine, .. } = &small();
    let mut similar = ask(Kind::Similar, 6);
    similar.context.item_ids = vec!["i1".into()];
    let requests = [
        of_customer(1, 6),
        similar,
        ask(Kind::UpSell, 3),
        ask(Kind::Trending, 0),
        ask(Kind::Trending, 6),
    ];
    let answers = engine.shelves(&requests, &|| false);
    assert!(
        matches!(&answers[2], Err(ServeError::InvalidArgument { field, .. }) if field == "context.item_ids")
    );
    assert!(matches!(&answers[3], Err(ServeError::InvalidArgument { field, .. }) if field == "count"));
    let shelves: Vec<&Recommendations> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert_eq!(shelves.len(), 3);
    let all: Vec<&str> = shelves.iter().flat_map(|answer| ids(answer)).collect();
    let different: HashSet<&str> = all.iter().copied().collect();
    assert_eq!((all.len(), different.len()), (18, 18));
    assert_eq!(
        *shelves[0],
        engine.recommend(&requests[0]).unwrap(),
        "the first shelf gives nothing away"
    );
}
