//! Models change under load, and none of it is seen but the version.

use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rapport::rules::Kind;
use rapport::serve::{RawServeConfig, RecommendRequest, Recommendations, Refreshed, ServeError, Since};

use crate::engine::{Fixture, fixture};
use crate::support::shop;

fn request(customer: usize) -> RecommendRequest {
    let mut request = RecommendRequest::new(Kind::YouMayLike, 5);
    request.context.customer_id = Some(shop::customer_id(customer));
    request
}

/// Threads ask without pause while the current model changes ten times: nobody is refused, and every answer is the one
/// that its model gives, whoever asked and whenever.
#[test]
fn ten_swaps_under_load_fail_nobody() {
    let Fixture { engine, registry, .. } = &fixture(&shop::parts(shop::SMALL, 1), RawServeConfig::default());
    let other = registry
        .publish(&shop::parts(shop::SMALL, 2), "2026-11-22".parse().unwrap())
        .unwrap();
    let versions = [engine.serving_version().unwrap(), other.version];
    let is_over = AtomicBool::new(false);
    let answered = AtomicU64::new(0);
    let seen: Mutex<BTreeMap<(String, usize), Recommendations>> = Mutex::default();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (is_over, answered, seen) = (&is_over, &answered, &seen);
            scope.spawn(move || {
                let mut customer = worker;
                while !is_over.load(Ordering::Relaxed) {
                    customer = (customer + 1) % 20;
                    let answer = engine.recommend(&request(customer)).unwrap();
                    answered.fetch_add(1, Ordering::Relaxed);
                    let mut seen = seen.lock().unwrap();
                    let first = seen
                        .entry((answer.model_version.clone(), customer))
                        .or_insert_with(|| answer.clone());
                    assert_eq!(*first, answer);
                }
            });
        }
        for swap in 1..=10 {
            let before = answered.load(Ordering::Relaxed);
            let version = &versions[swap % 2];
            if swap < 6 {
                engine.activate(version).unwrap();
            } else {
                // Somebody else changes `current`, as a nightly training does.
                registry.activate(version).unwrap();
                let version = version.clone();
                assert_eq!(engine.refresh().unwrap(), Refreshed::Swapped { version });
            }
            assert_eq!(engine.serving_version().as_ref(), Some(version));
            // Each model answers under load before it goes.
            while answered.load(Ordering::Relaxed) < before + 50 {
                std::thread::yield_now();
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let seen = seen.into_inner().unwrap();
    for version in &versions {
        assert!(
            seen.keys().any(|(seen, _)| seen == version),
            "{version} answered nothing"
        );
    }
    assert_eq!(engine.refresh().unwrap(), Refreshed::Unchanged);
}

#[test]
fn a_broken_bundle_leaves_the_old_one_serving() {
    let Fixture { engine, registry, .. } = &fixture(&shop::parts(shop::SMALL, 1), RawServeConfig::default());
    let good = engine.serving_version().unwrap();
    let bad = registry
        .publish(&shop::parts(shop::SMALL, 2), "2026-11-22".parse().unwrap())
        .unwrap()
        .version;
    let file = registry.root().join(&bad).join("models.safetensors");
    let content = fs::read(&file).unwrap();
    fs::write(&file, &content[..content.len() / 2]).unwrap();

    assert!(matches!(engine.activate(&bad), Err(ServeError::Bundle(_))));
    assert_eq!(
        registry.current().unwrap().as_ref(),
        Some(&good),
        "what cannot be loaded is not activated"
    );
    // `current` is written by hand, past all checks.
    fs::write(registry.root().join("current"), format!("{bad}\n")).unwrap();
    assert!(engine.refresh().is_err());
    let told = engine.last_reload_error().unwrap();
    assert!(
        told.contains("models.safetensors") && told.contains("truncated"),
        "{told}"
    );
    assert_eq!(engine.serving_version().as_ref(), Some(&good));
    assert_eq!(engine.recommend(&request(1)).unwrap().model_version, good);
    let listed = engine.models().unwrap();
    let states: Vec<(bool, bool)> = listed
        .iter()
        .map(|model| (model.is_current, model.is_serving))
        .collect();
    assert_eq!(states, [(true, false), (false, true)]);

    fs::write(&file, content).unwrap();
    assert_eq!(
        engine.refresh().unwrap(),
        Refreshed::Swapped { version: bad.clone() }
    );
    assert_eq!(engine.last_reload_error(), None);
    let model = engine.model(&bad).unwrap();
    assert!(model.is_serving && model.is_current);
    assert_eq!(model.manifest.unwrap().data_fingerprint, "seed-2");
    assert!(matches!(
        engine.model("20200101T000000Z-00000000"),
        Err(ServeError::UnknownVersion { .. })
    ));
}

/// Whoever still reads an old index is not the one who gives its memory back.
#[test]
fn an_old_index_ends_with_the_next_look_at_the_registry() {
    let Fixture { engine, registry, .. } = &fixture(&shop::parts(shop::SMALL, 1), RawServeConfig::default());
    let held = engine.index().unwrap();
    let old = Arc::downgrade(&held);
    let other = registry
        .publish(&shop::parts(shop::SMALL, 2), "2026-11-22".parse().unwrap())
        .unwrap();
    engine.activate(&other.version).unwrap();
    assert_eq!(engine.refresh().unwrap(), Refreshed::Unchanged);
    assert!(old.upgrade().is_some(), "somebody reads it");
    drop(held);
    assert!(old.upgrade().is_some(), "a reader has nothing to tidy up");
    engine.refresh().unwrap();
    assert!(old.upgrade().is_none());
    assert!(engine.index().is_some());
}

/// What a model says before it serves is what it says then, and its stamp holds until something is said of the stock.
#[test]
fn a_successor_answers_as_it_will() {
    let Fixture { engine, registry, .. } = &fixture(&shop::parts(shop::SMALL, 1), RawServeConfig::default());
    let old = engine.serving_version().unwrap();
    let sold_out = engine.recommend(&request(1)).unwrap().items[0].item_id.clone();
    engine.set_available(&sold_out, false).unwrap();
    let next = registry
        .publish(&shop::parts(shop::SMALL, 2), "2026-11-22".parse().unwrap())
        .unwrap()
        .version;
    let mut cart = RecommendRequest::new(Kind::CrossSell, 5);
    cart.context.item_ids = vec![shop::item_id(3)];
    let mut told = request(2);
    (told.with_reasons, told.with_attributes) = (true, true);
    let requests = [
        request(1),
        request(7),
        cart,
        told,
        RecommendRequest::new(Kind::Trending, 9),
    ];
    let since = Since {
        as_of: shop::day_zero().plus_days(100.0),
        model_version: None,
    };
    let mut named = request(1);
    named.model_version = Some(old.clone());
    let mut before = None;
    engine
        .activate_warm(&next, |successor| {
            assert_eq!(successor.version(), next);
            assert_eq!(
                engine.serving_version().as_ref(),
                Some(&old),
                "it does not serve yet"
            );
            let answers: Vec<Recommendations> = requests
                .iter()
                .map(|request| successor.recommend_unless(request, &|| false).unwrap())
                .collect();
            let scores = [None, Some(&since)].map(|since| successor.churn("c1", None, since).unwrap());
            // Another model is not loaded for it, and it answers for nobody else.
            assert!(matches!(
                successor.recommend_unless(&named, &|| false),
                Err(ServeError::NotServing { version }) if version == old
            ));
            assert!(matches!(
                successor.churn("nobody", None, None),
                Err(ServeError::UnknownCustomer { .. })
            ));
            before = Some((successor.stamp(), answers, scores));
        })
        .unwrap();
    let (stamp, answers, scores) = before.unwrap();
    assert_eq!(engine.stamp(), stamp);
    let made = engine.cache_stats().made;
    for (request, answer) in requests.iter().zip(answers) {
        assert_eq!(answer.model_version, next);
        assert_eq!(engine.recommend(request).unwrap(), answer);
    }
    assert_eq!(engine.cache_stats().made, made, "its rankings are there");
    assert_eq!(engine.churn("c1", None).unwrap(), scores[0]);
    assert_eq!(engine.churn_since("c1", None, &since).unwrap(), scores[1]);

    // Back again, and meanwhile something sells out.
    let mut before = None;
    engine
        .rollback_warm(|successor| {
            before = Some(successor.stamp());
            engine.set_available(&shop::item_id(1), false).unwrap();
        })
        .unwrap();
    assert_eq!(engine.serving_version(), Some(old));
    assert_ne!(Some(engine.stamp()), before);
}
