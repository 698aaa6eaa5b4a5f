//! Servers in processes of their own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::cores::Cores;
use super::options::address;

/// A bundle that is not loaded by then never will be.
const START_LIMIT: Duration = Duration::from_secs(300);

/// A server process; dropping it ends it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Open for as long as the server may want to say something.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process until it serves.
    pub started_in: Duration,
}

/// What the system says of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Held now.
    pub resident: u64,
    /// The most that was ever held.
    pub peak: u64,
}

impl Server {
    /// `rapport serve` over this registry, with this configuration, once it serves.
    pub fn rapport(
        binary: &Path,
        registry: &Path,
        config: &Path,
        cores: &Cores,
        runtime: &Runtime,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(binary);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--registry"])
            .arg(registry)
            .arg("--config")
            .arg(config)
            .env("RAPPORT_LOG", "warn");
        let begun = Instant::now();
        let mut server = Self::start(command, cores)?;
        runtime
            .block_on(async { timeout(START_LIMIT, serving(server.address)).await })
            .with_context(|| format!("no model served within {START_LIMIT:?}"))??;
        server.started_in = begun.elapsed();
        Ok(server)
    }

    /// This program as the floor.
    pub fn floor(answer: &Path, cores: &Cores) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--floor").arg(answer).stdin(Stdio::piped());
        Self::start(command, cores)
    }

    fn start(mut command: Command, cores: &Cores) -> anyhow::Result<Self> {
        let begun = Instant::now();
        // The process inherits the cores of the thread that starts it.
        let spawned = std::thread::scope(|scope| {
            let starting = scope.spawn(|| {
                cores.pin(&cores.server);
                command.stdout(Stdio::piped()).spawn()
            });
            starting
                .join()
                .map_err(|_| anyhow::anyhow!("the starting thread broke down"))
        })?;
        let mut child = spawned.with_context(|| format!("cannot start {command:?}"))?;
        let Some(stdout) = child.stdout.take() else {
            bail!("{command:?} has no standard output");
        };
        let mut stdout = BufReader::new(stdout);
        let address = listening(&mut stdout);
        if address.is_err() {
            child.kill().ok();
            child.wait().ok();
        }
        Ok(Self {
            child,
            _stdout: stdout,
            address: address.with_context(|| format!("{command:?} does not listen"))?,
            started_in: begun.elapsed(),
        })
    }

    /// What it holds, where the system tells.
    pub fn memory(&self) -> Option<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let kibibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        Some(Memory {
            resident: kibibytes("VmRSS:")? << 10,
            peak: kibibytes("VmHWM:")? << 10,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The address in the line `listening on http://ADDRESS`.
fn listening(stdout: &mut impl BufRead) -> anyhow::Result<SocketAddr> {
    for line in stdout.lines() {
        let line = line?;
        if let Some((_, rest)) = line.split_once("listening on ") {
            let url = rest.split([',', ' ']).next().unwrap_or_default();
            return address(url);
        }
    }
    bail!("it ended without saying where it listens")
}

/// Waits until the server says that it answers.
async fn serving(address: SocketAddr) -> anyhow::Result<()> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await?;
    let request = HealthCheckRequest {
        service: "rapport.v1.RecommendationService".to_owned(),
    };
    let mut states = HealthClient::new(channel).watch(request).await?.into_inner();
    while let Some(state) = states.message().await? {
        if state.status() == ServingStatus::Serving {
            return Ok(());
        }
    }
    bail!("the server stopped before it served")
}
