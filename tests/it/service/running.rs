//! The server's life: ready, busy, draining.

use std::sync::Arc;

use rapport::bundle::Registry;
use rapport::grpc::Stopped;
use rapport::grpc::pb::{self, RecommendationKind};
use rapport::serve::{Engine, RawServeConfig, ServeConfig};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::support::server::{open, quick, start};
use crate::support::shop;

fn popular() -> pb::RecommendRequest {
    pb::RecommendRequest {
        kind: RecommendationKind::Trending.into(),
        count: 1,
        ..pb::RecommendRequest::default()
    }
}

fn score(customer_id: &str) -> pb::ScoreCustomersRequest {
    pb::ScoreCustomersRequest {
        customer_id: customer_id.into(),
        as_of: None,
    }
}

#[tokio::test]
async fn the_server_serves_once_the_registry_has_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    let engine = Engine::new(ServeConfig::default(), registry.clone());
    let server = start(Arc::new(engine), quick()).await;
    let services = ["", "rapport.v1.RecommendationService", "rapport.v1.ChurnService"];
    for service in services {
        assert_eq!(server.health(service).await, ServingStatus::NotServing);
    }
    let version = shop::publish(&registry, 0);
    registry.activate(&version).unwrap();
    for service in services {
        server.until(service, ServingStatus::Serving).await;
    }
    let answer = server
        .recommendation()
        .recommend(popular())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.model_version, version);
}

#[tokio::test]
async fn the_server_serves_once_a_model_is_activated_by_a_call() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    let version = shop::publish(&registry, 0);
    let engine = Engine::new(ServeConfig::default(), registry);
    let server = start(Arc::new(engine), quick()).await;
    assert_eq!(server.health("").await, ServingStatus::NotServing);
    let request = pb::ActivateModelRequest {
        version: version.clone(),
    };
    server.models().activate_model(request).await.unwrap();
    assert_eq!(server.health("").await, ServingStatus::Serving);
    let answer = server
        .recommendation()
        .recommend(popular())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(answer.model_version, version);
}

#[tokio::test]
async fn one_request_too_many_is_refused_at_once() {
    let mut config = RawServeConfig::default();
    config.admission.max_in_flight = 1;
    let shop = open(config).await;
    let (requests, streamed) = mpsc::channel(1);
    let answers = shop
        .server
        .churn()
        .score_customers(ReceiverStream::new(streamed))
        .await
        .unwrap();
    let status = shop
        .server
        .recommendation()
        .recommend(popular())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("max_in_flight"), "{}", status.message());
    drop(requests);
    assert_eq!(answers.into_inner().message().await.unwrap(), None);
    // The place is given back when the server drops the stream, right after its last message.
    let mut refused = 0;
    while shop.server.recommendation().recommend(popular()).await.is_err() {
        refused += 1;
        assert!(refused < 100_000, "the place does not come back");
    }
}

#[tokio::test]
async fn what_is_in_flight_is_finished_before_the_server_stops() {
    let shop = open(RawServeConfig::default()).await;
    let (requests, streamed) = mpsc::channel(1);
    let mut answers = shop
        .server
        .churn()
        .score_customers(ReceiverStream::new(streamed))
        .await
        .unwrap()
        .into_inner();
    requests.send(score("c50")).await.unwrap();
    assert_eq!(answers.message().await.unwrap().unwrap().customer_id, "c50");
    let mut recommendation = shop.server.recommendation();
    let stopped = shop.server.stop();
    for n in 1..50 {
        let id = shop::customer_id(n);
        requests.send(score(&id)).await.unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap().customer_id, id);
    }
    drop(requests);
    assert_eq!(answers.message().await.unwrap(), None);
    assert_eq!(stopped.await.unwrap().unwrap(), Stopped::Drained);
    let status = recommendation.recommend(popular()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}
