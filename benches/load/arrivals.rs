//! Questions that arrive at a rate, whatever the server does: at one rate, at the highest that it sustains, and while its
//! model is replaced.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use rapport::bundle::Registry;
use rapport::grpc::pb;
use rapport::grpc::pb::model_service_client::ModelServiceClient;
use tonic::transport::Endpoint;

use super::client::{Open, STOP, open};
use super::questions::Sources;
use super::report::{OpenLoop, Search};
use super::setting::{CONNECTIONS, Setting};
use super::tally::Tally;

/// The latency that one answer in a hundred may exceed in a search.
const LIMIT_MILLIS: f64 = 10.0;

/// A server that answers less than this share of what arrives is behind.
const LEAST_ANSWERED: f64 = 0.95;

/// A search begins here, doubles up to the end, and halves what is left so often.
const SEARCHED: std::ops::RangeInclusive<f64> = 1_000.0..=256_000.0;
const HALVINGS: usize = 4;

/// Asks at this rate for this long.
pub fn at_rate(
    setting: &Setting,
    address: SocketAddr,
    rate: f64,
    measured: Duration,
    sources: &mut Sources,
) -> anyhow::Result<Tally> {
    let plan = Open {
        connections: CONNECTIONS,
        rate,
        seed: setting.options.seed,
        warm_up: setting.options.warm_up(),
        measured,
        phase: &AtomicUsize::new(0),
        phases: 1,
    };
    let tallies = open(address, plan, &setting.cores, sources)?;
    tallies.into_iter().next().context("one phase has one tally")
}

/// Finds the rate at which the p99 passes the limit: doubles until it does, then halves the interval. A rate is too much when
/// it is so twice: a machine has other things to do, too.
pub fn search(
    setting: &Setting,
    name: &str,
    address: SocketAddr,
    sources: &mut Sources,
) -> anyhow::Result<Search> {
    eprintln!("load: {name}, searching the rate at which p99 passes {LIMIT_MILLIS} ms");
    let mut steps = Vec::new();
    let mut step_at = |rate: f64| {
        let tally = at_rate(setting, address, rate, setting.options.measured() / 2, sources)?;
        let step = OpenLoop::new(name, rate, &tally);
        let kept = tally.failed() == 0 && step.p99 <= LIMIT_MILLIS && step.rate >= LEAST_ANSWERED * rate;
        steps.push(step);
        anyhow::Ok(kept)
    };
    let mut keeps_up = |rate: f64| anyhow::Ok(step_at(rate)? || step_at(rate)?);
    let (mut sustained, mut exceeded) = (0.0, None);
    let mut rate = *SEARCHED.start();
    while rate <= *SEARCHED.end() && exceeded.is_none() {
        if keeps_up(rate)? {
            (sustained, rate) = (rate, 2.0 * rate);
        } else {
            exceeded = Some(rate);
        }
    }
    for _ in 0..HALVINGS {
        let Some(beyond) = exceeded else { break };
        let middle = f64::midpoint(sustained, beyond);
        if keeps_up(middle)? {
            sustained = middle;
        } else {
            exceeded = Some(middle);
        }
    }
    Ok(Search {
        name: name.to_owned(),
        sustained_rate: sustained,
        exceeded_rate: exceeded,
        steps,
    })
}

/// Asks at a rate while another of the registry's models takes over: before, from the order until the new one answers, and
/// after that, when the cache begins anew. The server is told by `ActivateModel`, so that reading and checking the new model
/// costs the server's cores and not the client's.
pub fn reload(
    setting: &Setting,
    registry: &Registry,
    address: SocketAddr,
    sources: &mut Sources,
) -> anyhow::Result<Vec<OpenLoop>> {
    let versions = registry.list()?;
    let other = versions
        .iter()
        .find(|listed| !listed.is_current)
        .with_context(|| {
            format!(
                "{} holds one bundle; a reload needs two",
                registry.root().display()
            )
        })?;
    eprintln!("load: reload of {}", other.version);
    let rate = setting.options.rate;
    let phase = AtomicUsize::new(0);
    let plan = Open {
        connections: CONNECTIONS,
        rate,
        seed: setting.options.seed,
        warm_up: setting.options.warm_up(),
        measured: Duration::from_secs(3600),
        phase: &phase,
        phases: PHASES.len(),
    };
    let quiet = setting.options.measured();
    let (tallies, lengths) = std::thread::scope(|scope| {
        let director = scope.spawn(|| {
            std::thread::sleep(plan.warm_up + quiet);
            phase.store(1, Ordering::Relaxed);
            let begun = std::time::Instant::now();
            let activated = setting.runtime.block_on(activate(address, &other.version));
            let took = begun.elapsed();
            phase.store(2, Ordering::Relaxed);
            std::thread::sleep(quiet);
            phase.store(STOP, Ordering::Relaxed);
            activated.map(|()| [quiet, took, quiet])
        });
        let tallies = open(address, plan, &setting.cores, sources);
        let lengths = director
            .join()
            .unwrap_or_else(|_| Err(anyhow::anyhow!("the thread that reloads broke down")));
        (tallies, lengths)
    });
    let rows = PHASES.iter().zip(tallies?).zip(lengths?);
    Ok(rows
        .map(|((name, mut tally), length)| {
            tally.seconds = length.as_secs_f64();
            OpenLoop::new(format!("{name} ({:.2} s)", tally.seconds), rate, &tally)
        })
        .collect())
}

const PHASES: [&str; 3] = ["reload: before", "reload: during", "reload: after"];

async fn activate(address: SocketAddr, version: &str) -> anyhow::Result<()> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await?;
    let request = pb::ActivateModelRequest {
        version: version.to_owned(),
    };
    ModelServiceClient::new(channel).activate_model(request).await?;
    Ok(())
}
