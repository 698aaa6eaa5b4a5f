//! What the health service says: a service that needs a model is NOT_SERVING until one is loaded, and again once the
//! server drains. `ModelService` serves from the first moment, because it is what can load a model.

use std::sync::Arc;

use tokio::sync::Mutex;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use super::pb;
use crate::serve::Engine;

/// Keeps the health service true; clones share it.
#[derive(Clone, Debug)]
pub(super) struct Readiness {
    reporter: HealthReporter,
    engine: Arc<Engine>,
    /// Whether the server drains. Held while the health service is told: what is told last is the latest truth.
    is_draining: Arc<Mutex<bool>>,
}

impl Readiness {
    pub(super) fn new(reporter: HealthReporter, engine: Arc<Engine>) -> Self {
        Self {
            reporter,
            engine,
            is_draining: Arc::default(),
        }
    }

    /// Says whether a model is loaded now, unless the server drains.
    pub(super) async fn report(&self) {
        let is_draining = self.is_draining.lock().await;
        if *is_draining {
            return;
        }
        let status = match self.engine.is_ready() {
            true => ServingStatus::Serving,
            false => ServingStatus::NotServing,
        };
        self.say(status, ServingStatus::Serving).await;
    }

    /// Says that the server takes no more requests, once and for all.
    pub(super) async fn drain(&self) {
        let mut is_draining = self.is_draining.lock().await;
        *is_draining = true;
        self.say(ServingStatus::NotServing, ServingStatus::NotServing)
            .await;
    }

    async fn say(&self, with_model: ServingStatus, without_model: ServingStatus) {
        use pb::churn_service_server::SERVICE_NAME as CHURN;
        use pb::model_service_server::SERVICE_NAME as MODELS;
        use pb::recommendation_service_server::SERVICE_NAME as RECOMMENDATIONS;
        // The empty name stands for the server as a whole.
        for name in ["", RECOMMENDATIONS, CHURN] {
            self.reporter.set_service_status(name, with_model).await;
        }
        self.reporter.set_service_status(MODELS, without_model).await;
    }
}

#[cfg(test)]
mod tests {
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_server::Health;
    use tonic_health::server::HealthService;

    use super::*;
    use crate::bundle::Registry;
    use crate::serve::ServeConfig;

    /// A model that finishes loading while the server drains must not call more requests in.
    #[tokio::test]
    async fn a_draining_server_never_says_again_that_it_serves() {
        let reporter = HealthReporter::new();
        let engine = Engine::new(ServeConfig::default(), Registry::new("no/such/registry"));
        let readiness = Readiness::new(reporter.clone(), Arc::new(engine));
        let service = HealthService::from_health_reporter(reporter);
        let models = async || {
            let request = HealthCheckRequest {
                service: pb::model_service_server::SERVICE_NAME.to_owned(),
            };
            service
                .check(tonic::Request::new(request))
                .await
                .unwrap()
                .into_inner()
                .status
        };
        readiness.report().await;
        assert_eq!(models().await, ServingStatus::Serving as i32);
        readiness.drain().await;
        readiness.report().await;
        assert_eq!(models().await, ServingStatus::NotServing as i32);
    }
}
