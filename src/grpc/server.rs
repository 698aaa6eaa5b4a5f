//! The server: services, reflection, health, reloading, draining.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use super::churn::Churn;
use super::limits::{LimitsLayer, MAX_MESSAGE_BYTES};
use super::memo::{Answers, MemoLayer, Warmed, Warming};
use super::model::Models;
use super::pb::{
    self, churn_service_server::ChurnServiceServer, model_service_server::ModelServiceServer,
    recommendation_service_server::RecommendationServiceServer,
};
use super::readiness::Readiness;
use super::recommendation::Recommendation;
use super::workers::{Waiting, Workers};
use crate::serve::{Engine, Refreshed};

/// Questions to `ModelService` that are answered or wait at a time.
const MAX_OPERATIONS: usize = 64;

/// How the server behaves towards its callers.
///
/// | name | default | purpose |
/// |---|---|---|
/// | `refresh_every` | 2 s | how often the registry is asked whether another model is current |
/// | `drain_limit` | 20 s | how long requests in flight may take to finish once the server is told to stop |
/// | `request_limit` | 30 s | longest time until an answer begins, also for a caller who gives no deadline |
/// | `keepalive_every` | 30 s | silence after which a connection is asked whether anybody is there |
/// | `keepalive_limit` | 10 s | how long that question may stay unanswered |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// See the table.
    pub refresh_every: Duration,
    /// See the table.
    pub drain_limit: Duration,
    /// See the table.
    pub request_limit: Duration,
    /// See the table.
    pub keepalive_every: Duration,
    /// See the table.
    pub keepalive_limit: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            refresh_every: Duration::from_secs(2),
            drain_limit: Duration::from_secs(20),
            request_limit: Duration::from_secs(30),
            keepalive_every: Duration::from_secs(30),
            keepalive_limit: Duration::from_secs(10),
        }
    }
}

/// How the server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Every request in flight was answered.
    Drained,
    /// The drain limit was reached first; what was still in flight is lost.
    CutOff,
}

/// Why the server cannot serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The compiled proto files cannot be served by reflection: a fault of this build.
    #[error("the compiled proto files cannot be served by reflection")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// The transport gave up.
    #[error("the server stopped")]
    Transport(#[source] tonic::transport::Error),
}

/// Serves until `shutdown` is ready, then finishes what is in flight.
///
/// The registry's current model is loaded beside the serving, so that the server can be asked for its health from the
/// first moment, and again whenever the registry names another one.
///
/// # Errors
/// [`ServerError`].
pub async fn serve(
    listener: TcpListener,
    engine: Arc<Engine>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<Stopped, ServerError> {
    let reporter = HealthReporter::new();
    let readiness = Readiness::new(reporter.clone(), Arc::clone(&engine));
    readiness.report().await;
    let answers = Arc::new(Answers::new(&engine.config().raw().cache));
    let warming = Warming {
        engine: Arc::clone(&engine),
        answers: Arc::clone(&answers),
    };
    let workers = Workers::per_core(engine.config().raw().admission.max_in_flight);
    let routes = routes(&engine, &readiness, &warming, &workers, reporter)?;
    let incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(options.keepalive_every));
    let (stop, stopped) = oneshot::channel::<Infallible>();
    let mut server = pin!(
        Server::builder()
            .http2_keepalive_interval(Some(options.keepalive_every))
            .http2_keepalive_timeout(Some(options.keepalive_limit))
            .layer(LimitsLayer {
                longest: options.request_limit,
            })
            .layer(MemoLayer {
                engine,
                answers,
                workers,
            })
            .add_routes(routes)
            // Nothing is ever sent: dropping the sender is the signal.
            .serve_with_incoming_shutdown(incoming, async { drop(stopped.await) })
    );
    // Dropping the set ends the task.
    let mut refreshing = JoinSet::new();
    refreshing.spawn(keep_fresh(warming, readiness.clone(), options.refresh_every));
    tokio::select! {
        outcome = &mut server => return outcome.map(|()| Stopped::Drained).map_err(ServerError::Transport),
        () = shutdown => {}
    }
    refreshing.abort_all();
    readiness.drain().await;
    drop(stop);
    match timeout(options.drain_limit, server).await {
        Ok(outcome) => outcome.map(|()| Stopped::Drained).map_err(ServerError::Transport),
        Err(_) => {
            tracing::warn!(limit = ?options.drain_limit, "requests in flight were cut off");
            Ok(Stopped::CutOff)
        }
    }
}

fn routes(
    engine: &Arc<Engine>,
    readiness: &Readiness,
    warming: &Warming,
    workers: &Workers,
    reporter: HealthReporter,
) -> Result<Routes, ServerError> {
    let recommendation = Recommendation {
        engine: Arc::clone(engine),
        workers: workers.clone(),
    };
    let churn = Churn {
        engine: Arc::clone(engine),
        workers: workers.clone(),
    };
    let models = Models {
        engine: Arc::clone(engine),
        // Loading a model takes seconds: it must not occupy a core that answers.
        workers: Workers::one_by_one(MAX_OPERATIONS),
        readiness: readiness.clone(),
        warming: warming.clone(),
    };
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(pb::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok(Routes::new(
        RecommendationServiceServer::new(recommendation).max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(ChurnServiceServer::new(churn).max_decoding_message_size(MAX_MESSAGE_BYTES))
    .add_service(ModelServiceServer::new(models).max_decoding_message_size(MAX_MESSAGE_BYTES))
    .add_service(HealthServer::new(HealthService::from_health_reporter(reporter)))
    .add_service(reflection().build_v1().map_err(ServerError::Reflection)?)
    .add_service(reflection().build_v1alpha().map_err(ServerError::Reflection)?))
}

/// Logs that a model serves, what it did before, and what it takes on disk, which blocks.
pub(super) fn tell_of(engine: &Engine, version: &str, warmed: Warmed) {
    let Warmed { answers, took } = warmed;
    let warm_seconds = (took.as_secs_f64() * 100.0).round() / 100.0;
    let index = engine.index();
    let (Some(shapes), Ok(sizes)) = (
        index.as_ref().map(|index| index.manifest().shapes),
        engine.sizes(version),
    ) else {
        return tracing::info!(%version, warm_answers = answers, warm_seconds, "a new model serves");
    };
    let each = |bytes: u64, n: usize| (bytes as f64 / n.max(1) as f64 * 10.0).round() / 10.0;
    tracing::info!(
        %version,
        customers = shapes.customers,
        items = shapes.items,
        events = shapes.events,
        disk_mib = sizes.total() >> 20,
        bytes_per_customer = each(sizes.customers, shapes.customers),
        bytes_per_item = each(sizes.items, shapes.items),
        bytes_per_event = each(sizes.events, shapes.events),
        warm_answers = answers,
        warm_seconds,
        "a new model serves"
    );
}

/// Asks the registry, at once and then at every interval, whether another model is current.
async fn keep_fresh(warming: Warming, readiness: Readiness, every: Duration) {
    let engine = Arc::clone(&warming.engine);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut logged = None;
    // When the server stops, this is dropped, and a model that is about to serve does nothing more before it does.
    let (waiting, _hang_up) = Waiting::until_dropped();
    loop {
        ticks.tick().await;
        let (warming, waiting) = (warming.clone(), waiting.clone());
        if let Err(error) = spawn_blocking(move || refresh(&warming, &waiting)).await {
            tracing::error!(%error, "loading a model broke down");
        }
        // The same failure is found at every look: it is logged once.
        let failure = engine.last_reload_error();
        if let Some(error) = failure.as_ref().filter(|_| failure != logged) {
            tracing::error!(%error, "the current model cannot be loaded");
        }
        logged = failure;
        readiness.report().await;
    }
}

/// Takes the registry's current model into service, if it is another one. Why it cannot be is for the engine to tell.
fn refresh(warming: &Warming, waiting: &Waiting) {
    let mut warmed = Warmed::default();
    let refreshed = warming.engine.refresh_warm(|successor| {
        warmed = warming.run(successor, &|| waiting.is_over());
    });
    if let Ok(Refreshed::Swapped { version }) = refreshed {
        tell_of(&warming.engine, &version, warmed);
    }
}
