//! What is cached and what is not: models, instants, stock.

use super::*;

#[test]
fn an_answer_deeper_than_the_first_ranking_is_found() {
    let size = shop::Size {
        customers: 300,
        items: 1_200,
        cold_items: 0,
        events_per_customer: 30,
        factors: 8,
    };
    let parts = shop::parts(size, 3);
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let mut request = of_customer(1, 100);
    request.filter.available_only = false;
    // The customer's taste fills the head of her ranking; this category is all in the tail.
    request.filter.category_prefixes = vec!["shop/cat-2".into()];
    let narrow = engine.recommend(&request).unwrap();
    assert_eq!((narrow.items.len(), narrow.underfilled), (100, None));
    // The same as filtering one ranking of everything.
    request.filter.category_prefixes = Vec::new();
    request.count = 500;
    let mut all = engine.recommend(&request).unwrap();
    all.items
        .retain(|item| item.item_id[1..].parse::<usize>().unwrap() % TASTES == 2);
    let scores = |answer: &Recommendations| -> Vec<(String, u32)> {
        answer
            .items
            .iter()
            .map(|item| (item.item_id.clone(), item.score.to_bits()))
            .collect()
    };
    let n = all.items.len().min(100);
    assert!(n > 0);
    assert_eq!(scores(&narrow)[..n], scores(&all)[..n]);
}

#[test]
fn what_sold_out_is_never_served_from_the_cache() {
    let Fixture { engine, registry, .. } = &small();
    let request = of_customer(1, 5);
    let before = engine.recommend(&request).unwrap();
    let best = ids(&before)[0];
    engine.set_available(best, false).unwrap();
    let after = engine.recommend(&request).unwrap();
    assert_eq!(
        engine.cache_stats().made,
        1,
        "the second answer came from the cache"
    );
    assert_eq!(ids(&after)[..4], ids(&before)[1..]);
    // A shop page that shows sold-out items on purpose still gets it, labelled.
    let mut all = request.clone();
    all.filter.available_only = false;
    all.with_attributes = true;
    let shown = engine.recommend(&all).unwrap();
    let shown = shown.items.iter().find(|item| item.item_id == best).unwrap();
    assert!(!shown.attributes.as_ref().unwrap().available);
    // What was said of the stock outlives the model that it was said under.
    let next = registry
        .publish(&shop::parts(shop::SMALL, 2), "2026-11-22".parse().unwrap())
        .unwrap();
    engine.activate(&next.version).unwrap();
    let mut everything = request.clone();
    everything.count = 500;
    assert!(!ids(&engine.recommend(&everything).unwrap()).contains(&best));
    engine.set_available(best, true).unwrap();
    assert!(ids(&engine.recommend(&everything).unwrap()).contains(&best));
}

#[test]
fn the_cache_holds_what_the_answer_depends_on() {
    let Fixture { engine, registry, .. } = &small();
    let made = || engine.cache_stats().made;
    let request = of_customer(1, 5);
    let first = engine.recommend(&request).unwrap();
    assert_eq!(engine.recommend(&request).unwrap(), first);
    assert_eq!(made(), 1);
    // Count, exclusions and reasons are applied after the cache.
    let mut after = request.clone();
    after.count = 7;
    after.exclude_item_ids = vec!["i1".into()];
    after.with_reasons = true;
    engine.recommend(&after).unwrap();
    assert_eq!(made(), 1);
    // A filter, which may leave out much, begins with a deeper ranking, and all filters share it.
    for price in [1e5, 1e6] {
        after.filter.max_price = Some(price);
        engine.recommend(&after).unwrap();
        assert_eq!(made(), 2);
    }
    // Customer, context and instant are not.
    let mut other = request.clone();
    other.context.recent_events = vec![view(2)];
    engine.recommend(&other).unwrap();
    assert_eq!(made(), 3);
    other.context.recent_events.clear();
    other.as_of = Some(shop::day_zero().plus_days(100.0));
    engine.recommend(&other).unwrap();
    engine.recommend(&of_customer(2, 5)).unwrap();
    assert_eq!(made(), 5);
    // Another model is another answer, and the first model's comes back with the first model.
    let next = registry
        .publish(&shop::parts(shop::SMALL, 2), "2026-11-22".parse().unwrap())
        .unwrap();
    engine.activate(&next.version).unwrap();
    let second = engine.recommend(&request).unwrap();
    assert_eq!(made(), 6);
    assert_eq!(second.model_version, next.version);
    assert_ne!(second.items, first.items);
    engine.rollback().unwrap();
    assert_eq!(engine.recommend(&request).unwrap(), first);
}

#[test]
fn answers_are_as_of_the_newest_thing_known() {
    let parts = shop::parts(shop::SMALL, 1);
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let mut request = of_customer(1, 5);
    let later = parts.data_through.plus_days(3.0);
    let mut event = view(2);
    event.occurred_at = Some(later);
    request.context.recent_events = vec![event];
    let answer = engine.recommend(&request).unwrap();
    assert_eq!(
        answer.as_of,
        Timestamp::from_micros(later.as_micros() + 1).unwrap()
    );
    // Before anything happened nothing is known of her.
    request.as_of = Some(shop::day_zero());
    let before = engine.recommend(&request).unwrap();
    assert_eq!(
        (before.as_of, before.strategy),
        (shop::day_zero(), Strategy::Popular)
    );
    // An event that the log has already, and the same event twice, change nothing.
    let row = parts.histories.customers().find("c1").unwrap();
    let known = parts.histories.of(row).event(3);
    let mut repeated = view(0);
    repeated.item_id = parts.histories.items().name(known.item).to_owned();
    repeated.kind = known.kind;
    repeated.occurred_at = Some(known.at);
    let mut request = of_customer(1, 5);
    let plain = engine.recommend(&request).unwrap();
    request.context.recent_events = vec![repeated.clone(), repeated];
    assert_eq!(engine.recommend(&request).unwrap(), plain);
}

#[test]
fn a_request_may_name_another_model() {
    let Fixture { engine, registry, .. } = &small();
    let first = engine.serving_version().unwrap();
    let old = engine.recommend(&of_customer(1, 5)).unwrap();
    let next = registry
        .publish(&shop::parts(shop::SMALL, 2), "2026-11-22".parse().unwrap())
        .unwrap();
    let mut request = of_customer(1, 5);
    request.model_version = Some(next.version.clone());
    let pinned = engine.recommend(&request).unwrap();
    assert_eq!(pinned.model_version, next.version);
    assert_eq!(
        engine.serving_version().as_ref(),
        Some(&first),
        "answering from it does not activate it"
    );
    engine.activate(&next.version).unwrap();
    assert_eq!(engine.recommend(&of_customer(1, 5)).unwrap().items, pinned.items);
    request.model_version = Some(first);
    assert_eq!(engine.recommend(&request).unwrap(), old);
}

#[test]
fn the_same_engine_twice_gives_the_same_answers() {
    let (a, b) = (small(), small());
    for customer in 0..50 {
        let mut request = of_customer(customer, 20);
        request.with_reasons = true;
        request.with_attributes = true;
        assert_eq!(
            a.engine.recommend(&request).unwrap(),
            b.engine.recommend(&request).unwrap()
        );
    }
}

#[test]
fn who_hangs_up_is_not_answered_and_leaves_nothing_behind() {
    let Fixture { engine, .. } = &small();
    let request = of_customer(1, 5);
    let given_up = engine.recommend_unless(&request, &|| true);
    assert!(matches!(given_up, Err(ServeError::Cancelled)));
    assert_eq!(engine.cache_stats().entries, 0);
    assert_eq!(engine.recommend(&request).unwrap().items.len(), 5);
    // What is there already is given all the same.
    assert!(engine.recommend_unless(&request, &|| true).is_ok());
}

#[test]
fn an_answer_allocates_little_beside_what_it_is() {
    let Fixture { engine, .. } = &small();
    let request = of_customer(1, 20);
    // The first makes the working memory.
    engine.recommend(&request).unwrap();
    let cached = allocation_counter::measure(|| drop(engine.recommend(&request)));
    assert_eq!(engine.cache_stats().made, 1);
    let other = of_customer(2, 20);
    let made = allocation_counter::measure(|| drop(engine.recommend(&other)));
    assert_eq!(engine.cache_stats().made, 2);
    // Twenty names, and a few lists.
    assert!(cached.count_total <= 60, "{cached:?}");
    assert!(made.count_total <= 120, "{made:?}");
}
