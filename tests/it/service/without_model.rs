//! What holds before any model is there: the contract, health, limits, refusals.

use std::sync::Arc;
use std::time::Duration;

use rapport::bundle::Registry;
use rapport::grpc::client::{Client, ClientError, RecommendQuestion};
use rapport::grpc::pb::{self, RecommendationKind};
use rapport::grpc::{MAX_MESSAGE_BYTES, Stopped};
use rapport::rules::Kind;
use rapport::serve::{Engine, ServeConfig};
use tempfile::TempDir;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ListServiceResponse, ServerReflectionRequest};

use crate::support::server::{Running, quick, start};

async fn empty() -> (Running, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(ServeConfig::default(), Registry::new(folder.path()));
    (start(Arc::new(engine), quick()).await, folder)
}

fn asked() -> pb::RecommendRequest {
    pb::RecommendRequest {
        kind: RecommendationKind::YouMayLike.into(),
        count: 5,
        ..pb::RecommendRequest::default()
    }
}

#[tokio::test]
async fn reflection_lists_every_service() {
    let (server, _folder) = empty().await;
    let question = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(server.channel.clone())
        .server_reflection_info(tokio_stream::once(question))
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(ListServiceResponse { service })) = answer else {
        panic!("{answer:?}");
    };
    let mut names: Vec<_> = service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "rapport.v1.ChurnService",
            "rapport.v1.ModelService",
            "rapport.v1.RecommendationService",
        ]
    );
}

#[tokio::test]
async fn without_a_model_the_server_is_alive_but_not_serving() {
    let (server, _folder) = empty().await;
    for service in ["", "rapport.v1.RecommendationService", "rapport.v1.ChurnService"] {
        assert_eq!(
            server.health(service).await,
            ServingStatus::NotServing,
            "{service:?}"
        );
    }
    assert_eq!(
        server.health("rapport.v1.ModelService").await,
        ServingStatus::Serving
    );
    let status = server.recommendation().recommend(asked()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("rapport train"), "{}", status.message());
    let status = server
        .churn()
        .score_customer(pb::ScoreCustomerRequest {
            customer_id: "anna".into(),
            ..Default::default()
        })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let models = server
        .models()
        .list_models(pb::ListModelsRequest {})
        .await
        .unwrap();
    assert_eq!(models.into_inner(), pb::ListModelsResponse::default());
    let status = server
        .models()
        .rollback(pb::RollbackRequest {})
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_message_of_ten_megabytes_is_an_invalid_argument_and_the_connection_lives_on() {
    let (server, _folder) = empty().await;
    let request = pb::RecommendRequest {
        placement: Some("x".repeat(10_000_000)),
        ..asked()
    };
    let status = server.recommendation().recommend(request).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(
        status.message().contains(&MAX_MESSAGE_BYTES.to_string()),
        "{}",
        status.message()
    );
    let question = pb::ScoreCustomersRequest {
        customer_id: "x".repeat(10_000_000),
        as_of: None,
    };
    let status = match server.churn().score_customers(tokio_stream::once(question)).await {
        Ok(answers) => answers.into_inner().message().await.unwrap_err(),
        Err(status) => status,
    };
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert_eq!(
        server.health("rapport.v1.ModelService").await,
        ServingStatus::Serving
    );
}

#[tokio::test]
async fn a_refusal_names_the_field_in_message_and_details() {
    use tonic_types::StatusExt;
    let (server, _folder) = empty().await;
    let line = pb::CartLine {
        item_id: "a".into(),
        quantity: None,
        unit_price: Some(f64::NAN),
    };
    let cases = [
        ("count", pb::RecommendRequest { count: 0, ..asked() }),
        (
            "count",
            pb::RecommendRequest {
                count: 501,
                ..asked()
            },
        ),
        ("kind", pb::RecommendRequest { kind: 42, ..asked() }),
        (
            "customer_id",
            pb::RecommendRequest {
                customer_id: Some(String::new()),
                ..asked()
            },
        ),
        (
            "context.cart[0].unit_price",
            pb::RecommendRequest {
                context: Some(pb::Context {
                    cart: vec![line],
                    ..pb::Context::default()
                }),
                ..asked()
            },
        ),
    ];
    for (field, request) in cases {
        let status = server.recommendation().recommend(request).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{field}: {status:?}");
        assert!(
            status.message().starts_with(field),
            "{field}: {}",
            status.message()
        );
        let details = status.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, field);
    }
}

#[tokio::test]
async fn an_idle_server_drains_at_once() {
    let (server, _folder) = empty().await;
    let stopped = server.stop().await.unwrap().unwrap();
    assert_eq!(stopped, Stopped::Drained);
}

#[tokio::test]
async fn a_caller_who_never_hangs_up_is_cut_off_at_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::new(ServeConfig::default(), Registry::new(folder.path()));
    let options = rapport::grpc::ServerOptions {
        drain_limit: Duration::from_millis(20),
        ..quick()
    };
    let server = start(Arc::new(engine), options).await;
    let (requests, streamed) = tokio::sync::mpsc::channel::<pb::ScoreCustomersRequest>(1);
    let answers = server
        .churn()
        .score_customers(tokio_stream::wrappers::ReceiverStream::new(streamed))
        .await
        .unwrap();
    assert_eq!(server.stop().await.unwrap().unwrap(), Stopped::CutOff);
    drop((requests, answers));
}

#[tokio::test]
async fn the_client_says_what_to_do_when_nobody_listens() {
    // Bound but not listening: nobody else gets the port meanwhile.
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", bound.local_addr().unwrap());
    let error = Client::connect(&url, Duration::from_secs(5)).await.unwrap_err();
    assert!(matches!(error, ClientError::Nobody { .. }));
    let text = error.to_string();
    assert!(text.contains(&url) && text.contains("rapport serve"), "{text}");
}

#[tokio::test]
async fn the_client_repeats_what_the_server_says() {
    let (server, _folder) = empty().await;
    let client = Client::connect(server.url.trim_start_matches("http://"), Duration::from_secs(5))
        .await
        .unwrap();
    let error = client
        .recommend(RecommendQuestion::new(Kind::YouMayLike, 0))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "count must be 1 to 500, got 0");
    let error = client.churn("", None, None).await.unwrap_err();
    assert!(matches!(
        error,
        ClientError::Refused {
            code: Code::InvalidArgument | Code::Unavailable,
            ..
        }
    ));
}
