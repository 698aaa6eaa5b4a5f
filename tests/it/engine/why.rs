//! What resembles what, what is wanted, and why an item is there.

use rapport::serve::{Numbers, Reason};

use super::*;
use crate::bundle::kept;

#[test]
fn similar_items_are_of_the_same_category_and_say_how_alike() {
    let Fixture { engine, .. } = &small();
    let mut request = ask(Kind::Similar, 5);
    assert!(
        matches!(engine.recommend(&request), Err(ServeError::InvalidArgument { field, .. }) if field == "context.item_ids")
    );
    request.context.item_ids = vec!["i2".into(), "i6".into()];
    request.with_reasons = true;
    let answer = engine.recommend(&request).unwrap();
    assert_eq!(answer.strategy, Strategy::Session);
    assert!(
        numbers(&answer).iter().all(|item| item % TASTES == 2),
        "{:?}",
        ids(&answer)
    );
    for item in &answer.items {
        let [reason] = item.reasons.as_slice() else {
            panic!("one reason, got {:?}", item.reasons)
        };
        assert_eq!(reason.kind, ReasonKind::SimilarTo);
        let Some(Numbers::Similarity(similarity)) = reason.numbers else {
            panic!("{reason:?}")
        };
        // One more where the likeness was observed and not only computed.
        let observed = if item.score > 1.0 { 1.0 } else { 0.0 };
        assert!(similarity > 0.0 && (item.score - observed - similarity).abs() < 1e-5);
        let total: f32 = reason.evidence.iter().map(|evidence| evidence.share).sum();
        assert!((total - 1.0).abs() < 1e-5, "{:?}", reason.evidence);
        assert!(
            reason
                .evidence
                .iter()
                .all(|evidence| ["i2", "i6"].contains(&evidence.item_id.as_str()))
        );
    }
    // The same items in another order are the same question.
    let made = engine.cache_stats().made;
    request.context.item_ids = vec!["i6".into(), "i2".into(), "i6".into()];
    assert_eq!(engine.recommend(&request).unwrap().items, answer.items);
    assert_eq!(engine.cache_stats().made, made);
}

#[test]
fn likeness_is_the_models_shrunk_where_few_events_speak() {
    // A bundle before format 4 knows no alternatives: likeness is all it has.
    let (_folder, engine) = kept::serving(3);
    let index = engine.index().unwrap();
    let parts = index.parts();
    let mut request = ask(Kind::Similar, 10);
    request.context.item_ids = vec!["i2".into()];
    request.filter.available_only = false;
    let answer = engine.recommend(&request).unwrap();

    let items = parts.histories.items();
    let popularity = parts.blend.popularity().scores();
    let mut wanted: Vec<f32> = popularity.iter().copied().filter(|&score| score > 0.0).collect();
    wanted.sort_by(|a, b| b.total_cmp(a));
    let median = wanted[wanted.len() / 2];
    let mut expected: Vec<(f32, &str)> = parts
        .blend
        .ials()
        .similar(items.find("i2").unwrap(), items.len())
        .into_iter()
        .map(|(item, cosine)| {
            let events = popularity[item.index()];
            (cosine * events / (events + median), items.name(item))
        })
        .collect();
    // What points elsewhere is not alike at all.
    expected.retain(|&(likeness, _)| likeness > 0.0);
    expected.sort_by(|a, b| b.0.total_cmp(&a.0));
    let names: Vec<&str> = expected.iter().take(10).map(|&(_, name)| name).collect();
    assert_eq!(ids(&answer), names);
    for (item, (score, _)) in answer.items.iter().zip(expected) {
        assert!((item.score - score).abs() < 1e-5);
    }
}

#[test]
fn a_bundle_without_shelves_answers_what_it_can_and_says_what_it_cannot() {
    let (_folder, engine) = kept::serving(3);
    let index = engine.index().unwrap();
    let parts = index.parts();
    for kind in [Kind::CrossSell, Kind::UpSell, Kind::BuyAgain] {
        let mut request = of_customer(1, 5);
        request.kind = Some(kind);
        request.context.item_ids = vec!["i2".into()];
        let refused = engine.recommend(&request).unwrap_err();
        assert!(
            matches!(&refused, ServeError::NotLearned { why, .. } if why.contains("train again")),
            "{kind:?}: {refused}"
        );
    }
    let mut request = ask(Kind::Trending, 4);
    request.with_reasons = true;
    request.filter.category_prefixes = vec!["shop/cat-1".into()];
    let answer = engine.recommend(&request).unwrap();
    assert!(!answer.items.is_empty());
    let scores = parts.trending.as_ref().unwrap().scores();
    for item in &answer.items {
        let [reason] = item.reasons.as_slice() else {
            panic!("one reason, got {:?}", item.reasons)
        };
        let Some(Numbers::Popularity(numbers)) = reason.numbers else {
            panic!("{reason:?}")
        };
        let row = parts.histories.items().find(&item.item_id).unwrap();
        assert_eq!(numbers.score.to_bits(), scores[row.index()].to_bits());
        let better = scores.iter().filter(|&&score| score > numbers.score).count();
        assert_eq!(numbers.rank as usize, better + 1);
        assert!((numbers.half_life_days - 7.0).abs() < 1e-12);
    }
}

#[test]
fn what_trends_comes_first_and_says_by_how_much() {
    let parts = shop::parts(shop::SMALL, 1);
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let mut request = ask(Kind::Trending, 40);
    request.with_reasons = true;
    let answer = engine.recommend(&request).unwrap();
    assert_eq!(answer.strategy, Strategy::Popular);
    let arrays = parts.shelves.as_ref().unwrap().trending.arrays();
    let mut trending = 0;
    for item in &answer.items {
        let row = parts.histories.items().find(&item.item_id).unwrap().index();
        match &item.reasons.as_slice() {
            [
                Reason {
                    kind: ReasonKind::Trending,
                    numbers: Some(Numbers::Trend(trend)),
                    ..
                },
            ] => {
                assert_eq!(item.score.to_bits(), arrays.scores[row].to_bits());
                assert!(trend.recent > trend.expected && trend.factor > 1.0, "{trend:?}");
                trending += 1;
            }
            [
                Reason {
                    kind: ReasonKind::Popular,
                    ..
                },
            ] => {
                assert!(item.score <= 0.0 && arrays.scores[row] <= 0.0);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!((1..40).contains(&trending), "{trending} of 40");
    assert!(answer.items.is_sorted_by(|a, b| a.score >= b.score));
    request.filter.category_prefixes = vec!["shop/cat-1".into()];
    let answer = engine.recommend(&request).unwrap();
    assert!(numbers(&answer).iter().all(|item| item % TASTES == 1));
}

#[test]
fn reasons_name_what_the_asker_really_did() {
    let parts = shop::parts(shop::SMALL, 1);
    let Fixture { engine, .. } = &fixture(&parts, RawServeConfig::default());
    let mut request = of_customer(5, 10);
    request.with_reasons = true;
    request.context.cart = vec![CartLine {
        item_id: "i2".into(),
        quantity: 1.0,
        unit_price: None,
    }];
    let answer = engine.recommend(&request).unwrap();
    let histories = &parts.histories;
    let customer = histories.customers().find("c5").unwrap();
    let did = |item: &str, kind| {
        let item = histories.items().find(item).unwrap();
        histories
            .of(customer)
            .events()
            .any(|event| event.item == item && event.kind == kind)
    };
    for item in &answer.items {
        assert!(!item.reasons.is_empty(), "{} has no reason", item.item_id);
        let n_evidence: usize = item.reasons.iter().map(|reason| reason.evidence.len()).sum();
        assert!((1..=3).contains(&n_evidence));
        let shares: f32 = item.reasons.iter().filter_map(|reason| reason.share).sum();
        assert!((shares - 1.0).abs() < 1e-4, "{:?}", item.reasons);
        for reason in &item.reasons {
            for evidence in &reason.evidence {
                assert!(evidence.share > 0.0 && evidence.share <= 1.0);
                let id = evidence.item_id.as_str();
                let true_tie = match evidence.kind {
                    EvidenceKind::Bought => did(id, EventKind::Purchase),
                    EvidenceKind::InCart => did(id, EventKind::Cart) || id == "i2",
                    EvidenceKind::Viewed => did(id, EventKind::View),
                    EvidenceKind::Context => false,
                };
                assert!(true_tie, "{id} is no {:?}", evidence.kind);
            }
        }
    }
    // Reasons are the same when the ranking and its explanations come from the cache.
    assert_eq!(engine.recommend(&request).unwrap(), answer);
}
