//! Answers that are given again without being made again.

use std::sync::Arc;

use rapport::bundle::Registry;
use rapport::grpc::pb::{self, RecommendationKind};
use rapport::serve::{Engine, RawServeConfig, ServeConfig};
use tonic::{Code, Status};
use tonic_health::pb::health_check_response::ServingStatus;

use crate::support::server::{Running, quick, start};
use crate::support::shop;

struct Shop {
    server: Running,
    engine: Arc<Engine>,
    registry: Registry,
    _folder: tempfile::TempDir,
}

async fn open() -> Shop {
    open_with(RawServeConfig::default()).await
}

async fn open_with(config: RawServeConfig) -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    let version = shop::publish(&registry, 0);
    registry.activate(&version).unwrap();
    let engine = Arc::new(Engine::new(
        ServeConfig::try_from(config).unwrap(),
        registry.clone(),
    ));
    let server = start(Arc::clone(&engine), quick()).await;
    server.until("", ServingStatus::Serving).await;
    Shop {
        server,
        engine,
        registry,
        _folder: folder,
    }
}

fn request(customer: usize) -> pb::RecommendRequest {
    pb::RecommendRequest {
        customer_id: Some(shop::customer_id(customer)),
        kind: RecommendationKind::YouMayLike.into(),
        count: 5,
        ..pb::RecommendRequest::default()
    }
}

impl Shop {
    async fn ask(&self, request: pb::RecommendRequest) -> pb::RecommendResponse {
        self.server
            .recommendation()
            .recommend(request)
            .await
            .unwrap()
            .into_inner()
    }

    async fn score(&self, request: pb::ScoreCustomerRequest) -> Result<pb::ScoreCustomerResponse, Status> {
        let answer = self.server.churn().score_customer(request).await;
        answer.map(tonic::Response::into_inner)
    }

    async fn answers(&self) -> pb::CacheCounts {
        let told = self.server.models().get_serving(pb::GetServingRequest {}).await;
        told.unwrap().into_inner().answers.unwrap()
    }

    /// Another model takes over.
    async fn activate(&self, version: &str) {
        let version = version.to_owned();
        let request = pb::ActivateModelRequest { version };
        self.server.models().activate_model(request).await.unwrap();
    }

    /// How often the engine was asked for a ranking.
    fn asked(&self) -> u64 {
        let stats = self.engine.cache_stats();
        stats.hits + stats.coalesced + stats.made
    }
}

#[tokio::test]
async fn an_answer_is_given_again_until_something_changes() {
    let shop = open().await;
    let first = shop.ask(request(1)).await;
    assert_eq!(shop.asked(), 1);
    for _ in 0..3 {
        assert_eq!(shop.ask(request(1)).await, first);
    }
    assert_eq!(shop.asked(), 1, "the engine was not asked again");
    let serving = async || {
        let asked = shop.server.models().get_serving(pb::GetServingRequest {}).await;
        asked.unwrap().into_inner()
    };
    let told = serving().await;
    assert_eq!(told.model_version, Some(first.model_version.clone()));
    assert_eq!(
        told.shapes.unwrap().items,
        (shop::SMALL.items + shop::SMALL.cold_items) as u64
    );
    let answers = told.answers.unwrap();
    assert_eq!((answers.hits, answers.misses, answers.stale), (3, 1, 0));
    assert_eq!(told.rankings.unwrap().misses, 1);
    // What sold out is in no answer from then on, and comes back.
    let best = first.items[0].item_id.clone();
    shop.engine.set_available(&best, false).unwrap();
    let without = shop.ask(request(1)).await;
    assert!(without.items.iter().all(|item| item.item_id != best));
    shop.engine.set_available(&best, true).unwrap();
    assert_eq!(shop.ask(request(1)).await, first);
    assert_eq!(serving().await.answers.unwrap().stale, 2);
    // What the customer just did is part of the question.
    let mut with_news = request(1);
    with_news.context = Some(pb::Context {
        recent_events: vec![pb::Event {
            item_id: shop::item_id(2),
            kind: pb::EventKind::View.into(),
            ..pb::Event::default()
        }],
        ..pb::Context::default()
    });
    assert_ne!(shop.ask(with_news).await.items, first.items);
    // So is the model.
    let next = shop
        .registry
        .publish(&shop::parts(shop::SMALL, 2), shop::day_zero().plus_days(500.0));
    let next = next.unwrap().version;
    shop.engine.activate(&next).unwrap();
    let second = shop.ask(request(1)).await;
    assert_eq!(second.model_version, next);
    assert_ne!(second.items, first.items);
}

#[tokio::test]
async fn a_thousand_askers_at_once_make_one_ranking() {
    let shop = open().await;
    let mut askers = Vec::new();
    for _ in 0..1000 {
        let mut client = shop.server.recommendation();
        askers.push(tokio::spawn(async move {
            client.recommend(request(3)).await.unwrap()
        }));
    }
    let mut answers = Vec::new();
    for asker in askers {
        answers.push(asker.await.unwrap().into_inner());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(shop.engine.cache_stats().made, 1);
}

#[tokio::test]
async fn a_score_is_given_again_and_a_refusal_is_told_every_time() {
    let shop = open().await;
    let score = async |customer_id: &str| {
        let request = pb::ScoreCustomerRequest {
            customer_id: customer_id.into(),
            ..pb::ScoreCustomerRequest::default()
        };
        let answer = shop.server.churn().score_customer(request).await;
        answer.map(tonic::Response::into_inner)
    };
    let first = score("c1").await.unwrap();
    assert_eq!(score("c1").await.unwrap(), first);
    for _ in 0..2 {
        assert_eq!(score("nobody").await.unwrap_err().code(), Code::NotFound);
    }
    let mut bad = request(1);
    bad.count = 0;
    for _ in 0..2 {
        let status = shop
            .server
            .recommendation()
            .recommend(bad.clone())
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

/// Publishes a model that knows the first sixty customers only.
fn publish_tiny(shop: &Shop) -> String {
    let parts = shop::parts(shop::TINY, 2);
    let published = shop.registry.publish(&parts, shop::day_zero().plus_days(500.0));
    published.unwrap().version
}

/// What was asked is there when another model serves, as that model answers it; what it cannot answer is told when asked.
#[tokio::test]
async fn another_model_answers_before_it_serves() {
    let shop = open().await;
    let mut told = request(2);
    (told.with_reasons, told.with_attributes) = (true, true);
    let page = pb::RecommendRequest {
        kind: RecommendationKind::Similar.into(),
        count: 4,
        context: Some(pb::Context {
            item_ids: vec![shop::item_id(3)],
            ..pb::Context::default()
        }),
        ..pb::RecommendRequest::default()
    };
    let trending = pb::RecommendRequest {
        kind: RecommendationKind::Trending.into(),
        count: 3,
        ..pb::RecommendRequest::default()
    };
    let pages = [request(1), request(200), told, page, trending];
    let score = |customer: usize, day: Option<f64>| pb::ScoreCustomerRequest {
        customer_id: shop::customer_id(customer),
        compared_to: day.map(|day| prost_types::Timestamp {
            seconds: shop::day_zero().plus_days(day).as_micros() / 1_000_000,
            nanos: 0,
        }),
        ..pb::ScoreCustomerRequest::default()
    };
    let scores = [score(1, None), score(4, Some(100.0))];
    // What the next model cannot answer, and what is of another model than that.
    let gone = score(200, None);
    let mut of_the_old = request(1);
    of_the_old.model_version = shop.engine.serving_version();
    for page in pages.iter().chain([&of_the_old]) {
        shop.ask(page.clone()).await;
    }
    for score in scores.iter().chain([&gone]) {
        shop.score(score.clone()).await.unwrap();
    }
    let next = publish_tiny(&shop);
    shop.activate(&next).await;
    let before = shop.answers().await;
    assert_eq!(before.warmed as usize, pages.len() + scores.len());

    // A server that was never asked anything computes every answer.
    let engine = Engine::new(ServeConfig::default(), shop.registry.clone());
    let fresh = start(Arc::new(engine), quick()).await;
    fresh.until("", ServingStatus::Serving).await;
    for page in pages {
        let computed = fresh.recommendation().recommend(page.clone()).await.unwrap();
        let answer = shop.ask(page).await;
        assert_eq!(answer.model_version, next);
        assert_eq!(answer, computed.into_inner());
    }
    for score in scores {
        let computed = fresh.churn().score_customer(score.clone()).await.unwrap();
        assert_eq!(shop.score(score).await.unwrap(), computed.into_inner());
    }
    let after = shop.answers().await;
    assert_eq!(after.hits - before.hits, before.warmed, "each was there");
    assert_eq!(after.misses, before.misses);
    assert_eq!(shop.score(gone).await.unwrap_err().code(), Code::NotFound);
    assert_ne!(shop.ask(of_the_old).await.model_version, next);
}

#[tokio::test]
async fn what_sells_out_is_in_no_answer_of_another_model_either() {
    let shop = open().await;
    shop.ask(request(1)).await;
    let next = publish_tiny(&shop);
    shop.activate(&next).await;
    let there = shop.ask(request(1)).await;
    let best = there.items[0].item_id.clone();
    shop.engine.set_available(&best, false).unwrap();
    let without = shop.ask(request(1)).await;
    assert_eq!(without.model_version, next);
    assert!(without.items.iter().all(|item| item.item_id != best));
}

#[tokio::test]
async fn no_more_is_made_beforehand_than_is_wanted() {
    for (most, seconds, warmed) in [(2, 5.0, 2), (0, 5.0, 0), (9, 0.0, 0)] {
        let mut config = RawServeConfig::default();
        (config.cache.warm_answers, config.cache.warm_seconds) = (most, seconds);
        let shop = open_with(config).await;
        for customer in 0..4 {
            shop.ask(request(customer)).await;
        }
        let next = publish_tiny(&shop);
        // Found at the registry and not ordered: the same holds.
        shop.registry.activate(&next).unwrap();
        while shop.ask(request(50)).await.model_version != next {
            tokio::task::yield_now().await;
        }
        // The asker of every moment is remembered, too, and often.
        let told = shop.answers().await.warmed;
        assert_eq!(told, warmed, "{most} in {seconds} s");
    }
}
