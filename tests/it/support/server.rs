//! A server on a free port of this machine, with the real client connected to it.

use std::sync::Arc;
use std::time::Duration;

use rapport::bundle::Registry;
use rapport::grpc::pb::churn_service_client::ChurnServiceClient;
use rapport::grpc::pb::model_service_client::ModelServiceClient;
use rapport::grpc::pb::recommendation_service_client::RecommendationServiceClient;
use rapport::grpc::{ServerError, ServerOptions, Stopped, serve};
use rapport::serve::{Engine, RawServeConfig, ServeConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::shop;

/// A running server.
pub struct Running {
    /// Where it listens.
    pub url: String,
    /// A connection to it.
    pub channel: Channel,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<Stopped, ServerError>>,
}

/// Options with which a test need not wait: the registry is asked every few milliseconds.
pub fn quick() -> ServerOptions {
    ServerOptions {
        refresh_every: Duration::from_millis(5),
        ..ServerOptions::default()
    }
}

/// A server over a registry of its own that holds the small shop.
pub struct Shop {
    /// The server.
    pub server: Running,
    /// Its registry.
    pub registry: Registry,
    /// The version that serves.
    pub version: String,
    _folder: TempDir,
}

/// Starts a server with the small shop published, active and loaded.
pub async fn open(config: RawServeConfig) -> Shop {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::new(folder.path());
    let version = shop::publish(&registry, 0);
    registry.activate(&version).unwrap();
    let engine = Engine::new(ServeConfig::try_from(config).unwrap(), registry.clone());
    let server = start(Arc::new(engine), quick()).await;
    server
        .until("rapport.v1.RecommendationService", ServingStatus::Serving)
        .await;
    Shop {
        server,
        registry,
        version,
        _folder: folder,
    }
}

/// Starts a server over this engine.
pub async fn start(engine: Arc<Engine>, options: ServerOptions) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(serve(listener, engine, options, async {
        let _ = stopped.await;
    }));
    let channel = Endpoint::from_shared(url.clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    Running {
        url,
        channel,
        stop,
        task,
    }
}

impl Running {
    /// The storefront's client.
    pub fn recommendation(&self) -> RecommendationServiceClient<Channel> {
        RecommendationServiceClient::new(self.channel.clone())
    }

    /// The CRM's client.
    pub fn churn(&self) -> ChurnServiceClient<Channel> {
        ChurnServiceClient::new(self.channel.clone())
    }

    /// The operator's client.
    pub fn models(&self) -> ModelServiceClient<Channel> {
        ModelServiceClient::new(self.channel.clone())
    }

    /// What the health service says of a service now.
    pub async fn health(&self, service: &str) -> ServingStatus {
        HealthClient::new(self.channel.clone())
            .check(HealthCheckRequest {
                service: service.to_owned(),
            })
            .await
            .unwrap()
            .into_inner()
            .status()
    }

    /// Waits, without asking again and again, until the health service says this of a service.
    pub async fn until(&self, service: &str, wanted: ServingStatus) {
        let mut states = HealthClient::new(self.channel.clone())
            .watch(HealthCheckRequest {
                service: service.to_owned(),
            })
            .await
            .unwrap()
            .into_inner();
        while let Some(state) = states.message().await.unwrap() {
            if state.status() == wanted {
                return;
            }
        }
        panic!("the server stopped before {service:?} was {wanted:?}");
    }

    /// Tells the server to stop; the handle gives how it came to its end.
    pub fn stop(self) -> JoinHandle<Result<Stopped, ServerError>> {
        self.stop.send(()).unwrap();
        self.task
    }
}
