//! Answers that are given again without being made again.

use std::sync::Arc;

use rapport::bundle::Registry;
use rapport::grpc::pb::{self, RecommendationKind};
use rapport::serve::{Engine, RawServeConfig, ServeConfig};
use tonic::Code;
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
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    let version = shop::publish(&registry, 0);
    registry.activate(&version).unwrap();
    let config = ServeConfig::try_from(RawServeConfig::default()).unwrap();
    let engine = Arc::new(Engine::new(config, registry.clone()));
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
